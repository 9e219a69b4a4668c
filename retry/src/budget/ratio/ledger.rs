//! The atomics of a retry budget.
//!
//! - `calls` counts the calls there ever were. A deposit is one `fetch_add`, in any slot of time.
//! - `marks` remembers, for each live slot of time in which a call came, what `calls` was when the slot
//!   began: written once a slot, by the first call in it. From them follows how much credit is too old,
//!   after a millisecond or a year: nothing is swept, and the marks of slots that passed unused are
//!   recognised by their numbers.
//! - `marked` is when the newest slot ends that has its mark: a call that comes before then has nothing to do with
//!   time. Nothing is decided by it: at 0 every call looks for its mark.
//! - `used` is how far retries have used the line of credit up. It alone decides; see `credit.rs`.
//!
//! Time is an argument, in nanoseconds since the budget was made.

use super::{credit, mark::Mark, terms::Terms};
use crate::sync::{
    atomic::{
        AtomicU64,
        Ordering::{Acquire, Relaxed, Release},
    },
    const_fn, zeroes,
};

/// A ttl is cut into so many slots: credit lives at least 15/16 of its ttl, and never longer. A power of
/// two, and few enough that reading them all, once a retry, costs less than the retry's clock reading.
pub(crate) const SLOTS: usize = 16;

#[derive(Debug)]
pub(crate) struct Ledger<const N: usize = SLOTS> {
    terms: Terms,
    /// Nanoseconds; kept, as a division costs a call more than all else here.
    slot_length: u64,
    marks: [AtomicU64; N],
    /// Nanoseconds.
    marked: AtomicU64,
    used: AtomicU64,
    calls: Line,
}

/// A cache line for itself: every call writes the count, and reads a mark that must stay cached elsewhere.
// 128: x86 fetches lines of 64 in pairs, and some ARM lines are as long.
#[repr(align(128))]
#[derive(Debug)]
struct Line(AtomicU64);

impl<const N: usize> Ledger<N> {
    const_fn! {
        pub(crate) fn new(terms: Terms) -> Self {
            // 0 is a mark of slot 0, which is never live: `Terms::slot` begins at `N`.
            Self { slot_length: terms.slot_length(N), terms, marks: zeroes(), marked: AtomicU64::new(0), used: AtomicU64::new(0), calls: Line(AtomicU64::new(0)) }
        }
    }

    /// Until when a call is counted by [`count`](Self::count) alone.
    #[inline]
    pub(crate) fn marked(&self) -> u64 {
        // Acquire pairs with the Release in `deposit`: who sees that a slot has its mark comes after it, as its
        // count must; see there.
        self.marked.load(Acquire)
    }

    /// Counts a call that comes before [`marked`](Self::marked): in the slot that ends then. One in a slot before
    /// it, by a late reading of the clock, is counted after the newer mark whatever it does.
    #[inline]
    pub(crate) fn count(&self) {
        // Release pairs with the Acquire in `read`: who sees this call sees the mark of its slot.
        self.calls.0.fetch_add(1, Release);
    }

    /// Counts a call. One read-modify-write; two more for the first call of a slot.
    pub(crate) fn deposit(&self, nanos: u64) {
        if nanos >= self.marked() {
            let slot = self.terms.slot(nanos, self.slot_length);
            // Acquire pairs with the Release in `begin`: our count below comes after the one that the mark
            // was made of, or the call would be taken for one of the slot before and expire with it.
            let mark = self.mark(slot).load(Acquire);
            if Mark::unpack(mark).is_before(slot) {
                self.begin(slot, mark);
            }
            // The mark is there, ours or that of another. Release: who sees this sees that. A maximum, as a call
            // of a later slot may have come first.
            let end = self.terms.end(slot, self.slot_length);
            self.marked.fetch_max(end, Release);
        }
        self.count();
    }

