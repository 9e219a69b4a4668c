//! The window of the last calls.
//!
//! What the window holds, the number of calls and how many of them were bad, is one word. So the call that makes it too
//! much knows it from its own compare-and-swap, exactly.
//!
//! How each single call ended is needed only when it leaves the window. That is in the slots, and the slot of a call is
//! written by the thread that records the *next* call, before that one counts. So no thread ever finds a slot that a
//! delayed owner has still to write: an earlier version, in which each call wrote its own slot, had to wait for it.
//!
//! A full window without a bad call is unchanged by one more success. Such a call only reads.

use crate::{
    sync::{
        atomic::{
            AtomicU64,
            Ordering::{AcqRel, Acquire},
        },
        const_fn, zeros,
    },
    window::{Counts, Ended, Share, Tracked},
};

/// The words of the slots: a thousand calls, eight a word. Under loom: one.
const GROUPS: usize = if cfg!(all(test, loom)) { 1 } else { 128 };

/// Aligned apart from the state word, which every call reads.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct CountWindow {
    head: AtomicU64,
    groups: [AtomicU64; GROUPS],
}

/// How many calls the window holds, and the number of its shape, which makes every later generation another series to the
/// window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Last {
    size: u32,
    number: u32,
}

/// ```text
/// 63         51   50   49      24 23      13 12      2 1        0
/// [ series     ][full][ tickets ][ failures ][ slow    ][last call]
/// ```
///
/// Tickets number the calls of a series, so that a word that was read long ago is never taken for a current one: the same
/// word comes again 67 million calls later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head(u64);

/// How a call ended, in two bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark(u64);

const MARK_BITS: u32 = 2;
const FAILED: u64 = 0b10;
const SLOW: u64 = 0b01;
const COUNT_BITS: u32 = 11;
const COUNT_MASK: u64 = (1 << COUNT_BITS) - 1;
const SLOW_SHIFT: u32 = MARK_BITS;
const FAILED_SHIFT: u32 = SLOW_SHIFT + COUNT_BITS;
const TICKET_SHIFT: u32 = FAILED_SHIFT + COUNT_BITS;
/// In tests tickets wrap around soon, so that the tests cover it.
const TICKET_BITS: u32 = if cfg!(test) { 12 } else { 26 };
const FULL: u64 = 1 << (TICKET_SHIFT + TICKET_BITS);
const SERIES_SHIFT: u32 = TICKET_SHIFT + TICKET_BITS + 1;
/// The tickets: the only part of a full window without a bad call that may have any value. (The last call was good too, or
/// it would be counted.)
const TICKETS: u64 = ((1 << TICKET_BITS) - 1) << TICKET_SHIFT;

/// The calls whose marks share a word: 8 of 2 bits, beside the stamp of the last one that was written (26 bits of ticket,
/// and 22 of series, which come again after four million transitions).
const GROUP: u64 = 8;
const STAMP_SHIFT: u32 = 16;

/// The largest window. A thousand calls distinguish half a percent from a whole one; at a rate of calls that needs more a
/// window of time is as good.
pub(crate) const MAX_CALLS: u32 = 1_024;

/// 2^36 divided by each size, rounded up beyond: a division costs several times a multiplication, and a call would pay for
/// three.
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

/// `ticket % size`. The reciprocal is too large by less than `size` / 2^36 of itself, and a ticket has 26 bits: exact.
#[inline]
const fn rest(ticket: u64, size: u32) -> u64 {
    ticket - ((ticket * RECIPROCALS[size as usize]) >> 36) * size as u64
}

// === impl Last ===

impl Last {
    /// A window of `size` calls, from 1 to [`MAX_CALLS`].
    pub(crate) const fn new(size: u32) -> Self {
        Self { size, number: 0 }
    }

    pub(super) const fn numbered(self, number: u32) -> Self {
        Self { number, ..self }
    }

    pub(super) const fn pack(self) -> [u64; 3] {
        [self.size as u64, self.number as u64, 0]
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "packed from 32 bits")]
    pub(super) fn unpack(word: impl Fn(usize) -> u64) -> Self {
        Self {
            size: word(0) as u32,
            number: word(1) as u32,
        }
    }

    pub(super) const fn is_like(self, other: Self) -> bool {
        self.size == other.size
    }

    /// What a generation is to the window.
    #[inline]
    const fn series(self, generation: u32) -> u32 {
        generation.wrapping_add(self.number)
    }
}

// === impl CountWindow ===

impl CountWindow {
    const_fn! {
        pub(super) fn new() -> Self {
            // Series 0 without calls is 0.
            Self { head: AtomicU64::new(0), groups: zeros!(GROUPS) }
        }
    }

    #[inline]
    pub(super) fn record(
        &self,
        last: Last,
        generation: u32,
        tracked: Tracked,
        ended: Ended,
        is_current: impl Fn() -> bool,
    ) -> Option<Counts> {
        let (size, series, mark) = (
            last.size,
            last.series(generation),
            Mark::new(ended.of(tracked)),
        );
        loop {
            // Acquire pairs with the AcqRel below: a thread that sees this head sees the slots that were written before it,
            // and the state word that was asked before it.
            let head = Head(self.head.load(Acquire));
            if !head.is_of(series) || !is_current() {
                return None;
            }
            if mark.0 == 0 && head.is_full_and_clean() {
                return Some(head.counts(size, tracked));
            }
            if !self.write_last(head, size, series) {
                continue;
            }
            let left = if head.is_full() {
                self.mark(rest(head.ticket(), size))
            } else {
                Mark(0)
            };
            let next = head.after(size, mark, left);
            // If it succeeds, no other call was recorded since the head was read, so `left` is right.
            if self
                .head
                .compare_exchange(head.0, next.0, AcqRel, Acquire)
                .is_ok()
            {
                return Some(next.counts(size, tracked));
            }
        }
    }

