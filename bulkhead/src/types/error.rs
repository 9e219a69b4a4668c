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
    /// A step of 0: it would never come up again.
    Step,
    /// A headroom that is not above 0, or not finite: it would never come up again.
    Headroom,
    /// A smoothing that is not above 0.0 and at most 1.0.
    Smoothing,
    /// A tolerance below 1.0, or not finite.
    Tolerance,
    /// A drift below 1.0, or not finite.
    Drift,
    /// A memory of no windows.
    Memory,
    /// A probe with no places, or every 0 windows.
    Probe,
}

impl InvalidConfig {
    // Const, so that a bad value in a `static` fails to compile with this very sentence.
    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::ZeroLimit => {
                "`limit` of a bulkhead must be at least 1: with 0 it would refuse every call"
            }
            Self::ZeroCapacity => {
                "`capacity` of a family of bulkheads must be at least 1: with 0 all keys would share the overflow"
            }
            Self::LimitRange => {
                "`min` of an adaptive limit must be at least 1, and `max` not below it"
            }
            Self::Backoff => {
                "`backoff` of an adaptive limit must be at least 0.5 and below 1.0: it is what is left of the limit"
            }
            Self::Step => {
                "`step` of an adaptive limit must be at least 1: with 0 it would never come up again"
            }
            Self::Headroom => {
                "`headroom` of an adaptive limit must be above 0.0 and finite: it is what the limit comes up by"
            }
            Self::Smoothing => {
                "`smoothing` of an adaptive limit must be above 0.0 and at most 1.0: it is the share of a new limit that is taken over"
            }
            Self::Tolerance => {
                "`tolerance` of an adaptive limit must be at least 1.0 and finite: it is how many times slower than the baseline is still healthy"
            }
            Self::Drift => {
                "`drift` of an adaptive limit must be at least 1.0 and finite: it is how far the baseline may rise above its lowest"
            }
            Self::Memory => {
                "`memory` of an adaptive limit must be at least 1 window: the baseline is a mean over so many"
            }
            Self::Probe => {
                "`probe` of an adaptive limit needs at least 1 place, and at least 1 window between two probes"
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
