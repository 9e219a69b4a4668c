//! How many events there were, ever: the only thing a record writes.
//!
//! The property that chose the design: a record is one addition to a line that no other core writes (as
//! long as there are no more threads than shards), and no count is ever reset, so none can be lost at the
//! change of a slot. They wrap after 584 years of 10^9 events a second; differences survive even that.

use crate::{
    sync::{
        SHARDS,
        atomic::{
            AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
    types::Counts,
};

#[derive(Debug)]
pub(crate) struct Counters {
    shards: [Shard; SHARDS],
}

/// On a line of its own; 128 bytes, as some machines fetch lines in pairs.
#[derive(Debug)]
#[repr(align(128))]
struct Shard {
    good: AtomicU64,
    bad: AtomicU64,
}

impl Counters {
    /// Counters that begin at `base`, so that tests can begin just below a wrap.
    pub(crate) fn new(base: Counts) -> Self {
        Self {
            shards: std::array::from_fn(|n| Shard {
                good: AtomicU64::new(if n == 0 { base.good } else { 0 }),
                bad: AtomicU64::new(if n == 0 { base.bad } else { 0 }),
            }),
        }
    }

    pub(crate) fn good(&self, shard: usize) {
        // Relaxed: published by the next bad event of this thread, or by nobody: a good event that is
        // seen a little late makes no window look better than it is.
        self.shards[shard].good.fetch_add(1, Relaxed);
    }

    pub(crate) fn bad(&self, shard: usize) {
        // Release pairs with the Acquire in `sum`.
        self.shards[shard].bad.fetch_add(1, Release);
    }

    /// The sum over all shards, modulo 2^64.
    ///
    /// Bad before good, with Acquire: whoever sees a bad event here also sees every good one that
    /// happened before it, so the share of bad ones is never higher than it was at some moment. What is
    /// recorded meanwhile may be in it or not.
    pub(crate) fn sum(&self) -> Counts {
        let bad = (self.shards.iter()).fold(0_u64, |sum, s| sum.wrapping_add(s.bad.load(Acquire)));
        let good =
            (self.shards.iter()).fold(0_u64, |sum, s| sum.wrapping_add(s.good.load(Relaxed)));
        Counts { good, bad }
    }
}
