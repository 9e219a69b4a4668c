use std::{error::Error, fmt};

/// A setting is out of its range. Returned by [`DeadlineFilterBuilder::build`](crate::DeadlineFilterBuilder::build).
///
/// The message names the setting and its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidConfig {
    /// The share of rejections is not a number from 0 to 1.
    MaxShare,
    /// The period is shorter than a millisecond.
    Period,
}

impl fmt::Display for InvalidConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MaxShare => "`max_share` of a deadline filter must be from 0.0 to 1.0",
            Self::Period => {
                "`period` of a deadline filter must be at least 1 ms: it counts in milliseconds"
            }
        })
    }
}

impl Error for InvalidConfig {}
