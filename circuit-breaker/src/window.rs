use std::time::Duration;

/// Which calls a failure ratio looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a window does nothing until it is given to `Builder::window`"]
pub struct Window(pub(crate) Duration);

impl Window {
    /// Those that ended within the last `length`.
    ///
    /// The window moves in sixteen steps: a call counts for at least fifteen sixteenths of `length` and
    /// never for more than `length` (rounded up to 16 ns). Cost and memory do not depend on the traffic.
    ///
    /// From 1 ns; more than 146 years are 146 years. Steps are told apart for 2^20 windows: where a
    /// circuit sees no call at all for exactly that long (121 days for a window of 10 s), what the window
    /// held then counts once more.
    pub const fn time(length: Duration) -> Self {
        Self(length)
    }
}
