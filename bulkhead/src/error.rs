use std::{error::Error, fmt};

/// What [`Builder::build`](crate::Builder::build) refuses, and what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidConfig {
    /// A limit of 0 would refuse every call for ever.
    ZeroLimit,
    /// A family of no bulkheads would put every key into the overflow.
    ZeroCapacity,
    /// An adaptive limit whose least is 0 or above its most.
    LimitRange,
    /// A backoff outside of 0.5 to 1.0 (exclusive): it would not come down, or come down to nothing at once.
    Backoff,
    /// A step, a smoothing, a tolerance or a drift out of its range, or not a number.
    Factor,
}

impl InvalidConfig {
    // Const, so that a bad value in a `static` fails to compile with this very sentence.
    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::ZeroLimit => {
                "the limit of a bulkhead must be at least 1: with 0 it would refuse every call"
            }
            Self::ZeroCapacity => {
                "the capacity of a family of bulkheads must be at least 1: with 0 all keys would share the overflow"
            }
            Self::LimitRange => {
                "an adaptive limit must stay between a least of 1 or more and a most that is not below it"
            }
            Self::Backoff => {
                "the backoff of an adaptive limit must be at least 0.5 and below 1.0: it is what is left of the limit"
            }
            Self::Factor => {
                "smoothing must be above 0.0 and at most 1.0, tolerance and drift at least 1.0, step and headroom above 0.0, all of them finite"
            }
        }
    }
}

impl fmt::Display for InvalidConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl Error for InvalidConfig {}
