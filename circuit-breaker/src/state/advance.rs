//! How a circuit gets from one state to another.

use std::hash::{BuildHasher, RandomState};

use crate::{
    Override,
    cause::Cause,
    circuit::Circuit,
    live::Plan,
    outbox::{Change, IS_WATCHED},
    settings::{Measured, Over, after},
    steer::Steering,
    sync::atomic::{
        AtomicU64,
        Ordering::{AcqRel, Acquire, Release},
    },
    tally::Tally,
    trace,
    word::{Phase, Word},
};

impl Circuit {
    /// Makes happen what is due at `now`, and returns the state then.
    pub(crate) fn advance(&self, now: u64) -> Word {
        loop {
            let word = self.load();
            let generation = word.generation();
            match word.phase() {
                Phase::Closed { .. } => return word,
                Phase::Open => {
                    // Acquire: if this is already the end of a later wait, the look at the word shows it.
                    let until = self.until(word).load(Acquire);
                    if self.load() != word {
                        continue;
                    }
                    if now < until {
                        return word;
                    }
                    // One of those who come now makes the step; all look again.
                    self.enter_half_open(word, until);
                }
                Phase::ForcedOpen
                | Phase::Disabled
                | Phase::MetricsOnly { .. }
                | Phase::Ramping { .. } => {
                    let until = self.until(word).load(Acquire);
                    if self.load().generation() != generation {
                        continue;
                    }
                    if now < until {
                        return word;
                    }
                    self.end_in_time(generation, until);
                }
                Phase::HalfOpen(tally) => {
                    match self.places.earliest(generation) {
                        Some((place, lease)) if lease.deadline() <= now => {
                            // If it has just ended by itself, or by another's hand, that counts.
                            if self.places.free(place, lease) {
                                self.settle_probe(generation, Some(true), lease.deadline());
                            }
                        }
                        _ => {
                            // Decided without a result, which happens where other numbers are enough.
                            let (plan, trial) = self.live.trial();
                            let Some(opens) = trial.decides(tally) else {
                                return word;
                            };
                            self.decide(plan, word, tally, opens, now);
                        }
                    }
                }
            }
        }
    }

    /// Back to closed with nothing counted, in a new generation, from any state; an operator's stays.
    pub(crate) fn reset(&self, now: u64) {
        // So that the generation does not depend on whether somebody looked just before.
        self.advance(now);
        let mut steering = self.transitions.lock();
        let last = steering.last.take();
        steering.forget(last);
        let word = self.load();
        // The end of an override goes along; a closed circuit has none.
        let until = self.until(word).load(Acquire);
        self.begin(word.phase().afresh(), until, None, now);
        // After the word: who still reads the old state reads its old cause too, or looks again.
        self.cause.store(Cause::NONE, Release);
        drop(steering);
        self.deliver();
    }

    /// Begins a new generation in `phase`, closed or an operator's, from any state. Only under the
    /// transition lock.
    pub(crate) fn begin(&self, phase: Phase, until: u64, by: Option<Override>, now: u64) {
        let word = self.load();
        self.until(word.next(phase)).store(until, Release);
        let is_reset = by.is_none();
        self.enter_as(word, phase, None, by, is_reset, now);
        // Probes in flight are forgotten, and so are their places.
        self.places.clear();
    }

    /// Opens the circuit at `now`, for `alone` at least, if it still records in `generation`: another failure
    /// may be faster. False if there are other numbers than those of `plan` by now, which then have to be
    /// asked.
    #[cold]
    pub(crate) fn open(
        &self,
        plan: Plan,
        generation: u32,
        cause: Cause,
        alone: u64,
        now: u64,
    ) -> bool {
        let mut steering = self.transitions.lock();
        let word = self.load();
        if word.generation() != generation {
            return true;
        }
        if self.live.plan() != plan {
            return false;
        }
        match word.phase() {
            Phase::Closed { .. } | Phase::Ramping { .. } => {
                if word.is_closed() {
                    // On a ramp it has not recovered yet: the next wait is longer.
                    steering.openings = 0;
                }
                steering.alone_until = after(now, alone);
                self.enter_open(&mut steering, word, cause, now);
            }
            Phase::MetricsOnly { .. } => self.would_open(&mut steering, cause, now),
            _ => {}
        }
        drop(steering);
        self.deliver();
        true
    }

