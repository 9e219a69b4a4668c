//! The atomics of a retry budget.
//!
//! - `used` is the point on the line of credit up to which retries have used it. It alone decides; see `credit.rs`.
//! - `calls` counts all calls. A deposit is one `fetch_add`, whatever the slot of time.
//! - `marks` holds, for each live slot of time in which a call came, the value of `calls` when the slot began. The
//!   first call of the slot writes it. The marks tell how much credit has expired, after a millisecond or a year:
//!   nothing is swept, and the mark of a slot that passed unused is recognised by its number.
//! - `marked` is the end of the newest slot that has its mark. A call before then needs no slot. It is a cache and
//!   decides nothing: at 0, every call looks for its mark.
//!
//! - `era` has the terms, and what a change of them continues; see `era.rs`.
//!
//! Time is an argument, in nanoseconds since the budget was made.
//!
//! # Property
//!
//! At most `earned / RETRY` retries are granted, in any interleaving, and a retry that had credit at every moment of
//! its withdrawal is granted.
//!
//! # Ordering
//!
//! | publishes (Release) | is seen by (Acquire) | so that |
//! |---|---|---|
//! | `calls` in `count` | `calls` in `read` | the marks of all slots in those calls are seen |
//! | `used` in `withdraw` | `used` in `withdraw`, `balance` | the calls that paid for a grant are seen with it |
//! | a mark in `begin` | the mark in `deposit` | a call counts itself after the beginning of its slot |
//! | the era in `change` | the era in `read` | the marks of its slots are seen with it |
//! | `marked` in `deposit` | `marked` in `marked` | the same, for calls that skip the mark |

