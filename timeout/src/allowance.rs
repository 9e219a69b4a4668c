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
    ///
    /// `None` when that instant lies beyond what the clock can express: then nothing ever elapses.
    pub(crate) fn new(
        name: &'static str,
        started: Instant,
        limit: Duration,
        deadline: Option<Instant>,
    ) -> Option<Self> {
        let left = deadline.map_or(Duration::MAX, |deadline| {
            deadline.saturating_duration_since(started)
        });
        let limit = limit.min(left);
        started
            .checked_add(limit)?
            .checked_add(TIMER_ROUNDS_UP_BY)?;
        Some(Self {
            name,
            started,
            limit,
        })
    }

    /// The last instant at which a result is in time.
    pub(crate) fn end(self) -> Instant {
        // `new` has tried this very sum.
        self.started + self.limit
    }

    /// Told at `now` that there is no result yet: is it too late?
    pub(crate) fn check(self, now: Instant) -> Result<(), Elapsed> {
        // At the very end there is still no time left to wait: who waits for a result that is ready *at*
        // the deadline has polled it before asking here.
        if now < self.end() {
            Ok(())
        } else {
            Err(self.elapsed(now))
        }
    }

    /// What there is to say when the time is up.
    pub(crate) fn elapsed(self, now: Instant) -> Elapsed {
        let after = now.saturating_duration_since(self.started);
        Elapsed::new(self.name, after, self.limit)
    }
}
