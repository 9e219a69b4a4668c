//! The state machine and its atomics. Time is a number here, and nothing waits.
//!
//! The property that chose the design: state, generation and counts are one word, so a call that is let
//! in or rejected decides on one moment's truth, and a token of an older generation cannot change
//! anything. What does not fit beside them, the end of the wait and the cause, is written under a lock
//! before the word says "open", and read between two looks at the word.
//!
//! What time brings (open to half-open, a probe overdue) happens when somebody next looks, but as if it
//! had happened on time: whether and when anybody looks makes no difference to what they see.

use crate::{
    State,
    bucket::Counts,
    buckets::{Buckets, epoch},
    cause::Cause,
    places::{Lease, Places},
    settings::{Settings, after},
    snapshot::Counters,
    sync::{
        TransitionLock,
        atomic::{
            AtomicU64,
            Ordering::{AcqRel, Acquire, Release},
        },
        const_fn,
    },
    word::{Phase, Tally, Word},
};

#[derive(Debug)]
pub(crate) struct Circuit {
    pub(crate) settings: Settings,
    word: AtomicU64,
    /// The tick at which an open circuit lets probes in.
    until: AtomicU64,
    cause: AtomicU64,
    pub(crate) places: Places,
    /// Held to enter closed or open, so that only one thread at a time writes `until` and `cause`.
    pub(crate) transitions: TransitionLock,
    pub(crate) buckets: Buckets,
}

/// That a call was let in, and as what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    Call {
        generation: u32,
    },
    Probe {
        generation: u32,
        place: u8,
        lease: Lease,
    },
}

/// That a call was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) state: State,
    /// In ticks.
    pub(crate) retry_after: u64,
    pub(crate) cause: Option<Cause>,
}

impl Circuit {
    const_fn! {
        pub(crate) fn new(settings: Settings) -> Self {
            Self {
                settings,
                // A closed circuit of generation 0 without failures is 0.
                word: AtomicU64::new(0),
                until: AtomicU64::new(0),
                cause: AtomicU64::new(Cause::NONE),
                places: Places::new(),
                transitions: TransitionLock::new(),
                buckets: Buckets::new(),
            }
        }
    }

    /// Lets a call in, or not. The clock is read only when the circuit is not closed.
    pub(crate) fn admit(&self, clock: impl FnOnce() -> u64) -> Result<Admission, Refusal> {
        let word = self.load();
        if let Phase::Closed { .. } = word.phase() {
            return Ok(Admission::Call {
                generation: word.generation(),
            });
        }
        self.admit_at(clock())
    }

    /// Whether a call would be rejected now.
    pub(crate) fn is_rejecting(&self, clock: impl FnOnce() -> u64) -> bool {
        if let Phase::Closed { .. } = self.load().phase() {
            return false;
        }
        !self.has_room(self.advance(clock()))
    }

    /// What to tell a call that must not be let in, even if the circuit would.
    pub(crate) fn refuse(&self, now: u64) -> Refusal {
        loop {
            if let Some(refusal) = self.refusal(self.advance(now), now) {
                return refusal;
            }
        }
    }

    /// Back to closed with nothing counted, in a new generation, from any state.
    pub(crate) fn reset(&self, now: u64) {
        // So that the generation does not depend on whether somebody looked just before.
        self.advance(now);
        let _transition = self.transitions.lock();
        let mut word = self.load();
        // A swap in a loop: the step from open to half-open does not take the lock.
        while let Err(seen) = self.swap(word, word.next(Phase::Closed { in_a_row: 0 })) {
            word = seen;
        }
        // After the word: who still reads the old state reads its old cause too, or looks again.
        self.cause.store(Cause::NONE, Release);
        self.places.clear();
    }

    /// Everything at one moment.
    pub(crate) fn counters(&self, now: u64) -> Counters {
        loop {
            let word = self.advance(now);
            // Nobody is about to open or close it while we look.
            let _transition = self.transitions.lock();
            let Some(refusal) = self.refusal(word, now) else {
                continue;
            };
            let window = match self.settings.window {
                Some(window) => self
                    .buckets
                    .sum(epoch(now, window.bucket, word.generation())),
                None => Counts::default(),
            };
            return Counters {
                word,
                window,
                retry_after: (!self.has_room(word)).then_some(refusal.retry_after),
                cause: refusal.cause,
            };
        }
    }

    /// Makes happen what is due at `now`, and returns the state then.
    pub(crate) fn advance(&self, now: u64) -> Word {
        loop {
            let word = self.load();
            let generation = word.generation();
            match word.phase() {
                Phase::Closed { .. } => return word,
                Phase::Open => {
                    // Acquire: if this is already the end of a later wait, the look at the word shows it.
                    let until = self.until.load(Acquire);
                    if self.load() != word {
                        continue;
                    }
                    if now < until {
                        return word;
                    }
                    // One of those who come now makes the step; all look again.
                    let _ = self.swap(word, word.next(Phase::HalfOpen(Tally::default())));
                }
                Phase::HalfOpen(_) => {
                    match self.places.earliest(generation, self.settings.in_flight) {
                        Some((place, lease)) if lease.deadline() <= now => {
                            // If it has just ended by itself, or by another's hand, that counts.
                            if self.places.free(place, lease) {
                                self.settle_probe(generation, Some(true), lease.deadline());
                            }
                        }
                        _ => return word,
                    }
                }
            }
        }
    }

    pub(crate) fn load(&self) -> Word {
        // Acquire pairs with the Release of every write to the word: who sees a state sees what was
        // written for it.
        Word::from_bits(self.word.load(Acquire))
    }

    pub(crate) fn swap(&self, from: Word, to: Word) -> Result<(), Word> {
        match self
            .word
            .compare_exchange(from.bits(), to.bits(), AcqRel, Acquire)
        {
            Ok(_) => Ok(()),
            Err(seen) => Err(Word::from_bits(seen)),
        }
    }

    /// Enters closed or open from `word`. Only under the transition lock, which keeps every other change
    /// of generation away: but for the step from open, which never leads here. So this is a store. Counts
    /// that change meanwhile are those of the state that is left.
    pub(crate) fn enter(&self, word: Word, phase: Phase) {
        self.word.store(word.next(phase).bits(), Release);
    }

    /// Enters open from `word` at `now`. Only under the transition lock.
    pub(crate) fn enter_open(&self, word: Word, cause: Cause, now: u64) {
        // Release, and before the word: who sees the circuit open sees these.
        self.until.store(after(now, self.settings.wait), Release);
        self.cause.store(cause.to_bits(), Release);
        self.enter(word, Phase::Open);
    }

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
                Phase::Closed { .. } => return Ok(Admission::Call { generation }),
                Phase::Open => None,
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
            Phase::Open => self.until.load(Acquire),
            Phase::HalfOpen(_) if !self.has_room(word) => {
                let generation = word.generation();
                let first = self.places.earliest(generation, self.settings.in_flight);
                // None: those who have room are just taking their places, or giving them back.
                first.map_or(now, |(_, lease)| lease.deadline())
            }
            Phase::Closed { .. } | Phase::HalfOpen(_) => now,
        };
        (self.load().generation() == word.generation()).then_some(Refusal {
            state: word.phase().state(),
            retry_after: end.saturating_sub(now),
            cause,
        })
    }

    fn has_room(&self, word: Word) -> bool {
        match word.phase() {
            Phase::Closed { .. } => true,
            Phase::Open => false,
            Phase::HalfOpen(tally) => tally
                .admit(self.settings.in_flight, self.settings.results)
                .is_some(),
        }
    }
}
