//! The decisions of operators.

use std::{fmt, sync::Arc, time::Duration};

/// An operator's decision: the actor, the reason, and how long it holds.
///
/// The controls that force a state take one. Events, snapshots and, where a state rejects calls, the rejections carry it,
/// for an audit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "an override does nothing until a control takes it"]
pub struct Override {
    actor: Arc<str>,
    reason: Arc<str>,
    lasts: Option<Duration>,
}

impl Override {
    /// Holds until an operator resumes.
    pub fn new(actor: impl Into<Arc<str>>, reason: impl Into<Arc<str>>) -> Self {
        Self {
            actor: actor.into(),
            reason: reason.into(),
            lasts: None,
        }
    }

    /// Ends after `time`, counted from the moment it is given to a control. At that very instant it has ended. A time
    /// beyond the range of the clock has no end.
    pub fn lasting(self, time: Duration) -> Self {
        Self {
            lasts: Some(time),
            ..self
        }
    }

    /// The person or the system that decided.
    #[must_use]
    pub fn actor(&self) -> &str {
        &self.actor
    }

    /// The reason.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// How long it holds, from the moment it is given to a control; `None` until an operator resumes.
    #[must_use]
    pub const fn lasts(&self) -> Option<Duration> {
        self.lasts
    }
}

impl fmt::Display for Override {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "by {}: {}", self.actor, self.reason)
    }
}
