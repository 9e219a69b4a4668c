//! The only file that knows the feature `tracing`. Without it nothing here does anything.

use crate::Full;

/// Says that a call was refused. At the level of debugging: one line a call is too much for more.
#[cfg(feature = "tracing")]
pub(crate) fn refused(full: &Full) {
    tracing::debug!(
        target: "maestro_bulkhead",
        bulkhead = full.name(),
        cause = full.cause().as_str(),
        in_flight = full.in_flight(),
        queued = full.queued(),
        limit = full.limit(),
        waited = ?full.waited(),
        "refused"
    );
}

/// Says that the limit is another one: set by hand, or found.
#[cfg(feature = "tracing")]
pub(crate) fn resized(name: &'static str, limit: usize) {
    tracing::debug!(target: "maestro_bulkhead", bulkhead = name, limit, "limit");
}

#[cfg(not(feature = "tracing"))]
#[inline]
pub(crate) fn refused(_: &Full) {}

#[cfg(not(feature = "tracing"))]
#[inline]
pub(crate) fn resized(_: &'static str, _: usize) {}
