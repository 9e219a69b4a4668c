//! Transitions on their way to listeners.
//!
//! A transition is queued under the transition lock, so transitions are in order. It is delivered
//! after that lock is released, by one thread at a time, with no lock held. So a listener sees the
//! new state and may call anything: what that causes is delivered after it returns. A slow listener
//! delays only the call that delivers, and one that panics is skipped.

use std::{
    collections::VecDeque,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use tokio::sync::watch;

use super::IS_WATCHED;
use crate::{
    sync::{Mutex, OnceLock},
    types::{Change, Transition},
};

pub(super) struct Listeners {
    inner: Mutex<Inner>,
    watched: OnceLock<watch::Sender<Option<Transition>>>,
}

/// Receives transitions for as long as it lives. Dropping it unsubscribes; a transition that is
/// being delivered at that moment may still reach it.
#[must_use = "dropping it at once unsubscribes: keep it, or `detach` it"]
pub struct Listener(Option<Box<dyn FnOnce() + Send + Sync>>);

struct Inner {
    queue: VecDeque<Change>,
    /// A thread delivers, and will look again before it stops.
    delivering: bool,
    listeners: Vec<(u64, Hear)>,
    added: u64,
}

type Hear = Arc<dyn Fn(&Change) + Send + Sync>;

// === impl Listeners ===

impl Listeners {
    pub(super) fn new() -> Self {
        Self {
            inner: Mutex::new(Inner {
                queue: VecDeque::new(),
                delivering: false,
                listeners: Vec::new(),
                added: 0,
            }),
            watched: OnceLock::new(),
        }
    }

    pub(super) fn put(&self, change: Change) {
        let mut inner = self.inner.lock();
        if IS_WATCHED || !inner.listeners.is_empty() {
            inner.queue.push_back(change);
        }
    }

    /// Tells `first` and the listeners everything that is queued, unless another thread delivers
    /// already: that one goes on until the queue is empty.
    pub(super) fn deliver(&self, first: impl Fn(&Change)) {
        let mut is_mine = false;
        loop {
            let mut inner = self.inner.lock();
            if inner.delivering && !is_mine {
                return;
            }
            let Some(change) = inner.queue.pop_front() else {
                // In one step with finding it empty, so that nothing is queued in between and left
                // behind.
                inner.delivering = false;
                return;
            };
            inner.delivering = true;
            is_mine = true;
            let listeners: Vec<_> = inner.listeners.iter().map(|(_, l)| Arc::clone(l)).collect();
            drop(inner);
            let _ = catch_unwind(AssertUnwindSafe(|| first(&change)));
            for listener in listeners {
                // Neither the other listeners nor the caller, whose request it may be, can do
                // anything about a panic. The panic hook has reported it. `move`: a listener that was
                // unsubscribed meanwhile is dropped here, and a panic of what it captured would
                // otherwise end all deliveries.
                let change = &change;
                let _ = catch_unwind(AssertUnwindSafe(move || listener(change)));
            }
        }
    }

    pub(super) fn listen(
        self: &Arc<Self>,
        hear: impl Fn(&Change) + Send + Sync + 'static,
    ) -> Listener {
        let mut inner = self.inner.lock();
        let id = inner.added;
        inner.added += 1;
        inner.listeners.push((id, Arc::new(hear)));
        drop(inner);
        // Weak: a listener does not keep alive what it listens to.
        let listeners = Arc::downgrade(self);
        Listener(Some(Box::new(move || {
            if let Some(listeners) = listeners.upgrade() {
                listeners.forget(id);
            }
        })))
    }

    pub(super) fn watch(
        &self,
        subscribe: impl FnOnce() -> watch::Sender<Option<Transition>>,
    ) -> watch::Receiver<Option<Transition>> {
        self.watched.get_or_init(subscribe).subscribe()
    }

    #[cfg(feature = "family")]
    pub(super) fn has_any(&self) -> bool {
        !self.inner.lock().listeners.is_empty()
    }

    fn forget(&self, id: u64) {
        let mut inner = self.inner.lock();
        let found = inner.listeners.iter().position(|(other, _)| *other == id);
        let gone = found.map(|index| inner.listeners.remove(index));
        // What the closure holds is dropped with no lock held: it may be anything.
        drop(inner);
        drop(gone);
    }
}

impl fmt::Debug for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listeners").finish_non_exhaustive()
    }
}

// === impl Listener ===

impl Listener {
    /// Keeps listening for as long as the circuit breaker lives.
    pub fn detach(mut self) {
        self.0 = None;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(forget) = self.0.take() {
            forget();
        }
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").finish_non_exhaustive()
    }
}
