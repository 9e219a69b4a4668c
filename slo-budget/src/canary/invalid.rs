//! Why counts can be invalid.

use std::{error::Error, fmt, time::Duration};

use crate::types::duration::Spoken;

/// One of the two arms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[non_exhaustive]
pub enum Side {
    /// The version that runs beside the canary.
    Baseline,
    /// The release under test.
    Canary,
}

/// The reason why counts are invalid. [`Canary::observe`](crate::Canary::observe) then only counts a failed measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidArms {
    /// There are more slow requests than requests, or more much too slow than slow ones.
    MoreSlowThanAll(Side),
    /// The run of failures is longer than the number of failures.
    InARow(Side),
    /// The policy compares latency with that of the baseline, and the arm has none.
    NoLatency(Side),
    /// The policy limits the requests slower than this, and the arm has no count of them.
    NoCount(Side, Duration),
    /// There are more than 10^12 requests.
    TooMany(Side),
}

// === impl Side ===

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Baseline => "baseline",
            Self::Canary => "canary",
        })
    }
}

// === impl InvalidArms ===

impl InvalidArms {
    /// The arm with the invalid counts.
    #[must_use]
    pub const fn side(self) -> Side {
        match self {
            Self::MoreSlowThanAll(side)
            | Self::InARow(side)
            | Self::NoLatency(side)
            | Self::NoCount(side, _)
            | Self::TooMany(side) => side,
        }
    }
}

impl fmt::Display for InvalidArms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = self.side();
        match self {
            Self::MoreSlowThanAll(_) => write!(
                f,
                "the {side} has more slow requests than requests, or more much too slow than slow ones: count both of all requests, good and bad, since the canary was started"
            ),
            Self::InARow(_) => write!(
                f,
                "the {side} has more failures in a row than failures: count both since the canary was started"
            ),
            Self::NoLatency(_) => write!(
                f,
                "the policy compares latency, and the {side} has none: set it by `Arm::latency`, or build the policy `without_latency`"
            ),
            Self::NoCount(_, time) => write!(
                f,
                "the policy limits the requests that take longer than {}, and the {side} has no count of them: set it by `Arm::slower_than`",
                Spoken(*time)
            ),
            Self::TooMany(_) => write!(
                f,
                "more than 10^12 requests of the {side}: check that the counts are requests"
            ),
        }
    }
}

impl Error for InvalidArms {}