use crate::{
    budget::ratio::{
        credit::{self, Terms},
        era::{self, Era},
    },
    cell::Cell,
    sync::{
        atomic::{
            AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
        const_fn, zeroes,
    },
};

/// The number of slots in a ttl. Credit lives at least 15/16 of the ttl, and never longer than it.
///
/// A power of two, and few enough that reading all marks, once a retry, costs less than the retry's clock reading.
pub(super) const SLOTS: usize = 16;

pub(super) struct Ledger<const N: usize = SLOTS> {
    era: Cell<{ era::WORDS }>,
    marks: [AtomicU64; N],
    /// Nanoseconds.
    marked: AtomicU64,
    used: AtomicU64,
    calls: Count,
}

/// The line of credit at a time.
struct Line {
    era: Era,
    calls: u64,
    /// Its length.
    earned: u64,
    /// The part of it that has expired.
    expired: u64,
}

/// A separate cache line: every call writes the count, and reads a mark that must stay in the caches.
// 128: x86 fetches lines of 64 in pairs, and some ARM lines are as long.
#[repr(align(128))]
struct Count(AtomicU64);

impl<const N: usize> Ledger<N> {
    const_fn! {
        pub(super) fn new(terms: Terms) -> Self {
            // 0 is a mark of slot 0, which is never live: `Era::slot` begins at `N`.
            Self { era: Cell::new(0, Era::first(terms, N).pack()), marks: zeroes(), marked: AtomicU64::new(0), used: AtomicU64::new(0), calls: Count(AtomicU64::new(0)) }
        }
    }

    /// Until this time a call is counted by [`count`](Self::count) alone.
    #[inline]
    pub(super) fn marked(&self) -> u64 {
        // Acquire pairs with the Release of `marked` in `deposit`: the caller's count comes after the mark.
        self.marked.load(Acquire)
    }

    /// Counts a call that comes before [`marked`](Self::marked), in the slot that ends then.
    ///
    /// A call whose reading of the clock is late may belong to an earlier slot. It is counted after the newer mark in
    /// any case.
    #[inline]
    pub(super) fn count(&self) {
        // Release pairs with the Acquire of `calls` in `read`: a thread that sees this call sees the mark of its slot.
        self.calls.0.fetch_add(1, Release);
    }

    /// Counts a call. One read-modify-write, and two more for the first call of a slot.
    pub(super) fn deposit(&self, nanos: u64) {
        if nanos >= self.marked() {
            let era = self.era();
            let slot = era.slot(nanos);
            // Acquire pairs with the Release in `begin`: the count below comes after the count in the mark.
            // Otherwise the call would seem to be one of the slot before, and expire with it.
            let mark = self.mark(slot).load(Acquire);
            if Mark::unpack(mark).is_before(slot) {
                self.begin(slot, mark);
            }
            // The mark is there, written by this thread or another. Release pairs with the Acquire in `marked`. A
            // maximum, because a call of a later slot may have come first.
            self.marked.fetch_max(era.end(slot), Release);
        }
        self.count();
    }

    /// Takes one retry and returns the end of its credit on the line, for `refund`. `None` if there is not enough.
    pub(super) fn withdraw(&self, nanos: u64) -> Option<u64> {
        // Before `calls` is read. Acquire pairs with the Release below: a thread that sees credit used sees the calls
        // that brought it. Otherwise it would compare `used` with fewer calls than paid for it, and refuse a retry
        // that had credit at every moment. Loom found that with a Relaxed swap.
        let mut used = self.used.load(Acquire);
        loop {
            let Line {
                earned, expired, ..
            } = self.read(nanos);
            let end = credit::withdraw(used, earned, expired)?;
            // The decision needs only that `used` is unchanged: it is the whole state of the withdrawals, and calls
            // can only have become more. For the orderings see above; the failed swap takes the place of the load.
            match self.used.compare_exchange_weak(used, end, Release, Acquire) {
                Ok(_) => return Some(end),
                Err(seen) => used = seen,
            }
        }
    }

    /// Gives back a retry that ended at `end` and never ran. `Hold` calls it at most once for a withdrawal.
    pub(super) fn refund(&self, end: u64, nanos: u64) {
        let expired = self.read(nanos).expired;
        // Relaxed: it publishes no calls, and as a read-modify-write it continues the release sequence of the
        // withdrawals before it. `used` cannot fall below 0, as this is part of what was added.
        self.used.fetch_sub(credit::refund(end, expired), Relaxed);
    }

    /// How many retries could be taken. For display.
    pub(super) fn balance(&self, nanos: u64) -> u64 {
        // Acquire, and before `calls`, as in `withdraw`.
        let used = self.used.load(Acquire);
        let line = self.read(nanos);
        credit::balance(used, line.earned, line.expired)
    }

    /// Whether a new budget would have no more credit than this one.
    #[cfg(feature = "family")]
    pub(super) fn is_like_new(&self, nanos: u64) -> bool {
        // A read-modify-write, which sees the latest value: to loom, the count of references orders nothing.
        let used = self.used.fetch_max(0, Acquire);
        let line = self.read(nanos);
        let left = line.earned.saturating_sub(used.max(line.expired));
        left >= line.era.terms.reserve()
    }

    /// Puts other terms into force. A retry that is withdrawn meanwhile is granted by one of the two.
    pub(super) fn change(&self, terms: Terms, nanos: u64) {
        self.era.change(|| {
            let line = self.read(nanos);
            let era = line.era;
            if terms == era.terms {
                return (0, era.pack());
            }
            // What has expired stays so, though the new ttl be longer. A maximum, as retries are granted meanwhile.
            // Relaxed: it publishes no calls, and continues the release sequence of the withdrawals.
            self.used.fetch_max(line.expired, Relaxed);
            let next = era.next(terms, N, line.calls, line.earned, nanos);
            if terms.ttl != era.terms.ttl {
                self.renumber(&era, &next, nanos);
            }
            (0, next.pack())
        });
        // Until then a call may skip the marking of its slot, and expires with an older one.
        self.marked.store(0, Relaxed);
    }

    /// Gives the marks of live slots their numbers in the next era. Relaxed: published with the era.
    fn renumber(&self, era: &Era, next: &Era, nanos: u64) {
        let now = era.slot(nanos);
        let live = (now - (N as u64 - 1)..=now)
            .map(|slot| (slot, Mark::unpack(self.mark(slot).load(Relaxed))))
            .filter(|(slot, mark)| mark.is_of(*slot));
        let live: [Option<(u64, Mark)>; N] = {
            let mut live = live;
            std::array::from_fn(|_| live.next())
        };
        let oldest = next.slot(nanos) - (N as u64 - 1);
        let mut last = 0;
        for (slot, mark) in live.into_iter().flatten() {
            let slot = era.slot_in(next, slot);
            // Of several slots that are one now, the first has seen all calls.
            if slot >= oldest && slot != last {
                let mark = Mark::new(slot, mark.calls.into());
                self.mark(slot).store(mark.pack(), Relaxed);
                last = slot;
            }
        }
    }

    fn era(&self) -> Era {
        Era::unpack(self.era.read().1)
    }

    /// The line of credit, by terms that were in force throughout the reading.
    fn read(&self, nanos: u64) -> Line {
        let (mut plan, mut words) = self.era.read();
        loop {
            let line = self.read_in(Era::unpack(words), nanos);
            // Else calls that came after a change would be counted by the terms before it.
            if self.era.plan() == plan {
                return line;
            }
            (plan, words) = self.era.read();
        }
    }

    fn read_in(&self, era: Era, nanos: u64) -> Line {
        // Acquire pairs with the Release in `count`: the marks of all slots in these calls are seen.
        let calls = self.calls.0.load(Acquire);
        let now = era.slot(nanos);
        let oldest = now - (N as u64 - 1);
        // A reading of the clock that was ahead would keep all other calls from marking their slots. The next retry
        // takes it back; until then credit may be missing, but is never too much. Relaxed: at 0 no call skips
        // anything. Comparing with both ends of the slot in every call instead costs as much as the cache saves.
        if self.marked.load(Relaxed) > era.end(now + 1) {
            self.marked.store(0, Relaxed);
        }
        // The largest count of live calls, not that of the oldest slot. A caller that read the clock in one slot and
        // marks it in the next leaves a mark that has seen too many calls, and it must not hide the better mark
        // after it.
        let live = (oldest..=now)
            // Relaxed: ordered by the load of `calls`. A mark that is newer than those calls counts none.
            .map(|slot| (slot, Mark::unpack(self.mark(slot).load(Relaxed))))
            .filter(|(slot, mark)| mark.is_of(*slot))
            .map(|(_, mark)| mark.since(calls))
            .max()
            .unwrap_or(0);
        Line {
            era,
            calls,
            earned: era.earned(calls, nanos),
            // Saturating: only after 2^32 calls in one ttl could there be more live ones than calls.
            expired: era.expired(calls.saturating_sub(live), nanos),
        }
    }

    /// Marks the beginning of `slot`, in place of `old` or of an older mark that has replaced it.
    #[cold]
    fn begin(&self, slot: u64, mut old: u64) {
        // A second turn follows only after a caller whose reading of the clock is a whole ttl late. A form that gave
        // up when the swap failed left the newer slot unmarked, and its calls expired with an older one; loom found
        // it.
        while Mark::unpack(old).is_before(slot) {
            // Relaxed: any value that is not older than this slot is right. Calls counted meanwhile belong to either
            // slot.
            let mark = Mark::new(slot, self.calls.0.load(Relaxed)).pack();
            // A swap: another call may have marked this slot, or a later one, and a store would move the beginning
            // past calls that are counted in it. Release pairs with the Acquire in `deposit`. Acquire on failure,
            // because our count must then come after the other thread's mark.
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

// === Mark ===

/// A slot of time and the count of calls when it began, in one word:
///
/// ```text
/// 63            32 31             0
/// [     slot      |     calls     ]
/// ```
///
/// Both are cut to 32 bits. Calls are compared only within a ttl, where they differ by less than 2^31. A slot number
/// repeats after 2^32 slots (8 years at the shortest ttl). A mark that was not replaced in all that time would count
/// as a new one, and revive at most what one ttl had brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    slot: u32,
    calls: u32,
}

/// By how many slots a reading of the clock may be late: 18 hours at the shortest ttl.
///
/// Half of the 32 bits, the usual choice, would take the mark of a budget that was idle for 4 years for one of the
/// future, and the budget would stop marking its slots. A property test found that.
const LATEST: u32 = 1 << 20;

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "cut to 32 bits on purpose, see the type; `cast_signed` needs Rust 1.87"
)]
impl Mark {
    const fn new(slot: u64, calls: u64) -> Self {
        Self {
            slot: slot as u32,
            calls: calls as u32,
        }
    }

    const fn is_of(self, slot: u64) -> bool {
        self.slot == slot as u32
    }

    /// Whether this is the mark of a slot before `slot`. A caller with a late reading of the clock may meet the mark
    /// of a later slot, and must not overwrite it.
    const fn is_before(self, slot: u64) -> bool {
        let ahead = self.slot.wrapping_sub(slot as u32);
        ahead > LATEST
    }

    /// How many of `calls` were counted since the slot began. 0 if it began after they were read.
    fn since(self, calls: u64) -> u64 {
        let since = (calls as u32).wrapping_sub(self.calls) as i32;
        u64::try_from(since).unwrap_or(0)
    }

    const fn unpack(word: u64) -> Self {
        Self {
            slot: (word >> 32) as u32,
            calls: word as u32,
        }
    }

    const fn pack(self) -> u64 {
        (self.slot as u64) << 32 | self.calls as u64
    }
}
