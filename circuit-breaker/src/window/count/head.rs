//! What a window of the last calls holds, in one word, and how a call ended, in two bits.

use super::{LastCalls, MAX_CALLS};
use crate::window::{Counts, Ended, Share, Tracked};

/// ```text
/// 63         51   50   49      24 23      13 12      2 1        0
/// [ series     ][full][ tickets ][ failures ][ slow    ][last call]
/// ```
///
/// Tickets number the calls of a series, so that a word that was read long ago is never taken for a
/// current one: the same word comes again 67 million calls later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head(pub(super) u64);

/// How a call ended, in two bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark(pub(super) u64);

pub(super) const MARK_BITS: u32 = 2;
// Ten bits would hold 1,023 bad calls; a window has up to 1,024, hence eleven for each count.
const FAILED: u64 = 0b10;
const SLOW: u64 = 0b01;
// 13 bits of series, 1 and 26 of tickets, 22 of counts, 2 of the last call: 64.
const COUNT_BITS: u32 = 11;
const COUNT_MASK: u64 = (1 << COUNT_BITS) - 1;
const SLOW_SHIFT: u32 = MARK_BITS;
const FAILED_SHIFT: u32 = SLOW_SHIFT + COUNT_BITS;
const TICKET_SHIFT: u32 = FAILED_SHIFT + COUNT_BITS;
pub(super) const MOST_TICKET_BITS: u32 = 26;
/// In tests tickets wrap around soon, so that the tests cover it.
pub(super) const TICKET_BITS: u32 = if cfg!(test) { 12 } else { MOST_TICKET_BITS };
const FULL: u64 = 1 << (TICKET_SHIFT + TICKET_BITS);
const SERIES_SHIFT: u32 = TICKET_SHIFT + TICKET_BITS + 1;
const MOST: u64 = (1 << TICKET_BITS) - 1;
/// The tickets: the only part of a full window without a bad call that may have any value. (The
/// last call was good too, or it would be counted.)
const TICKETS: u64 = MOST << TICKET_SHIFT;

// === impl Head ===

impl Head {
    pub(super) const fn empty(series: u32) -> Self {
        // Shifted, so that the upper bits of the series are cut off.
        Self((series as u64) << SERIES_SHIFT)
    }

    #[inline]
    pub(super) const fn is_of(self, series: u32) -> bool {
        self.0 >> SERIES_SHIFT == Self::empty(series).0 >> SERIES_SHIFT
    }

    #[inline]
    pub(super) fn counts(self, size: u32, tracked: Tracked) -> Counts {
        let share = |tracked, bad| {
            if tracked {
                let calls = self.calls(size);
                Share { calls, bad }
            } else {
                Share::default()
            }
        };
        Counts {
            failed: share(tracked.failed, self.failures()),
            slow: share(tracked.slow, self.slow()),
        }
    }

    /// Calls in the window.
    #[expect(clippy::cast_possible_truncation, reason = "at most 26 bits")]
    const fn calls(self, size: u32) -> u32 {
        if self.is_full() {
            size
        } else {
            self.ticket() as u32
        }
    }

    const fn failures(self) -> u32 {
        ((self.0 >> FAILED_SHIFT) & COUNT_MASK) as u32
    }

    const fn slow(self) -> u32 {
        ((self.0 >> SLOW_SHIFT) & COUNT_MASK) as u32
    }

    /// The calls until now, which is the number of the next one.
    pub(super) const fn ticket(self) -> u64 {
        (self.0 >> TICKET_SHIFT) & ((1 << TICKET_BITS) - 1)
    }

    pub(super) const fn is_full(self) -> bool {
        self.0 & FULL != 0
    }

    /// Whether the window of `series` is full and holds no bad call. One comparison.
    #[inline]
    pub(super) const fn is_full_and_clean_in(self, series: u32) -> bool {
        self.0 & !TICKETS == Self::empty(series).0 | FULL
    }

    pub(super) const fn is_full_and_clean(self) -> bool {
        self.is_full() && self.failures() == 0 && self.slow() == 0
    }

    /// The number of the last call, where there is one.
    pub(super) const fn last_ticket(self, last: LastCalls) -> u64 {
        match self.ticket() {
            0 => Self::tickets(last) - 1,
            ticket => ticket - 1,
        }
    }

    /// How the last call ended.
    pub(super) const fn last(self) -> Mark {
        Mark(self.0 & ((1 << MARK_BITS) - 1))
    }

    /// After one more call, when one that ended as `left` leaves; `Mark(0)` where none does.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "as `Windows::record`")]
    pub(super) const fn after(self, last: LastCalls, mark: Mark, left: Mark) -> Self {
        let ticket = self.ticket() + 1;
        // The flag stays when tickets wrap around: a full window remains full.
        let full = if !self.is_full() && ticket >= last.size() as u64 {
            FULL
        } else {
            0
        };
        // Wrapping: if `left` is not what this head meant, the compare-and-swap fails and the result
        // is dropped.
        let next = (self.0 - self.last().0)
            .wrapping_add((1 << TICKET_SHIFT) + mark.counts())
            .wrapping_sub(left.counts());
        let next = Self(next | full | mark.0);
        if ticket > MOST - MAX_CALLS as u64 {
            return next.wrapped(last);
        }
        next
    }

    /// With tickets that begin again, if all were used. Out of line, as it seldom happens.
    #[cold]
    #[inline(never)]
    const fn wrapped(self, last: LastCalls) -> Self {
        if self.ticket() == Self::tickets(last) {
            return Self(self.0 & !TICKETS);
        }
        self
    }

    /// The number of tickets: whole laps, so that the slot after the last is the first; and one
    /// less than there is room for, see `write_to`.
    const fn tickets(last: LastCalls) -> u64 {
        MOST - last.slot(MOST)
    }
}

// === impl Mark ===

impl Mark {
    pub(super) const fn new(ended: Ended) -> Self {
        Self(if ended.failed { FAILED } else { 0 } | if ended.slow { SLOW } else { 0 })
    }

    /// What the call adds to the counts of a head.
    #[inline]
    const fn counts(self) -> u64 {
        ((self.0 >> 1) << FAILED_SHIFT) | ((self.0 & SLOW) << SLOW_SHIFT)
    }
}
