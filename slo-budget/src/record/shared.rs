use std::{fmt, sync::Arc, time::Duration};

use tokio::time::Instant;

#[cfg(feature = "metrics")]
use crate::types::few::Few;
use crate::{
    record::{
        ledger::Ledger,
        period::{Period, Periods},
        recorder::{Recorder, View},
        settings::Settings,
        suspend::{self, SuspendClock},
    },
    sync::{
        self, Mutex,
        atomic::{AtomicU8, Ordering::Relaxed},
    },
    types::{
        Counts, Event, InvalidConfigKind,
        duration::{Spoken, ticks},
        subject::{Identity, Subject},
    },
};

// There is no const constructor for a `static` budget: the rings would need const initialisers for a lock and an
// epoch, and `LazyLock<ErrorBudget>` with `ErrorBudgetLayer::new(&*BUDGET)` costs no reference count either.
/// The shared state behind an [`ErrorBudget`](crate::ErrorBudget). Opaque; named in types such as
/// [`Observation<&'static Core>`](crate::Observation).
pub struct Core {
    identity: Identity,
    /// Replaced as a whole, and read by queries and by the decisions of gates. No event takes this lock.
    settings: Mutex<Arc<Settings>>,
    /// What a cancelled call counts as, which is read without the lock.
    on_cancel: AtomicU8,
    epoch: Epoch,
    recorder: Recorder,
    #[cfg(feature = "metrics")]
    published: Mutex<Published>,
}

/// The start of the clock of a budget in this process. Gates have a copy, so that a check reads nothing of the budget.
#[derive(Clone, Copy)]
pub(crate) struct Epoch {
    at: Instant,
    /// The tick then: 0, or the tick at which a restored history continues.
    first_tick: u64,
}

/// What the metrics had when they were published last.
#[cfg(feature = "metrics")]
#[derive(Clone, Copy)]
pub(crate) struct Published {
    pub(crate) events: Counts,
    pub(crate) windows: Few<u64>,
}

impl Core {
    /// Starts empty, at the time of the machine's wall clock.
    pub(crate) fn new(identity: Identity, settings: Arc<Settings>) -> Self {
        // Only a calendar needs the wall clock.
        let wall = settings.calendar.as_ref().map_or(0, |_| suspend::wall());
        Self::starting(identity, settings, wall)
    }

    /// Starts empty, with the wall clock at `wall`.
    pub(crate) fn starting(identity: Identity, settings: Arc<Settings>, wall: u64) -> Self {
        let nothing = Counts::default();
        let mut ledger = Ledger::new(settings.resolution, settings.slices, nothing);
        let period = settings.calendar.as_deref().map(|periods| {
            let (start, end) = periods.around(wall);
            Period {
                wall,
                start,
                end,
                since: wall,
                base: nothing,
                calendar: periods.fingerprint(),
            }
        });
        ledger.set_period(period);
        let clock = SuspendClock::new(suspend::skew, settings.resolution);
        Self::with(identity, settings, 0, (ledger, nothing), clock)
    }

    /// Continues with `ledger` and `counts`, which were written when the wall clock was at `written`. The wall
    /// clock is now at `wall`, and the ledger's clock at `first_tick`.
    pub(crate) fn resuming(
        identity: Identity,
        settings: Arc<Settings>,
        (mut ledger, counts): (Ledger, Counts),
        written: u64,
        wall: u64,
        first_tick: u64,
    ) -> Self {
        let period = settings.calendar.as_deref().map(|periods| {
            // At the ledger's latest tick. A wall clock that is now before it counts as no time passed.
            ledger.period_at(written.min(wall), counts, periods)
        });
        ledger.set_period(period);
        let clock = SuspendClock::new(suspend::skew, settings.resolution)
            .behind(written.saturating_sub(wall));
        Self::with(identity, settings, first_tick, (ledger, counts), clock)
    }

