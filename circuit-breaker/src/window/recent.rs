//! The window of the last so many calls.
//!
//! The property that chose the design: what the window holds, how many calls and how many of them were
//! bad, is one word, so that the call which makes it too much knows it from its own compare-and-swap,
//! exactly. How each single call ended is needed only when it leaves the window; it is in the slots, and
//! a call's slot is written by who records the *next* one, before that one counts. So nobody ever finds a
//! slot that its owner, held up, has still to write. A full window without anything bad is unchanged by one
//! more good call: that call only reads.

use crate::{
    measure::Ended,
    sync::{
        GROUPS,
        atomic::{
            AtomicU64,
            Ordering::{AcqRel, Acquire},
        },
        const_fn, zeros,
    },
};

/// Apart from the state word, which every call reads.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Recent {
    head: AtomicU64,
    groups: [AtomicU64; GROUPS],
}

/// ```text
/// 63         51   50   49      24 23      13 12      2 1        0
/// [ generation ][full][ tickets ][ failures ][ slow    ][last call]
/// ```
///
/// Tickets number the calls of a generation, so that a word that was read long ago is never taken for one
/// of now: it is the same again 67 million calls later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head(u64);

/// How many calls the window holds, and the generation that is taken for its first: each change of size makes
/// every later generation another one to the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Last {
    pub(crate) size: u32,
    pub(crate) origin: u32,
}

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
/// In tests the numbers begin anew so soon that they are seen to.
const TICKET_BITS: u32 = if cfg!(test) { 12 } else { 26 };
const FULL: u64 = 1 << (TICKET_SHIFT + TICKET_BITS);
const GENERATION_SHIFT: u32 = TICKET_SHIFT + TICKET_BITS + 1;
/// What a good call may find of any value: tickets. (The last call was good too, or it would be counted.)
const IN_MOTION: u64 = ((1 << TICKET_BITS) - 1) << TICKET_SHIFT;

/// Calls whose marks share a word: 8 of 2 bits, beside the stamp of the last one that was written (26 bits
/// of ticket, and 22 of generation, which come again after four million transitions).
const GROUP: u64 = 8;
const STAMP_SHIFT: u32 = 16;

/// The largest window. A thousand calls tell half a percent from a whole one; who needs more has a rate of
/// calls at which a time window is as good.
pub(crate) const MOST_CALLS: u32 = 1_024;

/// 2^36 divided by each size, rounded up beyond: a division costs several times a multiplication, and a call would pay
/// for three.
static RECIPROCALS: [u64; MOST_CALLS as usize + 1] = reciprocals();

const fn reciprocals() -> [u64; MOST_CALLS as usize + 1] {
    let mut all = [0; MOST_CALLS as usize + 1];
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
    /// What a generation of the circuit is to the window.
    #[inline]
    pub(crate) const fn series(self, generation: u32) -> u32 {
        generation.wrapping_add(self.origin)
    }
}

// === impl Recent ===

impl Recent {
    const_fn! {
        pub(crate) fn new() -> Self {
            // Generation 0 with no calls is 0.
            Self { head: AtomicU64::new(0), groups: zeros!(GROUPS) }
        }
    }

    /// Records a call in the last `size`, if `is_current` says that `generation` is still the present one.
    /// What the window then holds; `None` if it is not.
    #[inline]
    pub(crate) fn record(
        &self,
        size: u32,
        generation: u32,
        ended: Ended,
        is_current: impl Fn() -> bool,
    ) -> Option<Head> {
        let mark = Mark::new(ended);
        loop {
            // Acquire pairs with the AcqRel below: who sees this head sees the slots that were written
            // before it, and the state word that was asked before it.
            let head = Head(self.head.load(Acquire));
            if !head.is_of(generation) || !is_current() {
                return None;
            }
            if mark.0 == 0 && head.is_full_and_clean() {
                return Some(head);
            }
            if !self.write_last(head, size, generation) {
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
                return Some(next);
            }
        }
    }

    /// Whether one more good call would leave the window of `generation` as it is. If so it is still that
    /// of the circuit: the window moves on before the state word and before the plan.
    #[inline]
    pub(crate) fn is_clean(&self, generation: u32) -> bool {
        // Acquire, as in `record`. One comparison.
        let head = self.head.load(Acquire);
        head & !IN_MOTION == Head::empty(generation).0 | FULL
    }

    /// What the window of `generation` holds; `None` if that is over.
    pub(crate) fn read(&self, generation: u32) -> Option<Head> {
        let head = Head(self.head.load(Acquire));
        head.is_of(generation).then_some(head)
    }

    /// Empties the window for `generation`, which is about to begin. Only under the transition lock.
    pub(crate) fn begin(&self, generation: u32) {
        // A swap and not a store, for loom, as in `Places::clear`. The slots may keep what they hold:
        // one is read only after `size` calls of its own generation.
        self.head.swap(Head::empty(generation).0, AcqRel);
    }

