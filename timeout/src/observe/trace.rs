//! The only file that knows the feature `tracing`. Without it nothing here does anything.

use std::time::Duration;

use crate::Elapsed;

/// Says that a call was given up. At the level of debugging: one line a call is too much for more.
#[cfg(feature = "tracing")]
pub(crate) fn elapsed(elapsed: &Elapsed) {
    tracing::debug!(
        target: "maestro_timeout",
        timeout = elapsed.name(),
        phase = elapsed.phase().as_str(),
        after = ?elapsed.after(),
        limit = ?elapsed.limit(),
        "elapsed"
    );
}

/// Says that a request came after its deadline.
#[cfg(feature = "tracing")]
pub(crate) fn expired(name: &'static str, late: Duration, is_rejected: bool, is_dark: bool) {
    tracing::debug!(
        target: "maestro_timeout",
        filter = name,
        ?late,
        rejected = is_rejected && !is_dark,
        dark = is_dark,
        "expired"
    );
}

#[cfg(not(feature = "tracing"))]
#[inline]
pub(crate) fn elapsed(_: &Elapsed) {}

#[cfg(not(feature = "tracing"))]
#[inline]
pub(crate) fn expired(_: &'static str, _: Duration, _: bool, _: bool) {}
