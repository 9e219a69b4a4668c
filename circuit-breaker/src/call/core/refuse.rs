//! Rejecting a call.

use tokio::time::Instant;

use super::Core;
use crate::types::{Open, Refusal};

impl Core {
    // Out of line here and not in the state machine: a closure for the clock would be a second
    // pointer to pass and to keep.
    #[cold]
    #[inline(never)]
    pub(super) fn is_rejecting_now(&self) -> bool {
        self.machine.is_rejecting_at(self.ticks(Instant::now()))
    }

    /// The rejection of a call that must not be made even if the breaker would admit it. Where it is
    /// open the clock is not read.
    #[inline]
    pub(crate) fn refuse(&self) -> Open {
        // A service that was polled ready while the breaker rejected must reject, whatever has happened
        // since. The instant is absolute, so it needs no clock: an earlier version kept the instant of
        // `poll_ready`, or read the clock twice.
        match self.machine.refuse_open() {
            // A `rejected` for each: a refusal that may come from either is passed on in memory.
            Some(refusal) => self.rejected(refusal),
            None => self.refuse_now(),
        }
    }

    // Out of line, so that the answer of an open breaker stays short where it is inlined.
    #[cold]
    #[inline(never)]
    fn refuse_now(&self) -> Open {
        self.rejected(self.machine.refuse_at(self.ticks(Instant::now())))
    }

    #[inline]
    pub(super) fn rejected(&self, refusal: Refusal) -> Open {
        self.meter()
            .rejected(refusal.state, || self.machine.state());
        let observers = self.observers();
        let until = self.clock.since_origin(refusal.until);
        Open::new(observers.name(), observers.key(), refusal, until)
    }
}
