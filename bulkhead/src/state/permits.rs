//! The permits of a bulkhead: how many are out, of how many, and whether a caller waits, in one word.

// The property that chose the design: a permit is taken by one read-modify-write, which also checks the limit and that
// no caller waits. So the limit is never exceeded, not even for a moment and not while it changes, and no caller
// overtakes the line. A refusal only reads, so that refused callers do not slow down the calls in flight.
//
// Rejected: `fetch_add` and take back. It exceeds the limit for a moment, refuses a call that had a place meanwhile, and
// writes twice for a refusal.
//
// Rejected: a limit in a second word. It admits one call too many: a caller reads the old limit, is outrun by a resize,
// an acquire and a release, and finds the count that it saw before. The model
// `no_caller_enters_above_a_lowered_limit` fails on it.
//
// `types/snapshot.rs` has the picture of the bits.

#[cfg(all(test, loom))]
mod models;

use crate::{
    sync::{
        atomic::{
            AtomicI64,
            Ordering::{Acquire, Relaxed, Release},
        },
        const_fn,
    },
    types::{ONE, Snapshot, UNLIMITED, WAITING},
};

/// The word of a bulkhead.
#[derive(Debug)]
pub(super) struct Permits {
    word: AtomicI64,
}

/// How a caller that may wait is admitted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Admit {
    Inside,
    /// No place is free. The word says that a caller waits.
    MustWait,
    Retired,
}

impl Permits {
    const_fn! {
        pub(super) fn new(limit: usize) -> Self {
            let limit = Snapshot::field(limit);
            Self { word: AtomicI64::new(limit * ONE + limit) }
        }
    }

    /// Takes a permit if one is free and no caller waits for it.
    #[inline]
    pub(super) fn try_acquire(&self) -> Result<(), Snapshot> {
        // Relaxed: a guess, which the compare-and-swap below confirms or corrects. A refusal decides on this read alone. It
        // sees every release that happened before this call. A release that races with the call may come after it.
        let mut word = self.word.load(Relaxed);
        loop {
            if word < ONE {
                return Err(Snapshot(word));
            }
            // Acquire pairs with the Release in `release`: the new holder of a place sees all that the former holder did
            // in it. Read-modify-writes in between continue the release sequence, whatever their ordering.
            match self
                .word
                .compare_exchange_weak(word, word - ONE, Acquire, Relaxed)
            {
                Ok(_) => return Ok(()),
                Err(seen) => word = seen,
            }
        }
    }

    /// Takes a permit whatever the limit is, for a bulkhead that only counts.
    pub(super) fn acquire_beyond_limit(&self) -> Admit {
        let mut word = self.word.load(Relaxed);
        loop {
            if Snapshot(word).is_retired() {
                return Admit::Retired;
            }
            if Snapshot(word).is_exhausted() {
                return Admit::MustWait;
            }
            // Acquire as in `try_acquire`.
            match self
                .word
                .compare_exchange_weak(word, word - ONE, Acquire, Relaxed)
            {
                Ok(_) => return Admit::Inside,
                Err(now) => word = now,
            }
        }
    }

    /// Gives a permit back. Returns whether [`is_owed`](Self::is_owed) must be asked.
    ///
    /// Only a `Permit` may call it, once: that keeps the count right.
    #[inline]
    pub(super) fn release(&self) -> bool {
        // Release pairs with each Acquire of this file: of every way to take a permit, and of `retire`. The sign of the sum
        // is the answer: it is negative while the word is marked, and while more permits are out than the limit allows.
        self.word.fetch_add(ONE, Release).wrapping_add(ONE) < 0
    }

    /// Whether a caller waits. A thread that released a permit before it asks either sees the waiter, or the waiter has
    /// seen the permit: `take_or_announce` writes the same word, and one word has one order.
    pub(super) fn is_owed(&self) -> bool {
        self.snapshot().is_waiting()
    }

    /// Takes a permit, or marks the word as one with a waiter. Under the lock of the waiters.
    pub(super) fn take_or_announce(&self) -> Admit {
        let mut word = self.word.load(Relaxed);
        loop {
            let seen = Snapshot(word);
            let (next, admit) = if seen.is_retired() {
                return Admit::Retired;
            } else if seen.is_waiting() {
                return Admit::MustWait; // marked already, and only a holder of the lock removes the mark
            } else if word >= ONE {
                (word - ONE, Admit::Inside)
            } else {
                (word + WAITING, Admit::MustWait)
            };
            // The mark and the look at the free places are one step. A release is either before it, and is seen here, or
            // after it, and sees the mark: no wake-up is lost. Acquire as in `try_acquire`.
            match self
                .word
                .compare_exchange_weak(word, next, Acquire, Relaxed)
            {
                Ok(_) => return admit,
                Err(now) => word = now,
            }
        }
    }

    /// Takes a free permit for a waiter. Under the lock of the waiters.
    pub(super) fn grant(&self) -> bool {
        let mut word = self.word.load(Relaxed);
        while Snapshot(word).free() > 0 {
            // Acquire as in `try_acquire`. The lock of the waiters hands it on to the waiter.
            match self
                .word
                .compare_exchange_weak(word, word - ONE, Acquire, Relaxed)
            {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// Removes the mark. Under the lock of the waiters, once for each mark.
    // A subtraction and no loop: places that are released meanwhile keep their count.
    pub(super) fn withdraw(&self) {
        // Relaxed: the lock orders marks, and the modification order of the word orders permits.
        self.word.fetch_sub(WAITING, Relaxed);
    }

    /// Changes the limit at once. Permits that are out stay out. Under the lock of the waiters, which keeps two resizes
    /// apart.
    pub(super) fn resize(&self, limit: usize) {
        let limit = Snapshot::field(limit);
        let mut word = self.word.load(Relaxed);
        loop {
            let next = if Snapshot(word).is_retired() {
                i64::MIN | limit
            } else {
                let more = limit - (word & UNLIMITED);
                word + more * ONE + more
            };
            // The limit and the free places change in one step. Relaxed: a resize hands nothing over.
            match self
                .word
                .compare_exchange_weak(word, next, Relaxed, Relaxed)
            {
                Ok(_) => return,
                Err(now) => word = now,
            }
        }
    }

    /// Ends an empty bulkhead without waiters: every later caller is told that it is retired. One compare-and-swap, so
    /// that a caller on its way in either is in before, or is told.
    pub(super) fn retire(&self) -> bool {
        let word = self.word.load(Relaxed);
        let limit = word & UNLIMITED;
        // Acquire pairs with `release`: what the callers did is done before the bulkhead is thrown away.
        Snapshot(word).held() == 0
            && !Snapshot(word).is_waiting()
            && self
                .word
                .compare_exchange(word, i64::MIN | limit, Acquire, Relaxed)
                // No second attempt: a word that has changed belongs to a member that is in use.
                .is_ok()
    }

    /// The word as it is now.
    pub(super) fn snapshot(&self) -> Snapshot {
        // Relaxed: a figure, or a hint that a holder of the lock confirms.
        Snapshot(self.word.load(Relaxed))
    }
}
