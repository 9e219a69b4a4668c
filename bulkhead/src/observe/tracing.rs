//! Feature `tracing`: events. What happens once a call or once a window is at debug level, and what an operator does above
//! it.
//!
//! Fields have the words of the metric labels, so that `name` and `key` join the two.

use crate::types::{Event, Full, LimitCause, Override};

macro_rules! event {
    ($level:ident, $name:expr, $key:expr, $message:literal $(, $($field:tt)+)?) => {
        tracing::event!(
            target: "maestro_bulkhead",
            tracing::Level::$level,
            kind = "bulkhead",
            name = $name,
            key = $key,
            $($($field)+,)?
            $message
        )
    };
}

pub(super) fn refused(full: &Full) {
    event!(DEBUG, full.name(), full.key().as_deref(), "refused",
        cause = full.cause().as_str(),
        in_flight = full.in_flight(),
        queued = full.queued(),
        limit = full.limit(),
        waited = ?full.waited()
    );
}

/// An event that is no rejection.
pub(super) fn changed(event: &Event, name: &str, key: Option<&str>) {
    match event {
        // In the thread of its call, by `refused`.
        Event::Rejected(_) => {}
        Event::LimitChanged { from, to, cause } => {
            let label = cause.as_str();
            match cause {
                LimitCause::Law => {
                    event!(DEBUG, name, key, "limit changed", cause = label, from, to);
                }
                LimitCause::Configured => {
                    event!(INFO, name, key, "limit changed", cause = label, from, to);
                }
            }
        }
        Event::Forced { from, to, by } => {
            let (actor, reason) = (by.actor(), by.reason());
            event!(INFO, name, key, "limit forced", from, to, actor, reason);
        }
        Event::Resumed { from, to, by } => {
            let by = by.as_ref();
            let (actor, reason) = (by.map(Override::actor), by.map(Override::reason));
            event!(INFO, name, key, "limit resumed", from, to, actor, reason);
        }
        Event::Closed => event!(INFO, name, key, "closed"),
        Event::Drained => event!(INFO, name, key, "drained"),
    }
}
