//! Listening to all members of a family.
//!
//! Each member tells the family what it tells its own listeners, from the same queue: so the transitions of one member are in
//! order. What a member holds for that is made with the first listener, and keeps neither the member nor the family alive.

use std::{hash::Hash, sync::Arc};

use tokio::time::Instant;

use super::{CircuitBreakers, Shared};
use crate::{
    call::Core,
    observe::{Hears, Listener, Subscribers},
    types::{Change, KeyNumber, Transition},
};

type Hear<K> = dyn Fn(Option<&K>, &Transition) + Send + Sync;

/// The listeners of a family, and how a member finds them.
pub(super) struct Ears<K> {
    listeners: Arc<Subscribers<Hear<K>>>,
    /// A function pointer, as only a family with a listener needs keys that threads may share.
    of_member: fn(Ear<K>) -> Arc<dyn Hears>,
}

/// What a member, or the overflow, holds of the listeners.
struct Ear<K> {
    listeners: Arc<Subscribers<Hear<K>>>,
    name: &'static str,
    /// `None` for the overflow.
    key: Option<Arc<K>>,
    shown: KeyNumber,
    /// The instant of tick 0.
    start: Instant,
}

impl<K: Hash + Eq + Clone + Send + Sync + 'static> CircuitBreakers<K> {
    /// Calls `f` with the key and every [`Transition`] of each member, from now on: of those that exist and those to come. A
    /// transition of the [`overflow`](Self::overflow) has no key, `None`.
    ///
    /// As with [`CircuitBreaker::on_transition`](crate::CircuitBreaker::on_transition), the transitions of one member come in
    /// order, after the state has changed, with no lock held, and a panic is caught. Those of two members may come at once.
    /// The key is given whether the family [shows](Self::show_keys) its keys or not.
    ///
    /// A listener of the family keeps no member alive. An eviction is no transition: a member that
    /// is evicted was closed or half-open, or its wait was over, and the next member of that key begins closed. `f` must not
    /// own the family or a member, or neither is ever dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_circuit_breaker::{CircuitBreaker, State};
    /// use std::sync::mpsc::channel;
    ///
    /// let hosts = CircuitBreaker::builder().consecutive_failures(1).build_family("hosts", 1_000)?;
    /// let (opened, seen) = channel();
    /// let _listener = hosts.on_transition(move |host: Option<&&str>, transition| {
    ///     if transition.to() == State::Open {
    ///         opened.send(host.copied()).ok();
    ///     }
    /// });
    /// hosts.get(&"a.example").try_acquire()?.failure();
    /// assert_eq!(seen.try_recv()?, Some("a.example"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on_transition(
        &self,
        f: impl Fn(Option<&K>, &Transition) + Send + Sync + 'static,
    ) -> Listener {
        let ears = self.0.ears.get_or_init(|| Ears {
            listeners: Arc::new(Subscribers::new()),
            of_member: |ear| Arc::new(ear),
        });
        let listener = ears.listeners.subscribe(Arc::new(f));
        // A member that is made after this look finds the ears. Also where they are not new: another thread may have made
        // them, and not looked yet.
        let members = self.0.members.lock();
        for member in &members.ring {
            self.0.listen_to(&member.core, Some(&member.key));
        }
        drop(members);
        self.0.listen_to(&self.0.overflow, None);
        listener
    }
}

impl<K> Shared<K> {
    /// Makes a member, or the overflow, tell the listeners, if there ever was one.
    pub(super) fn listen_to(&self, core: &Core, key: Option<&Arc<K>>) {
        if let Some(ears) = self.ears.get() {
            let observers = core.observers();
            observers.heard_by(|| {
                (ears.of_member)(Ear {
                    listeners: Arc::clone(&ears.listeners),
                    name: self.name,
                    key: key.cloned(),
                    shown: observers.key(),
                    start: core.start(Instant::now()),
                })
            });
        }
    }
}

impl<K: Send + Sync> Hears for Ear<K> {
    fn is_listening(&self) -> bool {
        self.listeners.has_any()
    }

    fn hear(&self, change: &Change) {
        if self.is_listening() {
            let transition = Transition::new(self.name, self.shown, self.start, change.clone());
            (self.listeners).each(|hear| hear(self.key.as_deref(), &transition));
        }
    }
}
