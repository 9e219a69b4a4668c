use std::{fmt, sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::{
    gate::Reasons,
    types::{Override, duration::Spoken, subject::Subject},
};

/// A change of a [`Gate`](crate::Gate), as passed to its [listeners](crate::Gate::on_transition).
///
/// Its `Display` is a line for an audit log.
#[derive(Clone, Debug)]
pub struct Transition {
    pub(super) subject: Subject,
    pub(super) change: Change,
    pub(super) is_open: bool,
    pub(super) at: Instant,
}

/// How a gate changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// The policy refuses optional requests for these reasons from now on, or none any more if there are none. The share
    /// changes in between without a transition.
    /// While there is an override this has no effect until the override ends.
    Decided(Reasons),
    /// Refusals do not lessen the failures, so the share rises to the whole, and stays there for this time.
    Paused(Duration),
    /// An operator overrode the policy, or replaced an override. [`Transition::is_open`] is the forced state.
    Forced(Override),
    /// An operator ended an override.
    Resumed {
        /// The operator and the reason.
        by: Override,
        /// The override that ended.
        ended: Override,
    },
    /// An override reached its end.
    OverrideOver(Override),
}

impl Transition {
    /// The name of the error budget.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.subject.name()
    }

    /// The key of the member of the family, if the family [shows its keys](crate::ErrorBudgets::show_keys).
    #[must_use]
    pub fn key(&self) -> Option<Arc<str>> {
        self.subject.key()
    }

    /// How the gate changed.
    #[must_use]
    pub const fn change(&self) -> &Change {
        &self.change
    }

    /// Whether the gate admits all classes after the change.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.is_open
    }

    /// When it changed. For changes that no operator made, this is the first check after the change was due.
    #[must_use]
    pub const fn at(&self) -> Instant {
        self.at
    }
}

#[cfg(any(feature = "metrics", feature = "serde", feature = "tracing"))]
impl Change {
    /// How changes are called in metrics and events.
    pub(crate) const CAUSES: [&'static str; 6] = [
        "refusing",
        "recovered",
        "paused",
        "forced",
        "resumed",
        "override_over",
    ];

    /// Its place in [`CAUSES`](Self::CAUSES).
    pub(super) const fn index(&self) -> usize {
        match self {
            Self::Decided(reasons) if reasons.is_empty() => 1,
            Self::Decided(_) => 0,
            Self::Paused(_) => 2,
            Self::Forced(_) => 3,
            Self::Resumed { .. } => 4,
            Self::OverrideOver(_) => 5,
        }
    }

    #[cfg(any(feature = "serde", feature = "tracing"))]
    pub(crate) const fn as_str(&self) -> &'static str {
        Self::CAUSES[self.index()]
    }
}

impl fmt::Display for Transition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let does = if self.is_open {
            "is open"
        } else {
            "refuses requests"
        };
        write!(f, "gate of {} {does}: {}", self.subject, self.change)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decided(reasons) if reasons.is_empty() => {
                f.write_str("nothing speaks for refusals any more")
            }
            Self::Paused(time) => write!(
                f,
                "refusals do not lessen the failures, so there are none for {}",
                Spoken(*time)
            ),
            Self::Decided(reasons) => reasons.fmt(f),
            Self::Forced(by) => write!(f, "forced {by}"),
            Self::Resumed { by, ended } => write!(f, "resumed {by} (was forced {ended})"),
            Self::OverrideOver(ended) => write!(f, "the override ended (was forced {ended})"),
        }
    }
}
