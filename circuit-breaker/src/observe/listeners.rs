//! Transitions on their way to listeners.
//!
//! Properties: a transition is queued under the transition lock, so transitions are in order. It is delivered after that
//! lock is released, by one thread at a time, with no lock held. So a listener sees the new state and may call anything;
//! transitions that it causes are delivered after it returns. A slow listener delays only the thread that delivers, and a
//! panic is caught.
//!
//! Not the file of this name of the sibling crates: what is delivered here comes to metrics, events and the listeners of the
//! family first, which are no closures and cost nothing where they are off.

use std::{
    collections::VecDeque,
    fmt, mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use tokio::sync::watch;

use crate::{
    sync::{Mutex, OnceLock},
    types::{Change, Transition},
};

/// Receives events as long as it is alive. Dropping it unsubscribes.
///
/// An event that is being delivered at that moment may still arrive.
#[must_use = "dropping it at once unsubscribes: keep it, or `detach` it"]
pub struct Listener(Option<Box<dyn FnOnce() + Send + Sync>>);

/// Closures of type `F`, until they are unsubscribed.
pub(crate) struct Subscribers<F: ?Sized>(Mutex<Subscribed<F>>);

struct Subscribed<F: ?Sized> {
    all: Vec<(u64, Arc<F>)>,
    added: u64,
}

/// The listeners of one breaker, and the transitions that they have not heard of.
pub(super) struct Listeners {
    subscribers: Arc<Subscribers<Hear>>,
    waiting: Mutex<Waiting>,
    watched: OnceLock<watch::Sender<Option<Transition>>>,
}

struct Waiting {
    queue: VecDeque<Change>,
    /// A thread delivers, and will look again before it stops.
    delivering: bool,
}

type Hear = dyn Fn(&Change) + Send + Sync;

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

// === impl Subscribers ===

impl<F: ?Sized + Send + Sync> Subscribers<F> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Subscribed {
            all: Vec::new(),
            added: 0,
        }))
    }

    pub(crate) fn has_any(&self) -> bool {
        !self.0.lock().all.is_empty()
    }

    /// Calls each of them by `tell`, one after another, with no lock held.
    pub(crate) fn each(&self, tell: impl Fn(&F)) {
        let all: Vec<_> = self.0.lock().all.iter().map(|(_, f)| f.clone()).collect();
        for f in all {
            contained(|| tell(&f));
            // A listener that was unsubscribed meanwhile is dropped here, with what it captured.
            contained(move || drop(f));
        }
    }

    pub(crate) fn subscribe(self: &Arc<Self>, f: Arc<F>) -> Listener
    where
        F: 'static,
    {
        let mut subscribed = self.0.lock();
        let id = subscribed.added;
        subscribed.added += 1;
        subscribed.all.push((id, f));
        drop(subscribed);
        // Weak: a listener does not keep its source alive.
        let subscribers = Arc::downgrade(self);
        Listener(Some(Box::new(move || {
            if let Some(subscribers) = subscribers.upgrade() {
                subscribers.forget(id);
            }
        })))
    }

    fn forget(&self, id: u64) {
        let mut subscribed = self.0.lock();
        let found = subscribed.all.iter().position(|(other, _)| *other == id);
        let gone = found.map(|place| subscribed.all.remove(place));
        // Dropped with no lock held, as the closure may own anything.
        drop(subscribed);
        drop(gone);
    }
}

// === impl Listeners ===

impl Listeners {
    pub(super) fn new() -> Self {
        Self {
            subscribers: Arc::new(Subscribers::new()),
            waiting: Mutex::new(Waiting {
                queue: VecDeque::new(),
                delivering: false,
            }),
            watched: OnceLock::new(),
        }
    }

    /// Queues a transition, unless there are no listeners and it `is_watched` by nothing else.
    pub(super) fn put(&self, change: Change, is_watched: bool) {
        if is_watched || self.subscribers.has_any() {
            self.waiting.lock().queue.push_back(change);
        }
    }

    /// Delivers all queued transitions to `first` and the listeners, unless another thread is delivering: that thread
    /// continues until the queue is empty.
    pub(super) fn deliver(&self, first: impl Fn(&Change)) {
        let mut is_mine = false;
        loop {
            let mut waiting = self.waiting.lock();
            if waiting.delivering && !is_mine {
                return;
            }
            let Some(change) = waiting.queue.pop_front() else {
                // In one step with finding it empty, so that nothing is queued in between and left
                // behind.
                waiting.delivering = false;
                return;
            };
            waiting.delivering = true;
            is_mine = true;
            drop(waiting);
            contained(|| first(&change));
            self.subscribers.each(|hear| hear(&change));
        }
    }

    pub(super) fn listen(&self, hear: impl Fn(&Change) + Send + Sync + 'static) -> Listener {
        self.subscribers.subscribe(Arc::new(hear))
    }

    pub(super) fn watch(
        &self,
        subscribe: impl FnOnce() -> watch::Sender<Option<Transition>>,
    ) -> watch::Receiver<Option<Transition>> {
        self.watched.get_or_init(subscribe).subscribe()
    }

    #[cfg(feature = "family")]
    pub(super) fn has_any(&self) -> bool {
        self.subscribers.has_any()
    }
}

/// Runs code of the user: a listener, a waker, a drop. Neither the others nor the caller, whose request it may be, can handle a
/// panic; the panic hook has reported it.
pub(crate) fn contained(f: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(f)) {
        // Its drop may panic too.
        mem::forget(panic);
    }
}

impl fmt::Debug for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listeners").finish_non_exhaustive()
    }
}
