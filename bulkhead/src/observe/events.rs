//! The events of one bulkhead.

use std::sync::{Arc, OnceLock};

use super::listeners::{Listener, Listeners};
use crate::types::Event;

/// The listeners of a bulkhead, if it ever had one: before, a rejection pays one load, and no event is made.
pub(crate) struct Events(OnceLock<Arc<Listeners<Event>>>);

impl Events {
    pub(crate) const fn new() -> Self {
        Self(OnceLock::new())
    }

    pub(crate) fn listen(&self, f: impl Fn(&Event) + Send + Sync + 'static) -> Listener {
        self.0.get_or_init(Listeners::new).listen(f)
    }

    #[inline]
    pub(crate) fn are_heard(&self) -> bool {
        self.0.get().is_some()
    }

    /// Tells a rejection to the listeners in this thread. Rejections have no order with each other. To be called outside of
    /// all locks.
    pub(crate) fn tell(&self, rejection: &Event) {
        if let Some(listeners) = self.0.get() {
            listeners.tell(rejection);
        }
    }

    /// Queues an event that is no rejection: under the lock of what changed, so that events are in order.
    #[inline]
    pub(crate) fn put(&self, event: impl FnOnce() -> Event) {
        if let Some(listeners) = self.0.get() {
            listeners.put(event());
        }
    }

    /// Delivers the queued events. To be called outside of all locks.
    #[inline]
    pub(crate) fn deliver(&self) {
        if let Some(listeners) = self.0.get() {
            listeners.deliver();
        }
    }
}
