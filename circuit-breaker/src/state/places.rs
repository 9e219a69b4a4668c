//! The deadlines of the probes in flight, one word each.
//!
//! The property that chose the design: a place is given back by swapping out the very lease that was
//! swapped in, so that of a probe's own end and the end of its time exactly one settles it.

use crate::sync::{
    PLACES,
    atomic::{
        AtomicU64,
        Ordering::{AcqRel, Acquire, Relaxed},
    },
    const_fn, zeros,
};

/// Room for [`PLACES`] probes.
#[derive(Debug)]
pub(crate) struct Places {
    leases: [AtomicU64; PLACES],
    /// When the probe in each began. Belongs to who holds the lease.
    begun: [AtomicU64; PLACES],
}

/// When a probe's time is over, in ticks, and the low bits of the generation that admitted it: what a
/// probe of a generation that was reset leaves behind is not mistaken for one of now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lease(u64);

const FREE: u64 = 0;
const TAG_BITS: u32 = 4;
const TAG_MASK: u64 = (1 << TAG_BITS) - 1;

impl Lease {
    /// `deadline` is above 0 and below 2^60.
    pub(crate) const fn new(deadline: u64, generation: u32) -> Self {
        Self((deadline << TAG_BITS) | (generation as u64 & TAG_MASK))
    }

    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    pub(crate) const fn deadline(self) -> u64 {
        self.0 >> TAG_BITS
    }

    const fn is_of(self, generation: u32) -> bool {
        self.0 != FREE && self.0 & TAG_MASK == generation as u64 & TAG_MASK
    }
}

impl Places {
    const_fn! {
        pub(crate) fn new() -> Self {
            Self { leases: zeros!(PLACES), begun: zeros!(PLACES) }
        }
    }

    /// Puts `lease`, of a probe that begins at `now`, into one of the places. The caller has reserved room
    /// in the state word, so one is free: a place is freed before the word says so. Each further round
    /// means that another thread got on.
    pub(crate) fn take(&self, lease: Lease, generation: u32, now: u64) -> u8 {
        loop {
            for (index, place) in (0..).zip(&self.leases) {
                // Relaxed: a guess, which the compare-and-swap confirms or corrects.
                let seen = place.load(Relaxed);
                // AcqRel: see `clear`.
                if !Lease(seen).is_of(generation)
                    && place
                        .compare_exchange(seen, lease.0, AcqRel, Relaxed)
                        .is_ok()
                {
                    // Relaxed: only this probe's own end reads it, which comes after this.
                    self.begun[usize::from(index)].store(now, Relaxed);
                    return index;
                }
            }
        }
    }

    /// When the probe in this place began, to be asked before it is given back. Of a late one, anything.
    pub(crate) fn begun(&self, index: u8) -> u64 {
        self.begun[usize::from(index)].load(Relaxed)
    }

    /// Takes `lease` out of its place. Only who succeeds may settle the probe.
    pub(crate) fn free(&self, index: u8, lease: Lease) -> bool {
        // AcqRel: the write to the state word that follows must not be seen without this one (`take`).
        self.leases[usize::from(index)]
            .compare_exchange(lease.0, FREE, AcqRel, Relaxed)
            .is_ok()
    }

    /// The lease of `generation` that ends first.
    pub(crate) fn earliest(&self, generation: u32) -> Option<(u8, Lease)> {
        (0..)
            .zip(&self.leases)
            // Acquire: who expires a probe sees all that led to its admission.
            .map(|(index, place)| (index, Lease(place.load(Acquire))))
            .filter(|(_, lease)| lease.is_of(generation))
            .min_by_key(|(_, lease)| lease.deadline())
    }

    /// Forgets every lease, for a reset. The state word must have left the generation before.
    pub(crate) fn clear(&self) {
        for place in &self.leases {
            // AcqRel: a `take` before this is wiped out; one after it reads from it, sees the newer word
            // and gives its place back itself. (A store would do the same, but loom cannot show it: to
            // loom a store and a compare-and-swap that did not read from it have no order.)
            place.swap(FREE, AcqRel);
        }
    }
}
