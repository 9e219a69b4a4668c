//! Events of the feature `tracing`. Those of calls are at the level `DEBUG`: one for each call is too many for a
//! higher level. A changed limit or mode is at the level `INFO`, doubtful settings are at the level `WARN`.

use std::time::Duration;

use crate::types::{Elapsed, Event, InvalidConfigKind};

#[cfg(feature = "tracing")]
pub(super) fn elapsed(kind: &'static str, elapsed: &Elapsed) {
    tracing::debug!(
        target: "maestro_timeout",
        kind,
        name = elapsed.name(),
        key = elapsed.key().as_deref(),
        phase = elapsed.phase().as_str(),
        after = ?elapsed.after(),
        limit = ?elapsed.limit(),
        "elapsed"
    );
}

#[cfg(feature = "tracing")]
pub(super) fn expired(name: &'static str, late: Duration, is_rejected: bool, is_dark: bool) {
    tracing::debug!(
        target: "maestro_timeout",
        kind = "deadline_filter",
        name,
        ?late,
        rejected = is_rejected && !is_dark,
        dark = is_dark,
        "expired"
    );
}

#[cfg(feature = "tracing")]
pub(super) fn changed(name: &'static str, event: &Event) {
    use crate::types::Override;

    match event {
        Event::LimitChanged(change) => tracing::info!(
            target: "maestro_timeout",
            kind = "timeout",
            name,
            key = change.key().as_deref(),
            from = ?change.from(),
            to = ?change.to(),
            cause = change.cause().as_str(),
            actor = change.by().map(Override::actor),
            reason = change.by().map(Override::reason),
            "limit changed"
        ),
        Event::DarkChanged(change) => tracing::info!(
            target: "maestro_timeout",
            kind = "deadline_filter",
            name,
            cause = change.cause().as_str(),
            actor = change.by().actor(),
            reason = change.by().reason(),
            "dark mode changed"
        ),
        // `expired` has told it.
        Event::Elapsed(_) => {}
    }
}

#[cfg(feature = "tracing")]
pub(super) fn doubtful(kind: &'static str, name: &'static str, problem: InvalidConfigKind) {
    tracing::warn!(target: "maestro_timeout", kind, name, %problem, "doubtful settings");
}

#[cfg(not(feature = "tracing"))]
#[inline]
pub(super) fn doubtful(_: &'static str, _: &'static str, _: InvalidConfigKind) {}

#[cfg(not(feature = "tracing"))]
#[inline]
pub(super) fn changed(_: &'static str, _: &Event) {}

#[cfg(not(feature = "tracing"))]
#[inline]
pub(super) fn elapsed(_: &'static str, _: &Elapsed) {}

#[cfg(not(feature = "tracing"))]
#[inline]
pub(super) fn expired(_: &'static str, _: Duration, _: bool, _: bool) {}
