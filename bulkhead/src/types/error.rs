use std::{error::Error, fmt};

/// A configuration that [`Builder::build`](crate::Builder::build) refuses. The message says what to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidConfig {
    /// The limit is 0: it would refuse every call.
    ZeroLimit,
    /// The capacity of a family is 0: every key would share the overflow.
    ZeroCapacity,
    /// The floor of an adaptive limit is 0 or above its ceiling.
    LimitRange,
    /// The backoff is below 0.5, or not below 1.0: the limit would not fall, or fall too far at once.
    Backoff,
    /// The step is 0: the limit would never rise again.
    Step,
    /// The headroom is not above 0, or not finite: the limit would never rise again.
    Headroom,
    /// The smoothing is not above 0.0 and at most 1.0.
    Smoothing,
    /// The tolerance is below 1.0, or not finite.
    Tolerance,
    /// The drift is below 1.0, or not finite.
    Drift,
    /// The memory has no windows.
    Memory,
    /// A probe has no places, or is made every 0 windows.
    Probe,
}

impl InvalidConfig {
    // Const, so that a bad value in a `static` fails to compile with this sentence.
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
                "`step` of an adaptive limit must be at least 1: with 0 the limit would never rise again"
            }
            Self::Headroom => {
                "`headroom` of an adaptive limit must be above 0.0 and finite: it is what the limit rises by"
            }
            Self::Smoothing => {
                "`smoothing` of an adaptive limit must be above 0.0 and at most 1.0: it is the share of a new limit that takes effect"
            }
            Self::Tolerance => {
                "`tolerance` of an adaptive limit must be at least 1.0 and finite: it is how many times the baseline a healthy latency may be"
            }
            Self::Drift => {
                "`drift` of an adaptive limit must be at least 1.0 and finite: it is how far the baseline may rise above its lowest value"
            }
            Self::Memory => {
                "`memory` of an adaptive limit must be at least 1 window: the baseline is a mean over that number"
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
