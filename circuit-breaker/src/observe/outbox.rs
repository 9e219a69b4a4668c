//! Transitions on their way to listeners.
//!
//! The property that chose the design: a change is put in under the lock of the transitions, so changes
//! are in their order; it is delivered after that lock is given back, by one thread at a time, with no
//! lock held. So a listener sees the new state and may call anything (what that causes is delivered after
//! it returns), and a slow one delays only the call that delivers. One that panics is passed over.
//!
//! A circuit that nobody listens to has no outbox.

use std::{
    collections::VecDeque,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use tokio::sync::watch;

use crate::{
    Cause, Listener, Override, State, Transition, metrics,
    sync::{Mutex, OnceLock},
    trace,
};

pub(crate) struct Outbox {
    inner: Mutex<Inner>,
    /// Where the latest transition is to be seen, once somebody has asked for it.
    pub(crate) watched: OnceLock<watch::Sender<Option<Transition>>>,
}

/// A transition as the circuit knows it.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) generation: u32,
    pub(crate) from: State,
    pub(crate) to: State,
    pub(crate) cause: Option<Cause>,
    pub(crate) by: Option<Override>,
    pub(crate) is_reset: bool,
    /// In ticks.
    pub(crate) at: u64,
}

struct Inner {
    waiting: VecDeque<Change>,
    /// Somebody is at it, and will look again before leaving.
    delivering: bool,
    listeners: Vec<(u64, Hear)>,
    added: u64,
}

/// Whether there are events or metrics of transitions, though nobody listens.
pub(crate) const IS_WATCHED: bool = trace::IS_ON || metrics::IS_ON;

type Hear = Arc<dyn Fn(&Change) + Send + Sync>;

impl Outbox {
    pub(crate) fn new() -> Self {
        Self {
            inner: Mutex::new(Inner {
                waiting: VecDeque::new(),
                delivering: false,
                listeners: Vec::new(),
                added: 0,
            }),
            watched: OnceLock::new(),
        }
    }

    /// Puts a change in. To be followed by [`deliver`](Self::deliver).
    pub(crate) fn put(&self, change: Change) {
        let mut inner = self.inner.lock();
        if IS_WATCHED || !inner.listeners.is_empty() {
            inner.waiting.push_back(change);
        }
    }

    /// Tells `first` and the listeners everything that is in, unless somebody is at it already: they go on until it is
    /// empty. Called with no lock held.
    pub(crate) fn deliver(&self, first: impl Fn(&Change)) {
        let mut is_mine = false;
        loop {
            let mut inner = self.inner.lock();
            if inner.delivering && !is_mine {
                return;
            }
            let Some(change) = inner.waiting.pop_front() else {
                // In one step with finding it empty, so that nothing is put in between and left behind.
                inner.delivering = false;
                return;
            };
            inner.delivering = true;
            is_mine = true;
            let listeners: Vec<_> = inner.listeners.iter().map(|(_, l)| Arc::clone(l)).collect();
            drop(inner);
            let _ = catch_unwind(AssertUnwindSafe(|| first(&change)));
            for listener in listeners {
                // Its own affair: neither the other listeners nor the caller, whose request it may be, can
                // do anything about it. The panic hook has said it.
                let _ = catch_unwind(AssertUnwindSafe(|| listener(&change)));
            }
        }
    }

    pub(crate) fn listen(
        self: &Arc<Self>,
        hear: impl Fn(&Change) + Send + Sync + 'static,
    ) -> Listener {
        let mut inner = self.inner.lock();
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

    /// Whether anybody listens.
    pub(crate) fn is_heard(&self) -> bool {
        !self.inner.lock().listeners.is_empty()
    }

    fn forget(&self, id: u64) {
        let mut inner = self.inner.lock();
        let found = inner.listeners.iter().position(|(other, _)| *other == id);
        let gone = found.map(|place| inner.listeners.remove(place));
        // What the closure holds is dropped with no lock held: it may be anything.
        drop(inner);
        drop(gone);
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").finish_non_exhaustive()
    }
}
