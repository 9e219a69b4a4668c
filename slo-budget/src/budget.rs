use std::{fmt, sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::{
    builder::Builder,
    history::History,
    observation::Observation,
    record::{
        budgeting_method::SliceRule,
        calendar::Periods,
        clocks,
        ledger::Ledger,
        period::Period,
        recorder::{Recorder, View},
        suspend::Timekeeper,
    },
    report::Report,
    sync,
    types::{
        BurnRate, Counts, Event, Objective,
        duration::{Spoken, ticks},
    },
};

/// The error budget of one objective: a cheap handle to counts that all its clones share.
///
/// It counts good and bad events exactly and answers for any window of the past: how fast the budget
/// burns, and how much is left.
///
/// # Examples
///
/// ```
/// use maestro_slo_budget::{ErrorBudget, Event};
/// use std::time::Duration;
///
/// let budget = ErrorBudget::builder().objective("99%".parse()?).build("api")?;
/// for n in 0..1000 {
///     budget.record(if n % 250 == 0 { Event::Bad } else { Event::Good });
/// }
/// let hour = Duration::from_secs(3600);
/// assert_eq!(budget.counts(hour).bad(), 4);
/// // 0.4 % bad where 1 % may be:
/// assert!(budget.burn_rate(hour).unwrap() == "0.4".parse()?);
/// assert_eq!(budget.remaining(), Some(0.6));
/// # Ok::<(), maestro_slo_budget::InvalidConfig>(())
/// ```
#[derive(Clone)]
pub struct ErrorBudget(Arc<Core>);

/// The shared state behind an [`ErrorBudget`]: opaque, named only in types such as [`Observation<&'static Core>`](Observation).
pub struct Core {
    name: &'static str,
    settings: Settings,
    epoch: Instant,
    /// The tick at the epoch: 0, or where a restored history goes on.
    first_tick: u64,
    recorder: Recorder,
}

/// What a builder has checked, in ticks.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) objective: Objective,
    pub(crate) period: u64,
    pub(crate) resolution: u64,
    /// Where slices are counted and not events.
    pub(crate) slices: Option<SliceRule>,
    pub(crate) windows: [Option<u64>; 4],
    pub(crate) on_cancel: Event,
    /// A hash of what good and bad mean.
    pub(crate) meaning: u64,
    pub(crate) calendar: Option<Periods>,
}

// === impl ErrorBudget ===

impl ErrorBudget {
    /// A budget for `objective` over 30 days, with the defaults for all else.
    ///
    /// # Panics
    ///
    /// Never: the defaults are valid with every objective.
    #[must_use]
    pub fn new(name: &'static str, objective: Objective) -> Self {
        Self::builder()
            .objective(objective)
            .build(name)
            .expect("the defaults are valid with every objective")
    }

    /// The configuration, to be completed by [`Builder::build`].
    pub const fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn of(name: &'static str, settings: Settings) -> Self {
        // Only who follows a calendar asks what time it is.
        let wall = settings.calendar.as_ref().map_or(0, |_| clocks::wall());
        Self::starting(name, settings, wall)
    }

    /// Begins empty, the wall clock being at `wall`.
    pub(crate) fn starting(name: &'static str, settings: Settings, wall: u64) -> Self {
        let nothing = Counts::default();
        let mut ledger = Ledger::new(settings.resolution, settings.slices, nothing);
        ledger.set_period(settings.calendar.as_ref().map(|periods| {
            let (start, end) = periods.around(wall);
            Period {
                wall,
                start,
                end,
                since: wall,
                base: nothing,
                calendar: periods.fingerprint(),
            }
        }));
        let time = Timekeeper::new(clocks::skew, settings.resolution);
        Self::with(name, settings, 0, (ledger, nothing), time)
    }

    /// Goes on with `history`, the wall clock being at `wall`.
    pub(crate) fn resuming(
        name: &'static str,
        settings: Settings,
        history: History,
        wall: u64,
    ) -> Self {
        let first_tick = history.tick_at(wall);
        let History {
            mut ledger,
            counts,
            wall: written,
            ..
        } = history;
        let period = settings.calendar.as_ref().map(|periods| {
            // At the ledger's latest tick. If the wall clock is now before it, no time passes.
            ledger.period_at(written.min(wall), counts, periods)
        });
        ledger.set_period(period);
        let time =
            Timekeeper::new(clocks::skew, settings.resolution).behind(written.saturating_sub(wall));
        Self::with(name, settings, first_tick, (ledger, counts), time)
    }