    /// Takes one retry: where its credit ends on the line, to be given to `refund`. `None`: not enough.
    pub(crate) fn withdraw(&self, nanos: u64) -> Option<u64> {
        // Acquire pairs with the Release below: who sees that credit was used sees the calls that brought
        // it. Else `used` would be compared with fewer calls than it was taken from, and a retry be
        // refused that had credit at every moment.
        let mut used = self.used.load(Acquire);
        loop {
            let (earned, expired) = self.read(nanos);
            let end = credit::withdraw(used, earned, expired)?;
            // That `used` is still what it was is all the decision needs: it is the whole state that
            // withdrawals have, and calls can only have become more. Release, and Acquire on failure: see above.
            match self.used.compare_exchange_weak(used, end, Release, Acquire) {
                Ok(_) => return Some(end),
                Err(seen) => used = seen,
            }
        }
    }

    /// Gives back a retry that ended at `end` and never ran. Once only: `Hold` sees to it.
    pub(crate) fn refund(&self, end: u64, nanos: u64) {
        let (_, expired) = self.read(nanos);
        // Relaxed: it brings no calls to be seen, and as a read-modify-write it keeps up the pairing of those
        // before it. It cannot go below 0: it is part of what was added.
        self.used.fetch_sub(credit::refund(end, expired), Relaxed);
    }

    /// How many retries could be taken now: a figure to look at.
    pub(crate) fn balance(&self, nanos: u64) -> u64 {
        let used = self.used.load(Acquire);
        let (earned, expired) = self.read(nanos);
        credit::balance(used, earned, expired)
    }

    /// The length of the line, and how much of it is too old.
    fn read(&self, nanos: u64) -> (u64, u64) {
        // Acquire pairs with the Release in `deposit`: the marks of all slots in these calls are seen.
        let calls = self.calls.0.load(Acquire);
        let now = self.terms.slot(nanos, self.slot_length);
        let oldest = now - (N as u64 - 1);
        // Somebody's clock was ahead, and until then no slot would be marked. Relaxed: at 0 nothing is skipped.
        if self.marked.load(Relaxed) > self.terms.end(now + 1, self.slot_length) {
            self.marked.store(0, Relaxed);
        }
        // The largest, not the first: a caller that read the clock in one slot and comes to mark it in
        // the next leaves a mark that has seen too much, and must not hide the better one after it.
        let live = (oldest..=now)
            // Relaxed: ordered by the load of `calls`. One that is newer than those calls counts none.
            .map(|slot| (slot, Mark::unpack(self.mark(slot).load(Relaxed))))
            .filter(|(slot, mark)| mark.is_of(*slot))
            .map(|(_, mark)| mark.since(calls))
            .max()
            .unwrap_or(0);
        let earned = self.terms.earned(calls, nanos);
        // Saturating: only after 2^32 calls too many in one ttl could there be more live ones than calls.
        let expired = self.terms.expired(calls.saturating_sub(live), nanos);
        (earned, expired)
    }

    /// Marks the beginning of `slot`, in the place of `old` or of whatever older mark stands there by now.
    #[cold]
    fn begin(&self, slot: u64, mut old: u64) {
        // Again only after a caller whose reading of the clock is a whole ttl late came in between.
        while Mark::unpack(old).is_before(slot) {
            // Relaxed: any value that is not older than this slot will do, and what a call before us has
            // counted we see. Calls counted meanwhile belong to either slot.
            let mark = Mark::new(slot, self.calls.0.load(Relaxed)).pack();
            // A swap, as another call may have marked this slot, or a later one: to store would move its
            // beginning past calls that are counted in it. Release: see `deposit`. Acquire on failure, as
            // it is then their mark that our count must come after.
            match self
                .mark(slot)
                .compare_exchange(old, mark, Release, Acquire)
            {
                Ok(_) => return,
                Err(seen) => old = seen,
            }
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "a remainder of a usize")]
    fn mark(&self, slot: u64) -> &AtomicU64 {
        &self.marks[(slot % N as u64) as usize]
    }
}
