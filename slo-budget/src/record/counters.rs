//! How many events there were since the budget was first built. An event writes nothing else.
//!
//! Property: an event is one addition to a cache line that no other core writes, as long as there are no more
//! threads than shards. No count is ever reset, so no event is lost when a slot ends.
//!
//! A member of a family starts with one shard for all threads, as a family may have 100,000 members with few events
//! each. It gets all shards, 2 KB, at the first start of a slot before which it was [`BUSY`]. The first shard keeps its
//! counts, and an event that is recorded meanwhile may still be added to it.
//!
//! The counts wrap after 584 years of 10^9 events a second, and differences are exact even then.
//!
//! Rejected: slots that are reset when they are reused, by compare-and-swap on an epoch (an event between the
//! check and the addition is lost); a mutex (two to three times slower); an exponential histogram (1 % error).

use std::{array, iter};

use crate::{
    sync::{
        BUSY, OnceLock, SHARDS,
        atomic::{
            AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
    types::Counts,
};

#[derive(Debug)]
pub(super) struct Counters {
    /// What was counted before there were `shards`.
    first: Shard,
    /// Set once, under the lock of the recorder, so that a sum under that lock misses none.
    shards: OnceLock<Box<[Shard; SHARDS]>>,
}

/// 128 bytes, as some machines fetch cache lines in pairs.
#[derive(Debug)]
#[repr(align(128))]
struct Shard {
    good: AtomicU64,
    bad: AtomicU64,
}

impl Counters {
    /// One shard, which starts at `base`: a restored history, or a test that starts just below a wrap.
    pub(super) fn new(base: Counts) -> Self {
        Self {
            first: Shard::new(base),
            shards: OnceLock::new(),
        }
    }

    /// Makes all shards, unless they exist. Needs the lock of the recorder.
    pub(super) fn spread(&self) {
        (self.shards).get_or_init(|| Box::new(array::from_fn(|_| Shard::new(Counts::default()))));
    }

    /// Makes all shards if there were many events in a slot. Needs the lock of the recorder.
    pub(super) fn spread_if_busy(&self, events: Counts) {
        if events.total() > BUSY {
            self.spread();
        }
    }

    pub(super) fn good(&self, shard: usize) {
        // Relaxed: the next bad event of this thread publishes it. Until then a good event may be missing from
        // a sum, which makes no window look better than it is.
        self.shard(shard).good.fetch_add(1, Relaxed);
    }

    pub(super) fn bad(&self, shard: usize) {
        // Release pairs with the Acquire in `sum`.
        self.shard(shard).bad.fetch_add(1, Release);
    }

    fn shard(&self, shard: usize) -> &Shard {
        match self.shards.get() {
            Some(shards) => &shards[shard % SHARDS],
            None => &self.first,
        }
    }

    /// The sum over all shards, modulo 2^64.
    ///
    /// Reads bad before good, with Acquire: a sum that contains a bad event also contains every good event that
    /// happened before it. So the share of bad events is never higher than it was at some moment. Events that
    /// are recorded meanwhile may be missing.
    pub(super) fn sum(&self) -> Counts {
        let shards = || {
            self.shards
                .get()
                .into_iter()
                .flat_map(|shards| shards.iter())
        };
        let all = || iter::once(&self.first).chain(shards());
        let bad = all().fold(0_u64, |sum, s| sum.wrapping_add(s.bad.load(Acquire)));
        let good = all().fold(0_u64, |sum, s| sum.wrapping_add(s.good.load(Relaxed)));
        Counts::new(good, bad)
    }
}

impl Shard {
    fn new(counts: Counts) -> Self {
        Self {
            good: AtomicU64::new(counts.good()),
            bad: AtomicU64::new(counts.bad()),
        }
    }
}
