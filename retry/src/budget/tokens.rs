//! A bucket of tokens with a cap: the atomics of [`HalfFull`](crate::HalfFull) and
//! [`CostBucket`](crate::CostBucket).
//!
//! # Invariants
//!
//! - `0 ≤ left ≤ most` at every moment, also while the size changes.
//! - Every decision is one read-modify-write of both, so no token is taken twice and none is lost to a race.
//!
//! # Ordering
//!
//! Every operation is Relaxed. The word is the whole state: nothing else is published with it, and
//! read-modify-writes of one word are totally ordered. Time plays no part, so an idle year costs nothing.

use crate::sync::{
    atomic::{AtomicU64, Ordering::Relaxed},
    const_fn,
};

pub(super) struct Tokens(AtomicU64);

/// The two halves of the word, so that a change of the size cuts the tokens in the same step:
///
/// ```text
/// 63           32 31            0
/// [     most     |     left     ]
/// ```
#[derive(Clone, Copy)]
struct Bucket {
    most: u32,
    left: u32,
}

/// What becomes of the tokens when the size of the bucket changes.
#[derive(Clone, Copy)]
pub(super) enum Keep {
    /// They stay, and those that have no room are lost.
    Tokens,
    /// The bucket is full to the same part as before, rounded down.
    Part,
}

impl Tokens {
    const_fn! {
        /// A full bucket.
        pub(super) fn new(most: u32) -> Self {
            Self(AtomicU64::new(Bucket { most, left: most }.pack()))
        }
    }

    pub(super) fn left(&self) -> u64 {
        self.bucket().left.into()
    }

    /// Takes `tokens`, or none if there are fewer.
    pub(super) fn take(&self, tokens: u32) -> bool {
        self.update(|bucket| Some(bucket.of(bucket.left.checked_sub(tokens)?)))
            .is_ok()
    }

    /// Takes `tokens`, or none if no more than half of the bucket would be left.
    pub(super) fn take_above_half(&self, tokens: u32) -> bool {
        self.update(|bucket| {
            let left = bucket.left.checked_sub(tokens)?;
            (left > bucket.most / 2).then(|| bucket.of(left))
        })
        .is_ok()
    }

    /// Takes `tokens`, or all that are left if there are fewer. Returns whether more than half of the bucket is
    /// left.
    pub(super) fn drain(&self, tokens: u32) -> bool {
        // An empty bucket is only read: in an outage every thread comes here after every attempt.
        let before = self.update(|bucket| {
            (bucket.left > 0).then(|| bucket.of(bucket.left.saturating_sub(tokens)))
        });
        // The answer is computed from the value that this operation replaced. A second load could see the tokens
        // of another thread, and then both would be refused or both granted.
        before.is_ok_and(|before| before.left.saturating_sub(tokens) > before.most / 2)
    }

    /// Gives `tokens` back. What is above the cap is lost.
    pub(super) fn give(&self, tokens: u32) {
        // A full bucket is only read: while the service is healthy no call writes to shared memory. The error
        // says that the bucket was full.
        let _ = self.update(|bucket| {
            let left = bucket.left.saturating_add(tokens).min(bucket.most);
            (bucket.left < bucket.most).then(|| bucket.of(left))
        });
    }

    /// Makes the bucket larger or smaller.
    pub(super) fn resize(&self, most: u32, keep: Keep) {
        let _ = self.update(|bucket| {
            let left = match keep {
                Keep::Tokens => bucket.left.min(most),
                Keep::Part => bucket.part_of(most),
            };
            Some(Bucket { most, left })
        });
    }

    fn bucket(&self) -> Bucket {
        Bucket::unpack(self.0.load(Relaxed))
    }

    /// One read-modify-write. Returns what was before.
    #[inline]
    fn update(&self, by: impl Fn(Bucket) -> Option<Bucket>) -> Result<Bucket, u64> {
        self.0
            .fetch_update(Relaxed, Relaxed, |word| {
                by(Bucket::unpack(word)).map(Bucket::pack)
            })
            .map(Bucket::unpack)
    }
}

impl Bucket {
    const fn of(self, left: u32) -> Self {
        Self { left, ..self }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "at most `most`, as the tokens left are at most the size"
    )]
    const fn part_of(self, most: u32) -> u32 {
        (self.left as u64 * most as u64 / self.most as u64) as u32
    }

    #[expect(clippy::cast_possible_truncation, reason = "the halves of a word")]
    const fn unpack(word: u64) -> Self {
        Self {
            most: (word >> 32) as u32,
            left: word as u32,
        }
    }

    const fn pack(self) -> u64 {
        (self.most as u64) << 32 | self.left as u64
    }
}
