//! A bucket of tokens with a cap: the atomics of [`HalfFull`](crate::HalfFull) and
//! [`CostBucket`](crate::CostBucket).
//!
//! # Invariants
//!
//! - `0 ≤ left ≤ most` at every moment.
//! - Every decision is one read-modify-write of `left`, so no token is taken twice and none is lost to a race.
//!
//! # Ordering
//!
//! Every operation is Relaxed. The word is the whole state: nothing else is published with it, and
//! read-modify-writes of one word are totally ordered. Time plays no part, so an idle year costs nothing.

use crate::sync::{
    atomic::{AtomicU64, Ordering::Relaxed},
    const_fn,
};

pub(super) struct Tokens {
    most: u64,
    left: AtomicU64,
}

impl Tokens {
    const_fn! {
        /// A full bucket.
        pub(super) fn new(most: u64) -> Self {
            Self { most, left: AtomicU64::new(most) }
        }
    }

    pub(super) fn left(&self) -> u64 {
        self.left.load(Relaxed)
    }

    /// Takes `tokens`, or none if there are fewer.
    pub(super) fn take(&self, tokens: u64) -> bool {
        self.left
            .fetch_update(Relaxed, Relaxed, |left| left.checked_sub(tokens))
            .is_ok()
    }

    /// Takes `tokens`, or none if no more than half of the bucket would be left.
    pub(super) fn take_above_half(&self, tokens: u64) -> bool {
        let half = self.most / 2;
        self.left
            .fetch_update(Relaxed, Relaxed, |left| {
                left.checked_sub(tokens).filter(|left| *left > half)
            })
            .is_ok()
    }

    /// Takes `tokens`, or all that are left if there are fewer. Returns whether more than half of the bucket is
    /// left.
    pub(super) fn drain(&self, tokens: u64) -> bool {
        // An empty bucket is only read: in an outage every thread comes here after every attempt.
        let before = self.left.fetch_update(Relaxed, Relaxed, |left| {
            (left > 0).then(|| left.saturating_sub(tokens))
        });
        // The answer is computed from the value that this operation replaced. A second load could see the tokens
        // of another thread, and then both would be refused or both granted.
        before.is_ok_and(|before| before.saturating_sub(tokens) > self.most / 2)
    }

    /// Gives `tokens` back. What is above the cap is lost.
    pub(super) fn give(&self, tokens: u64) {
        // A full bucket is only read: while the service is healthy no call writes to shared memory. The error
        // says that the bucket was full.
        let _ = self.left.fetch_update(Relaxed, Relaxed, |left| {
            (left < self.most).then(|| left.saturating_add(tokens).min(self.most))
        });
    }
}
