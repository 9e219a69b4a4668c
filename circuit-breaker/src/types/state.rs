use std::fmt;

/// What a circuit breaker does with calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[doc(alias("CircuitState"))]
pub enum State {
    /// Admits them and watches how they end.
    Closed,
    /// Rejects them.
    Open,
    /// Admits a few, as probes, and rejects the others.
    HalfOpen,
    /// Admits a rising share of them, once the probes have closed it, and watches how they end:
    /// where a [`Ramp`](crate::Ramp) is configured.
    Ramping,
    /// Rejects them because an operator decided so.
    ForcedOpen,
    /// Admits them and does not watch, because an operator decided so.
    Disabled,
    /// Admits them and watches how they end, but does not open, because an operator decided so.
    MetricsOnly,
}

impl State {
    pub(crate) const ALL: [Self; 7] = [
        Self::Closed,
        Self::Open,
        Self::HalfOpen,
        Self::Ramping,
        Self::ForcedOpen,
        Self::Disabled,
        Self::MetricsOnly,
    ];

    /// The name in metrics and events: `half_open`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
            Self::Ramping => "ramping",
            Self::ForcedOpen => "forced_open",
            Self::Disabled => "disabled",
            Self::MetricsOnly => "metrics_only",
        }
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for State {
    /// As [`as_str`](Self::as_str).
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
            Self::Ramping => "ramping",
            Self::ForcedOpen => "forced open",
            Self::Disabled => "disabled",
            Self::MetricsOnly => "measuring only",
        })
    }
}
