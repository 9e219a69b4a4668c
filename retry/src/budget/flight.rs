//! The atomics of an [`InFlightShare`](crate::InFlightShare): how many calls and retries are under way, in
//! one word, so that a share of the one can be compared with the other in one step.
//!
//! That word is all there is, so every order below is Relaxed: nothing else is published with it.

use crate::sync::{
    atomic::{AtomicU64, Ordering::Relaxed},
    const_fn,
};

#[derive(Debug)]
pub(crate) struct Flight(AtomicU64);

/// What the word says: calls in the upper half, retries in the lower. Neither can run over: each has a
/// future in memory, and a call has at most one retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) calls: u32,
    pub(crate) retries: u32,
}

/// How many retries may be under way at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    /// Ten-thousandths of the calls.
    pub(crate) share: u64,
    /// So many at any rate.
    pub(crate) least: u32,
}

const CALL: u64 = 1 << 32;
const RETRY: u64 = 1;

impl Flight {
    const_fn! {
        pub(crate) fn new() -> Self {
            Self(AtomicU64::new(0))
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts::unpack(self.0.load(Relaxed))
    }

    pub(crate) fn call_begins(&self) {
        self.0.fetch_add(CALL, Relaxed);
    }

    pub(crate) fn call_ends(&self) {
        self.0.fetch_sub(CALL, Relaxed);
    }

    /// Counts a retry in, unless that would be more than the limit allows.
    pub(crate) fn retry_begins(&self, limit: Limit) -> bool {
        self.0
            .fetch_update(Relaxed, Relaxed, |word| {
                limit.admits(Counts::unpack(word)).then(|| word + RETRY)
            })
            .is_ok()
    }

    pub(crate) fn retry_ends(&self) {
        self.0.fetch_sub(RETRY, Relaxed);
    }
}

impl Counts {
    #[expect(clippy::cast_possible_truncation, reason = "the halves of a word")]
    const fn unpack(word: u64) -> Self {
        Self {
            calls: (word >> 32) as u32,
            retries: word as u32,
        }
    }
}

impl Limit {
    /// Whether one more retry may begin.
    pub(crate) fn admits(self, counts: Counts) -> bool {
        // Cross-multiplied, so exact; both products fit, as each count is below 2^32.
        let within =
            (u64::from(counts.retries) + 1) * 10_000 <= u64::from(counts.calls) * self.share;
        within || counts.retries < self.least
    }

    /// How many more may begin.
    pub(crate) fn left(self, counts: Counts) -> u64 {
        let share = u64::from(counts.calls) * self.share / 10_000;
        share
            .max(u64::from(self.least))
            .saturating_sub(u64::from(counts.retries))
    }
}
