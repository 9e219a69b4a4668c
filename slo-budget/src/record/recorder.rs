//! Counters and ledger joined. Time is ticks (nanoseconds) since the recorder was made.
//!
//! A record adds to its shard and, when it is the first to see a new slot, tries the lock of the ledger to
//! write down what the counters say: whoever finds it taken goes on. Questions take the lock. So the ledger
//! is plain memory, all windows of one question are of one moment, and no record ever waits.
//!
//! The price: an event that finds the lock taken, in the moment in which its slot begins, may be counted
//! before that boundary; after a time without any events that is before all of that time. It is counted
//! once in any case.

use crate::{
    record::{
        calendar::Periods,
        counters::Counters,
        ledger::{Ledger, Whole},
        suspend::Timekeeper,
    },
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    types::{Counts, Event},
};

#[derive(Debug)]
pub(crate) struct Recorder {
    counters: Counters,
    /// When something is to be written down next, by the monotonic clock: what a record compares its own reading with.
    due: AtomicU64,
    inside: Mutex<Inside>,
}

#[derive(Debug)]
struct Inside {
    ledger: Ledger,
    time: Timekeeper,
    calendar: Option<Periods>,
}

/// All windows at one moment.
pub(crate) struct View<'a> {
    inside: MutexGuard<'a, Inside>,
    /// What the counters of events say.
    events: Counts,
    /// What is counted: events, or slices.
    counts: Counts,
    /// The tick that was asked for.
    asked: u64,
}

impl Recorder {
    /// Goes on where `ledger` is, the counters being at `events`.
    pub(crate) fn new(
        ledger: Ledger,
        events: Counts,
        calendar: Option<Periods>,
        time: Timekeeper,
    ) -> Self {
        Self {
            counters: Counters::new(events),
            due: AtomicU64::new(ledger.due()),
            inside: Mutex::new(Inside {
                ledger,
                time,
                calendar,
            }),
        }
    }

    /// Counts one event: one addition, and once a slot the snapshots.
    pub(crate) fn record(&self, shard: usize, event: Event, tick: u64) {
        match event {
            Event::Good => {
                self.begin_slot(tick);
                self.counters.good(shard);
            }
            Event::Bad => {
                self.begin_slot(tick);
                self.counters.bad(shard);
            }
            Event::Excluded => {}
        }
    }

    /// Takes the lock and looks at `tick`, or at the latest tick seen if that is later.
    pub(crate) fn view(&self, tick: u64) -> View<'_> {
        let mut inside = self.inside.lock();
        let events = self.advance(&mut inside, tick);
        View {
            counts: inside.ledger.counts(events),
            asked: inside.time.tick(tick),
            inside,
            events,
        }
    }

    // Before the event is counted, so that the snapshot is of what was before the slot.
    fn begin_slot(&self, tick: u64) {
        // Relaxed: a hint. Under the lock the ledger looks again, so a stale value costs a try, no more.
        if tick >= self.due.load(Relaxed) {
            if let Some(mut inside) = self.inside.try_lock() {
                self.advance(&mut inside, tick);
            }
        }
    }

    /// The sum is taken under the lock: a later holder's is then never smaller, shard by shard.
    fn advance(&self, inside: &mut Inside, tick: u64) -> Counts {
        let Inside {
            ledger,
            time,
            calendar,
        } = inside;
        let events = self.counters.sum();
        if time.tick(tick) >= ledger.due() {
            ledger.set_wall(time.glance());
        }
        let around =
            |wall| (calendar.as_ref()).map_or((wall, u64::MAX), |periods| periods.around(wall));
        ledger.advance(time.tick(tick), events, around);
        self.due.store(time.monotonic(ledger.due()), Relaxed);
        events
    }
}

impl View<'_> {
    /// What was counted in the `window` ticks before this moment.
    pub(crate) fn window(&self, window: u64) -> Counts {
        self.inside.ledger.rings().window(window, self.counts)
    }

    /// The figures of the whole period: of the calendar's, or of the `length` just past.
    pub(crate) fn whole(&self, length: u64) -> Whole {
        self.inside.ledger.whole(length, self.counts)
    }

    /// Whether no event was counted for so long, and in the period that is going on.
    pub(crate) fn is_idle(&self, length: u64) -> bool {
        self.inside.ledger.is_idle(length, self.events)
    }

    /// The moment, in ticks since the recorder was made.
    pub(crate) fn tick(&self) -> u64 {
        self.inside.ledger.rings().latest()
    }

    /// How far the clock is behind the latest moment that was seen, in ticks.
    pub(crate) fn behind(&self) -> u64 {
        self.tick() - self.asked.min(self.tick())
    }

    /// How often the clock was seen to step back.
    pub(crate) fn steps_back(&self) -> u64 {
        self.inside.ledger.rings().steps_back()
    }

    /// What the machine slept through, in ticks.
    pub(crate) fn slept(&self) -> u64 {
        self.inside.time.slept()
    }

    /// The ledger as it is, and what the counters of events say.
    pub(crate) fn history(&self) -> (Ledger, Counts) {
        (self.inside.ledger.clone(), self.events)
    }
}

/// For tests: a recorder whose machine never sleeps.
#[cfg(test)]
impl Recorder {
    pub(crate) fn of_events(resolution: u64) -> Self {
        let nothing = Counts::default();
        Self::resuming(Ledger::new(resolution, None, nothing), nothing)
    }

    pub(crate) fn resuming(ledger: Ledger, events: Counts) -> Self {
        Self::new(ledger, events, None, Timekeeper::new(|| None, 1))
    }
}
