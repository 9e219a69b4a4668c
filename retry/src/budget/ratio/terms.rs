use std::time::Duration;

use crate::{budget::ratio::credit::RETRY, types::InvalidConfig};

/// The numbers of a budget, checked and in the units the ledger counts in.
///
/// Time here is virtual: it began one ttl before the budget was made, with the floor already flowing. So
/// the reserve of a new budget, `floor × ttl`, needs no case of its own, and no live slot is below 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    /// Units a call brings.
    per_call: u64,
    /// Units a millisecond brings.
    per_milli: u64,
    /// Nanoseconds.
    ttl: u64,
}

const NANOS_PER_MILLI: u64 = 1_000_000;

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
    pub(crate) const fn new(ratio: f64, floor: u32, ttl: Duration) -> Result<Self, InvalidConfig> {
        // 10: more than ten retries a call is no budget. With it, and a million calls a second, the line
        // of credit lasts 5 years in the worst case, 290 at a ratio of 0.2; at its end, no more is granted.
        if !(ratio >= 0.0 && ratio <= 10.0) {
            return Err(InvalidConfig::Ratio);
        }
        // A million a second lasts 58 years on that line.
        if floor > 1_000_000 {
            return Err(InvalidConfig::Floor);
        }
        // Finagle asks for 1 to 60 s. Ten minutes keep the calls of one ttl within the 31 bits of a mark
        // up to 3.5 million calls a second (above that, old credit is given up early, never late).
        if ttl.as_secs() < 1 || ttl.as_millis() > 600_000 {
            return Err(InvalidConfig::Ttl);
        }
        Ok(Self {
            // `round` is not const in Rust 1.85.
            per_call: (ratio * RETRY as f64 + 0.5) as u64,
            per_milli: floor as u64 * (RETRY / 1_000),
            ttl: ttl.as_nanos() as u64,
        })
    }

    /// All credit that came in by `nanos` after the budget was made, when `calls` were counted by then.
    pub(crate) fn earned(&self, calls: u64, nanos: u64) -> u64 {
        self.line(calls, nanos.saturating_add(self.ttl))
    }

    /// What of it is older than the ttl, when `calls` were counted before the oldest live slot began.
    pub(crate) fn expired(&self, calls: u64, nanos: u64) -> u64 {
        self.line(calls, nanos)
    }

    /// How long a slot is when `slots` of them make a ttl.
    pub(crate) const fn slot_length(&self, slots: usize) -> u64 {
        self.ttl / slots as u64
    }

    /// The slot of time. The first is the number of slots in a ttl, not 0.
    pub(crate) fn slot(&self, nanos: u64, length: u64) -> u64 {
        nanos.saturating_add(self.ttl) / length
    }

    /// When that slot ends.
    pub(crate) fn end(&self, slot: u64, length: u64) -> u64 {
        (slot + 1).saturating_mul(length).saturating_sub(self.ttl)
    }

    // Saturating: a line that is full grants nothing more.
    fn line(&self, calls: u64, nanos: u64) -> u64 {
        let from_calls = calls.saturating_mul(self.per_call);
        from_calls.saturating_add((nanos / NANOS_PER_MILLI).saturating_mul(self.per_milli))
    }
}
