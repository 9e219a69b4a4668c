//! Feature `tracing`: events. At debug level, since there may be one for each call.

use crate::types::Full;

pub(super) fn refused(full: &Full) {
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

pub(super) fn resized(name: &'static str, limit: usize) {
    tracing::debug!(target: "maestro_bulkhead", bulkhead = name, limit, "limit");
}
