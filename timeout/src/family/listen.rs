//! Listening to all members of a family.

use std::sync::Arc;

use super::{
    Timeouts,
    members::{Member, Members},
};
use crate::{
    observe::{Listener, Listeners},
    timeout::Timeout,
    types::Event,
};

/// The listeners of a family, and what passes the events of a member to them.
pub(super) struct Heard<K> {
    listeners: Arc<Listeners<(Option<Arc<K>>, Event)>>,
    pub(super) forward: Forward<K>,
}

/// A closure, so that only a family with listeners has keys that threads may share.
type Forward<K> = Box<dyn Fn(Option<&Arc<K>>, &Timeout) + Send + Sync>;

impl<K: Send + Sync + 'static> Timeouts<K> {
    /// Calls `f` with the key and each change of the limit of each member, from now on: of those that exist and those to come. A
    /// change of the [`overflow`](Self::overflow) has no key, `None`.
    ///
    /// The rest is as in [`Timeout::on_event`]. The changes of one member come in order; those of two members may come at once.
    /// The key is given whether the family [shows](Self::show_keys) its keys or not. A listener of the family keeps no member.
    /// An eviction is no event. `f` must not own the family or a member, or neither is ever dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_timeout::{Override, Timeout};
    /// use std::{sync::mpsc::channel, time::Duration};
    ///
    /// let hosts = Timeout::builder().limit(Duration::from_millis(250)).build_family("hosts", 1_000)?;
    /// let (changed, seen) = channel();
    /// let _listener = hosts.on_event(move |host: Option<&&str>, event| {
    ///     changed.send((host.copied(), event.to_string())).ok();
    /// });
    /// let migration = Override::new("alice", "migration");
    /// hosts.get(&"a.example").force_limit(Duration::from_secs(2), migration);
    /// let (host, event) = seen.try_recv()?;
    /// assert_eq!(host, Some("a.example"));
    /// assert_eq!(event, "limit 250ms to 2s, forced by alice: migration");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on_event(&self, f: impl Fn(Option<&K>, &Event) + Send + Sync + 'static) -> Listener {
        let mut members = self.0.members.lock();
        let Members { heard, ring, .. } = &mut *members;
        let heard = heard.get_or_insert_with(|| {
            let heard = Heard::new();
            for Member { key, timeout } in ring {
                (heard.forward)(Some(key), timeout);
            }
            (heard.forward)(None, &self.0.overflow);
            heard
        });
        heard
            .listeners
            .listen(move |(key, event)| f(key.as_deref(), event))
    }
}

impl<K: Send + Sync + 'static> Heard<K> {
    fn new() -> Self {
        let listeners: Arc<Listeners<(Option<Arc<K>>, Event)>> = Listeners::new();
        let to = Arc::clone(&listeners);
        let forward = move |key: Option<&Arc<K>>, timeout: &Timeout| {
            let (key, to) = (key.cloned(), Arc::clone(&to));
            let pass_on = move |event: &Event| {
                to.put((key.clone(), event.clone()));
                to.deliver();
            };
            timeout.on_event(pass_on).detach();
        };
        Self {
            listeners,
            forward: Box::new(forward),
        }
    }
}
