//! Changes of the limit: by hand, by a law, and how they are told.

use super::{Core, serve, waiters::Waiters};
use crate::{
    limit::Limited,
    observe::Observe,
    types::{Event, LimitCause, LimitChange, Override},
};

impl<R> Core<R> {
    pub(crate) fn resize(&self, limit: usize) {
        // Under the lock, so that a law that compares the limit with an older one sees this change.
        self.set_limit(&mut self.waiters.lock(), limit);
        self.changed();
    }

    /// Sets the limit, and queues the event. [`changed`](Self::changed) must follow.
    pub(super) fn set_limit(&self, waiters: &mut Waiters, limit: usize) {
        let from = self.snapshot().limit();
        let in_word = waiters.set_configured(limit);
        self.permits.resize(in_word);
        let to = self.snapshot().limit();
        // A forced limit stays: what changes is the limit afterwards.
        if from != to && waiters.forced.is_none() {
            self.put(from, to, LimitCause::Configured, None);
        }
    }

    /// Queues a change of the limit. Under the lock of the waiters, so that events are in the order of the changes;
    /// [`changed`](Self::changed) must follow.
    pub(super) fn put(&self, from: usize, to: usize, cause: LimitCause, by: Option<Override>) {
        self.events.put(|| {
            let change = LimitChange::new(from, to, cause, by);
            Event::LimitChanged(change.by_member(self.events.label().key()))
        });
    }

    /// Admits the waiters that have a place now, and tells a change of the limit.
    pub(super) fn changed(&self) {
        // Outside of all locks: metrics, listeners and wakers run foreign code.
        self.meter.resized(self);
        // First, as a listener may take its time.
        serve(self);
        self.events.deliver();
    }
}

impl<R> Limited for Core<R> {
    // One property holds this together: an adaptive law never overwrites a limit that it has not seen. The model
    // `a_limit_set_by_hand_survives_a_law` fails without the comparison.
    fn replace_limit(&self, was: usize, next: usize) -> bool {
        // Every change of the limit holds this lock, so the comparison and the change are one step. Without it a law
        // would overwrite a limit that an operator sets meanwhile.
        let _waiters = self.waiters.lock();
        let is_so = self.snapshot().limit() == was && !self.is_forced();
        if is_so {
            self.permits.resize(next);
            self.put(was, next, LimitCause::Law, None);
        }
        is_so
    }

    fn end_override(&self) {
        Self::end_override(self);
    }

    fn take_was_forced(&self) -> bool {
        self.window_was_forced()
    }

    fn resized(&self) {
        self.changed();
    }
}
