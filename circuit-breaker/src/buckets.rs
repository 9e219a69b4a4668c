//! The time window: a ring of packed buckets, one ring for failures and one for slowness.
//!
//! The property that chose the design: recording is one compare-and-swap on one word which carries the
//! bucket's epoch beside its counts, so that no count can land in an epoch that is not its own, none is
//! lost when a bucket changes epoch, and cost and memory are the same at a hundred calls in the window
//! and at ten million. (A `fetch_add` is as dear when nobody else is there and scales better when many
//! are; but it adds to whatever it finds, and a thread that was held up before it corrupts a bucket of
//! another time or generation until it has noticed and taken the count back.)

use crate::{
    bucket::{Bucket, Counts},
    sync::{
        BUCKETS,
        atomic::{
            AtomicU64,
            Ordering::{AcqRel, Acquire},
        },
        const_fn, zeros,
    },
};

/// Apart from the state word, which every call reads: 128 bytes, as today's processors fetch lines in pairs.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Buckets([AtomicU64; BUCKETS]);

/// The steps between two generations: more than one lap of the ring, so that what one generation counted
/// is out of sight of the next at once, with a whole window to spare for clock readings that cross.
const EPOCHS_PER_GENERATION: u64 = 2 * BUCKETS as u64;

/// The step of the window at `now`, in ticks. Every generation starts with an empty window because its
/// epochs begin beyond the window of the one before: nothing has to be cleared.
pub(crate) const fn epoch(now: u64, bucket_ticks: u64, generation: u32) -> u64 {
    // Ticks stay below 2^60, generations below 2^32: no overflow.
    now / bucket_ticks + generation as u64 * EPOCHS_PER_GENERATION
}

impl Buckets {
    const_fn! {
        pub(crate) fn new() -> Self {
            Self(zeros!(BUCKETS))
        }
    }

    /// Counts a call in `epoch`, if `is_current` says that its generation is still the present one; else
    /// says so. A call whose epoch has left the window meanwhile is not counted and not late.
    pub(crate) fn record(&self, epoch: u64, is_bad: bool, is_current: impl Fn() -> bool) -> bool {
        #[expect(clippy::cast_possible_truncation, reason = "below BUCKETS")]
        let bucket = &self.0[(epoch % BUCKETS as u64) as usize];
        // Acquire pairs with the AcqRel below: who sees a bucket of a newer generation sees the newer
        // state word as well, in `is_current`. Hence this order: read the bucket, ask, swap. If a newer
        // generation touches the bucket after the question, the swap fails and it is asked again.
        let mut seen = bucket.load(Acquire);
        loop {
            if !is_current() {
                return false;
            }
            let Some(next) = Bucket::from_bits(seen).record(epoch, is_bad) else {
                return true;
            };
            match bucket.compare_exchange_weak(seen, next.bits(), AcqRel, Acquire) {
                Ok(_) => return true,
                Err(other) => seen = other,
            }
        }
    }

    /// What the window holds in `epoch`. Expired buckets do not count.
    pub(crate) fn sum(&self, epoch: u64) -> Counts {
        let mut sum = Counts::default();
        for (index, bucket) in self.0.iter().enumerate() {
            // Acquire: counts that are seen here were recorded before.
            if let Some(counts) = Bucket::from_bits(bucket.load(Acquire)).counts(index, epoch) {
                sum.calls += counts.calls;
                sum.bad += counts.bad;
            }
        }
        sum
    }
}