    /// Whether the window is full and holds no bad call. One load and one comparison.
    #[inline]
    pub(super) fn is_full_and_clean(&self, last: Last, generation: u32) -> bool {
        // Acquire, as in `record`.
        let head = self.head.load(Acquire);
        head & !TICKETS == Head::empty(last.series(generation)).0 | FULL
    }

    pub(super) fn counts(&self, last: Last, generation: u32, tracked: Tracked) -> Counts {
        let head = Head(self.head.load(Acquire));
        if head.is_of(last.series(generation)) {
            head.counts(last.size, tracked)
        } else {
            Counts::default()
        }
    }

    pub(super) fn begin(&self, last: Last, generation: u32) {
        // A swap and not a store, for loom, as in `ProbeSlots::clear`. The slots may keep what they hold: one is read only
        // after a whole window of calls of the same series.
        self.head
            .swap(Head::empty(last.series(generation)).0, AcqRel);
    }

    /// Writes how the last call of `head` ended to its slot, unless that is done. Returns whether `head` is still the
    /// present one, as far as that was needed.
    fn write_last(&self, head: Head, size: u32, series: u32) -> bool {
        let Some(ticket) = head.last_ticket(size) else {
            return true;
        };
        let slot = rest(ticket, size);
        // One more than the ticket: a word that was never written is 0, and the mark of no call.
        let stamp = ((u64::from(series) << TICKET_BITS) | (ticket + 1)) << STAMP_SHIFT;
        let (group, shift) = Self::place(slot);
        let group = &self.groups[group];
        loop {
            // Acquire: if this is already the mark of a later call, the look at the head shows it.
            let seen = group.load(Acquire);
            if seen >> STAMP_SHIFT == stamp >> STAMP_SHIFT {
                return true;
            }
            // The slot has this value already, from the call a lap before: nothing to write. Only where the group was
            // written in this series: a thread delayed since an earlier one could still write its own mark over a group
            // that this series has not touched. (A thread of this series cannot: whichever moved the head on has written
            // the slot.)
            if Self::is_of(seen, series) && (seen >> shift) & 0b11 == head.last().0 {
                return true;
            }
            if self.head.load(Acquire) != head.0 {
                return false;
            }
            let marks = seen & ((1 << STAMP_SHIFT) - 1) & !(0b11 << shift);
            let next = stamp | marks | (head.last().0 << shift);
            // AcqRel: the head that moves on must not be seen without this. If it fails, another thread wrote it, or a
            // thread of an older series wrote its own: look again.
            if group.compare_exchange(seen, next, AcqRel, Acquire).is_ok() {
                return true;
            }
        }
    }

    fn mark(&self, slot: u64) -> Mark {
        let (group, shift) = Self::place(slot);
        // Acquire: what is read here was written before the head that named it; if it is newer, the compare-and-swap of the
        // head fails.
        Mark((self.groups[group].load(Acquire) >> shift) & 0b11)
    }

    /// Whether a group was written last in `series`.
    const fn is_of(group: u64, series: u32) -> bool {
        const SHIFT: u32 = STAMP_SHIFT + TICKET_BITS;
        group >> SHIFT == ((series as u64) << SHIFT) >> SHIFT && group != 0
    }

    const fn place(slot: u64) -> (usize, u64) {
        ((slot / GROUP) as usize, slot % GROUP * MARK_BITS as u64)
    }
}

// === impl Head ===

impl Head {
    const fn empty(series: u32) -> Self {
        // Shifted, so that the upper bits of the series are cut off.
        Self((series as u64) << SERIES_SHIFT)
    }

    const fn is_of(self, series: u32) -> bool {
        self.0 >> SERIES_SHIFT == Self::empty(series).0 >> SERIES_SHIFT
    }

    #[inline]
    fn counts(self, size: u32, tracked: Tracked) -> Counts {
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
    const fn ticket(self) -> u64 {
        (self.0 >> TICKET_SHIFT) & ((1 << TICKET_BITS) - 1)
    }

    const fn is_full(self) -> bool {
        self.0 & FULL != 0
    }

    const fn is_full_and_clean(self) -> bool {
        self.is_full() && self.failures() == 0 && self.slow() == 0
    }

    /// The number of the last call.
    const fn last_ticket(self, size: u32) -> Option<u64> {
        match (self.ticket(), self.is_full()) {
            (0, false) => None,
            (0, true) => Some(Self::tickets(size) - 1),
            (ticket, _) => Some(ticket - 1),
        }
    }

    /// How the last call ended.
    const fn last(self) -> Mark {
        Mark(self.0 & ((1 << MARK_BITS) - 1))
    }

    /// After one more call, when one that ended as `left` has to leave.
    const fn after(self, size: u32, mark: Mark, left: Mark) -> Self {
        let mut ticket = self.ticket() + 1;
        let is_full = self.is_full() || ticket >= size as u64;
        if ticket == Self::tickets(size) {
            ticket = 0;
        }
        // Saturating: if `left` is not what this head meant, the compare-and-swap fails and the result is dropped.
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

    /// The number of tickets: whole laps, so that the slot after the last is the first; and one less than there is room for,
    /// see `write_last`.
    const fn tickets(size: u32) -> u64 {
        const MOST: u64 = (1 << TICKET_BITS) - 1;
        MOST - rest(MOST, size)
    }
}

// === impl Mark ===

impl Mark {
    const fn new(ended: Ended) -> Self {
        Self(if ended.failed { FAILED } else { 0 } | if ended.slow { SLOW } else { 0 })
    }

    const fn failed(self) -> u64 {
        self.0 >> 1
    }

    const fn slow(self) -> u64 {
        self.0 & SLOW
    }
}
