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

/// How a window of time is cut into steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    /// How long one is, in ticks.
    pub(crate) bucket: u64,
    /// 2^64 of these, less one: a division costs several times a multiplication.
    pub(crate) reciprocal: u64,
    /// The step at tick 0 of generation 0.
    pub(crate) origin: u64,
    /// In which of two rings it counts: a window that is cut anew does not count over what it has still to
    /// move.
    pub(crate) ring: usize,
}

impl Grid {
    /// `bucket` is not 0.
    pub(crate) const fn new(bucket: u64) -> Self {
        Self {
            bucket,
            reciprocal: u64::MAX / bucket,
            origin: 0,
            ring: 0,
        }
    }

    /// The same steps, numbered so that the one at `now` has this number.
    pub(crate) const fn beginning_at(self, epoch: u64, now: u64, generation: u32) -> Self {
        let shift = epoch.wrapping_sub(self.epoch(now, generation));
        Self {
            origin: self.origin.wrapping_add(shift),
            ..self
        }
    }

    /// When the step began that is so many before the one at `now`.
    pub(crate) const fn start(&self, now: u64, age: u64) -> u64 {
        (now / self.bucket).saturating_sub(age) * self.bucket
    }

    /// The step of the window at `now`, in ticks. Every generation starts with an empty window because its
    /// steps begin beyond the window of the one before: nothing has to be cleared.
    #[inline]
    pub(crate) const fn epoch(&self, now: u64, generation: u32) -> u64 {
        let guess = ((now as u128 * self.reciprocal as u128) >> u64::BITS) as u64;
        // The reciprocal is too small by less than one, and ticks are below 2^60: the guess is right or one
        // too small. Wrapping: who has read a mixture of two grids learns so only afterwards.
        let rest = now.wrapping_sub(guess.wrapping_mul(self.bucket));
        guess
            .wrapping_add((rest >= self.bucket) as u64)
            .wrapping_add(self.origin)
            .wrapping_add(generation as u64 * EPOCHS_PER_GENERATION)
    }
}

impl Buckets {
    const_fn! {
        pub(crate) fn new() -> Self {
            Self(zeros!(BUCKETS))
        }
    }

    /// Counts a call in `epoch`, if `is_current` says that its generation and its grid are still the present
    /// ones; else says so. A call whose epoch has left the window meanwhile is not counted and not late.
    #[inline]
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

    /// Moves what this ring holds at `now` by one grid to `other` by another, which everybody goes by already. A
    /// step goes as a whole to where it began, so that no call counts for longer than the window is long.
    pub(crate) fn recut(&self, other: &Self, [from, to]: [Grid; 2], now: u64, generation: u32) {
        let (old, new) = (from.epoch(now, generation), to.epoch(now, generation));
        for (index, bucket) in self.0.iter().enumerate() {
            // AcqRel: as in `record`. Also what has expired: who is held up just before counting here, by the
            // old numbers, must find it changed, and then sees that there are others.
            let taken = Bucket::from_bits(bucket.swap(Bucket::empty(new).bits(), AcqRel));
            if let Some(counts) = taken.counts(index, old) {
                let began = from.start(now, taken.age(index, old));
                other.add(to.epoch(began, generation), new, counts);
            }
        }
    }

    /// Adds what was counted elsewhere to the step `epoch`, if that is still in the window in the step `now`.
    fn add(&self, epoch: u64, now: u64, counts: Counts) {
        if now.wrapping_sub(epoch) >= BUCKETS as u64 {
            return;
        }
        #[expect(clippy::cast_possible_truncation, reason = "below BUCKETS")]
        let bucket = &self.0[(epoch % BUCKETS as u64) as usize];
        let mut seen = bucket.load(Acquire);
        while let Some(next) = Bucket::from_bits(seen).add(epoch, counts) {
            match bucket.compare_exchange(seen, next.bits(), AcqRel, Acquire) {
                Ok(_) => return,
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