    fn with(
        name: &'static str,
        settings: Settings,
        first_tick: u64,
        (ledger, events): (Ledger, Counts),
        time: Timekeeper,
    ) -> Self {
        let calendar = settings.calendar.clone();
        Self(Arc::new(Core {
            name,
            settings,
            epoch: Instant::now(),
            first_tick,
            recorder: Recorder::new(ledger, events, calendar, time),
        }))
    }

    /// The name it was built with.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    /// The share of events that are to be good.
    #[must_use]
    pub fn objective(&self) -> Objective {
        self.0.settings.objective
    }

    /// The time that the budget is for; of a calendar's period, what it is reckoned to last.
    #[must_use]
    pub fn period(&self) -> Duration {
        Duration::from_nanos(self.0.settings.period)
    }

    /// Counts one event, now.
    ///
    /// Costs a clock read and one addition to a counter that threads do not share; never waits.
    pub fn record(&self, event: Event) {
        self.0.record(event);
    }

    /// Counts one event that happened at `now`, a clock read that the caller has made anyway.
    ///
    /// An instant earlier than the latest that was seen counts as the latest: time does not go back.
    pub fn record_at(&self, event: Event, now: Instant) {
        self.0.record_at(event, now);
    }

    /// A token for one piece of work, which says once how it went. It costs a reference count.
    pub fn observe(&self) -> Observation {
        Observation::new(Arc::clone(&self.0))
    }

    /// As [`observe`](Self::observe), for a budget in a `static` (a `LazyLock`, a leaked box): no reference count.
    pub fn observe_static(&'static self) -> Observation<&'static Core> {
        Observation::new(&self.0)
    }

    /// What was counted in the `window` that ends now.
    ///
    /// A window never reaches back further than it says, and falls short by less than a slot: 10 s up to
    /// 1 h, 60 s up to 6 h, 5 m up to 3 d, 1 h beyond, at the default resolution. Longer than 259,200 slots
    /// (30 d) it is that long.
    #[must_use]
    pub fn counts(&self, window: Duration) -> Counts {
        self.counts_at(window, Instant::now())
    }

    /// As [`counts`](Self::counts), of the window that ends at `now`, or at the latest instant seen if that is later.
    #[must_use]
    pub fn counts_at(&self, window: Duration, now: Instant) -> Counts {
        self.0.view(now).window(ticks(window))
    }

    /// What was counted in each of the `windows` that end now, all of one moment.
    ///
    /// One lock for all of them, and a few divisions each; see `slo, 8 windows read` in the benches.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_slo_budget::{ErrorBudget, Event, Objective};
    /// use std::time::Duration;
    ///
    /// let budget = ErrorBudget::new("api", Objective::new(999, 1000).unwrap());
    /// budget.record(Event::Bad);
    /// let [five_minutes, hour] = budget.counts_of([300, 3600].map(Duration::from_secs));
    /// assert_eq!((five_minutes.bad(), hour.bad()), (1, 1));
    /// ```
    #[must_use]
    pub fn counts_of<const N: usize>(&self, windows: [Duration; N]) -> [Counts; N] {
        self.counts_of_at(windows, Instant::now())
    }

    /// As [`counts_of`](Self::counts_of), of the windows that end at `now`.
    #[must_use]
    pub fn counts_of_at<const N: usize>(
        &self,
        windows: [Duration; N],
        now: Instant,
    ) -> [Counts; N] {
        let view = self.0.view(now);
        windows.map(|window| view.window(ticks(window)))
    }

    /// How fast the budget burned in the `window` that ends now: `None` when nothing was counted in it.
    #[must_use]
    pub fn burn_rate(&self, window: Duration) -> Option<BurnRate> {
        self.burn_rate_at(window, Instant::now())
    }

    /// As [`burn_rate`](Self::burn_rate), of the window that ends at `now`.
    #[must_use]
    pub fn burn_rate_at(&self, window: Duration, now: Instant) -> Option<BurnRate> {
        self.objective().burn_rate(self.counts_at(window, now))
    }

    /// The share of the budget that is consumed, for display: above 1 when it is overspent, infinite when
    /// none was allowed. `None` when nothing was counted.
    ///
    /// That is the burn rate over the period, which [`burn_rate`](Self::burn_rate) gives exactly.
    #[must_use]
    pub fn consumed(&self) -> Option<f64> {
        self.report().consumed()
    }

    /// The share of the budget that is left, for display: negative when it is overspent. `None` when
    /// nothing was counted.
    #[must_use]
    pub fn remaining(&self) -> Option<f64> {
        self.report().remaining()
    }

    /// All figures at one moment.
    #[must_use]
    pub fn report(&self) -> Report {
        self.report_at(Instant::now())
    }

    /// As [`report`](Self::report), at `now`.
    #[must_use]
    pub fn report_at(&self, now: Instant) -> Report {
        Report::new(self.0.name, &self.0.settings, &self.0.view(now))
    }

    /// All that is remembered, now: to be [saved](History::save) over a restart, or added up with that of
    /// other instances. `wall` is the time since the Unix epoch
    /// (`SystemTime::now().duration_since(UNIX_EPOCH)`).
    ///
    /// It copies 37 KB, with records going on meanwhile.
    #[must_use]
    pub fn history(&self, wall: Duration) -> History {
        let (ledger, counts) = self.0.view(Instant::now()).history();
        History {
            meaning: self.0.settings.meaning,
            wall: ticks(wall),
            counts,
            ledger,
        }
    }

    /// As [`observe`](Self::observe), with the reference that this handle is.
    pub(crate) fn into_observation(self) -> Observation {
        Observation::new(self.0)
    }

    pub(crate) fn core(&self) -> &Core {
        &self.0
    }
}

impl fmt::Debug for ErrorBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

// === impl Core ===

impl Core {
    pub(crate) const fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn record(&self, event: Event) {
        // What is not counted needs no clock.
        if event != Event::Excluded {
            self.record_at(event, Instant::now());
        }
    }

