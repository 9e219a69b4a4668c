//! Tracing events (feature `tracing`). Without the feature nothing here does anything.

use crate::types::Event;

/// Whether [`event`] reaches anything.
pub(super) const IS_ON: bool = cfg!(feature = "tracing");

/// Emits the decision after a failure, at debug level: one line for each retry is too much above that.
#[cfg(feature = "tracing")]
pub(super) fn event(name: Option<&'static str>, event: &Event) {
    match *event {
        Event::Done { .. } => {}
        Event::Retry {
            attempt,
            wait,
            reason,
        } => tracing::debug!(
            target: "maestro_retry",
            kind = "retry",
            name,
            attempt,
            ?wait,
            cause = reason.as_str(),
            "retry"
        ),
        Event::GaveUp { attempts, reason } => tracing::debug!(
            target: "maestro_retry",
            kind = "retry",
            name,
            attempts,
            cause = reason.as_str(),
            "gave up"
        ),
        Event::Switched { cause, ref by } => tracing::info!(
            target: "maestro_retry",
            kind = "retry",
            name,
            cause = cause.as_str(),
            actor = by.actor(),
            reason = by.reason(),
            "switched"
        ),
        Event::Hedge { result } => tracing::debug!(
            target: "maestro_retry",
            kind = "retry",
            name,
            result = result.as_str(),
            "hedge"
        ),
    }
}

#[cfg(not(feature = "tracing"))]
#[inline]
pub(super) fn event(_: Option<&'static str>, _: &Event) {}
