//! Hearing of transitions.

use std::{borrow::Borrow, sync::Arc};

use tokio::{sync::watch, time::Instant};

use crate::{CircuitBreaker, Core, Listener, Transition, outbox::Outbox};

impl<P: Borrow<Core>> CircuitBreaker<P> {
    /// Calls `f` with every [`Transition`] from now on, in order: for logs, metrics, an audit.
    ///
    /// It is called after the state has changed, with no lock held, by the call or read that changed it; a
    /// slow `f` delays only that one, and one that panics nobody. It may ask and steer the breaker. Let it
    /// not own the breaker that it listens to, or neither is ever dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// # use maestro_circuit_breaker::CircuitBreaker;
    /// let store = CircuitBreaker::new("store");
    /// let _listener = store.on_transition(|transition| eprintln!("{transition}"));
    /// ```
    pub fn on_transition(&self, f: impl Fn(&Transition) + Send + Sync + 'static) -> Listener {
        let core = self.core();
        let (name, epoch) = (core.name(), core.start(Instant::now()));
        core.circuit()
            .outbox()
            .listen(move |change| f(&Transition::new(name, epoch, change)))
    }

    /// The latest transition, `None` if there was none since somebody first asked. A receiver is woken by
    /// each, but may miss one that is followed at once by another.
    ///
    /// As no task runs behind the breaker, what time brings is seen when somebody calls or looks: who only
    /// watches an open circuit is not told when the wait is over.
    pub fn watch(&self) -> watch::Receiver<Option<Transition>> {
        let outbox = self.core().circuit().outbox();
        let watched = outbox.watched.get_or_init(|| {
            let watched = watch::Sender::new(None);
            let sender = watched.clone();
            // As a listener, so that changes come in order, and wake with no lock held.
            self.on_transition(move |transition| {
                sender.send_replace(Some(transition.clone()));
            })
            .detach();
            watched
        });
        watched.subscribe()
    }
}

impl crate::circuit::Circuit {
    pub(crate) fn outbox(&self) -> &Arc<Outbox> {
        self.outbox.get_or_init(|| Arc::new(Outbox::new()))
    }
}
