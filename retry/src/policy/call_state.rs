use std::time::Duration;

use rand::rngs::SmallRng;
use tokio::time::Instant;

use crate::{
    backoff::{Backoff, delays::Draws},
    types::Now,
};

/// How far a call has come: which attempt is running, and until when another may begin.
#[derive(Clone, Debug)]
pub(crate) struct Course {
    /// The attempt that runs, from 1.
    pub(crate) number: u32,
    /// When the first one began, where anybody wants to know.
    pub(crate) started: Option<Instant>,
    /// No attempt begins at this moment or later.
    limit: Option<Instant>,
    /// From the first retry on: a call that needs none draws no chance.
    draws: Option<Draws>,
}

/// tokio's timers wake on the next whole millisecond after the moment they were set to: a wait must end
/// this much before the limit for the attempt after it to begin within.
const TIMER_STEP: Duration = Duration::from_millis(1);

impl Course {
    pub(crate) fn new(started: Option<Instant>, limit: Option<Instant>) -> Self {
        Self {
            number: 1,
            started,
            limit,
            draws: None,
        }
    }

    /// Whether an attempt could begin at `now`, and reads the clock only if that matters.
    pub(crate) fn is_open(&self, now: &Now) -> bool {
        self.limit.is_none_or(|limit| now.get() < limit)
    }

    /// Whether an attempt could begin after a wait.
    pub(crate) fn fits(&self, wait: Duration, now: &Now) -> bool {
        if wait.is_zero() {
            return self.is_open(now);
        }
        self.limit.is_none_or(|limit| {
            let end = wait
                .checked_add(TIMER_STEP)
                .and_then(|wait| now.get().checked_add(wait));
            end.is_some_and(|end| end <= limit)
        })
    }

    /// The wait before the next attempt. `rng` makes the request's generator at its first retry.
    pub(crate) fn wait(
        &mut self,
        backoff: &Backoff,
        hint: Option<Duration>,
        rng: impl FnOnce() -> SmallRng,
    ) -> Duration {
        let draws = self.draws.get_or_insert_with(|| Draws::new(rng()));
        // The n-th attempt has ended, so it is the n-th retry.
        draws.next(backoff, self.number, hint)
    }
}
