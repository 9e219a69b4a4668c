use std::{fmt, sync::Arc, time::Duration};

/// An operator's override of a [`Gate`](crate::Gate): open or closed, with the actor, the reason and a duration.
///
/// # Examples
///
/// ```
/// use maestro_slo_budget::{ErrorBudget, Gate, Objective, Override};
/// use std::time::Duration;
///
/// let gate = Gate::new(ErrorBudget::new("api", Objective::new(999, 1000).unwrap()));
/// let migration = Override::closed("alice", "migration of the store").lasting(Duration::from_secs(3600));
/// gate.force(migration);
/// assert!(!gate.is_open());
/// gate.resume("alice", "the migration is done");
/// assert!(gate.is_open());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "an override does nothing until it is passed to `Gate::force`"]
pub struct Override {
    is_open: bool,
    actor: Arc<str>,
    reason: Arc<str>,
    lasts: Option<Duration>,
}

impl Override {
    /// Open: all requests are admitted, until the override ends or an operator resumes the policy.
    pub fn open(actor: impl Into<Arc<str>>, reason: impl Into<Arc<str>>) -> Self {
        Self::new(true, actor.into(), reason.into())
    }

    /// Closed: all optional requests are refused until the override ends or an operator resumes the
    /// policy.
    pub fn closed(actor: impl Into<Arc<str>>, reason: impl Into<Arc<str>>) -> Self {
        Self::new(false, actor.into(), reason.into())
    }

    const fn new(is_open: bool, actor: Arc<str>, reason: Arc<str>) -> Self {
        Self {
            is_open,
            actor,
            reason,
            lasts: None,
        }
    }

    /// Ends the override after `time`. By default, and for more than 584 years, it has no end.
    pub fn lasting(self, time: Duration) -> Self {
        Self {
            lasts: Some(time),
            ..self
        }
    }

    /// Whether it opens the gate.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.is_open
    }

    /// The operator.
    #[must_use]
    pub fn actor(&self) -> &str {
        &self.actor
    }

    /// Why.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The duration, from when it is passed to the gate. `None` if it has no end.
    #[must_use]
    pub const fn lasts(&self) -> Option<Duration> {
        self.lasts
    }
}

impl fmt::Display for Override {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.is_open { "open" } else { "closed" };
        write!(f, "forced {state} by {}: {}", self.actor, self.reason)
    }
}