    pub(crate) fn record_at(&self, event: Event, now: Instant) {
        self.recorder.record(sync::shard(), event, self.tick(now));
    }

    pub(crate) fn view(&self, now: Instant) -> View<'_> {
        self.recorder.view(self.tick(now))
    }

    /// Nanoseconds since the budget was first built, restarts included; at most 584 years. What was before
    /// it was built here counts as then.
    pub(crate) fn tick(&self, now: Instant) -> u64 {
        let since_epoch = ticks(now.saturating_duration_since(self.epoch));
        self.first_tick.saturating_add(since_epoch)
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ErrorBudget")
            .field("name", &self.name)
            .field("objective", &format_args!("{}", self.settings.objective))
            .field(
                "period",
                &format_args!("{}", Spoken(Duration::from_nanos(self.settings.period))),
            )
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local!(static SKEW: Cell<i64> = const { Cell::new(0) });

    #[test]
    fn what_a_machine_slept_through_is_past_from_the_next_slot_on_and_said() {
        let settings = ErrorBudget::builder()
            .build("asleep")
            .unwrap()
            .core()
            .settings()
            .clone();
        let nothing = Counts::default();
        let ledger = Ledger::new(settings.resolution, None, nothing);
        let time = Timekeeper::new(|| Some(SKEW.get()), settings.resolution);
        let budget = ErrorBudget::with("asleep", settings, 0, (ledger, nothing), time);
        let (start, hour) = (Instant::now(), Duration::from_secs(3600));
        let seconds = |n| start + Duration::from_secs(n);
        budget.record_at(Event::Bad, start);
        SKEW.set(i64::try_from(ticks(8 * hour)).unwrap());
        assert_eq!(budget.report_at(seconds(5)).slept(), Duration::ZERO);
        assert_eq!(budget.counts_at(hour, seconds(5)).bad(), 1);
        assert_eq!(budget.report_at(seconds(11)).slept(), 8 * hour);
        assert_eq!(budget.counts_at(8 * hour, seconds(11)).bad(), 0);
        assert_eq!(budget.counts_at(9 * hour, seconds(11)).bad(), 1);
        // It is no step of the clock, and what comes is counted now.
        budget.record_at(Event::Good, seconds(12));
        let report = budget.report_at(seconds(13));
        assert_eq!(
            (report.clock_steps_back(), report.clock_behind()),
            (0, Duration::ZERO)
        );
        assert_eq!(budget.counts_at(hour, seconds(13)), Counts::new(1, 0));
        assert_eq!(report.period().counts(), Counts::new(1, 1));
    }
}
