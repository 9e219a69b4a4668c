use std::{fmt, sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::{
    builder::Builder,
    burn::{self, Warning},
    history::{History, Restored},
    observation::Observation,
    record::{Core, Settings},
    report::Report,
    types::{
        BurnRate, Counts, Event, InvalidConfig, Name, Object, Objective, duration::ticks,
        subject::Identity,
    },
};

/// The error budget of one objective. A cheap handle; all clones share the counts.
///
/// It counts good and bad events exactly. For any window of the past it tells how fast the budget burns, and how
/// much of it is left.
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
#[doc(alias("SLO", "errorBudget", "service level objective"))]
#[derive(Clone)]
pub struct ErrorBudget(Arc<Core>);

// === impl ErrorBudget ===

impl ErrorBudget {
    /// A budget for `objective` over 30 days, with the defaults for everything else.
    ///
    /// # Panics
    ///
    /// Never: the defaults are valid with every objective.
    #[must_use]
    pub fn new(name: impl Into<Name>, objective: Objective) -> Self {
        Self::builder()
            .objective(objective)
            .build(name)
            .expect("the defaults are valid with every objective")
    }

    /// Starts a configuration; [`Builder::build`] completes it.
    pub const fn builder() -> Builder {
        Builder::new()
    }

    /// Starts with the history in `bytes` if it is usable with these settings, and empty otherwise.
    pub(crate) fn restoring(
        identity: Identity,
        settings: Arc<Settings>,
        bytes: &[u8],
        wall: Duration,
    ) -> (Self, Restored) {
        match History::usable(bytes, &settings) {
            Ok(history) => Self::resuming(identity, settings, history, wall),
            Err(why) => {
                let core = Core::starting(identity, settings, ticks(wall));
                (Self(Arc::new(core)), Restored::Empty(why))
            }
        }
    }

    /// Continues with a history that is usable with these settings.
    pub(crate) fn resuming(
        identity: Identity,
        settings: Arc<Settings>,
        history: History,
        wall: Duration,
    ) -> (Self, Restored) {
        let downtime = wall.saturating_sub(history.wall());
        let wall = ticks(wall);
        let tick = history.tick_at(wall);
        let kept = (history.ledger, history.counts);
        let core = Core::resuming(identity, settings, kept, history.wall, wall, tick);
        (Self(Arc::new(core)), Restored::History { downtime })
    }

    pub(crate) fn of(identity: Identity, settings: Arc<Settings>) -> Self {
        Self(Arc::new(Core::new(identity, settings)))
    }

    /// The name it was built with.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.subject().name()
    }

    /// The key of a member of a family that [shows its keys](crate::ErrorBudgets::show_keys).
    #[must_use]
    pub fn key(&self) -> Option<Arc<str>> {
        self.0.subject().key()
    }

    /// The share of events that must be good.
    #[must_use]
    pub fn objective(&self) -> Objective {
        self.0.settings().objective
    }

    /// The length of the period. A period of the calendar has its nominal length: 7, 30 or 91 days.
    #[must_use]
    pub fn period(&self) -> Duration {
        Duration::from_nanos(self.0.settings().period)
    }

    /// Counts one event, now.
    ///
    /// Costs a clock read and one addition, to a counter of the thread if there are at most 16. Never waits. All threads
    /// share one counter in a member of a family that counts at most 10,000 events in a slot.
    ///
    /// The first event of a slot (10 s) also writes the counters into the history. Twelve times in the first eight days of
    /// a budget this allocates, at most 14 KB; once more where a member of a family gets a counter for each thread.
    pub fn record(&self, event: Event) {
        self.0.record(event);
    }

    /// Counts one event that happened at `now`, for a caller that has read the clock already.
    ///
    /// An instant before the latest instant seen counts as the latest: time does not go back.
    pub fn record_at(&self, event: Event, now: Instant) {
        self.0.record_at(event, now);
    }

    /// Returns a token for one piece of work, which records the outcome once. Costs a reference count.
    pub fn observe(&self) -> Observation {
        Observation::new(Arc::clone(&self.0))
    }

    /// As [`observe`](Self::observe), for a budget in a `static` (a `LazyLock` or a leaked box), without the
    /// reference count.
    pub fn observe_static(&'static self) -> Observation<&'static Core> {
        Observation::new(&self.0)
    }

    /// What was counted in the `window` that ends now.
    ///
    /// The window never reaches back further than `window`, and falls short by less than a slot. At the default
    /// resolution a slot is 10 s up to 1 h, 60 s up to 6 h, 5 m up to 3 d, and 1 h beyond. A window longer than
    /// 259,200 slots (30 d) is cut to that.
    #[must_use]
    pub fn counts(&self, window: Duration) -> Counts {
        self.counts_at(window, Instant::now())
    }

    /// As [`counts`](Self::counts), for the window that ends at `now`, or at the latest instant seen if that is
    /// later.
    #[must_use]
    pub fn counts_at(&self, window: Duration, now: Instant) -> Counts {
        self.0.view(now).window(ticks(window))
    }

    /// What was counted in each of the `windows` that end now, all at the same moment.
    ///
    /// Costs one lock, and a few divisions for each window; see `slo, 8 windows read` in the benches.
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

    /// As [`counts_of`](Self::counts_of), for the windows that end at `now`.
    #[must_use]
    pub fn counts_of_at<const N: usize>(
        &self,
        windows: [Duration; N],
        now: Instant,
    ) -> [Counts; N] {
        let view = self.0.view(now);
        windows.map(|window| view.window(ticks(window)))
    }

    /// How fast the budget burned in the `window` that ends now. `None` if nothing was counted in it.
    #[doc(alias = "burnRate")]
    #[must_use]
    pub fn burn_rate(&self, window: Duration) -> Option<BurnRate> {
        self.burn_rate_at(window, Instant::now())
    }

    /// As [`burn_rate`](Self::burn_rate), for the window that ends at `now`.
    #[must_use]
    pub fn burn_rate_at(&self, window: Duration, now: Instant) -> Option<BurnRate> {
        self.objective().burn_rate(self.counts_at(window, now))
    }

    /// The share of the budget that is consumed, for display. Above 1 if it is overspent, infinite if no bad event
    /// was allowed, `None` if nothing was counted.
    ///
    /// This is the burn rate over the period, which [`burn_rate`](Self::burn_rate) returns exactly.
    #[must_use]
    pub fn consumed(&self) -> Option<f64> {
        self.report().consumed()
    }

    /// The share of the budget that is left, for display. Negative if it is overspent, `None` if nothing was
    /// counted.
    #[doc(alias = "errorBudgetRemaining")]
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
        Report::new(self.0.subject(), &self.0.settings(), &self.0.view(now))
    }

    /// Everything that the budget remembers, to be [saved](History::save) over a restart or added to that of other
    /// instances. `wall` is the time since the Unix epoch (`SystemTime::now().duration_since(UNIX_EPOCH)`).
    ///
    /// Copies up to 37 KB. Events are recorded meanwhile.
    #[doc(alias("persist", "snapshot"))]
    #[must_use]
    pub fn history(&self, wall: Duration) -> History {
        let (ledger, counts) = self.0.view(Instant::now()).history();
        History {
            meaning: self.0.settings().meaning,
            wall: ticks(wall),
            counts,
            ledger,
        }
    }

    /// Changes the configuration while the budget is in use. All handles, layers and observations see it, and no count
    /// is lost.
    ///
    /// [`objective`](Builder::objective), [`period`](Builder::period), [`windows`](Builder::windows) and
    /// [`on_cancel`](Builder::on_cancel) may change. All figures follow at once, also those of the time before. Gates
    /// follow with their next decision, at most a second later, and alerts with their next evaluation: the burn rates that
    /// they allow are computed again from the new objective and period. A limit or rule that no longer fits stays as it
    /// is, and [`Gate::warnings`](crate::Gate::warnings) and [`Alerts::warnings`](crate::Alerts::warnings) say so. To
    /// change them too, reconfigure the budget first.
    ///
    /// Costs a lock and an allocation. Recording an event never waits for it.
    ///
    /// # Errors
    ///
    /// As [`Builder::build`], and [`InvalidConfigKind::Fixed`](crate::InvalidConfigKind::Fixed) for another
    /// [`resolution`](Builder::resolution), [`budgeting`](Builder::budgeting), [`meaning`](Builder::meaning) or
    /// `calendar`. Nothing has changed then.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_slo_budget::{ErrorBudget, Event, InvalidConfigKind};
    ///
    /// let builder = ErrorBudget::builder().objective("99%".parse()?).meaning("5xx");
    /// let budget = builder.build("api")?;
    /// (0..1000).for_each(|n| budget.record(if n < 5 { Event::Bad } else { Event::Good }));
    /// assert_eq!(budget.consumed(), Some(0.5));
    ///
    /// budget.reconfigure(builder.objective("99.9%".parse()?))?;
    /// assert_eq!(budget.consumed(), Some(5.0));
    /// let other = builder.meaning("5xx and 429");
    /// let refused = budget.reconfigure(other).unwrap_err();
    /// assert_eq!(refused.kind(), InvalidConfigKind::Fixed("meaning"));
    /// # Ok::<(), maestro_slo_budget::InvalidConfig>(())
    /// ```
    pub fn reconfigure(&self, to: Builder) -> Result<(), InvalidConfig> {
        (to.settings())
            .and_then(|settings| self.0.reconfigure(settings))
            .map_err(|kind| kind.of(Object::Budget, self.name()))
    }

    /// Warnings about the configuration: legal, and probably not intended.
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        burn::of_windows(&self.0.settings())
    }

    /// As [`observe`](Self::observe), with the reference count of this handle.
    #[cfg(feature = "family")]
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

