//! The events of one bulkhead.

use std::sync::{Arc, OnceLock};

use super::{
    listeners::{Listener, Listeners},
    tracing,
};
use crate::types::{Event, Label};

/// Whose events they are, and who listens.
pub(crate) struct Events {
    label: Label,
    // Made with the first listener. With the feature `tracing` a change of the bulkhead makes them too.
    listeners: OnceLock<Arc<Listeners<Event>>>,
    // Set with the first listener that is not `tracing`: before, a rejection pays one load, and no event of it is made.
    are_heard: OnceLock<()>,
}

impl Events {
    pub(crate) const fn new(label: Label) -> Self {
        Self {
            label,
            listeners: OnceLock::new(),
            are_heard: OnceLock::new(),
        }
    }

    pub(crate) const fn label(&self) -> &Label {
        &self.label
    }

    pub(crate) fn listen(&self, f: impl Fn(&Event) + Send + Sync + 'static) -> Listener {
        let listener = self.listeners().listen(f);
        let _ = self.are_heard.set(());
        listener
    }

    // `tracing` gets changes through the listeners, so that it is told them in their order too. It gets rejections directly:
    // they have none, and a list would cost each of them a lock.
    fn listeners(&self) -> &Arc<Listeners<Event>> {
        self.listeners.get_or_init(|| {
            let listeners = Listeners::new();
            if cfg!(feature = "tracing") {
                let (name, key) = (self.label.name(), self.label.key());
                let trace = move |event: &Event| tracing::changed(event, name, key.as_deref());
                listeners.listen(trace).detach();
            }
            listeners
        })
    }

    #[inline]
    pub(crate) fn are_heard(&self) -> bool {
        self.are_heard.get().is_some()
    }

    /// Tells a rejection to the listeners in this thread. Rejections have no order with each other. To be called outside of
    /// all locks.
    pub(crate) fn tell(&self, rejection: &Event) {
        if let Some(listeners) = self.listeners.get() {
            listeners.tell(rejection);
        }
    }

    /// Queues an event that is no rejection: under the lock of what changed, so that events are in order.
    /// [`deliver`](Self::deliver) must follow.
    pub(crate) fn put(&self, event: impl FnOnce() -> Event) {
        let listeners = if cfg!(feature = "tracing") {
            Some(self.listeners())
        } else {
            self.listeners.get()
        };
        if let Some(listeners) = listeners {
            listeners.put(event());
        }
    }

    /// Delivers the queued events. To be called outside of all locks.
    pub(crate) fn deliver(&self) {
        if let Some(listeners) = self.listeners.get() {
            listeners.deliver();
        }
    }
}