    pub(crate) fn with(
        identity: Identity,
        settings: Arc<Settings>,
        first_tick: u64,
        (ledger, events): (Ledger, Counts),
        clock: SuspendClock,
    ) -> Self {
        let calendar: Option<Arc<dyn Periods>> = settings.calendar.clone();
        let recorder = Recorder::new(ledger, events, calendar, clock);
        let recorder = if identity.is_member() {
            recorder
        } else {
            recorder.spread()
        };
        Self {
            identity,
            on_cancel: AtomicU8::new(settings.on_cancel as u8),
            settings: Mutex::new(settings),
            epoch: Epoch {
                at: Instant::now(),
                first_tick,
            },
            recorder,
            // Without those of a restored history: counters of metrics start at 0 with their process.
            #[cfg(feature = "metrics")]
            published: Mutex::new(Published {
                events,
                windows: Few::default(),
            }),
        }
    }

    #[cfg(feature = "metrics")]
    pub(crate) const fn identity(&self) -> &Identity {
        &self.identity
    }

    pub(crate) fn subject(&self) -> Subject {
        self.identity.subject()
    }

    /// The settings at this moment. Others come with another `Arc`.
    pub(crate) fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.lock())
    }

    /// Replaces the settings, unless that would change the meaning of what was counted.
    pub(crate) fn reconfigure(&self, to: Settings) -> Result<(), InvalidConfigKind> {
        let mut settings = self.settings.lock();
        settings.check_change(&to)?;
        self.put(&mut settings, Arc::new(to));
        Ok(())
    }

    /// Replaces the settings by those of another budget of its family.
    #[cfg(feature = "family")]
    pub(crate) fn follow(&self, to: &Arc<Settings>) {
        self.put(&mut self.settings.lock(), Arc::clone(to));
    }

    fn put(&self, settings: &mut Arc<Settings>, to: Arc<Settings>) {
        // Relaxed: nothing else is read because of it. Under the lock, so that both are of the same change at the end.
        self.on_cancel.store(to.on_cancel as u8, Relaxed);
        *settings = to;
    }

    /// Counts a cancelled call.
    pub(crate) fn cancel(&self) {
        // Relaxed: pairs with the store in `put`.
        let on_cancel = self.on_cancel.load(Relaxed);
        let events = [Event::Good, Event::Bad, Event::Excluded];
        if let Some(event) = events.into_iter().find(|event| *event as u8 == on_cancel) {
            self.record(event);
        }
    }

    pub(crate) fn record(&self, event: Event) {
        // An event that is not counted needs no clock.
        if event != Event::Excluded {
            self.record_at(event, Instant::now());
        }
    }

    pub(crate) fn record_at(&self, event: Event, now: Instant) {
        let tick = self.tick(now);
        self.recorder.record(sync::shard(), event, tick);
    }

    pub(crate) fn view(&self, now: Instant) -> View<'_> {
        self.recorder.view(self.tick(now))
    }

    /// Replaces what was published last, and returns it. `view` is of this budget, and its lock keeps two callers in order.
    #[cfg(feature = "metrics")]
    pub(crate) fn publish(&self, view: &View<'_>, windows: Few<u64>) -> Published {
        let events = view.events();
        std::mem::replace(&mut *self.published.lock(), Published { events, windows })
    }

    pub(crate) const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// As [`Epoch::tick`].
    pub(crate) fn tick(&self, now: Instant) -> u64 {
        self.epoch.tick(now)
    }
}

impl Epoch {
    /// Nanoseconds since the budget was first built, restarts included; at most 584 years. An instant before
    /// this process built the budget counts as the moment at which it did.
    pub(crate) fn tick(&self, now: Instant) -> u64 {
        let since_epoch = now.checked_duration_since(self.at).map_or(0, ticks);
        self.first_tick.saturating_add(since_epoch)
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = self.settings();
        f.debug_struct("ErrorBudget")
            .field("name", &self.subject().name())
            .field("objective", &format_args!("{}", settings.objective))
            .field(
                "period",
                &format_args!("{}", Spoken(Duration::from_nanos(settings.period))),
            )
            .finish_non_exhaustive()
    }
}
