//! The window of time: a ring of packed buckets for each ratio.
//!
//! Recording is one compare-and-swap on one word. The word carries the bucket's lap of the ring
//! beside its counts, so no count can land in a step that is not its own, none is lost when a
//! bucket moves on to its next lap, and cost and memory are the same at a hundred calls in the
//! window and at ten million.
//!
//! A `fetch_add` was tried. It costs the same without contention and scales better with it, but it
//! adds to whatever it finds: a thread that was delayed before it corrupts a bucket of another
//! step, or of another generation, until it has noticed and taken its count back.

use crate::{
    sync::{
        Lazy,
        atomic::{
            AtomicU64,
            Ordering::{AcqRel, Acquire, Relaxed, SeqCst},
            fence,
        },
        const_fn, zeros,
    },
    window::{Counts, Ended, Share, Tracked},
};

/// The steps in which the window moves. 16 of 8 bytes are two cache lines, and a call leaves the
/// window at most one sixteenth of it too early. Under loom, which explores every access: two.
const BUCKETS: usize = if cfg!(all(test, loom)) { 2 } else { 16 };
const RING: u64 = BUCKETS as u64;

/// The steps between two generations, and between two shapes: more than one lap of the ring. What
/// one generation counted is out of sight of the next at once, with a whole window to spare for
/// clock readings that cross.
// Nothing is cleared when a generation begins, so nothing races with clearing: an O(1) beginning
// was the reason for numbering steps by generation.
const AHEAD: u64 = 2 * RING;

#[derive(Debug)]
pub(super) struct TimeWindow {
    // Two rings, not three counts in a bucket: 24 bits of lap and two counts of 20 fill a word. A
    // third count would leave 65,000 calls a bucket, or 16 laps. The second ring costs a
    // compare-and-swap only where both ratios are configured, and each ratio is exact over its
    // ring.
    failed: Lazy<Ring>,
    slow: Lazy<Ring>,
    /// The last step of the shape before this one. Written and read under the transition lock only.
    left: AtomicU64,
}

/// Aligned apart from the state word, which every call reads: 128 bytes, as current processors
/// fetch lines in pairs.
#[derive(Debug)]
#[repr(align(128))]
struct Ring([AtomicU64; BUCKETS]);

/// How a window of time is divided into steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    /// The length of a step, in ticks.
    length: u64,
    /// 2^64 divided by the length, less one: a division costs several times a multiplication.
    reciprocal: u64,
    /// The number of the step at tick 0 of generation 0.
    origin: u64,
}

/// A bucket: which lap of the ring it belongs to (24 bits), bad calls (20), calls (20).
///
/// A million calls in a sixteenth of the window are counted exactly. The 24 bits tell laps apart
/// for five years of a window of 10 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bucket(u64);

// First it was 22 + 22 + 20: a property test with huge durations found a history in which a bucket
// of 2^20 laps before counted again (121 days for a window of 10 s).
const COUNT_BITS: u32 = 20;
const COUNT_MASK: u64 = (1 << COUNT_BITS) - 1;
const LAP_MASK: u64 = (1 << (64 - 2 * COUNT_BITS)) - 1;
/// A thread may be delayed for this many windows between reading the clock and recording, and is
/// still known to be late. Not half of all laps: a bucket without a call for nearly all of them
/// would look newer than now, and would count nothing until it is not.
// The first version had no such number. A call whose clock reading was a window older than that of
// others found its bucket on a later lap, took that for an expired one, and wiped out the newer
// counts.
const LATE_LAPS: u64 = 1 << 10;
/// Steps after which a bucket cannot be told from a current one: 2^24 laps of the ring.
const STEP_MASK: u64 = (LAP_MASK + 1) * RING - 1;

// === impl TimeWindow ===

impl TimeWindow {
    const_fn! {
        pub(super) fn new() -> Self {
            Self { failed: Lazy::new(), slow: Lazy::new(), left: AtomicU64::new(0) }
        }
    }

