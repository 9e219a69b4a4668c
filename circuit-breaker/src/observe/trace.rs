//! The only file that knows the feature `tracing`. Without it nothing here does anything.

use crate::outbox::Change;

/// Whether transitions are told to somebody, though nobody listens.
pub(crate) const IS_ON: bool = cfg!(feature = "tracing");

/// Says that a circuit has changed its state: a warning when it opened by itself, else for information.
#[cfg(feature = "tracing")]
pub(crate) fn transition(name: &'static str, change: &Change) {
    use tracing::Level;

    macro_rules! event {
        ($level:expr) => {
            tracing::event!(
                target: "maestro_circuit_breaker",
                $level,
                circuit_breaker = name,
                from = change.from.as_str(),
                to = change.to.as_str(),
                trigger = change.trigger().as_str(),
                cause = change.cause.map(tracing::field::display),
                actor = change.by.as_ref().map(crate::Override::actor),
                reason = change.by.as_ref().map(crate::Override::reason),
                generation = change.generation,
                "transition"
            )
        };
    }
    if change.to == crate::State::Open {
        event!(Level::WARN);
    } else {
        event!(Level::INFO);
    }
}

#[cfg(not(feature = "tracing"))]
#[inline]
pub(crate) const fn transition(_: &'static str, _: &Change) {}
