//! What a call takes when nothing queues: the least latency of the last while.

use super::{
    Seen,
    least::{Bucket, Least},
};

/// A memory has ten parts, and a bucket is the mean of one: a mean over a longer time would hide a change, one over a shorter
/// time is the least by chance.
pub(super) const PARTS: u64 = 10;

/// The calls of a bucket: the mean of 100 calls with the usual variation is within a fifth.
const BUCKET_CALLS: u64 = 100;

/// The windows of a block, of which the first bucket is the least.
const BLOCK_WINDOWS: u32 = 4;

/// The calls of a window that is believed without a bucket.
const FAST_CALLS: u64 = 20;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Memory {
    least: Least,
    bucket: Sum,
    /// When the bucket was begun.
    began: u64,
    /// The first bucket is the least of blocks of a few windows, as the limit still grows, and calls may queue at its end.
    block: Sum,
    block_windows: u32,
    least_block: Option<f64>,
    /// The latency of the window before, if it was much below the base.
    fast: Option<f64>,
    /// When to measure although nothing is about to be forgotten: the first bucket may have been all queue, and so may a
    /// measurement that lowered the base. Anew a part later, if that measurement is interrupted.
    measure_at: Option<u64>,
    latency_before: Option<f64>,
    /// How much windows differ between which nothing has changed: the mean of the logarithm of their ratio.
    noise: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Sum {
    calls: u64,
    time: f64,
}

impl Sum {
    const NOTHING: Self = Self {
        calls: 0,
        time: 0.0,
    };

    #[expect(clippy::cast_precision_loss, reason = "for a mean")]
    fn add(&mut self, seen: &Seen) {
        self.calls = self.calls.saturating_add(seen.calls);
        self.time += seen.calls as f64 * seen.latency;
    }

    #[expect(clippy::cast_precision_loss, reason = "for a mean")]
    fn mean(&self) -> f64 {
        self.time / self.calls.max(1) as f64
    }
}

impl Memory {
    pub(super) const NOTHING: Self = Self {
        least: Least::NONE,
        bucket: Sum::NOTHING,
        began: 0,
        block: Sum::NOTHING,
        block_windows: 0,
        least_block: None,
        fast: None,
        measure_at: Some(0),
        latency_before: None,
        noise: 0.0,
    };

    pub(super) fn base(&self) -> Option<f64> {
        let known = self.least.lowest().map(|bucket| bucket.latency);
        known.or(self.least_block)
    }

    /// How many times the base a latency may be by chance: 1.0 to 2.0.
    pub(super) fn chance(&self) -> f64 {
        (1.0 + 2.0 * self.noise).min(2.0)
    }

    /// Learns from a window. What is older than `age` is forgotten.
    pub(super) fn learn(&mut self, seen: &Seen, age: u64) {
        let latency = seen.latency;
        match self.base() {
            // Two such windows in a row make a bucket.
            Some(base) if seen.calls >= FAST_CALLS && latency < base / 2.0 => {
                if let Some(before) = self.fast {
                    self.push(seen.now, latency.max(before));
                }
                self.fast = Some(latency);
            }
            _ => self.fast = None,
        }
        if let Some(before) = self.latency_before {
            let difference = (latency / before).ln().abs().min(0.5);
            self.noise += (difference - self.noise) / 16.0;
        }
        self.latency_before = Some(latency);
        self.bucket.add(seen);
        if self.least.lowest().is_none() {
            self.block.add(seen);
            self.block_windows += 1;
            if self.block_windows >= BLOCK_WINDOWS && self.block.calls >= BUCKET_CALLS {
                self.least_block = Some(at_most(self.least_block, self.block.mean()));
                (self.block, self.block_windows) = (Sum::NOTHING, 0);
            }
        }
        let lasted = seen.now.saturating_sub(self.began);
        if lasted >= age / PARTS && self.bucket.calls >= BUCKET_CALLS {
            let latency = at_most(self.least_block.take(), self.bucket.mean());
            self.push(seen.now, latency);
            self.begin(seen.now);
        }
        self.least.forget(seen.now, age);
    }

    /// Learns from a window in which half of the calls were admitted.
    pub(super) fn measured(&mut self, seen: &Seen, age: u64) {
        let is_lower = self.base().is_some_and(|base| seen.latency < 0.9 * base);
        self.measure_at = is_lower.then(|| seen.now.saturating_add(age / PARTS));
        self.push(seen.now, seen.latency);
        self.begin(seen.now);
    }

    /// Whether the base is to be measured before it is forgotten: the lowest bucket is at the end of its time, and none since
    /// is within a tenth of it.
    pub(super) fn is_due(&mut self, now: u64, age: u64) -> bool {
        let Some(lowest) = self.least.lowest() else {
            return false;
        };
        if self.measure_at.is_some_and(|at| now >= at) {
            self.measure_at = Some(now.saturating_add(age / PARTS));
            return true;
        }
        let since = self.least.lowest_since();
        now.saturating_sub(lowest.at) >= age - age / PARTS
            && since.is_none_or(|since| since.latency > 1.1 * lowest.latency)
    }

    fn push(&mut self, at: u64, latency: f64) {
        self.least.push(Bucket { at, latency });
    }

    /// Begins a bucket.
    const fn begin(&mut self, now: u64) {
        self.bucket = Sum::NOTHING;
        self.began = now;
    }
}

fn at_most(known: Option<f64>, latency: f64) -> f64 {
    known.map_or(latency, |known| known.min(latency))
}
