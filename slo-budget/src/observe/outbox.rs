//! Events on their way to listeners.
//!
//! The property that chose the design: an event is put in under the lock of whatever changed, so events
//! are in the order of the changes; it is delivered after that lock is given back, by one thread at a time,
//! with no lock held. So a listener sees the new state, may call anything (what that causes is delivered
//! after it returns), and a slow one delays only the call that delivers. One that panics is passed over.

use std::{
    collections::VecDeque,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use crate::{observe::Listener, sync::Mutex};

pub(crate) struct Outbox<E>(Mutex<Inner<E>>);

struct Inner<E> {
    waiting: VecDeque<E>,
    /// Somebody is at it, and will look again before leaving.
    delivering: bool,
    listeners: Vec<(u64, Hear<E>)>,
    added: u64,
}

type Hear<E> = Arc<dyn Fn(&E) + Send + Sync>;

impl<E: Send + 'static> Outbox<E> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(Inner {
            waiting: VecDeque::new(),
            delivering: false,
            listeners: Vec::new(),
            added: 0,
        })))
    }

    /// Puts an event in; without listeners it is forgotten. To be followed by [`deliver`](Self::deliver).
    pub(crate) fn put(&self, event: E) {
        let mut inner = self.0.lock();
        if !inner.listeners.is_empty() {
            inner.waiting.push_back(event);
        }
    }

    /// Tells the listeners everything that is in, unless somebody is at it already: they go on until it is
    /// empty. Called with no lock held.
    pub(crate) fn deliver(&self) {
        let mut leaving = false;
        loop {
            let (event, listeners) = {
                let mut inner = self.0.lock();
                if inner.delivering && !leaving {
                    return;
                }
                let Some(event) = inner.waiting.pop_front() else {
                    // In one step with finding it empty, so that nothing is put in between and left behind.
                    inner.delivering = false;
                    return;
                };
                inner.delivering = true;
                leaving = true;
                let listeners: Vec<_> =
                    inner.listeners.iter().map(|(_, l)| Arc::clone(l)).collect();
                (event, listeners)
            };
            for listener in listeners {
                // Its own affair: neither the other listeners nor the caller, whose request it may be, can
                // do anything about it. The panic hook has said it.
                let _ = catch_unwind(AssertUnwindSafe(|| listener(&event)));
            }
        }
    }

    pub(crate) fn listen(self: &Arc<Self>, hear: impl Fn(&E) + Send + Sync + 'static) -> Listener {
        let mut inner = self.0.lock();
        let id = inner.added;
        inner.added += 1;
        inner.listeners.push((id, Arc::new(hear)));
        drop(inner);
        // Weak: a listener does not keep alive what it listens to.
        let outbox = Arc::downgrade(self);
        Listener::new(move || {
            if let Some(outbox) = outbox.upgrade() {
                outbox.forget(id);
            }
        })
    }

    fn forget(&self, id: u64) {
        let mut inner = self.0.lock();
        let found = inner.listeners.iter().position(|(other, _)| *other == id);
        let gone = found.map(|place| inner.listeners.remove(place));
        // What the closure holds is dropped with no lock held: it may be anything.
        drop(inner);
        drop(gone);
    }
}

impl<E> fmt::Debug for Outbox<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").finish_non_exhaustive()
    }
}
