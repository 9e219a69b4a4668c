//! The slots of the probes in flight: their deadlines, one word each.
//!
//! A slot is given back by swapping out the very lease that was swapped in. So of the end of a
//! probe and the end of its time exactly one settles it.

use crate::sync::{
    Lazy,
    atomic::{
        AtomicU64,
        Ordering::{AcqRel, Acquire, Relaxed},
    },
    const_fn, repeat,
};

/// The slots that every breaker has: three is [`in_flight`](crate::Probes::in_flight) of the default `Probes`. Under loom: two.
const FIRST: usize = if cfg!(all(test, loom)) { 2 } else { 3 };
/// The slots beyond, with which there are as many as can be configured.
const MORE: usize = 16 - FIRST;

#[derive(Debug)]
pub(super) struct ProbeSlots {
    // No list of free ones: sixteen are scanned in less time than a list takes to change.
    first: [Slot; FIRST],
    /// Made before the numbers that need them are in force, or before the state in which a call may need them.
    more: Lazy<[Slot; MORE]>,
}

#[derive(Debug)]
struct Slot {
    lease: AtomicU64,
    /// When the probe began. Belongs to the holder of the lease.
    begun: AtomicU64,
}

/// The deadline of a probe, in ticks, whether it is [answered](super::StateMachine::answer_probe), and the low bits of the
/// generation that admitted it: what a probe leaves behind of a generation that was reset is not mistaken for a current
/// one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lease(u64);

// A deadline is at least 1, so no lease is 0.
const FREE: u64 = 0;
const TAG_BITS: u32 = 3;
const TAG_MASK: u64 = (1 << TAG_BITS) - 1;
const ANSWERED: u64 = 1 << TAG_BITS;
const DEADLINE_SHIFT: u32 = TAG_BITS + 1;

// === impl Lease ===

impl Lease {
    /// `deadline` is above 0 and below 2^60.
    pub(super) const fn new(deadline: u64, generation: u32) -> Self {
        Self((deadline << DEADLINE_SHIFT) | (generation as u64 & TAG_MASK))
    }

    pub(super) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(super) const fn bits(self) -> u64 {
        self.0
    }

    pub(super) const fn deadline(self) -> u64 {
        self.0 >> DEADLINE_SHIFT
    }

    #[cfg(any(feature = "http-body", all(test, loom)))]
    pub(super) const fn answered(self) -> Self {
        Self(self.0 | ANSWERED)
    }

    pub(super) const fn is_answered(self) -> bool {
        self.0 & ANSWERED != 0
    }

    const fn is_of(self, generation: u32) -> bool {
        self.0 != FREE && self.0 & TAG_MASK == generation as u64 & TAG_MASK
    }
}

// === impl ProbeSlots ===

impl ProbeSlots {
    const_fn! {
        pub(super) fn new() -> Self {
            Self { first: repeat!(Slot::new(); FIRST), more: Lazy::new() }
        }
    }

    /// Makes the slots for so many probes in flight, unless they exist.
    pub(super) fn allocate(&self, in_flight: u8) {
        if usize::from(in_flight) > FIRST {
            self.more.get_or_make(|| repeat!(Slot::new(); MORE));
        }
    }

    fn all(&self) -> impl Iterator<Item = &Slot> {
        self.first
            .iter()
            .chain(self.more.get().into_iter().flatten())
    }

    fn slot(&self, index: u8) -> &Slot {
        let index = usize::from(index);
        match self.first.get(index) {
            Some(slot) => slot,
            None => &self.more.get().expect("a probe took one of them")[index - FIRST],
        }
    }

    /// Puts `lease`, of a probe that begins at `now`, into one of the slots. The caller has
    /// reserved room in the state word, so one is free: a slot is freed before the word says so.
    /// Each further round means that another thread has made progress.
    pub(super) fn take(&self, lease: Lease, generation: u32, now: u64) -> u8 {
        loop {
            for (index, slot) in (0..).zip(self.all()) {
                // Relaxed: a guess, which the compare-and-swap confirms or corrects.
                // A lease of another generation counts as free. Its probe is late, and its owner finds that out by
                // its own compare-and-swap.
                let seen = slot.lease.load(Relaxed);
                // AcqRel: see `clear`.
                if !Lease(seen).is_of(generation)
                    && slot
                        .lease
                        .compare_exchange(seen, lease.0, AcqRel, Relaxed)
                        .is_ok()
                {
                    // Relaxed: only the end of this probe reads it, which comes after this.
                    slot.begun.store(now, Relaxed);
                    return index;
                }
            }
        }
    }

    /// When the probe in this slot began, to be asked before the slot is given back. A late probe
    /// gets any number.
    pub(super) fn begun(&self, index: u8) -> u64 {
        // Relaxed, as in `take`.
        self.slot(index).begun.load(Relaxed)
    }

    /// Takes `lease` out of its slot. Only a caller that succeeds may settle the probe.
    pub(super) fn free(&self, index: u8, lease: Lease) -> bool {
        // AcqRel: the write to the state word that follows must not be seen without this one
        // (`take`).
        (self.slot(index).lease)
            .compare_exchange(lease.0, FREE, AcqRel, Relaxed)
            .is_ok()
    }

    /// Puts `answered` in the place of `lease`, in one step with the check that it is still there: the end of the
    /// probe's time finds the one or the other.
    #[cfg(any(feature = "http-body", all(test, loom)))]
    pub(super) fn replace(&self, index: u8, lease: Lease, answered: Lease) -> bool {
        // AcqRel, as in `free`.
        (self.slot(index).lease)
            .compare_exchange(lease.0, answered.0, AcqRel, Relaxed)
            .is_ok()
    }

    /// The lease of `generation` that ends first.
    pub(super) fn earliest(&self, generation: u32) -> Option<(u8, Lease)> {
        (0..)
            .zip(self.all())
            // Acquire: a thread that expires a probe sees all that led to its admission.
            .map(|(index, slot)| (index, Lease(slot.lease.load(Acquire))))
            .filter(|(_, lease)| lease.is_of(generation))
            // A scan, not a heap: the earliest deadline is asked for only when a call is rejected
            // or a probe is overdue.
            .min_by_key(|(_, lease)| lease.deadline())
    }

    /// Drops every lease, for a reset. The state word must have left the generation before.
    pub(super) fn clear(&self) {
        for slot in self.all() {
            // AcqRel: a `take` before this is wiped out; one after it reads from it, sees the newer
            // word and gives its slot back. (A store would do the same, but to loom a store and a
            // compare-and-swap that did not read from it have no order.)
            slot.lease.swap(FREE, AcqRel);
        }
    }
}

// === impl Slot ===

impl Slot {
    const_fn! {
        fn new() -> Self {
            Self { lease: AtomicU64::new(FREE), begun: AtomicU64::new(0) }
        }
    }
}
