use std::{error::Error, fmt};

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Side {
    /// What ran before, beside the canary.
    Baseline,
    /// The release that is tried.
    Canary,
}

/// Why counts cannot be right: [`Canary::observe`](crate::Canary::observe) then changes nothing but that it counts a
/// failed measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidArms {
    /// A count is lower than it was.
    WentBack(Side),
    /// More slow requests than requests, or more much too slow than slow ones.
    MoreSlowThanAll(Side),
    /// A longer run of failures than there were failures.
    InARow(Side),
    /// The policy judges latency, and nothing is said of it.
    NoLatency(Side),
    /// More than 10^12 requests.
    TooMany(Side),
}

impl InvalidArms {
    /// Whose counts they are.
    #[must_use]
    pub const fn side(self) -> Side {
        match self {
            Self::WentBack(side)
            | Self::MoreSlowThanAll(side)
            | Self::InARow(side)
            | Self::NoLatency(side)
            | Self::TooMany(side) => side,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Baseline => "baseline",
            Self::Canary => "canary",
        })
    }
}

impl fmt::Display for InvalidArms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = self.side();
        match self {
            Self::WentBack(_) => write!(
                f,
                "a count of the {side} is lower than before: counts are cumulative since the canary was started; add up instances that were restarted, or start a new canary"
            ),
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
                "the policy judges latency, and nothing is said of the {side}'s: tell it by `Arm::latency`, or build the policy `without_latency`"
            ),
            Self::TooMany(_) => write!(
                f,
                "more than 10^12 requests of the {side}: see whether they are requests"
            ),
        }
    }
}

impl Error for InvalidArms {}