    /// Empties the window of the last `size` calls, which were of one `series`, for another. How the last ones
    /// ended, the oldest first, no more than `most`. Only under the transition lock.
    pub(crate) fn take(&self, size: u32, series: u32, most: u32, next: u32) -> Vec<Ended> {
        loop {
            // Acquire, as in `record`. Of what this head counts all but the last is in the slots, and it stays
            // there until the head moves on.
            let head = Head(self.head.load(Acquire));
            let Some(last) = head.last_ticket(size).filter(|_| head.is_of(series)) else {
                self.begin(next);
                return Vec::new();
            };
            let tickets = Head::tickets(size);
            let older = (1..u64::from(head.calls(size).min(most))).rev();
            let kept = older
                .map(|back| self.mark((last + tickets - back) % tickets % u64::from(size)))
                .chain([head.last()])
                .map(Mark::ended)
                .collect();
            let empty = Head::empty(next);
            if self
                .head
                .compare_exchange(head.0, empty.0, AcqRel, Acquire)
                .is_ok()
            {
                return kept;
            }
        }
    }

    /// Writes how the last call of `head` ended to its slot, if nobody has. Whether `head` is still the
    /// present one, as far as that was needed.
    fn write_last(&self, head: Head, size: u32, generation: u32) -> bool {
        let Some(ticket) = head.last_ticket(size) else {
            return true;
        };
        let slot = rest(ticket, size);
        // One more than the ticket: a word that was never written is 0, and the mark of no call.
        let stamp = ((u64::from(generation) << TICKET_BITS) | (ticket + 1)) << STAMP_SHIFT;
        let (group, shift) = Self::place(slot);
        let group = &self.groups[group];
        loop {
            // Acquire: if this is already the mark of a later call, the look at the head shows it.
            let seen = group.load(Acquire);
            if seen >> STAMP_SHIFT == stamp >> STAMP_SHIFT {
                return true;
            }
            // It says so already, as that of the call a lap before: nothing to write. Only where the group was written
            // in this generation: a thread that was held up since an earlier one could still write its own mark over one
            // that nobody has touched. (One of this generation cannot: whoever moved the head on has written it.)
            if Self::is_of(seen, generation) && (seen >> shift) & 0b11 == head.last().0 {
                return true;
            }
            if self.head.load(Acquire) != head.0 {
                return false;
            }
            let marks = seen & ((1 << STAMP_SHIFT) - 1) & !(0b11 << shift);
            let next = stamp | marks | (head.last().0 << shift);
            // AcqRel: the head that moves on must not be seen without this. If it fails, somebody else
            // wrote it, or a thread of an older generation wrote its own: look again.
            if group.compare_exchange(seen, next, AcqRel, Acquire).is_ok() {
                return true;
            }
        }
    }

    fn mark(&self, slot: u64) -> Mark {
        let (group, shift) = Self::place(slot);
        // Acquire: what is read here was written before the head that named it; if it is newer, the
        // compare-and-swap of the head fails.
        Mark((self.groups[group].load(Acquire) >> shift) & 0b11)
    }

    /// Whether a group was written last in `generation`.
    const fn is_of(group: u64, generation: u32) -> bool {
        const SHIFT: u32 = STAMP_SHIFT + TICKET_BITS;
        group >> SHIFT == ((generation as u64) << SHIFT) >> SHIFT && group != 0
    }

    const fn place(slot: u64) -> (usize, u64) {
        ((slot / GROUP) as usize, slot % GROUP * MARK_BITS as u64)
    }
}

// === impl Head ===

impl Head {
    const fn empty(generation: u32) -> Self {
        // Shifted, so that the upper bits of the generation fall off.
        Self((generation as u64) << GENERATION_SHIFT)
    }

    const fn is_of(self, generation: u32) -> bool {
        self.0 >> GENERATION_SHIFT == Self::empty(generation).0 >> GENERATION_SHIFT
    }

    /// Calls in the window.
    #[expect(clippy::cast_possible_truncation, reason = "at most 26 bits")]
    pub(crate) const fn calls(self, size: u32) -> u32 {
        if self.is_full() {
            size
        } else {
            self.ticket() as u32
        }
    }

    /// Failures among them.
    pub(crate) const fn failures(self) -> u32 {
        ((self.0 >> FAILED_SHIFT) & COUNT_MASK) as u32
    }

    /// Slow ones among them.
    pub(crate) const fn slow(self) -> u32 {
        ((self.0 >> SLOW_SHIFT) & COUNT_MASK) as u32
    }

    /// Calls until now, which is the number of the next one.
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

    /// After one call more, when one that ended as `left` has to leave.
    const fn after(self, size: u32, mark: Mark, left: Mark) -> Self {
        let mut ticket = self.ticket() + 1;
        let is_full = self.is_full() || ticket >= size as u64;
        if ticket == Self::tickets(size) {
            ticket = 0;
        }
        // Saturating: if `left` is not what this head meant, nobody gets to see what comes of it.
        let failures = (self.failures() as u64 + mark.failed()).saturating_sub(left.failed());
        let slow = (self.slow() as u64 + mark.slow()).saturating_sub(left.slow());
        let generation = self.0 >> GENERATION_SHIFT << GENERATION_SHIFT;
        Self(
            generation
                | if is_full { FULL } else { 0 }
                | (ticket << TICKET_SHIFT)
                | (failures << FAILED_SHIFT)
                | (slow << SLOW_SHIFT)
                | mark.0,
        )
    }

    /// How many tickets there are: whole laps, so that the slot after the last is the first; and one less
    /// than there is room for, see `write_last`.
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

    const fn ended(self) -> Ended {
        Ended {
            failed: self.0 & FAILED != 0,
            slow: self.0 & SLOW != 0,
        }
    }

    const fn failed(self) -> u64 {
        self.0 >> 1
    }

    const fn slow(self) -> u64 {
        self.0 & SLOW
    }
}
