//! The decision of a retry budget, as plain numbers.
//!
//! The property that chose the design: all credit that ever came in is laid end to end on one line.
//! `earned` is how long the line is now, `expired` how much of its beginning is older than the ttl, `used`
//! how far retries have used it up, oldest credit first. All that a retry changes is `used`, so one
//! compare-and-swap decides, however many slots the ttl is cut into:
//!
//! ```text
//! 0 ········ expired ──────── used ──────────── earned
//!            too old          taken │ left: one retry each RETRY units
//! ```
//!
//! `used` grows by at least [`RETRY`] with every grant and never passes `earned`, so that
//! `RETRY × grants ≤ earned` whatever happens; and what is left never exceeds `earned − expired`, which is
//! what the live calls and the floor of one ttl have brought.
//!
//! A retry that never ran gives back its length of the line, not its place on it: `used` moves back, and
//! who took after it is now taken to have used the older credit. So where cancelled waits overlap with
//! other retries, one of those may come to be paid for with credit a little older than the ttl, and
//! live credit be left for the next in its place. Both bounds above hold all the same.

/// Units of credit that one retry costs. A call brings `ratio` of it, so this is also the resolution of
/// the ratio: a ten-thousandth holds every percentage with two digits exactly, and leaves a line of
/// 2^64 units room for decades of calls (see `Terms`).
pub(crate) const RETRY: u64 = 10_000;

/// Where `used` goes when one retry is taken; `None` when there is not credit enough.
pub(crate) fn withdraw(used: u64, earned: u64, expired: u64) -> Option<u64> {
    let end = used.max(expired).checked_add(RETRY)?;
    (end <= earned).then_some(end)
}

/// How much a retry that ended at `end` and never ran gives back: what has not expired since.
pub(crate) fn refund(end: u64, expired: u64) -> u64 {
    end.saturating_sub(expired).min(RETRY)
}

/// How many retries could be taken now.
pub(crate) fn balance(used: u64, earned: u64, expired: u64) -> u64 {
    earned.saturating_sub(used.max(expired)) / RETRY
}
