//! What the errors of all dependencies have in common: they say who refused.

use std::fmt::{self, Display};
use std::time::Duration;

/// An error of a stack.
pub(crate) trait Fault: Display {
    /// The layer of ours that refused; `None` when the dependency itself failed.
    fn layer(&self) -> Option<Layer>;

    /// When to come back, where the layer knows.
    fn retry_after(&self) -> Option<Duration>;
}

/// The layers that refuse. (Retry does not: its last result is the answer.)
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
