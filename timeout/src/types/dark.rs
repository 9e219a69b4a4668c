use std::fmt;

use super::Override;

/// An operator put a deadline filter into dark mode, or ended that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DarkChange {
    cause: DarkCause,
    by: Override,
}

/// Why the override of dark mode began or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DarkCause {
    /// An operator [forced](crate::DeadlineFilter::force_dark) dark mode.
    Forced,
    /// An operator [resumed](crate::DeadlineFilter::resume) the configured mode.
    Resumed,
    /// The time of an override ended.
    OverrideOver,
}

impl DarkChange {
    pub(crate) const fn new(cause: DarkCause, by: Override) -> Self {
        Self { cause, by }
    }

    /// Why it changed.
    #[must_use]
    pub const fn cause(&self) -> DarkCause {
        self.cause
    }

    /// The decision of the operator who forced or resumed; the override that ended.
    pub const fn by(&self) -> &Override {
        &self.by
    }
}

impl DarkCause {
    /// The name in events: `forced`, `resumed` or `override_over`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Forced => "forced",
            Self::Resumed => "resumed",
            Self::OverrideOver => "override_over",
        }
    }
}

impl fmt::Display for DarkChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.cause {
            DarkCause::Forced => "dark mode, forced",
            DarkCause::Resumed => "configured mode, resumed",
            DarkCause::OverrideOver => "configured mode, at the end of the override",
        })?;
        write!(f, " {}", self.by)
    }
}
