use std::{error::Error, fmt};

/// What [`Builder::build`](crate::Builder::build) refuses, and what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidConfig {
    /// A limit of 0 would refuse every call for ever.
    ZeroLimit,
}

impl InvalidConfig {
    // Const, so that a bad value in a `static` fails to compile with this very sentence.
    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::ZeroLimit => {
                "the limit of a bulkhead must be at least 1: with 0 it would refuse every call"
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
