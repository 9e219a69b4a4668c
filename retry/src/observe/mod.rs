//! Reports what a policy decides: to a listener, to metrics, as tracing events.
//!
//! An event is built only if something receives it.

mod fallback;
#[cfg_attr(not(feature = "metrics"), path = "metrics_off.rs")]
mod metrics;
mod trace;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

pub(crate) use self::fallback::{FallbackObserver, FallbackResult, fallback_ended};
use self::metrics::Meters;
use crate::types::Event;

/// The name, the metrics and the listener of a policy.
#[derive(Default)]
pub(crate) struct Observers {
    name: Option<&'static str>,
    meters: Meters,
    listener: Option<Listener>,
}

type Listener = Arc<dyn Fn(&Event) + Send + Sync>;

/// Reports the decision after a failed attempt. `level` is what the budget has left.
pub(crate) fn report(
    observers: Option<&Observers>,
    event: impl FnOnce() -> Event,
    level: impl FnOnce() -> Option<f64>,
) {
    if !trace::IS_ON && observers.is_none() {
        return;
    }
    let event = event();
    trace::event(observers.and_then(|observers| observers.name), &event);
    if let Some(observers) = observers {
        observers.notify(&event);
        observers.meters.level(level);
    }
}

impl Observers {
    pub(crate) fn named(&self, name: &'static str) -> Self {
        Self::of(Some(name), self.listener.clone())
    }

    pub(crate) fn listening(&self, listener: Listener) -> Self {
        Self::of(self.name, Some(listener))
    }

    fn of(name: Option<&'static str>, listener: Option<Listener>) -> Self {
        Self {
            name,
            meters: Meters::new(name),
            listener,
        }
    }

    pub(crate) const fn name(&self) -> Option<&'static str> {
        self.name
    }

    pub(crate) fn notify(&self, event: &Event) {
        self.meters.event(event);
        if let Some(listener) = &self.listener {
            // A panic of the listener must not fail the call.
            let _ = catch_unwind(AssertUnwindSafe(|| listener(event)));
        }
    }

    #[cfg(feature = "metrics")]
    pub(crate) fn resolve_metrics(&self) {
        self.meters.resolve();
    }
}
