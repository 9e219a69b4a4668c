use std::fmt;

/// What was going on when the time was up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Nothing yet: the time was over before the call, which was not made.
    Before,
    /// The call, whose response was not there.
    Call,
    /// The call of an HTTP service, whose response head was not there.
    Headers,
    /// The wait for the next frame of a response body.
    Idle,
    /// The response body as a whole, though its frames may have come one after the other.
    Body,
}

impl Phase {
    /// Its name in metrics and logs: `before`, `call`, `headers`, `idle` or `body`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::Call => "call",
            Self::Headers => "headers",
            Self::Idle => "idle",
            Self::Body => "body",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
