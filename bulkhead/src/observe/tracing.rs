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
        Event::LimitChanged(change) => {
            let cause = change.cause();
            let (from, to, label) = (change.from(), change.to(), cause.as_str());
            let actor = change.by().map(Override::actor);
            let reason = change.by().map(Override::reason);
            macro_rules! change {
                ($level:ident) => {
                    event!(
                        $level,
                        name,
                        key,
                        "limit changed",
                        cause = label,
                        from,
                        to,
                        actor,
                        reason
                    )
                };
            }
            if cause == LimitCause::Law {
                change!(DEBUG);
            } else {
                change!(INFO);
            }
        }
        Event::Closed => event!(INFO, name, key, "closed"),
        Event::Drained => event!(INFO, name, key, "drained"),
    }
}
