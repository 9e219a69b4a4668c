//! What others see of a breaker: listeners, metrics and events. Without a listener or a feature
//! nothing here does anything.

mod listeners;
mod metrics;
mod tracing;

use std::sync::Arc;

use tokio::sync::watch;

pub use self::listeners::Listener;
use self::listeners::Listeners;
#[cfg(feature = "family")]
pub(crate) use self::metrics::Labels;
pub(crate) use self::metrics::{Begun, IS_ON as HAS_METRICS, Meter};
use crate::{
    sync::OnceLock,
    types::{Change, State, Transition},
};

/// The observers of one breaker.
#[derive(Debug)]
pub(crate) struct Observers {
    name: &'static str,
    meter: Meter,
    /// Made with the first listener.
    listeners: OnceLock<Arc<Listeners>>,
}

/// Whether transitions are announced even without a listener.
const IS_WATCHED: bool = tracing::IS_ON || metrics::IS_ON;

impl Observers {
    pub(crate) const fn new(name: &'static str) -> Self {
        Self {
            name,
            meter: Meter::new(name),
            listeners: OnceLock::new(),
        }
    }

    #[inline]
    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    #[inline]
    pub(crate) const fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Queues a transition. Only under the transition lock, which keeps them in order. To be
    /// followed by [`deliver`](Self::deliver) without it.
    pub(crate) fn put(&self, change: Change) {
        if IS_WATCHED {
            self.listeners().put(change);
        } else if let Some(listeners) = self.listeners.get() {
            listeners.put(change);
        }
    }

    /// Delivers what is queued. Called with no lock held.
    pub(crate) fn deliver(&self, state: impl Fn() -> State) {
        if let Some(listeners) = self.listeners.get() {
            listeners.deliver(|change| {
                tracing::transition(self.name, change);
                self.meter.moved(change, &state);
            });
        }
    }

    pub(crate) fn listen(&self, hear: impl Fn(&Change) + Send + Sync + 'static) -> Listener {
        self.listeners().listen(hear)
    }

    /// The channel of the latest transition, made by `subscribe` at the first use.
    pub(crate) fn watch(
        &self,
        subscribe: impl FnOnce() -> watch::Sender<Option<Transition>>,
    ) -> watch::Receiver<Option<Transition>> {
        self.listeners().watch(subscribe)
    }

    #[cfg(feature = "family")]
    pub(crate) fn has_listeners(&self) -> bool {
        (self.listeners.get()).is_some_and(|listeners| listeners.has_any())
    }

    fn listeners(&self) -> &Arc<Listeners> {
        self.listeners.get_or_init(|| Arc::new(Listeners::new()))
    }
}
