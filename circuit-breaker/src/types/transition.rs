use std::{fmt, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{Cause, KeyNumber, Override, State};

/// A change of the state of a circuit breaker, as its
/// [listeners](crate::CircuitBreaker::on_transition) receive it. Its `Display` is a line for a log. With the feature `serde`
/// it can be serialized, with the fields of a tracing event.
///
/// There is one for every generation. A reset of a closed breaker is one, from closed to closed. In
/// [`State::MetricsOnly`] it is what would have opened the breaker.
#[derive(Clone, PartialEq, Eq)]
pub struct Transition {
    name: &'static str,
    key: Option<Arc<str>>,
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

// === impl Transition ===

impl Transition {
    /// `start` is the instant of tick 0.
    pub(crate) fn new(name: &'static str, key: KeyNumber, start: Instant, change: Change) -> Self {
        let at = start
            .checked_add(Duration::from_nanos(change.at))
            .unwrap_or(start);
        Self {
            name,
            key: key.text(),
            at,
            change,
        }
    }

    /// The name of the circuit breaker.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The key of the member of a family, if the family shows its keys
    /// ([`show_keys`](crate::CircuitBreakers::show_keys)); else `None`.
    #[must_use]
    pub fn key(&self) -> Option<Arc<str>> {
        self.key.clone()
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

    /// The operator's decision; `None` for every other transition.
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

#[cfg(feature = "serde")]
impl serde::Serialize for Transition {
    /// The fields `name`, `key`, `from`, `to`, `cause` ([`Cause::as_str`]), `detail` (its sentence, if it
    /// [opens](Cause::opens) a breaker), `actor`, `reason` and `generation`, as in a tracing event. `None` is a `null`. An
    /// instant has no form outside of the process: the reader notes the time.
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;

        let cause = self.cause();
        let mut fields = to.serialize_struct("Transition", 9)?;
        fields.serialize_field("name", self.name)?;
        fields.serialize_field("key", &self.key.as_deref())?;
        fields.serialize_field("from", &self.from())?;
        fields.serialize_field("to", &self.to())?;
        fields.serialize_field("cause", cause.as_str())?;
        fields.serialize_field("detail", &cause.opens().then(|| cause.to_string()))?;
        fields.serialize_field("actor", &self.by().map(Override::actor))?;
        fields.serialize_field("reason", &self.by().map(Override::reason))?;
        fields.serialize_field("generation", &self.generation())?;
        fields.end()
    }
}

impl fmt::Debug for Transition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transition")
            .field("name", &self.name())
            .field("key", &self.key)
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
        write!(f, "circuit `{}`", self.name)?;
        if let Some(key) = &self.key {
            write!(f, " [{key}]")?;
        }
        write!(f, ": {from} to {to}")?;
        if cause.opens() {
            write!(f, ", as {cause}")?;
        }
        match &self.change.by {
            Some(by) => write!(f, ", {by}"),
            None => Ok(()),
        }
    }
}
