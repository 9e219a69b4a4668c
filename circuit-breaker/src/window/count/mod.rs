//! The window of the last calls.
//!
//! What the window holds, the number of calls and how many of them were bad, is one word. So the
//! call that makes it too much knows it from its own compare-and-swap, exactly.
//!
//! How each single call ended is needed only when it leaves the window. That is in the slots, and
//! the slot of a call is written by the thread that records the *next* call, before that one
//! counts. So no thread ever finds a slot that a delayed owner has still to write: an earlier
//! version, in which each call wrote its own slot, had to wait for it.
//!
//! A full window without a bad call is unchanged by one more success. Such a call only reads.

mod groups;
mod head;
mod last_calls;

pub(crate) use self::last_calls::{LastCalls, MAX_CALLS};
use self::{
    groups::{Groups, STAMP_SHIFT},
    head::{Head, Mark, TICKET_BITS},
};
use crate::{
    sync::atomic::{
        AtomicU64,
        Ordering::{AcqRel, Acquire},
    },
    window::{Counts, Ended, Tracked},
};

/// Aligned, so that a call which counts does not slow down the calls that only read the state.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct CountWindow {
    // A `fetch_add` for the slot and separate counters was rejected on paper: the counts are
    // transiently wrong, so two failures can overlook each other, and cursor and slot disagree for
    // a window of one.
    head: AtomicU64,
    groups: Groups,
}

/// Another call was recorded meanwhile.
struct Contended;

// === impl CountWindow ===

impl CountWindow {
    pub(super) fn new() -> Self {
        // Series 0 without calls is 0.
        Self {
            head: AtomicU64::new(0),
            groups: Groups::new(),
        }
    }

