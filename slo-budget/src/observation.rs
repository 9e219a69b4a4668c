use std::{borrow::Borrow, fmt, sync::Arc};

use tokio::time::Instant;

use crate::{budget::Core, types::Event};

/// One piece of work whose outcome is to be counted, made by [`ErrorBudget::observe`](crate::ErrorBudget::observe).
///
/// One of the methods that consume it says how it went. Dropped unsaid it was cancelled, and counts as
/// [`Builder::on_cancel`](crate::Builder::on_cancel) has it (excluded, by default); dropped by a panic it is bad.
// The bound stands on the struct because `Drop` needs it.
#[must_use = "dropping the observation at once says that the work was cancelled"]
pub struct Observation<P: Borrow<Core> = Arc<Core>> {
    core: P,
    said: bool,
}

impl<P: Borrow<Core>> Observation<P> {
    pub(crate) const fn new(core: P) -> Self {
        Self { core, said: false }
    }

    /// The work met the objective.
    pub fn good(self) {
        self.finish(Event::Good);
    }

    /// The work did not meet the objective.
    pub fn bad(self) {
        self.finish(Event::Bad);
    }

    /// The work says nothing about the objective.
    pub fn exclude(self) {
        self.finish(Event::Excluded);
    }

    /// Says how the work went, in one value.
    pub fn finish(mut self, event: Event) {
        self.said = true;
        self.core.borrow().record(event);
    }

    /// Says how the work went that ended at `now`, a clock read that the caller has made anyway.
    pub fn finish_at(mut self, event: Event, now: Instant) {
        self.said = true;
        self.core.borrow().record_at(event, now);
    }
}

impl<P: Borrow<Core>> Drop for Observation<P> {
    fn drop(&mut self) {
        if self.said {
            return;
        }
        let core = self.core.borrow();
        core.record(if std::thread::panicking() {
            Event::Bad
        } else {
            core.settings().on_cancel
        });
    }
}

impl<P: Borrow<Core>> fmt::Debug for Observation<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Observation")
            .field(self.core.borrow())
            .finish()
    }
}
