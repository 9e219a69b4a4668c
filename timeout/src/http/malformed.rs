use std::{error::Error, fmt};

use http::HeaderName;

/// A header that should say how much time is left, and does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    name: HeaderName,
}

impl Malformed {
    pub(super) const fn new(name: HeaderName) -> Self {
        Self { name }
    }

    /// The name of the header.
    #[must_use]
    pub const fn name(&self) -> &HeaderName {
        &self.name
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the value, which came from outside and may be anything.
        write!(
            f,
            "the header `{}` does not say how much time is left",
            self.name
        )
    }
}

impl Error for Malformed {}