    /// Makes the slots of all calls.
    pub(super) fn allocate(&self, last: LastCalls) {
        self.groups.allocate(last.size());
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "as `Windows::record`")]
    pub(super) fn record(
        &self,
        last: LastCalls,
        generation: u32,
        tracked: Tracked,
        ended: Ended,
        is_current: impl Fn() -> bool + Copy,
    ) -> Option<Counts> {
        let (series, mark) = (last.series(generation), Mark::new(ended.of(tracked)));
        // Not in one loop with the other attempts: the compiler would then keep, for all of them, what
        // the first one computes, which is forty instructions more.
        let recorded = match self.try_record(last, series, mark, is_current) {
            Ok(recorded) => recorded,
            Err(Contended) => self.record_again(last, series, mark, is_current),
        };
        recorded.map(|head| head.counts(last.size(), tracked))
    }

    #[cold]
    #[inline(never)]
    fn record_again(
        &self,
        last: LastCalls,
        series: u32,
        mark: Mark,
        is_current: impl Fn() -> bool + Copy,
    ) -> Option<Head> {
        loop {
            if let Ok(recorded) = self.try_record(last, series, mark, is_current) {
                return recorded;
            }
        }
    }

    /// Returns the head with the call, `None` if the window is no longer in use.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "as `Windows::record`")]
    fn try_record(
        &self,
        last: LastCalls,
        series: u32,
        mark: Mark,
        is_current: impl Fn() -> bool,
    ) -> Result<Option<Head>, Contended> {
        // Acquire pairs with the AcqRel below: a thread that sees this head sees the slots that were
        // written before it, and the state word that was asked before it.
        let head = Head(self.head.load(Acquire));
        if !head.is_of(series) || !is_current() {
            return Ok(None);
        }
        // The new call pushes out a good one and is good itself: nothing changes, and nothing is written.
        if mark.0 == 0 && head.is_full_and_clean() {
            return Ok(Some(head));
        }
        // The slot of the next call holds the call that leaves: one lap lies between them.
        let slot = last.slot(head.ticket());
        let next = if head.is_full() {
            if !self.write_last(head, last, last.slot_before(slot), series) {
                return Err(Contended);
            }
            head.after(last, mark, self.groups.mark(slot))
        } else {
            self.fill(head, last, mark, slot, series)?
        };
        // If it succeeds, no other call was recorded since the head was read, so `left` is right.
        match self.head.compare_exchange(head.0, next.0, AcqRel, Acquire) {
            Ok(_) => Ok(Some(next)),
            Err(_) => Err(Contended),
        }
    }

    /// The head after `head`, which is not full: no call leaves.
    #[cold]
    #[inline(never)]
    fn fill(
        &self,
        head: Head,
        last: LastCalls,
        mark: Mark,
        slot: u64,
        series: u32,
    ) -> Result<Head, Contended> {
        if slot > 0 && !self.write_last(head, last, slot - 1, series) {
            return Err(Contended);
        }
        Ok(head.after(last, mark, Mark(0)))
    }

    /// Whether the window is full and holds no bad call. One load and one comparison.
    #[inline]
    pub(super) fn is_full_and_clean(&self, last: LastCalls, generation: u32) -> bool {
        // Acquire, as in `record`.
        Head(self.head.load(Acquire)).is_full_and_clean_in(last.series(generation))
    }

    pub(super) fn counts(&self, last: LastCalls, generation: u32, tracked: Tracked) -> Counts {
        // One load: all counts of one moment.
        let head = Head(self.head.load(Acquire));
        if head.is_of(last.series(generation)) {
            head.counts(last.size(), tracked)
        } else {
            Counts::default()
        }
    }

    pub(super) fn begin(&self, last: LastCalls, generation: u32) {
        // A swap and not a store, for loom, as in `ProbeSlots::clear`. The slots may keep what they
        // hold: one is read only after a whole window of calls of the same series. Before the state
        // word of the new generation: a call that it admits finds an empty window. A call of the
        // old one finds a newer series, and is late.
        self.head
            .swap(Head::empty(last.series(generation)).0, AcqRel);
    }

    /// Writes how the last call of `head` ended to its `slot`, unless that is done. Returns whether
    /// `head` is still the present one, as far as that was needed.
    // Helping: the slot of the last call is written by whichever thread wants to record the next one,
    // and all of them write the same.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "as `Windows::record`")]
    fn write_last(&self, head: Head, last: LastCalls, slot: u64, series: u32) -> bool {
        let (group, shift) = self.groups.of(slot);
        // Acquire: if this is already the mark of a later call, the look at the head shows it.
        let seen = group.load(Acquire);
        Groups::holds(seen, shift, head, series)
            || self.write_to(group, seen, shift, head, last, series)
    }

    // Out of line: a window of good calls and few bad ones is seldom written to.
    #[inline(never)]
    fn write_to(
        &self,
        group: &AtomicU64,
        mut seen: u64,
        shift: u64,
        head: Head,
        last: LastCalls,
        series: u32,
    ) -> bool {
        // One more than the ticket: a word that was never written is 0, and the mark of no call.
        // The stamp says which call wrote last. Tickets, not positions: a head that is the same a
        // lap later would let a delayed thread count a wrong evicted call for ever.
        let stamp =
            ((u64::from(series) << TICKET_BITS) | (head.last_ticket(last) + 1)) << STAMP_SHIFT;
        loop {
            // Between the load of the group and its compare-and-swap: if the head is still this
            // one, no later call has been recorded, so no later mark can be in the slot.
            if self.head.load(Acquire) != head.0 {
                return false;
            }
            let marks = seen & ((1 << STAMP_SHIFT) - 1) & !(0b11 << shift);
            let next = stamp | marks | (head.last().0 << shift);
            // AcqRel: the head that moves on must not be seen without this. If it fails, another
            // thread wrote it, or a thread of an older series wrote its own: look again.
            match group.compare_exchange(seen, next, AcqRel, Acquire) {
                Ok(_) => return true,
                Err(other) if Groups::holds(other, shift, head, series) => return true,
                Err(other) => seen = other,
            }
        }
    }
}
