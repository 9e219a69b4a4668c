//! The feature `tracing`. Without it nothing here does anything.

use crate::types::{Change, KeyNumber};

pub(super) const IS_ON: bool = cfg!(feature = "tracing");

/// Announces a transition: as a warning when the breaker opened without an operator, else as
/// information.
#[cfg(feature = "tracing")]
pub(super) fn transition(name: &'static str, key: KeyNumber, change: &Change) {
    use tracing::Level;

    use crate::types::{Override, State};

    let key = key.text();
    macro_rules! event {
        ($level:expr) => {
            tracing::event!(
                target: "maestro_circuit_breaker",
                $level,
                kind = "circuit_breaker",
                name,
                key = key.as_deref(),
                from = change.from.as_str(),
                to = change.to.as_str(),
                cause = change.cause.as_str(),
                detail = change.cause.opens().then(|| tracing::field::display(change.cause)),
                actor = change.by.as_ref().map(Override::actor),
                reason = change.by.as_ref().map(Override::reason),
                generation = change.generation,
                "transition"
            )
        };
    }
    if change.to == State::Open && change.by.is_none() {
        event!(Level::WARN);
    } else {
        event!(Level::INFO);
    }
}

/// Announces other numbers.
#[cfg(feature = "tracing")]
pub(super) fn reconfigured(name: &'static str, key: KeyNumber) {
    tracing::info!(
        target: "maestro_circuit_breaker",
        kind = "circuit_breaker",
        name,
        key = key.text().as_deref(),
        "reconfigured"
    );
}

#[cfg(not(feature = "tracing"))]
#[inline]
pub(super) const fn reconfigured(_: &'static str, _: KeyNumber) {}

#[cfg(not(feature = "tracing"))]
#[inline]
pub(super) const fn transition(_: &'static str, _: KeyNumber, _: &Change) {}
