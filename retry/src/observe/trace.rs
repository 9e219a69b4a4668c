//! The only file that knows the feature `tracing`. Without it nothing here does anything.

use crate::types::Event;

/// Whether anybody is told by [`event`].
pub(crate) const IS_ON: bool = cfg!(feature = "tracing");

/// Says what was decided about a failure. At the level of debugging: one line a retry is too much for more.
#[cfg(feature = "tracing")]
pub(crate) fn event(policy: Option<&'static str>, event: &Event) {
    match *event {
        Event::Done { .. } => {}
        Event::Retry {
            attempt,
            wait,
            reason,
        } => tracing::debug!(
            target: "maestro_retry",
            policy,
            attempt,
            ?wait,
            reason = reason.as_str(),
            "retry"
        ),
        Event::GaveUp { attempts, reason } => tracing::debug!(
            target: "maestro_retry",
            policy,
            attempts,
            reason = reason.as_str(),
            "gave up"
        ),
    }
}

#[cfg(not(feature = "tracing"))]
#[inline]
pub(crate) fn event(_: Option<&'static str>, _: &Event) {}
