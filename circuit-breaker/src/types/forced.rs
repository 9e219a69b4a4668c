use std::{fmt, sync::Arc, time::Duration};

/// An operator's word: who steers a circuit breaker, why, and for how long.
///
/// # Examples
///
/// ```
/// use maestro_circuit_breaker::{CircuitBreaker, Override, State};
/// use std::time::Duration;
///
/// let store = CircuitBreaker::new("store");
/// store.force_open(Override::new("alice", "migration").lasting(Duration::from_secs(3_600)));
/// assert_eq!(store.state(), State::ForcedOpen);
/// store.resume(Override::new("alice", "the migration is done"));
/// assert_eq!(store.state(), State::Closed);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "an override does nothing until a circuit breaker is given it"]
pub struct Override {
    actor: Arc<str>,
    reason: Arc<str>,
    lasts: Option<Duration>,
}

impl Override {
    /// Until somebody resumes.
    pub fn new(actor: impl Into<Arc<str>>, reason: impl Into<Arc<str>>) -> Self {
        Self {
            actor: actor.into(),
            reason: reason.into(),
            lasts: None,
        }
    }

    /// Ends by itself so long after it is given; after more than 36 years, after 36 years. The end is
    /// inclusive, as that of a wait.
    pub fn lasting(self, time: Duration) -> Self {
        Self {
            lasts: Some(time),
            ..self
        }
    }

    /// Who says so.
    #[must_use]
    pub fn actor(&self) -> &str {
        &self.actor
    }

    /// Why.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// For how long, from when it was given; `None` until somebody resumes.
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
