use std::{borrow::Borrow, fmt, sync::Arc};

use tokio::time::Instant;

use crate::{record::Core, types::Event};

/// One piece of work whose outcome is counted. Made by [`ErrorBudget::observe`](crate::ErrorBudget::observe).
///
/// One of the consuming methods records the outcome. Dropped without an outcome, the work was cancelled and
/// counts as [`Builder::on_cancel`](crate::Builder::on_cancel) says (excluded, by default). Dropped by a panic,
/// it is bad.
// The bound is on the struct because `Drop` needs it.
#[must_use = "dropping the observation at once records a cancelled call"]
pub struct Observation<P: Borrow<Core> = Arc<Core>> {
    core: P,
    is_recorded: bool,
}

impl<P: Borrow<Core>> Observation<P> {
    pub(crate) const fn new(core: P) -> Self {
        Self {
            core,
            is_recorded: false,
        }
    }

    /// Records that the work met the objective.
    pub fn good(self) {
        self.finish(Event::Good);
    }

    /// Records that the work did not meet the objective.
    pub fn bad(self) {
        self.finish(Event::Bad);
    }

    /// Records nothing: the work says nothing about the objective.
    pub fn exclude(self) {
        self.finish(Event::Excluded);
    }

    /// Records the outcome of the work.
    pub fn finish(mut self, event: Event) {
        self.is_recorded = true;
        self.core.borrow().record(event);
    }

    /// Records the outcome of work that ended at `now`, for a caller that has read the clock already.
    pub fn finish_at(mut self, event: Event, now: Instant) {
        self.is_recorded = true;
        self.core.borrow().record_at(event, now);
    }
}

impl<P: Borrow<Core>> Drop for Observation<P> {
    fn drop(&mut self) {
        if self.is_recorded {
            return;
        }
        let core = self.core.borrow();
        if std::thread::panicking() {
            core.record(Event::Bad);
        } else {
            core.cancel();
        }
    }
}

impl<P: Borrow<Core>> fmt::Debug for Observation<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Observation")
            .field(self.core.borrow())
            .finish()
    }
}
