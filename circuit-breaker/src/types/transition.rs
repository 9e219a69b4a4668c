use std::{fmt, time::Duration};

use tokio::time::Instant;

use crate::{Cause, Override, State, Trigger, outbox::Change};

/// A change of the state of a circuit breaker, as its [listeners](crate::CircuitBreaker::on_transition)
/// hear of it. Its `Display` is a line for a log.
///
/// There is one for every generation: a reset of a closed circuit is one, from closed to closed, and so is,
/// where it only measures, what would have opened it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    name: &'static str,
    generation: u32,
    from: State,
    to: State,
    trigger: Trigger,
    cause: Option<Cause>,
    by: Option<Override>,
    at: Instant,
}

impl Transition {
    pub(crate) fn new(name: &'static str, epoch: Instant, change: &Change) -> Self {
        let change = change.clone();
        Self {
            name,
            generation: change.generation,
            from: change.from,
            to: change.to,
            trigger: change.trigger(),
            cause: change.cause,
            by: change.by,
            at: epoch
                .checked_add(Duration::from_nanos(change.at))
                .unwrap_or(epoch),
        }
    }

    /// The name of the circuit breaker.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Its number: one more than that of the transition before, as in [`Snapshot::generation`](crate::Snapshot::generation).
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation.into()
    }

    /// The state before.
    #[must_use]
    pub const fn from(&self) -> State {
        self.from
    }

    /// The state after.
    #[must_use]
    pub const fn to(&self) -> State {
        self.to
    }

    /// What brought it about, in a word.
    #[must_use]
    pub const fn trigger(&self) -> Trigger {
        self.trigger
    }

    /// What opened it, or would have where it only measures; `None` for any other transition.
    #[must_use]
    pub const fn cause(&self) -> Option<Cause> {
        self.cause
    }

    /// Who did it by hand, and why; `None` for what happened by itself, and for a reset.
    #[must_use]
    pub const fn by(&self) -> Option<&Override> {
        self.by.as_ref()
    }

    /// When. What time brings has the instant at which it was due, which may be before the call or read that
    /// made it happen.
    #[must_use]
    pub const fn at(&self) -> Instant {
        self.at
    }
}

impl fmt::Display for Transition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, from, to, .. } = self;
        write!(f, "circuit `{name}`: {from} to {to}")?;
        if let Some(cause) = &self.cause {
            write!(f, ", as {cause}")?;
        }
        match &self.by {
            Some(by) => write!(f, ", {by}"),
            None => Ok(()),
        }
    }
}
