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
//! Every operation is Relaxed: the word is the whole state, and nothing else is published with it. A retry that begins
//! while the limit changes may see the limit before.

use crate::sync::{
    atomic::{AtomicU64, Ordering::Relaxed},
    const_fn,
};

pub(super) struct Flight {
    counts: AtomicU64,
    limit: AtomicU64,
}

/// The two halves of the word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) calls: u32,
    pub(super) retries: u32,
}

/// How many retries may be in flight. One word, so that a change is one step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    /// Ten-thousandths of the calls.
    pub(super) share: u32,
    /// This many are always allowed.
    pub(super) least: u32,
}

const CALL: u64 = 1 << 32;
const RETRY: u64 = 1;

impl Flight {
    const_fn! {
        pub(super) fn new(limit: Limit) -> Self {
            Self { counts: AtomicU64::new(0), limit: AtomicU64::new(limit.pack()) }
        }
    }

    pub(super) fn counts(&self) -> Counts {
        Counts::unpack(self.counts.load(Relaxed))
    }

    pub(super) fn call_begins(&self) {
        self.counts.fetch_add(CALL, Relaxed);
    }

    pub(super) fn call_ends(&self) {
        self.counts.fetch_sub(CALL, Relaxed);
    }

    /// Counts a retry, unless that would exceed the limit.
    pub(super) fn retry_begins(&self) -> bool {
        let limit = self.limit();
        self.counts
            .fetch_update(Relaxed, Relaxed, |word| {
                limit.admits(Counts::unpack(word)).then(|| word + RETRY)
            })
            .is_ok()
    }

    pub(super) fn limit(&self) -> Limit {
        Limit::unpack(self.limit.load(Relaxed))
    }

    /// Retries that run are not ended.
    pub(super) fn set_limit(&self, limit: Limit) {
        self.limit.store(limit.pack(), Relaxed);
    }

    pub(super) fn retry_ends(&self) {
        self.counts.fetch_sub(RETRY, Relaxed);
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
    const fn pack(self) -> u64 {
        (self.share as u64) << 32 | self.least as u64
    }

    #[expect(clippy::cast_possible_truncation, reason = "the halves of a word")]
    const fn unpack(word: u64) -> Self {
        Self {
            share: (word >> 32) as u32,
            least: word as u32,
        }
    }

    /// Whether one more retry may begin.
    fn admits(self, counts: Counts) -> bool {
        // Cross-multiplied, so exact. Both products fit, as each count is below 2^32.
        let within = (u64::from(counts.retries) + 1) * 10_000
            <= u64::from(counts.calls) * u64::from(self.share);
        within || counts.retries < self.least
    }

    /// How many more may begin.
    pub(super) fn left(self, counts: Counts) -> u64 {
        let share = u64::from(counts.calls) * u64::from(self.share) / 10_000;
        share
            .max(u64::from(self.least))
            .saturating_sub(u64::from(counts.retries))
    }
}
