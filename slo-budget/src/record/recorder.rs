//! Counters and ledger joined.
//!
//! An event adds to its shard. If it is the first to see a new slot, it tries the lock of the ledger and writes
//! down what the counters say; a thread that finds the lock taken continues. Queries take the lock.
//!
//! Properties: no event ever waits; the ledger is plain memory; all windows of one query are of one moment.
//!
//! The price: an event that finds the lock taken at the moment in which its slot begins may be counted before
//! that boundary. After a time without events that is before all of that time. It is counted once in any case.
//!
//! Rejected: a lock-free ledger of atomics. It needs a sequence number for each snapshot, and a query of eight
//! windows would retry while slots begin; the lock costs an event nothing, as it is only ever tried.

use std::sync::Arc;

use crate::{
    record::{
        counters::Counters,
        ledger::{Ledger, Whole},
        period::Periods,
        suspend::SuspendClock,
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
    /// The tick of the monotonic clock at which the ledger is to be written next. Only a hint for `record`.
    due: AtomicU64,
    /// Invariant: the sums in the ledger never decrease, as each is taken under this lock.
    inside: Mutex<Inside>,
}

#[derive(Debug)]
struct Inside {
    ledger: Ledger,
    clock: SuspendClock,
    calendar: Option<Arc<dyn Periods>>,
    /// The events counted when the latest slot began.
    before: Counts,
}

/// All windows at one moment. Holds the lock of the ledger.
pub(crate) struct View<'a> {
    inside: MutexGuard<'a, Inside>,
    /// The events counted.
    events: Counts,
    /// The events, or the slices that have ended.
    counts: Counts,
    /// The tick of the query.
    asked: u64,
}

// === impl Recorder ===

impl Recorder {
    /// Continues at the latest tick of `ledger`, with counters that start at `events`.
    pub(crate) fn new(
        ledger: Ledger,
        events: Counts,
        calendar: Option<Arc<dyn Periods>>,
        clock: SuspendClock,
    ) -> Self {
        Self {
            counters: Counters::new(events),
            due: AtomicU64::new(ledger.due()),
            inside: Mutex::new(Inside {
                ledger,
                clock,
                calendar,
                before: events,
            }),
        }
    }

    /// Counts with a shard for each thread from the first event on.
    pub(crate) fn spread(self) -> Self {
        self.counters.spread();
        self
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

    /// Takes the lock and moves time on to `tick`, or to the latest tick seen if that is later.
    pub(crate) fn view(&self, tick: u64) -> View<'_> {
        let mut inside = self.inside.lock();
        let events = self.advance(&mut inside, tick);
        View {
            counts: inside.ledger.counts(events),
            asked: inside.clock.tick(tick),
            inside,
            events,
        }
    }

    // Runs before the event is counted, so that the snapshot contains what was before the slot.
    fn begin_slot(&self, tick: u64) {
        // Relaxed: a hint. `advance` compares again under the lock, so a stale value costs a `try_lock`.
        if tick >= self.due.load(Relaxed) {
            self.try_advance(tick);
        }
    }

    // Out of line, as it happens once a slot.
    #[inline(never)]
    fn try_advance(&self, tick: u64) {
        if let Some(mut inside) = self.inside.try_lock() {
            self.advance(&mut inside, tick);
        }
    }

    fn advance(&self, inside: &mut Inside, tick: u64) -> Counts {
        let Inside {
            ledger,
            clock,
            calendar,
            before,
        } = inside;
        // Taken under the lock: the sum of a later holder is then never smaller, shard by shard.
        let events = self.counters.sum();
        if clock.tick(tick) >= ledger.due() {
            ledger.set_wall(clock.update());
            self.counters.spread_if_busy(events.since(*before));
            *before = events;
        }
        let around = |wall| match calendar {
            Some(periods) => periods.around(wall),
            None => (wall, u64::MAX),
        };
        ledger.advance(clock.tick(tick), events, around);
        // Relaxed: pairs with the load in `begin_slot`, which needs no other memory.
        self.due.store(clock.monotonic(ledger.due()), Relaxed);
        events
    }
}

// === impl View ===

impl View<'_> {
    /// What was counted in the `window` ticks before this moment.
    #[inline]
    pub(crate) fn window(&self, window: u64) -> Counts {
        self.inside.ledger.window(window, self.counts)
    }

    /// All that was counted, modulo 2^64.
    pub(crate) const fn counts(&self) -> Counts {
        self.counts
    }

    /// The events counted, modulo 2^64, also where slices are counted.
    #[cfg(feature = "metrics")]
    pub(crate) const fn events(&self) -> Counts {
        self.events
    }

    /// The figures of the whole period: of the calendar's, or of the last `length` ticks.
    pub(crate) fn whole(&self, length: u64) -> Whole {
        self.inside.ledger.whole(length, self.counts)
    }

    /// Whether no event was counted in the last `length` ticks and in the current period of the calendar.
    #[cfg(feature = "family")]
    pub(crate) fn is_idle(&self, length: u64) -> bool {
        self.inside.ledger.is_idle(length, self.events)
    }

    /// This moment.
    pub(crate) fn tick(&self) -> u64 {
        self.inside.ledger.latest()
    }

    /// How many ticks the clock is behind the latest moment that was seen.
    pub(crate) fn behind(&self) -> u64 {
        self.tick() - self.asked.min(self.tick())
    }

    /// How often the clock stepped back.
    pub(crate) fn steps_back(&self) -> u64 {
        self.inside.ledger.steps_back()
    }

    /// How many ticks the machine was suspended.
    pub(crate) fn slept(&self) -> u64 {
        self.inside.clock.slept()
    }

    /// A copy of the ledger, and the events counted.
    pub(crate) fn history(&self) -> (Ledger, Counts) {
        (self.inside.ledger.clone(), self.events)
    }
}

/// For tests: recorders on a machine that is never suspended.
#[cfg(test)]
impl Recorder {
    pub(crate) fn of_events(resolution: u64) -> Self {
        let nothing = Counts::default();
        Self::resuming(Ledger::new(resolution, None, nothing), nothing).spread()
    }

    pub(crate) fn resuming(ledger: Ledger, events: Counts) -> Self {
        Self::new(ledger, events, None, SuspendClock::new(|| None, 1))
    }
}
