//! What the errors of all dependencies have in common: they name the layer that rejected.

use std::fmt::{self, Display};
use std::time::Duration;

/// An error of a stack.
pub(crate) trait Fault: Display {
    /// The layer that rejected; `None` if the dependency failed.
    fn layer(&self) -> Option<Layer>;

    /// How long to wait before the next call, if the layer knows.
    fn retry_after(&self) -> Option<Duration>;
}

/// The layers that reject. Retry does not: its last result is the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layer {
    Breaker,
    Bulkhead,
    Timeout,
}

impl Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Breaker => "breaker",
            Self::Bulkhead => "bulkhead",
            Self::Timeout => "timeout",
        })
    }
}
