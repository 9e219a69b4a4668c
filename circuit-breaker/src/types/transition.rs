use std::{fmt, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{Cause, State};

/// An operator's decision about a breaker: the person, the reason, and how long it holds.
///
/// Given to [`force_open`](crate::CircuitBreaker::force_open),
/// [`disable`](crate::CircuitBreaker::disable),
/// [`metrics_only`](crate::CircuitBreaker::metrics_only),
/// [`trip`](crate::CircuitBreaker::trip) and [`resume`](crate::CircuitBreaker::resume), and kept for
/// the audit: in the [`Transition`], and in
/// [`Snapshot::last_override`](crate::Snapshot::last_override).
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "an override does nothing until a circuit breaker is given it"]
pub struct Override {
    actor: Arc<str>,
    reason: Arc<str>,
    lasts: Option<Duration>,
}

/// A change of the state of a circuit breaker, as its
/// [listeners](crate::CircuitBreaker::on_transition) receive it. Its `Display` is a line for a log.
///
/// There is one for every generation. A reset of a closed breaker is one, from closed to closed. In
/// [`State::MetricsOnly`] it is what would have opened the breaker.
#[derive(Clone, PartialEq, Eq)]
pub struct Transition {
    name: &'static str,
    at: Instant,
    change: Change,
}

/// A transition as the state machine knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) generation: u32,
    pub(crate) from: State,
    pub(crate) to: State,
    pub(crate) cause: Cause,
    pub(crate) by: Option<Override>,
    /// In ticks.
    pub(crate) at: u64,
}

// === impl Override ===

impl Override {
    /// Holds until an operator resumes.
    pub fn new(actor: impl Into<Arc<str>>, reason: impl Into<Arc<str>>) -> Self {
        Self {
            actor: actor.into(),
            reason: reason.into(),
            lasts: None,
        }
    }

    /// Ends after `time`, counted from the moment it is given; at most after 36 years. The end is
    /// inclusive, like that of a wait.
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

    /// How long it holds, from the moment it is given; `None` until an operator resumes.
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

// === impl Transition ===

impl Transition {
    /// `start` is the instant of tick 0.
    pub(crate) fn new(name: &'static str, start: Instant, change: Change) -> Self {
        let at = start
            .checked_add(Duration::from_nanos(change.at))
            .unwrap_or(start);
        Self { name, at, change }
    }

    /// The name of the circuit breaker.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Its number: one more than that of the transition before, as in
    /// [`Snapshot::generation`](crate::Snapshot::generation).
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.change.generation.into()
    }

    /// The state before.
    #[must_use]
    pub const fn from(&self) -> State {
        self.change.from
    }

    /// The state after.
    #[must_use]
    pub const fn to(&self) -> State {
        self.change.to
    }

    /// Why it happened.
    #[must_use]
    pub const fn cause(&self) -> Cause {
        self.change.cause
    }

    /// The operator's decision; `None` for every other transition, resets included.
    #[must_use]
    pub const fn by(&self) -> Option<&Override> {
        self.change.by.as_ref()
    }

    /// When it happened. A transition that was due at an instant (the end of a wait) has that
    /// instant, even if the call or read that made it happen came later.
    #[must_use]
    pub const fn at(&self) -> Instant {
        self.at
    }
}

impl fmt::Debug for Transition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transition")
            .field("name", &self.name())
            .field("generation", &self.generation())
            .field("from", &self.from())
            .field("to", &self.to())
            .field("cause", &self.cause())
            .field("by", &self.by())
            // The `Debug` of an instant says nothing to people.
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Transition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Change {
            from, to, cause, ..
        } = self.change;
        write!(f, "circuit `{}`: {from} to {to}", self.name)?;
        if cause.opens() {
            write!(f, ", as {cause}")?;
        }
        match &self.change.by {
            Some(by) => write!(f, ", {by}"),
            None => Ok(()),
        }
    }
}
