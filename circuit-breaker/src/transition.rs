//! How a circuit gets from one state to another.

use crate::{
    cause::Cause,
    circuit::Circuit,
    settings::after,
    sync::atomic::Ordering::{AcqRel, Acquire, Release},
    tally::Tally,
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

    /// Back to closed with nothing counted, in a new generation, from any state.
    pub(crate) fn reset(&self, now: u64) {
        // So that the generation does not depend on whether somebody looked just before.
        self.advance(now);
        let _transition = self.transitions.lock();
        let mut word = self.load();
        // A swap in a loop: the step from open to half-open does not take the lock.
        loop {
            let next = word.next(Phase::Closed { in_a_row: 0 });
            self.recent.begin(next.generation());
            match self.swap(word, next) {
                Ok(()) => break,
                Err(seen) => word = seen,
            }
        }
        // After the word: who still reads the old state reads its old cause too, or looks again.
        self.cause.store(Cause::NONE, Release);
        self.places.clear();
    }

    /// Opens the circuit at `now`, if it is still closed in `generation`: another failure may be faster.
    pub(crate) fn open(&self, generation: u32, cause: Cause, now: u64) {
        let _transition = self.transitions.lock();
        let word = self.load();
        if word.closed_in(generation).is_some() {
            self.enter_open(word, cause, now);
        }
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

    /// Enters closed or open from `word`. Only under the transition lock, which keeps every other change
    /// of generation away: but for the step from open, which never leads here. So this is a store. Counts
    /// that change meanwhile are those of the state that is left.
    pub(crate) fn enter(&self, word: Word, phase: Phase) {
        let next = word.next(phase);
        if let Phase::Closed { .. } = phase {
            // Before the word: who is let in by the new state finds its window empty.
            self.recent.begin(next.generation());
        }
        self.word.store(next.bits(), Release);
    }

    /// Enters open from `word` at `now`. Only under the transition lock.
    pub(crate) fn enter_open(&self, word: Word, cause: Cause, now: u64) {
        // Release, and before the word: who sees the circuit open sees these.
        self.until.store(after(now, self.settings.wait), Release);
        self.cause.store(cause.to_bits(), Release);
        self.enter(word, Phase::Open);
    }
}
