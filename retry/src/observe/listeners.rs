//! Listeners to the events of an object, and the events on their way to them.
//!
//! Properties: an event is queued under the lock of what changed, so events are in the order of the changes. It is
//! delivered after that lock is released, by one thread at a time, with no lock held. So a listener sees the new
//! state and may call anything; events that it causes are delivered after it returns. A slow listener delays only
//! the thread that delivers, and a panic is caught.
//!
//! Events of calls have no order with each other. [`tell`](Listeners::tell) hands them to the listeners in the thread of the
//! call: a thread that delivered those of other calls would be held for as long as they come.
//!
//! Rejected: calling listeners under the lock of what changed. A listener that queries the object would deadlock.

use std::{
    collections::VecDeque,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use crate::sync::Mutex;

/// Receives events as long as it is alive. Dropping it unsubscribes.
///
/// An event that is being delivered at that moment may still arrive.
#[must_use = "dropping it at once unsubscribes: keep it, or `detach` it"]
pub struct Listener(Option<Box<dyn FnOnce() + Send + Sync>>);

/// The listeners to events of type `E`.
pub(crate) struct Listeners<E>(Mutex<Inner<E>>);

struct Inner<E> {
    waiting: VecDeque<E>,
    /// A thread is delivering, and looks at `waiting` again before it stops.
    delivering: bool,
    listeners: Vec<(u64, Callback<E>)>,
    added: u64,
}

type Callback<E> = Arc<dyn Fn(&E) + Send + Sync>;

// === impl Listener ===

impl Listener {
    /// Continues to listen without this handle, for as long as the source of the events exists.
    pub fn detach(mut self) {
        self.0 = None;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(unsubscribe) = self.0.take() {
            unsubscribe();
        }
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").finish_non_exhaustive()
    }
}

// === impl Listeners ===

impl<E: Send + 'static> Listeners<E> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(Inner {
            waiting: VecDeque::new(),
            delivering: false,
            listeners: Vec::new(),
            added: 0,
        })))
    }

    /// Queues an event, unless there are no listeners. Must be followed by [`deliver`](Self::deliver).
    pub(crate) fn put(&self, event: E) {
        let mut inner = self.0.lock();
        if !inner.listeners.is_empty() {
            inner.waiting.push_back(event);
        }
    }

    /// Delivers all queued events, unless another thread is delivering: that thread continues until the queue is
    /// empty. Must be called with no lock held.
    pub(crate) fn deliver(&self) {
        let mut leaving = false;
        loop {
            let (event, listeners) = {
                let mut inner = self.0.lock();
                if inner.delivering && !leaving {
                    return;
                }
                let Some(event) = inner.waiting.pop_front() else {
                    // In one step with finding it empty, so that no event is queued in between and left behind.
                    inner.delivering = false;
                    return;
                };
                inner.delivering = true;
                leaving = true;
                let listeners: Vec<_> =
                    inner.listeners.iter().map(|(_, l)| Arc::clone(l)).collect();
                (event, listeners)
            };
            for listener in &listeners {
                call(|| listener(&event));
            }
            // A listener that was unsubscribed meanwhile is dropped here, with what it captured.
            call(move || drop((event, listeners)));
        }
    }

    /// Tells an event that has no order with others, in this thread. Must be called with no lock held.
    pub(crate) fn tell(&self, event: &E) {
        let listeners: Vec<_> = {
            let inner = self.0.lock();
            inner.listeners.iter().map(|(_, l)| Arc::clone(l)).collect()
        };
        for listener in &listeners {
            call(|| listener(event));
        }
        call(move || drop(listeners));
    }

    pub(crate) fn listen(self: &Arc<Self>, f: impl Fn(&E) + Send + Sync + 'static) -> Listener {
        let mut inner = self.0.lock();
        let id = inner.added;
        inner.added += 1;
        inner.listeners.push((id, Arc::new(f)));
        drop(inner);
        // Weak: a listener does not keep its source alive.
        let listeners = Arc::downgrade(self);
        Listener(Some(Box::new(move || {
            if let Some(listeners) = listeners.upgrade() {
                listeners.forget(id);
            }
        })))
    }

    fn forget(&self, id: u64) {
        let mut inner = self.0.lock();
        let found = inner.listeners.iter().position(|(other, _)| *other == id);
        let gone = found.map(|place| inner.listeners.remove(place));
        // Dropped with no lock held, as the closure may own anything.
        drop(inner);
        drop(gone);
    }
}

/// Runs code of the user. Neither the other listeners nor the caller, whose request it may be, can handle a panic; the panic
/// hook has reported it.
fn call(f: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(f)) {
        // Its drop may panic too.
        std::mem::forget(panic);
    }
}

impl<E> fmt::Debug for Listeners<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listeners").finish_non_exhaustive()
    }
}
