//! The permits of a bulkhead: how many are out, of how many, whether a caller waits, and whether it is closed, in one
//! word.

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
// A call takes one place or more, in one step: two calls of three places each never hold two and two of four places and
// wait for each other. `places` is the constant 1 on the path of most calls, and costs them nothing.
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
    types::{CLOSED, ONE, Snapshot, WAITING},
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
    /// There is no room. The word says that a caller waits.
    MustWait,
    Closed,
    Retired,
}

/// What `places` are in a word.
#[inline]
const fn step(places: u32) -> i64 {
    places as i64 * ONE
}

impl Permits {
    const_fn! {
        pub(super) fn new(limit: usize) -> Self {
            let limit = Snapshot::field(limit);
            Self { word: AtomicI64::new(limit * ONE + limit) }
        }
    }

    /// Takes a permit of `places` if they are free and no caller waits for them.
    #[inline]
    pub(super) fn try_acquire(&self, places: u32) -> Result<(), Snapshot> {
        // Relaxed: a guess, which the compare-and-swap below confirms or corrects. A refusal decides on this read alone. It
        // sees every release that happened before this call. A release that races with the call may come after it.
        let mut word = self.word.load(Relaxed);
        loop {
            if word < step(places) {
                return Err(Snapshot(word));
            }
            // Acquire pairs with the Release in `release`: the new holder of a place sees all that the former holder did
            // in it. Read-modify-writes in between continue the release sequence, whatever their ordering.
            match self
                .word
                .compare_exchange_weak(word, word - step(places), Acquire, Relaxed)
            {
                Ok(_) => return Ok(()),
                Err(seen) => word = seen,
            }
        }
    }

    /// Takes a permit whatever the limit is, for a bulkhead that only counts.
    pub(super) fn acquire_beyond_limit(&self, places: u32) -> Admit {
        let mut word = self.word.load(Relaxed);
        loop {
            let seen = Snapshot(word);
            if seen.is_retired() {
                return Admit::Retired;
            }
            if seen.is_closed() {
                return Admit::Closed;
            }
            if !seen.can_count(places) {
                return Admit::MustWait;
            }
            // Acquire as in `try_acquire`.
            match self
                .word
                .compare_exchange_weak(word, word - step(places), Acquire, Relaxed)
            {
                Ok(_) => return Admit::Inside,
                Err(now) => word = now,
            }
        }
    }

    /// Gives the places of a permit back. Returns whether [`is_owed`](Self::is_owed) must be asked.
    ///
    /// Only a `Permit` may call it, once: that keeps the count right.
    #[inline]
    pub(super) fn release(&self, places: u32) -> bool {
        // Release pairs with each Acquire of this file: of every way to take a permit, of `retire` and of `is_drained`. The
        // sign of the sum is the answer: it is negative while the word is marked or closed, and while more permits are out
        // than the limit allows.
        let step = step(places);
        self.word.fetch_add(step, Release).wrapping_add(step) < 0
    }

    /// Counts places again that were given back in the name of their holder, whatever the limit is.
    #[cfg(any(test, feature = "http-body"))]
    pub(super) fn retake(&self, places: u32) {
        // Acquire as in `try_acquire`.
        self.word.fetch_sub(step(places), Acquire);
    }

    /// Whether the line may have to be served: a caller waits, or the bulkhead is closed. A thread that released a permit
    /// before it asks either sees the waiter, or the waiter has seen the permit: `take_or_announce` writes the same word,
    /// and one word has one order.
    pub(super) fn is_owed(&self) -> bool {
        let seen = self.snapshot();
        seen.is_waiting() || seen.is_closed()
    }