    /// Makes the rings of the ratios that are counted.
    pub(super) fn allocate(&self, tracked: Tracked) {
        if tracked.failed {
            self.failed.get_or_make(Ring::new);
        }
        if tracked.slow {
            self.slow.get_or_make(Ring::new);
        }
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "as `Windows::record`")]
    pub(super) fn record(
        &self,
        step: u64,
        tracked: Tracked,
        ended: Ended,
        is_current: impl Fn() -> bool + Copy,
    ) -> Option<Counts> {
        let record = |ring: &Lazy<Ring>, is_bad| {
            (ring.get_or_make(Ring::new)).record(step, is_bad, is_current)
        };
        if (tracked.failed && !record(&self.failed, ended.failed))
            || (tracked.slow && !record(&self.slow, ended.slow))
        {
            return None;
        }
        // After both rings have the call: a caller that opens by one ratio finds its call in the other as
        // well.
        let compared = tracked.compared(ended);
        if !compared.failed && !compared.slow {
            // Summing reads the whole ring: only for a call that can open the breaker.
            return Some(Counts::default());
        }
        // Store buffering: each of two threads may write its bucket and still read the old value of
        // the other's. AcqRel does not exclude that; a full fence in both does. Loom needs it, and
        // a mutant without it is caught. Two failures may be in two buckets, on either side of a
        // step's edge. Each thread records, then fences, then sums: SeqCst orders the two fences,
        // so at least one of the two sees both.
        fence(SeqCst);
        Some(self.counts(step, compared))
    }

    #[inline]
    pub(super) fn counts(&self, step: u64, tracked: Tracked) -> Counts {
        let sum = |tracked, ring: &Lazy<Ring>| match ring.get() {
            Some(ring) if tracked => ring.sum(step),
            _ => Share::default(),
        };
        Counts {
            failed: sum(tracked.failed, &self.failed),
            slow: sum(tracked.slow, &self.slow),
        }
    }

    /// Remembers the present step of a grid that is replaced.
    pub(super) fn leave(&self, step: u64) {
        // Relaxed: the transition lock orders it. Steps of older generations lie before it, so one
        // number is enough for all of them.
        self.left.store(step, Relaxed);
    }

    /// The same grid, numbered so that its step at `now` lies beyond all that the rings have ever
    /// held. A thread that still counts by the grid before writes steps that nothing reads, and the
    /// next call in their bucket overwrites them.
    pub(super) fn beyond(&self, grid: Grid, generation: u32, now: u64) -> Grid {
        // Clearing the rings instead would race with a thread that has read a bucket and asked its
        // question: if the bucket was empty before and after, its compare-and-swap succeeds.
        let first = self.left.load(Relaxed).wrapping_add(AHEAD);
        Grid {
            origin: (grid.origin).wrapping_add(first.wrapping_sub(grid.step(now, generation))),
            ..grid
        }
    }
}

// === impl Ring ===

impl Ring {
    const_fn! {
        fn new() -> Self {
            Self(zeros!(BUCKETS))
        }
    }

    /// Counts a call in `step`, if `is_current` says that the window is still in use; else returns
    /// `false`. A call whose step has left the window meanwhile is not counted, and not late
    /// either.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "as `Windows::record`")]
    fn record(&self, step: u64, is_bad: bool, is_current: impl Fn() -> bool + Copy) -> bool {
        let bucket = &self.0[(step % RING) as usize];
        // Acquire pairs with the AcqRel below: a thread that sees a bucket of a newer generation
        // sees the newer state word as well, in `is_current`. Hence the order: read the bucket,
        // ask, swap. If a newer generation touches the bucket after the question, the swap fails
        // and the question is asked again.
        // One bucket is shared by all threads of a step. When many record at once the swap is retried;
        // rings for each thread would be the answer to that, at the price of summing all of them.
        let attempt = move |seen| {
            if !is_current() {
                return Ok(false);
            }
            let Some(next) = Bucket(seen).record(step, is_bad) else {
                return Ok(true);
            };
            // AcqRel pairs with the Acquire above and in `sum`.
            match bucket.compare_exchange(seen, next.0, AcqRel, Acquire) {
                Ok(_) => Ok(true),
                Err(other) => Err(other),
            }
        };
        // The first attempt apart from the others, as in the window of calls.
        attempt(bucket.load(Acquire)).unwrap_or_else(|seen| retry(seen, attempt))
    }

    /// What the window holds in `step`, without the buckets that have expired.
    // Sixteen loads, which may see different moments. That is enough: a bucket only grows within
    // its step, and what a caller has recorded before its fence is seen.
    fn sum(&self, step: u64) -> Share {
        let mut sum = Share::default();
        for (index, bucket) in self.0.iter().enumerate() {
            // Acquire: counts that are seen here were recorded before.
            if let Some(share) = Bucket(bucket.load(Acquire)).share(index, step) {
                sum.calls += share.calls;
                sum.bad += share.bad;
            }
        }
        sum
    }
}

/// Attempts until one succeeds, each with the value that the one before has found.
#[cold]
#[inline(never)]
fn retry(mut seen: u64, attempt: impl Fn(u64) -> Result<bool, u64>) -> bool {
    loop {
        match attempt(seen) {
            Ok(done) => return done,
            Err(other) => seen = other,
        }
    }
}

