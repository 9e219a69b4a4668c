use std::sync::Arc;

use tokio::time::Instant;

use crate::{gate::Reasons, types::subject::Subject};

/// The state of a [`Gate`](crate::Gate) at one moment. Made by [`Gate::snapshot`](crate::Gate::snapshot).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Snapshot {
    pub(super) subject: Subject,
    pub(super) reasons: Reasons,
    pub(super) decided: Reasons,
    pub(super) is_forced: bool,
    pub(super) share: f64,
    pub(super) pace: f64,
    pub(super) refused: u64,
    pub(super) since: Option<Instant>,
}

impl Snapshot {
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

    /// Whether all requests are admitted.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.reasons.is_empty()
    }

    /// The share of optional requests that is admitted, from 0 to 1. It is 0 only while an override closes the gate.
    #[must_use]
    pub const fn share(&self) -> f64 {
        self.share
    }

    /// The burn rate that is allowed now: from [`pace`](crate::GateBuilder::pace) with a whole budget to 1 with a spent
    /// one.
    #[must_use]
    pub const fn pace(&self) -> f64 {
        self.pace
    }

    /// Why it refuses requests; empty if it is open.
    #[must_use]
    pub const fn reasons(&self) -> Reasons {
        self.reasons
    }

    /// The decision of the policy, whatever an override says; empty for open.
    #[must_use]
    pub const fn decided(&self) -> Reasons {
        self.decided
    }

    /// Whether there is an override; [`Gate::forced`](crate::Gate::forced) returns it.
    #[must_use]
    pub const fn is_forced(&self) -> bool {
        self.is_forced
    }

    /// When the budget began to burn too fast. `None` if the share is whole and no failures are expected any more.
    #[must_use]
    pub const fn since(&self) -> Option<Instant> {
        self.since
    }

    /// The number of requests refused since the gate was built.
    #[must_use]
    pub const fn refused(&self) -> u64 {
        self.refused
    }
}
