use std::time::Duration;

/// How long an open circuit rejects calls before it lets probes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a wait does nothing until it is given to `Builder::wait_in_open`"]
pub struct Wait(pub(crate) Duration);

impl Wait {
    /// The same every time. The end is inclusive: a call at the very instant is let in.
    ///
    /// From 1 ns; more than 36 years are 36 years.
    pub const fn fixed(wait: Duration) -> Self {
        Self(wait)
    }
}
