use std::{error::Error, fmt};

/// A configuration that [`Builder::build`](crate::Builder::build), or the `build` of a budget, refuses.
///
/// The message says which values are legal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidConfig {
    /// The number of attempts is 0, so that nothing would ever be called.
    ZeroAttempts,
    /// The ratio of a budget is not a number from 0 to 10.
    Ratio,
    /// The floor of a budget is above 1,000,000 retries a second.
    Floor,
    /// The ttl of a budget is shorter than one second or longer than ten minutes.
    Ttl,
    /// The bucket of a [`HalfFull`](crate::HalfFull) does not hold from 1 to 1,000 tokens.
    MaxTokens,
    /// The tokens that a success gives to a [`HalfFull`](crate::HalfFull) are not a number from 0.001 to 1,000.
    TokenRatio,
    /// The cost of a retry in a [`CostBucket`](crate::CostBucket) is 0, or more than the bucket holds.
    Cost,
    /// The share of an [`InFlightShare`](crate::InFlightShare) is not a number from 0 to 1.
    Share,
}

impl InvalidConfig {
    // Const, so that a bad value in a `static` fails to compile with this message.
    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::ZeroAttempts => {
                "attempts must be at least 1: the first call is an attempt, and 1 means no retries"
            }
            Self::Ratio => {
                "the ratio of a retry budget must be from 0 to 10: 0.2 allows one retry in five calls"
            }
            Self::Floor => "the floor of a retry budget must be at most 1,000,000 retries a second",
            Self::Ttl => "the ttl of a retry budget must be from one second to ten minutes",
            Self::MaxTokens => "the bucket of a throttle must hold from 1 to 1,000 tokens",
            Self::TokenRatio => {
                "a success must give a throttle from 0.001 to 1,000 tokens: 0.1 makes ten successes outweigh one failure"
            }
            Self::Cost => "a retry must cost from 1 token to all that the bucket holds",
            Self::Share => {
                "the share of calls in flight must be from 0 to 1: 0.2 lets one in five be a retry"
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
