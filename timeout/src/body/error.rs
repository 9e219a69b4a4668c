use std::{error::Error, fmt};

use crate::Elapsed;

/// Why a [`TimeoutBody`](super::TimeoutBody) ended early.
///
/// Whatever the inner body's error is, it has room here; so any body can be given limits, and the result goes
/// wherever an error that is `Into<Box<dyn Error + Send + Sync>>` may (axum, hyper). The time that is up takes
/// no allocation. [`Elapsed::find`] sees through it.
#[derive(Debug)]
#[non_exhaustive]
pub enum BodyError {
    /// The time was up.
    Elapsed(Elapsed),
    /// The inner body failed.
    Inner(Box<dyn Error + Send + Sync>),
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Elapsed(_) => "the response body took too long",
            Self::Inner(_) => "the response body failed",
        })
    }
}

impl Error for BodyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(match self {
            Self::Elapsed(elapsed) => elapsed,
            Self::Inner(error) => error.as_ref(),
        })
    }
}
