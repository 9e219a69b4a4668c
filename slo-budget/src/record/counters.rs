//! How many events there were since the budget was first built. An event writes nothing else.
//!
//! Property: an event is one addition to a cache line that no other core writes, as long as there are no more
//! threads than shards. No count is ever reset, so no event is lost when a slot ends.
//!
//! The counts wrap after 584 years of 10^9 events a second, and differences are exact even then.
//!
//! Rejected: slots that are reset when they are reused, by compare-and-swap on an epoch (an event between the
//! check and the addition is lost); a mutex (two to three times slower); an exponential histogram (1 % error).

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
pub(super) struct Counters {
    shards: [Shard; SHARDS],
}

/// 128 bytes, as some machines fetch cache lines in pairs.
#[derive(Debug)]
#[repr(align(128))]
struct Shard {
    good: AtomicU64,
    bad: AtomicU64,
}

impl Counters {
    /// Counters that start at `base`: a restored history, or a test that starts just below a wrap.
    pub(super) fn new(base: Counts) -> Self {
        Self {
            shards: std::array::from_fn(|n| Shard {
                good: AtomicU64::new(if n == 0 { base.good() } else { 0 }),
                bad: AtomicU64::new(if n == 0 { base.bad() } else { 0 }),
            }),
        }
    }

    pub(super) fn good(&self, shard: usize) {
        // Relaxed: the next bad event of this thread publishes it. Until then a good event may be missing from
        // a sum, which makes no window look better than it is.
        self.shards[shard].good.fetch_add(1, Relaxed);
    }

    pub(super) fn bad(&self, shard: usize) {
        // Release pairs with the Acquire in `sum`.
        self.shards[shard].bad.fetch_add(1, Release);
    }

    /// The sum over all shards, modulo 2^64.
    ///
    /// Reads bad before good, with Acquire: a sum that contains a bad event also contains every good event that
    /// happened before it. So the share of bad events is never higher than it was at some moment. Events that
    /// are recorded meanwhile may be missing.
    pub(super) fn sum(&self) -> Counts {
        let bad = (self.shards.iter()).fold(0_u64, |sum, s| sum.wrapping_add(s.bad.load(Acquire)));
        let good =
            (self.shards.iter()).fold(0_u64, |sum, s| sum.wrapping_add(s.good.load(Relaxed)));
        Counts::new(good, bad)
    }
}
