use std::{fmt, sync::Arc};

use tokio::time::Instant;

use crate::{gate::Reasons, types::Override};

/// Something that happened to a [`Gate`](crate::Gate), as its [listeners](crate::Gate::on_transition) hear of it.
///
/// Its `Display` is a line for an audit log.
#[derive(Clone, Debug)]
pub struct Transition {
    pub(crate) name: &'static str,
    pub(crate) change: Change,
    pub(crate) is_open: bool,
    pub(crate) at: Instant,
}

/// What happened to a gate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// The policy decided otherwise than before: to close it for these reasons, or, without any, to open
    /// it. Said also while an override holds, and then without effect until that ends.
    Decided(Reasons),
    /// An operator overrode the policy, or an override that held before.
    Forced(Override),
    /// An override was ended by an operator.
    Resumed {
        /// Who ended it.
        actor: Arc<str>,
        /// Why.
        reason: Arc<str>,
        /// What was ended.
        ended: Override,
    },
    /// An override came to its end by itself.
    Expired(Override),
}

impl Transition {
    /// The name of the error budget.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What happened.
    #[must_use]
    pub const fn change(&self) -> &Change {
        &self.change
    }

    /// Whether the gate admits all classes from then on.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.is_open
    }

    /// When: for what the gate does by itself, the instant of the first check after it was due.
    #[must_use]
    pub const fn at(&self) -> Instant {
        self.at
    }
}

impl fmt::Display for Transition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_open = if self.is_open { "open" } else { "closed" };
        write!(f, "gate of `{}` is {is_open}: {}", self.name, self.change)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decided(reasons) if reasons.is_empty() => {
                f.write_str("nothing speaks for closing it any more")
            }
            Self::Decided(reasons) => reasons.fmt(f),
            Self::Forced(by) => by.fmt(f),
            Self::Resumed {
                actor,
                reason,
                ended,
            } => write!(f, "{actor} resumed the policy: {reason} (was {ended})"),
            Self::Expired(ended) => write!(f, "an override expired (was {ended})"),
        }
    }
}
