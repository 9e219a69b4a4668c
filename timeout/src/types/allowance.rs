//! The decision, without a clock or a timer of its own: from when and for how long a call may take.

use tokio::time::Instant;

use crate::{Elapsed, Phase, types::nanos::Nanos};

/// The time one call has, from the instant it began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    name: &'static str,
    started: Instant,
    limit: Nanos,
}

impl Allowance {
    /// The time from `started` until `limit` is over or `deadline` is reached, whichever is earlier.
    pub(crate) fn new(
        name: &'static str,
        started: Instant,
        limit: Nanos,
        deadline: Option<Instant>,
    ) -> Self {
        let left = deadline.map_or(Nanos::UNBOUNDED, |deadline| {
            Nanos::new(deadline.saturating_duration_since(started))
        });
        Self {
            name,
            started,
            limit: limit.min(left),
        }
    }

    /// Whether only what is ready at once can be in time.
    pub(crate) const fn is_zero(self) -> bool {
        self.limit.is_zero()
    }

    /// The last instant at which a result is in time; `None` where there is none.
    ///
    /// Worked out here and not in `new`: a call that is ready at once never asks. What is bounded at all
    /// is so by less than 584 years, far from the edge where the timer's own arithmetic would overflow.
    pub(crate) fn end(self) -> Option<Instant> {
        if self.limit.is_unbounded() {
            return None;
        }
        self.started.checked_add(self.limit.duration())
    }

    /// What there is to say when the time is up.
    pub(crate) fn elapsed(self, phase: Phase, now: Instant) -> Elapsed {
        let after = now.saturating_duration_since(self.started);
        Elapsed::new(self.name, phase, Nanos::new(after), self.limit)
    }
}
