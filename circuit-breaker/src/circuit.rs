//! The state machine and its atomics. Time is a number here, and nothing waits.
//!
//! The property that chose the design: state, generation and counts are one word, so a call that is let
//! in or rejected decides on one moment's truth, and a token of an older generation cannot change
//! anything. What does not fit beside them, the end of the wait and the cause, is written under a lock
//! before the word says "open", and read between two looks at the word.
//!
//! What time brings (open to half-open, a probe overdue) happens when somebody next looks, but as if it
//! had happened on time: whether and when anybody looks makes no difference to what they see.

use std::sync::Arc;

use crate::{
    Outcome, State,
    buckets::Buckets,
    cause::Cause,
    metrics::Meter,
    outbox::Outbox,
    places::{Lease, Places},
    recent::Recent,
    settings::{Settings, after},
    snapshot::Counters,
    steer::{FOREVER, Steering},
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicU64, Ordering::Acquire},
        const_fn,
    },
    waiters::Waiters,
    word::{Phase, Word},
};

#[derive(Debug)]
pub(crate) struct Circuit {
    pub(crate) name: &'static str,
    pub(crate) meter: Meter,
    pub(crate) settings: Settings,
    pub(crate) word: AtomicU64,
    /// The ticks at which an open circuit lets probes in, or an override ends: of generations in turn.
    pub(crate) until: [AtomicU64; 2],
    pub(crate) cause: AtomicU64,
    pub(crate) places: Places,
    /// Held to enter any state, so that only one thread at a time writes `until` and `cause`, and puts
    /// transitions into the outbox in their order.
    pub(crate) transitions: Mutex<Steering>,
    /// Where transitions go, once somebody listens.
    pub(crate) outbox: OnceLock<Arc<Outbox>>,
    /// Who waits to be let in.
    pub(crate) waiters: Waiters,
    /// Failures in the window, where a failure ratio opens the circuit.
    pub(crate) failed: Buckets,
    /// Slow calls in the window, where a slow ratio does.
    pub(crate) slow: Buckets,
    /// The last calls, where the window is one of calls.
    pub(crate) recent: Recent,
}

/// That a call was let in, and as what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    Call {
        generation: u32,
        /// When; 0 where nothing asks how long a call took.
        started: u64,
    },
    Probe {
        generation: u32,
        place: u8,
        lease: Lease,
    },
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Finished(Outcome),
    Cancelled,
}

/// That a call was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) state: State,
    /// In ticks.
    pub(crate) retry_after: u64,
    pub(crate) cause: Option<Cause>,
}

impl Admission {
    /// Of the state that let it in.
    pub(crate) const fn generation(self) -> u32 {
        match self {
            Self::Call { generation, .. } | Self::Probe { generation, .. } => generation,
        }
    }
}

impl Circuit {
    #[cfg(test)]
    pub(crate) fn new(settings: Settings) -> Self {
        Self::named("tested", settings)
    }

    const_fn! {
        pub(crate) fn named(name: &'static str, settings: Settings) -> Self {
            Self {
                name,
                meter: Meter::new(name),
                settings,
                // A closed circuit of generation 0 without failures is 0.
                word: AtomicU64::new(0),
                until: [AtomicU64::new(0), AtomicU64::new(0)],
                cause: AtomicU64::new(Cause::NONE),
                places: Places::new(),
                transitions: Mutex::new(Steering::NONE),
                outbox: OnceLock::new(),
                waiters: Waiters::new(),
                failed: Buckets::new(),
                slow: Buckets::new(),
                recent: Recent::new(),
            }
        }
    }

    /// Lets a call in, or not. The clock is read only when the circuit is not closed, or where slowness matters.
    #[inline]
    pub(crate) fn admit(&self, clock: impl FnOnce() -> u64) -> Result<Admission, Refusal> {
        let word = self.load();
        if let (Phase::Closed { .. }, None) = (word.phase(), self.settings.slow_after) {
            return Ok(Admission::Call {
                generation: word.generation(),
                started: 0,
            });
        }
        self.admit_at(clock())
    }

