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
    admission::Admission,
    buckets::Buckets,
    cause::Cause,
    live::Live,
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
    pub(crate) word: AtomicU64,
    /// The ticks at which an open circuit lets probes in, or an override ends: of generations in turn.
    pub(crate) until: [AtomicU64; 2],
    pub(crate) cause: AtomicU64,
    pub(crate) places: Places,
    /// The numbers that it goes by.
    pub(crate) live: Live,
    /// The calls that came during the ramp.
    pub(crate) arrivals: AtomicU64,
    /// Held to enter any state, so that only one thread at a time writes `until` and `cause`, and puts
    /// transitions into the outbox in their order.
    pub(crate) transitions: Mutex<Steering>,
    /// Where transitions go, once somebody listens.
    pub(crate) outbox: OnceLock<Arc<Outbox>>,
    /// Who waits to be let in.
    pub(crate) waiters: Waiters,
    /// Failures in the window, where a failure ratio opens the circuit: a ring, and one for when the window
    /// is cut anew.
    pub(crate) failed: [Buckets; 2],
    /// Slow calls in the window, where a slow ratio does.
    pub(crate) slow: [Buckets; 2],
    /// The last calls, where the window is one of calls.
    pub(crate) recent: Recent,
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
    /// The tick from which a new attempt is worthwhile.
    pub(crate) until: u64,
    /// A [`Cause`], if any, packed.
    pub(crate) cause: u64,
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
                // A closed circuit of generation 0 without failures is 0.
                word: AtomicU64::new(0),
                until: [AtomicU64::new(0), AtomicU64::new(0)],
                cause: AtomicU64::new(Cause::NONE),
                places: Places::new(),
                live: Live::new(settings),
                arrivals: AtomicU64::new(0),
                transitions: Mutex::new(Steering::NONE),
                outbox: OnceLock::new(),
                waiters: Waiters::new(),
                failed: [Buckets::new(), Buckets::new()],
                slow: [Buckets::new(), Buckets::new()],
                recent: Recent::new(),
            }
        }
    }

    /// Lets a call in, or not. The clock is read only when the circuit is not closed, or where slowness matters.
    #[inline]
    pub(crate) fn admit(&self, clock: impl FnOnce() -> u64) -> Result<Admission, Refusal> {
        let word = self.load();
        if word.is_closed() && !self.live.plan().times_calls() {
            return Ok(Admission::plain(word, Admission::UNKNOWN));
        }
        self.admit_at(clock)
    }

    /// Whether a call would be rejected now.
    #[inline]
    pub(crate) fn is_rejecting(&self, clock: impl FnOnce() -> u64) -> bool {
        !self.load().is_closed() && self.is_rejecting_at(clock)
    }

    /// What to tell a call that must not be let in, even if the circuit would.
    pub(crate) fn refuse(&self, clock: impl FnOnce() -> u64) -> Refusal {
        if let Some(refusal) = self.refused_open() {
            return refusal;
        }
        self.refuse_at(clock())
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn refuse_at(&self, now: u64) -> Refusal {
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
            // Nobody is about to open, close or reconfigure it while we look.
            let steering = self.transitions.lock();
            let (_, settings) = self.live.read();
            let Some(refusal) = self.refusal(word, now) else {
                continue;
            };
            return Counters {
                word,
                window: self.measure(&settings, word.generation(), now),
                in_a_row: match settings.in_a_row {
                    0 => 0,
                    _ => word.phase().in_a_row().unwrap_or(0),
                },
                share: self.share(&settings, word, now),
                retry_after: (!self.has_room(word)).then_some(refusal.until.saturating_sub(now)),
                cause: Cause::from_bits(refusal.cause),
                steering: steering.clone(),
            };
        }
    }

    #[cold]
    #[inline(never)]
    fn is_rejecting_at(&self, clock: impl FnOnce() -> u64) -> bool {
        let now = clock();
        self.is_open_at(now) || !self.has_room(self.advance(now))
    }

    #[inline]
    fn is_open_at(&self, now: u64) -> bool {
        self.refused_open()
            .is_some_and(|refusal| now < refusal.until)
    }

    /// What an open circuit tells a call, in one pass; `None` where it is not open, or its state changes just now. Does not
    /// ask whether the wait is over.
    #[inline]
    pub(crate) fn refused_open(&self) -> Option<Refusal> {
        let word = self.load();
        // Acquire, both: as in `advance`.
        let until = self.until(word).load(Acquire);
        let cause = self.cause.load(Acquire);
        (word.is_open() && self.load() == word).then_some(Refusal {
            state: State::Open,
            until,
            cause,
        })
    }

    #[cold]
    fn admit_at(&self, clock: impl FnOnce() -> u64) -> Result<Admission, Refusal> {
        let now = clock();
        if let Some(refusal) = self.refused_open().filter(|refusal| now < refusal.until) {
            return Err(refusal);
        }
        loop {
            let word = self.advance(now);
            let room = match word.phase() {
                // As where nobody reads the clock: whether it is known when a call began must not depend on
                // whether somebody has looked before.
                Phase::Closed { .. } if !self.live.plan().times_calls() => {
                    return Ok(Admission::call(word, Admission::UNKNOWN));
                }
                Phase::Closed { .. } | Phase::Disabled | Phase::MetricsOnly { .. } => {
                    return Ok(Admission::call(word, now));
                }
                Phase::Ramping { .. } => {
                    let (_, settings) = self.live.read();
                    let (share, _) = self.ramp(&settings, word, now);
                    if self.is_among(share) {
                        return Ok(Admission::call(word, now));
                    }
                    None
                }
                Phase::Open | Phase::ForcedOpen => None,
                Phase::HalfOpen(tally) => {
                    let (_, trial) = self.live.trial();
                    (trial.admits(tally)).map(|tally| (tally, trial.time))
                }
            };
            let Some((tally, probe_time)) = room else {
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
            let generation = word.generation();
            let lease = Lease::new(after(now, probe_time), generation);
            let place = self.places.take(lease, generation, now);
            if self.load().generation() == generation {
                return Ok(Admission::probe(word, place, lease));
            }
            // It was reset meanwhile, and the reservation with it.
            self.places.free(place, lease);
        }
    }

    /// What to tell those who are not let in at `now`; `None` if the state is no longer `word`.
    pub(crate) fn refusal(&self, word: Word, now: u64) -> Option<Refusal> {
        // Acquire, both: as in `advance`.
        let cause = self.cause.load(Acquire);
        let end = match word.phase() {
            Phase::Open | Phase::ForcedOpen => match self.until(word).load(Acquire) {
                // Nobody knows. After the usual wait it costs little to ask again.
                FOREVER => after(now, self.live.read().1.wait.first),
                until => until,
            },
            Phase::Ramping { .. } => {
                let (_, settings) = self.live.read();
                // When more are let in.
                after(now, self.ramp(&settings, word, now).1)
            }
            Phase::HalfOpen(_) if !self.has_room(word) => {
                let first = self.places.earliest(word.generation());
                // None: those who have room are just taking their places, or giving them back.
                first.map_or(now, |(_, lease)| lease.deadline())
            }
            _ => now,
        };
        (self.load().generation() == word.generation()).then_some(Refusal {
            state: word.phase().state(),
            until: end,
            cause,
        })
    }

    fn has_room(&self, word: Word) -> bool {
        match word.phase() {
            Phase::Open | Phase::ForcedOpen => false,
            Phase::HalfOpen(tally) => self.live.trial().1.admits(tally).is_some(),
            _ => true,
        }
    }
}
