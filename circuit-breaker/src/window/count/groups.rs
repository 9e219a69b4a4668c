//! How each call in the window ended, eight calls a word.

use super::{
    head::{Head, MARK_BITS, Mark, TICKET_BITS},
    last_calls::MAX_CALLS,
};
use crate::sync::{
    Lazy,
    atomic::{AtomicU64, Ordering::Acquire},
    zeros,
};

/// The words of the slots that the window begins with, eight calls a word: 104 calls, which fill a pair of cache lines
/// together with the head. Under loom: one.
const FIRST: usize = if cfg!(all(test, loom)) { 1 } else { 13 };
/// The words of the slots beyond: up to a thousand calls in all.
const REST: usize = MAX_CALLS as usize / 8 - FIRST;

/// The slots of all calls.
#[derive(Debug)]
pub(super) struct Groups {
    first: [AtomicU64; FIRST],
    rest: Lazy<Rest>,
}

type Rest = [AtomicU64; REST];

/// The calls whose marks share a word: 8 of 2 bits, beside the stamp of the last one that was
/// written (26 bits of ticket, and 22 of series, which come again after four million transitions).
const GROUP: u64 = 8;
pub(super) const STAMP_SHIFT: u32 = 16;

// === impl Groups ===

impl Groups {
    pub(super) fn new() -> Self {
        Self {
            first: zeros!(FIRST),
            rest: Lazy::new(),
        }
    }

    /// Makes the slots of `size` calls.
    pub(super) fn allocate(&self, size: u32) {
        self.of(u64::from(size) - 1);
    }

    /// The word that holds `slot`, and by how many bits it is shifted there.
    #[inline]
    pub(super) fn of(&self, slot: u64) -> (&AtomicU64, u64) {
        let (group, shift) = Self::place(slot);
        (self.group(group), shift)
    }

    /// How the call in `slot` ended.
    #[inline]
    pub(super) fn mark(&self, slot: u64) -> Mark {
        let (group, shift) = self.of(slot);
        // Acquire: what is read here was written before the head that named it; if it is newer, the
        // compare-and-swap of the head fails.
        Mark((group.load(Acquire) >> shift) & 0b11)
    }

    /// Whether a group has the mark of the last call of `head` already: because another thread has
    /// written it, or from the call a lap before. Then there is nothing to write.
    ///
    /// Only where the group was written in this series: a thread delayed since an earlier one could
    /// still write its own mark over a group that this series has not touched. (A thread of this
    /// series cannot: whichever moved the head on has written the slot.)
    #[inline]
    pub(super) fn holds(group: u64, shift: u64, head: Head, series: u32) -> bool {
        Self::is_of(group, series) && (group >> shift) & 0b11 == head.last().0
    }

    #[inline]
    fn group(&self, index: usize) -> &AtomicU64 {
        match self.first.get(index) {
            Some(group) => group,
            None => &self.rest.get_or_make(|| zeros!(REST))[index - FIRST],
        }
    }

    /// Whether a group was written last in `series`.
    #[inline]
    const fn is_of(group: u64, series: u32) -> bool {
        const SHIFT: u32 = STAMP_SHIFT + TICKET_BITS;
        group >> SHIFT == ((series as u64) << SHIFT) >> SHIFT && group != 0
    }

    #[inline]
    const fn place(slot: u64) -> (usize, u64) {
        ((slot / GROUP) as usize, slot % GROUP * MARK_BITS as u64)
    }
}
