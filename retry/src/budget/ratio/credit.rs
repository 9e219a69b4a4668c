//! The decision of a retry budget, as plain numbers.
//!
//! All credit that ever came in is laid end to end on one line. `earned` is the length of the line, `expired` the
//! part at its beginning that is older than the ttl, `used` the point up to which retries have used it, oldest
//! credit first. A retry changes `used` and nothing else, so one compare-and-swap decides:
//!
//! ```text
//! 0 ········ expired ──────── used ──────────── earned
//!            too old          taken │ left: one retry for each RETRY units
//! ```
//!
//! # Bounds
//!
//! - `used` grows by at least [`RETRY`] with every grant and never passes `earned`. So `RETRY × grants ≤ earned`:
//!   retries ≤ ratio × calls + floor × (elapsed + ttl).
//! - What is left never exceeds `earned − expired`: balance ≤ ratio × calls of the last ttl + floor × ttl.
//!
//! # Alternatives
//!
//! - A credit for each slot of time would strand fractions: with a ratio of 0.1 and five calls a slot it would never
//!   grant a retry, and taking parts from several slots is not one step. On one line, the fractions of calls and
//!   floor add up.
//! - Finagle's code, and tower's after it, subtracts a withdrawal from the sum of the window. A retry then weighs for
//!   a whole ttl from when it was made, although the deposits that paid for it expire earlier, and a burst is
//!   followed by a ttl without retries. Here a retry uses up what paid for it, and the bounds are the same.
//!
//! # Refunds
//!
//! A retry that never ran gives back its length of the line, not its place on it: `used` moves back, and retries
//! granted after it now count as having used the older credit. If cancelled waits overlap with other retries, one of
//! those may be paid for with credit a little older than the ttl, and live credit is left for the next one. Both
//! bounds still hold. Counting refunds, and moving the place of each hold back by all of them, is exact only if the
//! oldest hold is cancelled first. With the newest first it loses half of what should come back.

use std::time::Duration;

use crate::types::InvalidConfigKind;

/// Units of credit that one retry costs, and so the resolution of the ratio.
///
/// A ten-thousandth holds every percentage with two digits exactly. A line of 2^64 units then has room for decades
/// of calls (see [`Terms::new`]).
pub(super) const RETRY: u64 = 10_000;

pub(super) const NANOS_PER_MILLI: u64 = 1_000_000;

/// The new `used` if one retry is taken. `None` if there is not enough credit.
pub(super) fn withdraw(used: u64, earned: u64, expired: u64) -> Option<u64> {
    let end = used.max(expired).checked_add(RETRY)?;
    (end <= earned).then_some(end)
}

/// What a retry that ended at `end` and never ran gives back: the part that has not expired since.
pub(super) fn refund(end: u64, expired: u64) -> u64 {
    end.saturating_sub(expired).min(RETRY)
}

/// How many retries could be taken.
pub(super) fn balance(used: u64, earned: u64, expired: u64) -> u64 {
    earned.saturating_sub(used.max(expired)) / RETRY
}

/// The checked numbers of a budget, in units of credit and nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    /// Units for each call.
    pub(super) per_call: u64,
    /// Units for each millisecond.
    pub(super) per_milli: u64,
    /// Nanoseconds.
    pub(super) ttl: u64,
}

impl Terms {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the ratio is checked to be from 0 to 10, the ttl to be at most ten minutes"
    )]
    #[expect(
        clippy::cast_precision_loss,
        reason = "10,000 is exact; `f64::from` is not const"
    )]
    pub(super) const fn new(
        ratio: f64,
        floor: u32,
        ttl: Duration,
    ) -> Result<Self, InvalidConfigKind> {
        // More than ten retries a call is no budget. At 10, and a million calls a second, the line lasts 5 years
        // (290 years at a ratio of 0.2). When it is full, the budget grants no more.
        if !(ratio >= 0.0 && ratio <= 10.0) {
            return Err(InvalidConfigKind::Ratio(ratio));
        }
        // A million a second lasts 58 years on that line.
        if floor > 1_000_000 {
            return Err(InvalidConfigKind::Floor(floor));
        }
        // Finagle asks for 1 to 60 s. With ten minutes the calls of one ttl fit into the 31 bits of a mark up to 3.5
        // million calls a second. Above that, old credit is given up early, never late.
        if ttl.as_secs() < 1 || ttl.as_millis() > 600_000 {
            return Err(InvalidConfigKind::Ttl(ttl));
        }
        Ok(Self {
            // `round` is not const in Rust 1.85.
            per_call: (ratio * RETRY as f64 + 0.5) as u64,
            per_milli: floor as u64 * (RETRY / 1_000),
            ttl: ttl.as_nanos() as u64,
        })
    }

    /// What the floor brings in a ttl: the credit of a new budget.
    pub(super) const fn reserve(&self) -> u64 {
        (self.ttl / NANOS_PER_MILLI).saturating_mul(self.per_milli)
    }
}
