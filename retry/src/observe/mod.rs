//! Reports what a policy decides: to listeners, to metrics, as tracing events.
//!
//! An event is built only if something receives it.

mod budget;
#[cfg(all(feature = "family", feature = "metrics"))]
mod budget_meter;
mod fallback;
mod listeners;
#[cfg_attr(not(feature = "metrics"), path = "metrics_off.rs")]
mod metrics;
mod trace;

use std::sync::{Arc, OnceLock};

#[cfg(all(feature = "family", feature = "metrics"))]
pub(crate) use self::budget_meter::BudgetMeter;
pub(crate) use self::fallback::{FallbackObserver, FallbackResult, fallback_ended};
pub use self::listeners::Listener;
use self::metrics::Meters;
pub(crate) use self::{budget::budget_changed, listeners::Listeners};
use crate::{
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    types::Event,
};

/// The name, the metrics and the listeners of a policy.
pub(crate) struct Observers {
    /// The number of listeners, and one for the metrics if the policy has any.
    on: Arc<AtomicU32>,
    name: Option<&'static str>,
    meters: Meters,
    /// Made with the first listener: before, an event takes no lock.
    listeners: OnceLock<Arc<Listeners<Event>>>,
}

/// A listener that is counted, for as long as its closure exists.
struct Counted(Arc<AtomicU32>);

/// Reports the decision after a failed attempt. `level` is what the budget has left.
pub(crate) fn report(
    observers: &Observers,
    event: impl FnOnce() -> Event,
    level: impl FnOnce() -> Option<f64>,
) {
    if !trace::IS_ON && !observers.are_on() {
        return;
    }
    let event = event();
    trace::event(observers.name, &event);
    if observers.are_on() {
        observers.notify(&event);
        observers.meters.level(level);
    }
}

impl Observers {
    pub(crate) fn new(name: Option<&'static str>) -> Self {
        let mut observers = Self {
            on: Arc::new(AtomicU32::new(0)),
            name: None,
            meters: Meters::new(None),
            listeners: OnceLock::new(),
        };
        if let Some(name) = name {
            observers.name(name);
        }
        observers
    }

    pub(crate) fn name(&mut self, name: &'static str) {
        if cfg!(feature = "metrics") && self.name.is_none() {
            self.on.fetch_add(1, Relaxed);
        }
        self.name = Some(name);
        self.meters = Meters::new(Some(name));
    }

    pub(crate) const fn given_name(&self) -> Option<&'static str> {
        self.name
    }

    pub(crate) fn listen(&self, f: impl Fn(&Event) + Send + Sync + 'static) -> Listener {
        let counted = Counted::new(&self.on);
        self.listeners
            .get_or_init(Listeners::new)
            .listen(move |event| {
                let _ = &counted;
                f(event);
            })
    }

    /// Whether there are listeners or metrics.
    #[inline]
    pub(crate) fn are_on(&self) -> bool {
        // Relaxed: a call that begins before a listener is added need not be heard.
        self.on.load(Relaxed) > 0
    }

    #[inline(never)] // A policy that no one observes does not pay for its size.
    pub(crate) fn notify(&self, event: &Event) {
        self.meters.event(event);
        if let Some(listeners) = self.listeners.get() {
            listeners.tell(event);
        }
    }

    /// Queues an event that has an order with others of its kind, under their lock. [`deliver`](Self::deliver) must follow.
    pub(crate) fn put(&self, event: &Event) {
        if let Some(listeners) = self.listeners.get() {
            listeners.put(event.clone());
        }
    }

    /// Reports an event that was [queued](Self::put), with no lock held.
    pub(crate) fn deliver(&self, event: &Event) {
        trace::event(self.name, event);
        self.meters.event(event);
        if let Some(listeners) = self.listeners.get() {
            listeners.deliver();
        }
    }

    #[cfg(feature = "metrics")]
    pub(crate) fn resolve_metrics(&self) {
        self.meters.resolve();
    }
}

// === impl Counted ===

impl Counted {
    fn new(on: &Arc<AtomicU32>) -> Self {
        on.fetch_add(1, Relaxed);
        Self(Arc::clone(on))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_named_policy_has_no_listeners_before_the_first() {
        let observers = Observers::new(Some("store"));
        let event = Event::Done { attempts: 1 };
        report(&observers, || event.clone(), || None);
        observers.notify(&event);
        assert!(observers.listeners.get().is_none());
        let (heard, events) = std::sync::mpsc::channel();
        let _listener = observers.listen(move |event| heard.send(event.clone()).unwrap());
        report(&observers, || event.clone(), || None);
        assert_eq!(events.try_iter().collect::<Vec<_>>(), [event]);
    }
}