// === impl Grid ===

impl Grid {
    /// A window of `length` ticks, which is not 0.
    pub(crate) const fn new(length: u64) -> Self {
        let length = length.div_ceil(RING);
        Self {
            length,
            reciprocal: u64::MAX / length,
            origin: 0,
        }
    }

    pub(super) const fn pack(self) -> [u64; 3] {
        [self.length, self.origin, self.reciprocal]
    }

    #[inline]
    pub(super) fn unpack(word: impl Fn(usize) -> u64) -> Self {
        Self {
            length: word(0),
            origin: word(1),
            reciprocal: word(2),
        }
    }

    /// The length of the window, in ticks.
    pub(super) const fn window(self) -> u64 {
        self.length * RING
    }

    pub(super) const fn is_like(self, other: Self) -> bool {
        self.length == other.length
    }

    /// The step of the window at `now`, in ticks.
    #[inline]
    pub(super) const fn step(&self, now: u64, generation: u32) -> u64 {
        let guess = ((now as u128 * self.reciprocal as u128) >> u64::BITS) as u64;
        // The reciprocal is too small by less than one, and ticks are below 2^60: the guess is
        // right or one too small. Wrapping: a reader that has seen a mixture of two grids only
        // learns it afterwards.
        let rest = now.wrapping_sub(guess.wrapping_mul(self.length));
        guess
            .wrapping_add((rest >= self.length) as u64)
            .wrapping_add(self.origin)
            .wrapping_add(generation as u64 * AHEAD)
    }
}

// === impl Bucket ===

impl Bucket {
    /// This bucket after one more call in `step`; the counts of an earlier lap are dropped. `None`
    /// if it has moved on to a later lap: the call has left the window, and must not take newer
    /// ones with it.
    ///
    /// A bucket counts to 1,048,575 calls. One more halves both counts first: from there on the
    /// share of bad ones is exact to one part in half a million, and the number of calls is a lower
    /// bound that is above every minimum that can be configured.
    #[inline]
    const fn record(self, step: u64, is_bad: bool) -> Option<Self> {
        let lap = (step / RING) & LAP_MASK;
        let one = 1 | ((is_bad as u64) << COUNT_BITS);
        if self.lap() == lap && self.calls() < COUNT_MASK {
            // The usual case. Bad calls are no more than calls, so neither count overflows.
            return Some(Self(self.0 + one));
        }
        let mut counts = 0;
        if self.lap() == lap {
            // Halving keeps the share. Saturating would freeze it, and wider counts would take bits
            // from the laps.
            counts = (self.calls() / 2) | ((self.bad() / 2) << COUNT_BITS);
        } else if self.calls() > 0 && (self.lap().wrapping_sub(lap) & LAP_MASK) <= LATE_LAPS {
            return None;
        }
        Some(Self(((lap << (2 * COUNT_BITS)) | counts) + one))
    }

    /// Its counts, if it is the bucket `index` of the ring and less than one lap away from `step`.
    ///
    /// Before it as well as after: a thread whose clock reading is older by a moment than that of
    /// another thread, over the edge of a step, must not overlook the other's failure.
    #[expect(clippy::cast_possible_truncation, reason = "20 bits")]
    const fn share(self, index: usize, step: u64) -> Option<Share> {
        // The index is the step modulo the ring, so lap and index together are the step.
        let own = self.lap() * RING + index as u64;
        let age = step.wrapping_sub(own) & STEP_MASK;
        if age < RING || age > STEP_MASK + 1 - RING {
            return Some(Share {
                calls: self.calls() as u32,
                bad: self.bad() as u32,
            });
        }
        None
    }

    const fn lap(self) -> u64 {
        self.0 >> (2 * COUNT_BITS)
    }

    const fn bad(self) -> u64 {
        (self.0 >> COUNT_BITS) & COUNT_MASK
    }

    const fn calls(self) -> u64 {
        self.0 & COUNT_MASK
    }
}

#[cfg(test)]
mod tests {
    use super::{Grid, RING};
    use crate::types::ticks::NEVER;

    #[test]
    fn a_mixture_of_two_grids_has_some_step() {
        let (fine, coarse) = (Grid::new(1), Grid::new(NEVER / 2 * RING));
        let torn = Grid {
            length: coarse.length,
            ..fine
        };
        // Any: the reader sees afterwards that the numbers have changed. It must not panic.
        let _ = torn.step(NEVER, 7);
        assert_eq!(fine.step(NEVER, 0), NEVER);
        assert_eq!(coarse.step(NEVER, 0), 2);
    }
}
