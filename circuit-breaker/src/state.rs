use std::fmt;

/// What a circuit breaker does with calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// Lets them through and watches how they end.
    Closed,
    /// Rejects them.
    Open,
    /// Lets a few through, as probes, and rejects the others.
    HalfOpen,
    /// Rejects them because an operator says so.
    ForcedOpen,
    /// Lets them through and does not watch, because an operator says so.
    Disabled,
    /// Lets them through and watches how they end, but does not open, because an operator says so.
    MetricsOnly,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
            Self::ForcedOpen => "forced open",
            Self::Disabled => "disabled",
            Self::MetricsOnly => "measuring only",
        })
    }
}
