//! Listening to all members of a family.

use std::{hash::Hash, sync::Arc};

use super::Bulkheads;
use crate::{
    limit::Regulate,
    observe::{Events, Listener, Listeners},
    types::Event,
};

/// The listeners of a family. `None` stands for the overflow.
pub(super) type Heard<K> = Listeners<(Option<Arc<K>>, Event)>;

/// Makes a member, or the overflow, tell its events to the listeners of the family.
// A boxed closure, called once for each member: only it needs keys that may go to other threads.
pub(super) type Relay<K> = Box<dyn Fn(Option<&Arc<K>>, &Events) + Send>;

impl<K, R> Bulkheads<K, R>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    R: Regulate,
{
    /// Calls `f` with each event of each member, until the [`Listener`] is dropped: with the key of the member, or `None` for
    /// the [`overflow`](Self::overflow).
    ///
    /// As [`Bulkhead::on_event`](crate::Bulkhead::on_event): rejections may arrive at once, and the other events of one member
    /// are in order. `f` must not own the family or one of its members, or neither is ever dropped. Before the first listener
    /// no event is made; from then on each member has its own list of listeners, so that a rejection takes two short locks.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_bulkhead::{Bulkhead, Event};
    /// use std::sync::mpsc;
    ///
    /// let tenants = Bulkhead::builder().limit(1).build_family("tenants", 100)?;
    /// let (to, refused) = mpsc::channel();
    /// let _listener = tenants.on_event(move |tenant, event| {
    ///     if let Event::Rejected(_) = event {
    ///         to.send(tenant.copied()).ok();
    ///     }
    /// });
    /// let seven = tenants.get(&7);
    /// let _held = seven.try_acquire()?;
    /// assert!(seven.try_acquire().is_err());
    /// assert_eq!(refused.recv(), Ok(Some(7)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on_event(&self, f: impl Fn(Option<&K>, &Event) + Send + Sync + 'static) -> Listener {
        let listeners = self.0.heard(|listeners| Box::new(relay(listeners)));
        listeners.listen(move |(key, event)| f(key.as_deref(), event))
    }
}

fn relay<K: Send + Sync + 'static>(
    listeners: Arc<Heard<K>>,
) -> impl Fn(Option<&Arc<K>>, &Events) + Send {
    move |key, events| {
        let (key, listeners) = (key.cloned(), Arc::clone(&listeners));
        let listener = events.listen(move |event| {
            let told = (key.clone(), event.clone());
            if let Event::Rejected(_) = event {
                listeners.tell(&told);
            } else {
                listeners.put(told);
                listeners.deliver();
            }
        });
        listener.detach();
    }
}
