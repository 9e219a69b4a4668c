use std::fmt;

use crate::gate::Reasons;

/// Whether a deployment may go ahead, by [`Gate::deploy`](crate::Gate::deploy).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "a decision is there to be followed"]
pub enum Decision {
    /// Every burn rate is below its limit.
    Allow,
    /// It is not, for these reasons.
    Block(Reasons),
}

/// What a deployment decision makes of a service of which nothing was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoData {
    /// It may be deployed: a service that is new has no data, and has to be deployed to get some.
    Allow,
    /// It may not: where traffic never ceases, no data means that the measurement is broken.
    Block,
}

impl Decision {
    pub(crate) const fn of(reasons: Reasons) -> Self {
        if reasons.is_empty() {
            Self::Allow
        } else {
            Self::Block(reasons)
        }
    }

    /// Whether it is [`Allow`](Self::Allow).
    #[must_use]
    pub const fn is_allowed(self) -> bool {
        matches!(self, Self::Allow)
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Allow => f.write_str("allow"),
            Self::Block(reasons) => write!(f, "block: {reasons}"),
        }
    }
}