// === impl Builder ===

impl Builder {
    /// Builds a budget that shares its counts with no other.
    ///
    /// The name is a string literal, or an owned string such as a `String` from a file: see [`Name`].
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] if
    /// - the period or the resolution is zero;
    /// - the period is longer than 259,200 slots and is not one of the calendar;
    /// - a window is longer than the period or than 259,200 slots, or shorter than two slots or slices, or there
    ///   are more than four;
    /// - a slice is not a whole number of slots, or is longer than half of the period;
    /// - the time zone is unknown.
    pub fn build(self, name: impl Into<Name>) -> Result<ErrorBudget, InvalidConfig> {
        let (identity, settings) = self.named(name.into())?;
        Ok(ErrorBudget::of(identity, settings))
    }

    /// Builds a budget that continues with the history in `bytes`, the content of a file for example. If the bytes
    /// are unusable, the budget starts empty, and [`Restored`] says so.
    ///
    /// Objective, period and windows may have changed since; [`resolution`](Self::resolution),
    /// [`budgeting`](Self::budgeting) and [`meaning`](Self::meaning) may not. `wall` is the time since the Unix
    /// epoch: nothing was counted since the history was made. A wall clock that went back counts as no time
    /// passed.
    ///
    /// A [`Gate`](crate::Gate) on the budget starts open: what was counted before lowers its pace and refuses nothing.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build). Unusable bytes are no error.
    pub fn restore(
        self,
        name: impl Into<Name>,
        bytes: &[u8],
        wall: Duration,
    ) -> Result<(ErrorBudget, Restored), InvalidConfig> {
        let (identity, settings) = self.named(name.into())?;
        Ok(ErrorBudget::restoring(identity, settings, bytes, wall))
    }

    fn named(self, name: Name) -> Result<(Identity, Arc<Settings>), InvalidConfig> {
        let identity = Identity::from(name);
        match self.settings() {
            Ok(settings) => Ok((identity, Arc::new(settings))),
            Err(kind) => Err(kind.of(Object::Budget, identity.subject().name())),
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::record::{ledger::Ledger, suspend::SuspendClock};

    thread_local!(static SKEW: Cell<i64> = const { Cell::new(0) });

    #[test]
    fn time_in_suspend_counts_from_the_next_slot_on() {
        let settings = ErrorBudget::builder()
            .build("asleep")
            .unwrap()
            .core()
            .settings();
        let nothing = Counts::default();
        let ledger = Ledger::new(settings.resolution, None, nothing);
        let clock = SuspendClock::new(|| Some(SKEW.get()), settings.resolution);
        let core = Core::with(
            Identity::from(Name::from("asleep")),
            settings,
            0,
            (ledger, nothing),
            clock,
        );
        let budget = ErrorBudget(Arc::new(core));
        let (start, hour) = (Instant::now(), Duration::from_secs(3600));
        let seconds = |n| start + Duration::from_secs(n);
        budget.record_at(Event::Bad, start);
        SKEW.set(i64::try_from(ticks(8 * hour)).unwrap());
        assert_eq!(budget.report_at(seconds(5)).slept(), Duration::ZERO);
        assert_eq!(budget.counts_at(hour, seconds(5)).bad(), 1);
        assert_eq!(budget.report_at(seconds(11)).slept(), 8 * hour);
        assert_eq!(budget.counts_at(8 * hour, seconds(11)).bad(), 0);
        assert_eq!(budget.counts_at(9 * hour, seconds(11)).bad(), 1);
        // This is no step of the clock, and the next event is counted now.
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