    /// Enters half-open from `word`, which is open and whose wait was over `at`, if nobody was faster.
    #[cold]
    fn enter_half_open(&self, word: Word, at: u64) {
        let mut steering = self.transitions.lock();
        if self.load() == word {
            steering.alone_until = 0;
            self.enter(word, Phase::HalfOpen(Tally::default()), None, None, at);
        }
        drop(steering);
        self.deliver();
    }

    /// When the wait or the override of `word` ends. Two of them, in turn: what is written for the next
    /// generation is never taken for the end of this one. If it is already that of the next but one, who
    /// reads it sees a newer word afterwards.
    pub(crate) fn until(&self, word: Word) -> &AtomicU64 {
        &self.until[(word.generation() % 2) as usize]
    }

    #[inline]
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

    /// Enters a state from `word`, which is closed, open, only measuring, or half-open and decided. Only under
    /// the transition lock, which keeps every other change of generation away. Counts that change meanwhile are
    /// those of the state that is left, which is returned as it was at the end.
    pub(crate) fn enter(
        &self,
        word: Word,
        phase: Phase,
        cause: Option<Cause>,
        by: Option<Override>,
        at: u64,
    ) -> Word {
        self.enter_as(word, phase, cause, by, false, at)
    }

    fn enter_as(
        &self,
        word: Word,
        phase: Phase,
        cause: Option<Cause>,
        by: Option<Override>,
        is_reset: bool,
        at: u64,
    ) -> Word {
        let next = word.next(phase);
        if phase.in_a_row().is_some() {
            // Before the word: who is let in by the new state finds its window empty.
            self.begin_window(next.generation());
        }
        // Whatever its counts are by now. (A store would do; but to loom a store and a compare-and-swap that
        // did not read from it have no order.)
        let left = self.word.swap(next.bits(), AcqRel);
        // After the word, so that who hears of a state finds it.
        self.tell(Change {
            generation: next.generation(),
            from: word.phase().state(),
            to: next.phase().state(),
            cause,
            by,
            is_reset,
            at,
        });
        Word::from_bits(left)
    }

    fn begin_window(&self, generation: u32) {
        let (_, settings) = self.live.read();
        if let Some(Measured {
            over: Over::Calls(last),
            ..
        }) = settings.window
        {
            self.recent.begin(last.series(generation));
        }
    }

    /// Puts a transition into the outbox, if there is one. Only under the transition lock, which keeps them
    /// in order.
    fn tell(&self, change: Change) {
        if IS_WATCHED {
            self.outbox().put(change);
        } else if let Some(outbox) = self.outbox.get() {
            outbox.put(change);
        }
    }

    /// Wakes who waits for a transition, and delivers what is in the outbox. Not under the transition lock.
    pub(crate) fn deliver(&self) {
        self.wake_for_transition();
        if let Some(outbox) = self.outbox.get() {
            outbox.deliver(|change| {
                trace::transition(self.name, change);
                self.meter.moved(change, || self.load().phase().state());
            });
        }
    }

    /// Enters open from `word` at `now`, and returns what was left, as [`enter`](Self::enter) does. Only under the transition lock.
    pub(crate) fn enter_open(
        &self,
        steering: &mut Steering,
        word: Word,
        cause: Cause,
        now: u64,
    ) -> Word {
        let wait = self.live.read().1.wait.after(steering.openings, random);
        steering.openings = steering.openings.saturating_add(1);
        let until = after(now, wait).max(steering.alone_until);
        // Release, and before the word: who sees the circuit open sees these.
        self.until(word.next(Phase::Open)).store(until, Release);
        self.cause.store(cause.to_bits(), Release);
        self.enter(word, Phase::Open, Some(cause), None, now)
    }
}

/// Another number each time, and in each process. As good as what keeps hash maps from attacks, and there
/// without a crate for it.
fn random() -> u64 {
    RandomState::new().hash_one(0)
}
