//! Listeners, metrics and events. Without a listener and a feature nothing here does anything.
//!
//! No other room knows whether the features are on.

#[cfg(feature = "metrics")]
mod handles;
mod listeners;
#[cfg(feature = "metrics")]
mod metrics;
#[cfg(not(feature = "metrics"))]
#[path = "off.rs"]
mod metrics;
mod trace;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

pub use self::listeners::Listener;
pub(crate) use self::listeners::Listeners;
use self::metrics::{CallMeters, FilterMeters};
use crate::types::{
    Allowance, DarkChange, Elapsed, Event, InvalidConfig, InvalidConfigKind, Label, LimitChange,
    Phase,
};

/// What observes one timeout.
#[derive(Debug)]
pub(crate) struct Observers {
    label: Label,
    watch: Watch,
    /// Of changes. Made with the first listener, which with the feature `tracing` is the one that makes events.
    listeners: OnceLock<Arc<Listeners<Event>>>,
}

/// Observes one call. Its future keeps it.
///
/// With `metrics` it costs a reference count, which is two bus-locked instructions for each call. Without, it has no size.
///
/// Rejected: listeners of elapsed calls. A number of the listeners in the future, and the load for it, make a call that is
/// ready at once 72 instructions long in place of 41; an `Arc` of them 126, as the future then has something to drop.
#[derive(Clone, Debug)]
pub(crate) struct Watch(CallMeters);

// === impl Observers ===

impl Observers {
    pub(crate) fn new(label: Label, watch: Watch) -> Self {
        Self {
            label,
            watch,
            listeners: OnceLock::new(),
        }
    }

    #[inline]
    pub(crate) const fn label(&self) -> Label {
        self.label
    }

    pub(crate) const fn watch(&self) -> &Watch {
        &self.watch
    }

    pub(crate) fn listen(&self, f: impl Fn(&Event) + Send + Sync + 'static) -> Listener {
        self.listeners().listen(f)
    }

    /// Queues an event for [`deliver`](Self::deliver). Called under the lock of what changed, which keeps the order.
    pub(crate) fn put(&self, change: LimitChange) {
        let listeners = if cfg!(feature = "tracing") {
            Some(self.listeners())
        } else {
            self.listeners.get()
        };
        if let Some(listeners) = listeners {
            listeners.put(Event::LimitChanged(change.by_member(self.label.key())));
        }
    }

    /// Delivers what is queued. Called with no lock held.
    pub(crate) fn deliver(&self) {
        if let Some(listeners) = self.listeners.get() {
            listeners.deliver();
        }
    }

    fn listeners(&self) -> &Arc<Listeners<Event>> {
        self.listeners.get_or_init(|| listeners(self.label.name()))
    }
}

// === impl Watch ===

impl Watch {
    pub(crate) fn new(name: &'static str, phases: &'static [Phase]) -> Self {
        Self(CallMeters::new(name, phases))
    }

    /// `kind` is the field of the event.
    pub(crate) fn elapsed(&self, kind: &'static str, elapsed: &Elapsed) {
        trace::elapsed(kind, elapsed);
        self.0.elapsed(elapsed);
    }

    /// Records the time that was left. Without a limit there is none.
    #[inline]
    pub(crate) fn finished(&self, phase: Phase, allowance: Option<Allowance>) {
        self.0.finished(phase, allowance);
    }

    /// Sets the value of the label `key`, unless the metrics exist already.
    #[cfg(all(feature = "family", feature = "metrics"))]
    pub(crate) fn label(&self, key: Arc<str>) {
        self.0.label(key);
    }

    #[cfg(feature = "metrics")]
    pub(crate) fn resolve(&self) {
        self.0.resolve();
    }
}

/// What observes the expired requests of one filter.
#[derive(Debug)]
pub(crate) struct FilterObservers {
    name: &'static str,
    meters: FilterMeters,
    listeners: OnceLock<Arc<Listeners<Event>>>,
    /// Set by the first listener of a user: before, a rejection tells nobody.
    are_heard: OnceLock<()>,
}

// === impl FilterObservers ===

impl FilterObservers {
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            meters: FilterMeters::new(name),
            listeners: OnceLock::new(),
            are_heard: OnceLock::new(),
        }
    }

    pub(crate) fn listen(&self, f: impl Fn(&Event) + Send + Sync + 'static) -> Listener {
        let listener = self.listeners().listen(f);
        let _ = self.are_heard.set(());
        listener
    }

    /// As [`Observers::put`].
    pub(crate) fn put(&self, change: DarkChange) {
        let listeners = if cfg!(feature = "tracing") {
            Some(self.listeners())
        } else {
            self.listeners.get()
        };
        if let Some(listeners) = listeners {
            listeners.put(Event::DarkChanged(change));
        }
    }

    /// As [`Observers::deliver`].
    pub(crate) fn deliver(&self) {
        if let Some(listeners) = self.listeners.get() {
            listeners.deliver();
        }
    }

    fn listeners(&self) -> &Arc<Listeners<Event>> {
        self.listeners.get_or_init(|| listeners(self.name))
    }

    /// A request is rejected. Rejections have tracing events of their own.
    pub(crate) fn rejected(&self, elapsed: &Elapsed) {
        if self.are_heard.get().is_some() {
            self.listeners().tell(&Event::Elapsed(elapsed.clone()));
        }
    }

    pub(crate) fn expired(&self, late: Duration, is_rejected: bool, is_dark: bool) {
        self.meters.expired(late, is_rejected);
        trace::expired(self.name, late, is_rejected, is_dark);
    }

    #[cfg(feature = "metrics")]
    pub(crate) fn resolve(&self) {
        self.meters.resolve();
    }
}

/// The first listener of an object makes the events of the feature `tracing`, so that they are in the order of the changes.
fn listeners(name: &'static str) -> Arc<Listeners<Event>> {
    let listeners = Listeners::new();
    if cfg!(feature = "tracing") {
        let make_event = move |event: &Event| trace::changed(name, event);
        listeners.listen(make_event).detach();
    }
    listeners
}

/// Observes a future that elapsed without a timeout: it has no metrics.
pub(crate) fn elapsed(elapsed: &Elapsed) {
    trace::elapsed("timeout", elapsed);
}

/// Logs an empty name and the first doubtful setting of what is built or reconfigured. `kind` is the field of the events.
pub(crate) fn configured(
    kind: &'static str,
    name: &'static str,
    checked: Result<(), InvalidConfig>,
) {
    if name.is_empty() {
        trace::doubtful(kind, name, InvalidConfigKind::EmptyName);
    }
    if let Some(problem) = checked.err() {
        trace::doubtful(kind, name, problem.kind());
    }
}
