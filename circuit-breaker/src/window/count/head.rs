//! What a window of the last calls holds, in one word, and how a call ended, in two bits.

use super::MAX_CALLS;
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
/// In tests tickets wrap around soon, so that the tests cover it.
pub(super) const TICKET_BITS: u32 = if cfg!(test) { 12 } else { 26 };
const FULL: u64 = 1 << (TICKET_SHIFT + TICKET_BITS);
const SERIES_SHIFT: u32 = TICKET_SHIFT + TICKET_BITS + 1;
/// The tickets: the only part of a full window without a bad call that may have any value. (The
/// last call was good too, or it would be counted.)
const TICKETS: u64 = ((1 << TICKET_BITS) - 1) << TICKET_SHIFT;

/// 2^36 divided by each size, rounded up beyond: a division costs several times a multiplication,
/// and a call would pay for three.
static RECIPROCALS: [u64; MAX_CALLS as usize + 1] = reciprocals();

const fn reciprocals() -> [u64; MAX_CALLS as usize + 1] {
    let mut all = [0; MAX_CALLS as usize + 1];
    let mut size = 1;
    while size < all.len() {
        all[size] = (1 << 36) / size as u64 + 1;
        size += 1;
    }
    all
}

/// `ticket % size`. The reciprocal is too large by less than `size` / 2^36 of itself, and a ticket
/// has 26 bits: exact.
#[inline]
pub(super) const fn rest(ticket: u64, size: u32) -> u64 {
    ticket - ((ticket * RECIPROCALS[size as usize]) >> 36) * size as u64
}

// === impl Head ===

impl Head {
    pub(super) const fn empty(series: u32) -> Self {
        // Shifted, so that the upper bits of the series are cut off.
        Self((series as u64) << SERIES_SHIFT)
    }

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

    /// The number of the last call.
    pub(super) const fn last_ticket(self, size: u32) -> Option<u64> {
        match (self.ticket(), self.is_full()) {
            (0, false) => None,
            (0, true) => Some(Self::tickets(size) - 1),
            (ticket, _) => Some(ticket - 1),
        }
    }

    /// How the last call ended.
    pub(super) const fn last(self) -> Mark {
        Mark(self.0 & ((1 << MARK_BITS) - 1))
    }

    /// After one more call, when one that ended as `left` has to leave.
    pub(super) const fn after(self, size: u32, mark: Mark, left: Mark) -> Self {
        let mut ticket = self.ticket() + 1;
        // The flag stays when tickets wrap around: a full window remains full.
        let is_full = self.is_full() || ticket >= size as u64;
        if ticket == Self::tickets(size) {
            ticket = 0;
        }
        // Saturating: if `left` is not what this head meant, the compare-and-swap fails and the
        // result is dropped.
        let failures = (self.failures() as u64 + mark.failed()).saturating_sub(left.failed());
        let slow = (self.slow() as u64 + mark.slow()).saturating_sub(left.slow());
        let series = self.0 >> SERIES_SHIFT << SERIES_SHIFT;
        Self(
            series
                | if is_full { FULL } else { 0 }
                | (ticket << TICKET_SHIFT)
                | (failures << FAILED_SHIFT)
                | (slow << SLOW_SHIFT)
                | mark.0,
        )
    }

    /// The number of tickets: whole laps, so that the slot after the last is the first; and one
    /// less than there is room for, see `write_last`.
    const fn tickets(size: u32) -> u64 {
        const MOST: u64 = (1 << TICKET_BITS) - 1;
        MOST - rest(MOST, size)
    }
}

// === impl Mark ===

impl Mark {
    pub(super) const fn new(ended: Ended) -> Self {
        Self(if ended.failed { FAILED } else { 0 } | if ended.slow { SLOW } else { 0 })
    }

    const fn failed(self) -> u64 {
        self.0 >> 1
    }

    const fn slow(self) -> u64 {
        self.0 & SLOW
    }
}
