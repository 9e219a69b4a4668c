use std::{error::Error, fmt};

/// What [`Builder::build`](crate::Builder::build) and [`BudgetBuilder::build`](crate::BudgetBuilder::build) refuse,
/// and what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidConfig {
    /// With 0 attempts nothing would ever be called.
    ZeroAttempts,
    /// The ratio of a budget is not a number from 0 to 10.
    Ratio,
    /// The floor of a budget is above 1,000,000 retries a second.
    Floor,
    /// The ttl of a budget is shorter than one second or longer than ten minutes.
    Ttl,
}

impl InvalidConfig {
    // Const, so that a bad value in a `static` fails to compile with this very sentence.
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
        }
    }
}

impl fmt::Display for InvalidConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl Error for InvalidConfig {}