    /// Takes a permit of `places`, or marks the word as one with a waiter. Under the lock of the waiters.
    pub(super) fn take_or_announce(&self, places: u32, at_head: bool) -> Admit {
        let mut word = self.word.load(Relaxed);
        loop {
            let seen = Snapshot(word);
            let (next, admit) = if seen.is_retired() {
                return Admit::Retired;
            } else if seen.is_closed() {
                return Admit::Closed;
            } else if word >= step(places)
                // The first of the line may want more places than are free. A caller that goes before it may not.
                || at_head && seen.is_waiting() && seen.free() >= i64::from(places)
            {
                (word - step(places), Admit::Inside)
            } else if seen.is_waiting() {
                return Admit::MustWait; // marked already, and only a holder of the lock removes the mark
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

    /// Takes a permit as if the limit were `limit`, unless a caller waits.
    pub(super) fn acquire_under(&self, limit: usize, places: u32) -> bool {
        let mut word = self.word.load(Relaxed);
        loop {
            let seen = Snapshot(word);
            if seen.is_waiting()
                || seen.is_closed()
                || seen.is_retired()
                || seen.resized(limit).free() < i64::from(places)
            {
                return false;
            }
            // Acquire as in `try_acquire`, and like there the look and the permit are one step.
            match self
                .word
                .compare_exchange_weak(word, word - step(places), Acquire, Relaxed)
            {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
    }

    /// Takes places for a waiter that are free under the limit that `in_force` puts into the word. Under the lock of the
    /// waiters.
    pub(super) fn grant(&self, places: u32, in_force: impl Fn(Snapshot) -> Snapshot) -> bool {
        let mut word = self.word.load(Relaxed);
        while in_force(Snapshot(word)).free() >= i64::from(places) {
            // Acquire as in `try_acquire`. The lock of the waiters hands it on to the waiter.
            match self
                .word
                .compare_exchange_weak(word, word - step(places), Acquire, Relaxed)
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
        // Release pairs with the Acquire of `try_acquire`: a caller that takes a place after the line became empty sees
        // its length of 0. The lock orders marks, and the modification order of the word orders permits.
        self.word.fetch_sub(WAITING, Release);
    }

    /// Changes the limit at once. Permits that are out stay out. Under the lock of the waiters, which keeps two resizes
    /// apart.
    pub(super) fn resize(&self, limit: usize) {
        let mut word = self.word.load(Relaxed);
        loop {
            let next = if Snapshot(word).is_retired() {
                i64::MIN | Snapshot::field(limit)
            } else {
                Snapshot(word).resized(limit).0
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

    /// Closes the word, and removes the mark. No caller enters it from now on. Under the lock of the waiters.
    pub(super) fn close(&self) {
        let mut word = self.word.load(Relaxed);
        loop {
            let seen = Snapshot(word);
            let next = if seen.is_closed() || seen.is_retired() {
                return;
            } else if seen.is_waiting() {
                word - WAITING + CLOSED
            } else {
                word + CLOSED
            };
            // One step, so that a caller on its way in either is in before and is waited for, or is refused. Relaxed: a
            // close hands nothing over.
            match self
                .word
                .compare_exchange_weak(word, next, Relaxed, Relaxed)
            {
                Ok(_) => return,
                Err(now) => word = now,
            }
        }
    }

    /// Whether the bulkhead is closed and no permit is out.
    pub(super) fn is_drained(&self) -> bool {
        // Acquire pairs with `release`: what the calls did is done before the drain ends. Releases are read-modify-writes,
        // so the last one continues the release sequences of all others.
        let seen = Snapshot(self.word.load(Acquire));
        seen.is_closed() && seen.held() == 0
    }

    /// Ends an empty bulkhead without waiters: every later caller is told that it is retired. One compare-and-swap, so
    /// that a caller on its way in either is in before, or is told.
    #[cfg(any(test, feature = "family"))]
    pub(super) fn retire(&self) -> bool {
        let word = self.word.load(Relaxed);
        let limit = Snapshot(word).limit_field();
        // Acquire pairs with `release`: what the callers did is done before the bulkhead is thrown away.
        let seen = Snapshot(word);
        // A closed member stays: a new one for its key would be open.
        seen.held() == 0
            && !(seen.is_waiting() || seen.is_closed())
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
