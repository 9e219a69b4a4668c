//! Counters and rings joined. Time is ticks (nanoseconds) since the recorder was made.
//!
//! A record adds to its shard and, when it is the first to see a new slot, tries the lock of the rings to
//! write down what the counters say: whoever finds it taken goes on. Questions take the lock. So the rings
//! are plain memory, all windows of one question are of one moment, and no record ever waits.
//!
//! The price: an event that finds the lock taken, in the moment in which its slot begins, may be counted
//! before that boundary; after a time without any events that is before all of that time. It is counted
//! once in any case.

use crate::{
    Counts, Event,
    counters::Counters,
    rings::Rings,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

#[derive(Debug)]
pub(crate) struct Recorder {
    counters: Counters,
    /// When the next slot begins: what a record compares its clock with.
    next_slot: AtomicU64,
    rings: Mutex<Rings>,
}

/// All windows at one moment.
pub(crate) struct View<'a> {
    rings: MutexGuard<'a, Rings>,
    counts: Counts,
    /// The tick that was asked for.
    asked: u64,
}

impl Recorder {
    pub(crate) fn new(resolution: u64) -> Self {
        Self::starting_at(resolution, Counts::default())
    }

    pub(crate) fn starting_at(resolution: u64, base: Counts) -> Self {
        Self {
            counters: Counters::new(base),
            next_slot: AtomicU64::new(resolution),
            rings: Mutex::new(Rings::new(resolution, base)),
        }
    }

    /// Goes on where `rings` are, the counters being at `counts`.
    pub(crate) fn resuming(rings: Rings, counts: Counts) -> Self {
        Self {
            counters: Counters::new(counts),
            next_slot: AtomicU64::new(rings.next_slot()),
            rings: Mutex::new(rings),
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
        let mut rings = self.rings.lock();
        let counts = self.advance(&mut rings, tick);
        View {
            rings,
            counts,
            asked: tick,
        }
    }

    // Before the event is counted, so that the snapshot is of what was before the slot.
    fn begin_slot(&self, tick: u64) {
        // Relaxed: a hint. Under the lock the rings look again, so a stale value costs a try, no more.
        if tick >= self.next_slot.load(Relaxed) {
            if let Some(mut rings) = self.rings.try_lock() {
                self.advance(&mut rings, tick);
            }
        }
    }

    /// The sum is taken under the lock: a later holder's is then never smaller, shard by shard.
    fn advance(&self, rings: &mut Rings, tick: u64) -> Counts {
        let counts = self.counters.sum();
        rings.advance(tick, counts);
        self.next_slot.store(rings.next_slot(), Relaxed);
        counts
    }
}

impl View<'_> {
    /// What was counted in the `window` ticks before this moment.
    pub(crate) fn window(&self, window: u64) -> Counts {
        self.rings.window(window, self.counts)
    }

    /// The moment, in ticks since the recorder was made.
    pub(crate) fn tick(&self) -> u64 {
        self.rings.latest()
    }

    /// How far the clock is behind the latest moment that was seen, in ticks.
    pub(crate) fn behind(&self) -> u64 {
        self.tick() - self.asked.min(self.tick())
    }

    /// How often the clock was seen to step back.
    pub(crate) fn steps_back(&self) -> u64 {
        self.rings.steps_back()
    }

    /// The rings as they are, and what the counters say.
    pub(crate) fn history(&self) -> (Rings, Counts) {
        (self.rings.clone(), self.counts)
    }
}
