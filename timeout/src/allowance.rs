//! The decision, without a clock or a timer of its own: from when and for how long a call may take.

use std::time::Duration;

use tokio::time::Instant;

use crate::Elapsed;

/// The time one call has, from the instant it began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    name: &'static str,
    started: Instant,
    limit: Duration,
}

/// How far past the end the arithmetic of the timer reaches: tokio rounds an instant up to the
/// next millisecond by an addition that panics when it overflows.
const TIMER_ROUNDS_UP_BY: Duration = Duration::from_millis(1);

impl Allowance {
    /// The time from `started` until `limit` is over or `deadline` is reached, whichever is earlier.
    pub(crate) fn new(
        name: &'static str,
        started: Instant,
        limit: Duration,
        deadline: Option<Instant>,
    ) -> Self {
        let left = deadline.map_or(Duration::MAX, |deadline| {
            deadline.saturating_duration_since(started)
        });
        Self {
            name,
            started,
            limit: limit.min(left),
        }
    }

    /// The last instant at which a result is in time; `None` where it lies beyond what clock and timer can
    /// express, so that nothing ever elapses.
    ///
    /// Worked out here and not in `new`: a call that is ready at once never asks.
    pub(crate) fn end(self) -> Option<Instant> {
        let end = self.started.checked_add(self.limit)?;
        end.checked_add(TIMER_ROUNDS_UP_BY).map(|_| end)
    }

    /// What there is to say when the time is up.
    pub(crate) fn elapsed(self, now: Instant) -> Elapsed {
        let after = now.saturating_duration_since(self.started);
        Elapsed::new(self.name, after, self.limit)
    }
}
