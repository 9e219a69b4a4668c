//! A bucket of tokens with a cap: the atomics of [`HalfFull`](crate::HalfFull) and
//! [`CostBucket`](crate::CostBucket).
//!
//! One word is all there is, so every order below is Relaxed: nothing else is published with it, and
//! read-modify-writes of one word are never out of order. Time plays no part: an idle year costs nothing.

use crate::sync::{
    atomic::{AtomicU64, Ordering::Relaxed},
    const_fn,
};

#[derive(Debug)]
pub(crate) struct Tokens {
    most: u64,
    left: AtomicU64,
}

impl Tokens {
    const_fn! {
        /// Full.
        pub(crate) fn new(most: u64) -> Self {
            Self { most, left: AtomicU64::new(most) }
        }
    }

    pub(crate) fn left(&self) -> u64 {
        self.left.load(Relaxed)
    }

    /// Takes so many, or none where there are fewer.
    pub(crate) fn take(&self, tokens: u64) -> bool {
        self.left
            .fetch_update(Relaxed, Relaxed, |left| left.checked_sub(tokens))
            .is_ok()
    }

    /// Takes so many, or what there is, and says whether more than half is left then.
    pub(crate) fn drain(&self, tokens: u64) -> bool {
        // An empty bucket is only read: in an outage, all threads come here at every attempt.
        let before = self.left.fetch_update(Relaxed, Relaxed, |left| {
            (left > 0).then(|| left.saturating_sub(tokens))
        });
        before.is_ok_and(|before| before.saturating_sub(tokens) > self.most / 2)
    }

    /// Gives so many back; what is above the cap is lost.
    pub(crate) fn give(&self, tokens: u64) {
        // A full bucket is only read: while all is well, no call writes to shared memory. The error says
        // that it was full, and nothing is to be done then.
        let _ = self.left.fetch_update(Relaxed, Relaxed, |left| {
            (left < self.most).then(|| left.saturating_add(tokens).min(self.most))
        });
    }
}
