//! The calls and retries in flight of an [`InFlightShare`](crate::InFlightShare), in one word:
//!
//! ```text
//! 63            32 31             0
//! [     calls     |    retries    ]
//! ```
//!
//! # Property
//!
//! Whenever a retry begins, `retries ≤ max(minimum, share × calls)` holds. Both counts are in one word, so that one
//! read-modify-write compares the retries with the share of the calls and adds one. With two words, the calls could
//! end between the comparison and the increment.
//!
//! Neither half overflows: each call and each retry is a future in memory, and a call has at most one retry.
//!
//! # Ordering
//!
//! Every operation is Relaxed: the word is the whole state, and nothing else is published with it.

use crate::sync::{
    atomic::{AtomicU64, Ordering::Relaxed},
    const_fn,
};

pub(super) struct Flight(AtomicU64);

/// The two halves of the word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) calls: u32,
    pub(super) retries: u32,
}

/// How many retries may be in flight.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    /// Ten-thousandths of the calls.
    pub(super) share: u64,
    /// This many are always allowed.
    pub(super) least: u32,
}

const CALL: u64 = 1 << 32;
const RETRY: u64 = 1;

impl Flight {
    const_fn! {
        pub(super) fn new() -> Self {
            Self(AtomicU64::new(0))
        }
    }

    pub(super) fn counts(&self) -> Counts {
        Counts::unpack(self.0.load(Relaxed))
    }

    pub(super) fn call_begins(&self) {
        self.0.fetch_add(CALL, Relaxed);
    }

    pub(super) fn call_ends(&self) {
        self.0.fetch_sub(CALL, Relaxed);
    }

    /// Counts a retry, unless that would exceed the limit.
    pub(super) fn retry_begins(&self, limit: Limit) -> bool {
        self.0
            .fetch_update(Relaxed, Relaxed, |word| {
                limit.admits(Counts::unpack(word)).then(|| word + RETRY)
            })
            .is_ok()
    }

    pub(super) fn retry_ends(&self) {
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
    fn admits(self, counts: Counts) -> bool {
        // Cross-multiplied, so exact. Both products fit, as each count is below 2^32.
        let within =
            (u64::from(counts.retries) + 1) * 10_000 <= u64::from(counts.calls) * self.share;
        within || counts.retries < self.least
    }

    /// How many more may begin.
    pub(super) fn left(self, counts: Counts) -> u64 {
        let share = u64::from(counts.calls) * self.share / 10_000;
        share
            .max(u64::from(self.least))
            .saturating_sub(u64::from(counts.retries))
    }
}