    /// Whether a call would be rejected now.
    #[inline]
    pub(crate) fn is_rejecting(&self, clock: impl FnOnce() -> u64) -> bool {
        if let Phase::Closed { .. } = self.load().phase() {
            return false;
        }
        self.is_rejecting_at(clock())
    }

    /// What to tell a call that must not be let in, even if the circuit would.
    pub(crate) fn refuse(&self, now: u64) -> Refusal {
        loop {
            if let Some(refusal) = self.refusal(self.advance(now), now) {
                return refusal;
            }
        }
    }

    /// Everything at one moment.
    pub(crate) fn counters(&self, now: u64) -> Counters {
        loop {
            let word = self.advance(now);
            // Nobody is about to open or close it while we look.
            let steering = self.transitions.lock();
            let Some(refusal) = self.refusal(word, now) else {
                continue;
            };
            return Counters {
                word,
                window: self.measure(word.generation(), now),
                retry_after: (!self.has_room(word)).then_some(refusal.retry_after),
                cause: refusal.cause,
                steering: steering.clone(),
            };
        }
    }

    #[cold]
    fn is_rejecting_at(&self, now: u64) -> bool {
        !self.has_room(self.advance(now))
    }

    #[cold]
    fn admit_at(&self, now: u64) -> Result<Admission, Refusal> {
        let Settings {
            in_flight,
            results,
            probe_time,
            ..
        } = self.settings;
        loop {
            let word = self.advance(now);
            let generation = word.generation();
            let tally = match word.phase() {
                Phase::Closed { .. } | Phase::Disabled | Phase::MetricsOnly { .. } => {
                    return Ok(Admission::Call {
                        generation,
                        started: now,
                    });
                }
                Phase::Open | Phase::ForcedOpen => None,
                Phase::HalfOpen(tally) => tally.admit(in_flight, results),
            };
            let Some(tally) = tally else {
                match self.refusal(word, now) {
                    Some(refusal) => return Err(refusal),
                    None => continue,
                }
            };
            // Room first, in the word, which knows the limits; then one of the places, which has then to
            // be there.
            if self.swap(word, word.with(Phase::HalfOpen(tally))).is_err() {
                continue;
            }
            let lease = Lease::new(after(now, probe_time), generation);
            let place = self.places.take(lease, generation, in_flight);
            if self.load().generation() == generation {
                return Ok(Admission::Probe {
                    generation,
                    place,
                    lease,
                });
            }
            // It was reset meanwhile, and the reservation with it.
            self.places.free(place, lease);
        }
    }

    /// What to tell those who are not let in at `now`; `None` if the state is no longer `word`.
    fn refusal(&self, word: Word, now: u64) -> Option<Refusal> {
        // Acquire, both: as in `advance`.
        let cause = Cause::from_bits(self.cause.load(Acquire));
        let end = match word.phase() {
            Phase::Open | Phase::ForcedOpen => match self.until(word).load(Acquire) {
                // Nobody knows. After the usual wait it costs little to ask again.
                FOREVER => after(now, self.settings.wait.first()),
                until => until,
            },
            Phase::HalfOpen(_) if !self.has_room(word) => {
                let generation = word.generation();
                let first = self.places.earliest(generation, self.settings.in_flight);
                // None: those who have room are just taking their places, or giving them back.
                first.map_or(now, |(_, lease)| lease.deadline())
            }
            _ => now,
        };
        (self.load().generation() == word.generation()).then_some(Refusal {
            state: word.phase().state(),
            retry_after: end.saturating_sub(now),
            cause,
        })
    }

    fn has_room(&self, word: Word) -> bool {
        match word.phase() {
            Phase::Closed { .. } | Phase::Disabled | Phase::MetricsOnly { .. } => true,
            Phase::Open | Phase::ForcedOpen => false,
            Phase::HalfOpen(tally) => tally
                .admit(self.settings.in_flight, self.settings.results)
                .is_some(),
        }
    }
}
