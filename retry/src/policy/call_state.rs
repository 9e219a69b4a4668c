use std::time::Duration;

use rand::rngs::SmallRng;
use tokio::time::Instant;

use crate::{
    backoff::{Backoff, Draws},
    types::Now,
};

/// The progress of one call: the current attempt, and the time limit for further ones.
#[derive(Clone)]
pub(crate) struct CallState {
    attempt: u32,
    /// The beginning of the first attempt, if the policy or the classifier needs it.
    started: Option<Instant>,
    /// No attempt begins at this instant or later.
    limit: Option<Instant>,
    /// Present from the first retry on: a call that needs none draws no random number.
    draws: Option<Draws>,
}

/// tokio's timers wake on the next whole millisecond after their instant. So a wait must end this much before the
/// limit, or the attempt after it could begin too late.
const TIMER_STEP: Duration = Duration::from_millis(1);

impl CallState {
    /// The beginning of the first attempt.
    #[inline]
    pub(crate) const fn new(started: Option<Instant>, limit: Option<Instant>) -> Self {
        Self {
            attempt: 1,
            started,
            limit,
            draws: None,
        }
    }

    /// The number of the current attempt, from 1.
    #[inline]
    pub(crate) const fn attempt(&self) -> u32 {
        self.attempt
    }

    #[inline]
    pub(super) const fn started(&self) -> Option<Instant> {
        self.started
    }

    /// The next attempt begins.
    #[inline]
    pub(crate) fn advance(&mut self) {
        self.attempt += 1;
    }

    /// Whether a failed result is kept through the wait, as the answer if the next attempt would begin too late. An
    /// `Ok` is not, because it may hold a connection that the next attempt needs.
    #[inline]
    pub(crate) const fn keeps<T, E>(&self, failed: &Result<T, E>) -> bool {
        self.limit.is_some() && failed.is_err()
    }

    /// Whether there is a time limit.
    #[inline]
    pub(crate) const fn is_limited(&self) -> bool {
        self.limit.is_some()
    }

    /// Whether an attempt could begin at `now`. Reads the clock only if there is a limit.
    #[inline]
    pub(super) fn is_open(&self, now: &Now) -> bool {
        self.limit.is_none_or(|limit| now.get() < limit)
    }

    /// Whether it is too late for an attempt to begin now.
    #[inline(never)] // A call without a time limit does not pay for its size.
    pub(crate) fn is_late(&self) -> bool {
        !self.is_open(&Now::unread())
    }

    /// Whether an attempt could begin after `wait`.
    pub(super) fn fits(&self, wait: Duration, now: &Now) -> bool {
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

    /// The wait before the next attempt. `rng` makes the request's random generator at its first retry. `floor`: a
    /// hint does not make the wait shorter than the backoff.
    pub(super) fn wait(
        &mut self,
        backoff: &Backoff,
        hint: Option<Duration>,
        floor: bool,
        rng: impl FnOnce() -> SmallRng,
    ) -> Duration {
        let draws = self.draws.get_or_insert_with(|| Draws::new(rng()));
        // The n-th attempt has ended, so the next one is the n-th retry.
        let hint = match hint {
            Some(hint) if floor => Some(hint.max(draws.shortest(backoff, self.attempt))),
            hint => hint,
        };
        draws.next(backoff, self.attempt, hint)
    }
}
