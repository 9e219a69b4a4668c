use std::{fmt, time::Duration};

use tokio::time::Instant;

use crate::types::Now;

/// An attempt that has just ended, as the classifier sees it.
pub struct Attempt<'a, Req> {
    number: u32,
    request: Option<&'a Req>,
    started: Option<Instant>,
    now: &'a Now,
}

impl<'a, Req> Attempt<'a, Req> {
    /// `started` is the beginning of the first attempt, if it was noted.
    #[inline]
    pub(crate) const fn new(
        number: u32,
        request: Option<&'a Req>,
        started: Option<Instant>,
        now: &'a Now,
    ) -> Self {
        Self {
            number,
            request,
            started,
            now,
        }
    }

    /// The number of the attempt: 1 for the first call, 2 for the first retry.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// The copy of the request that the next attempt would send. `None` if no attempt can follow, and outside
    /// tower.
    #[must_use]
    pub const fn request(&self) -> Option<&'a Req> {
        self.request
    }

    /// The time since the first attempt began, waits included. It reads the clock once per attempt.
    ///
    /// If the classifier sets [`Classify::TIMED`](crate::Classify::TIMED) to false this may be zero, because the
    /// beginning is then noted only if the policy needs it.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.started.map_or(Duration::ZERO, |started| {
            self.now.get().saturating_duration_since(started)
        })
    }
}

impl<Req> fmt::Debug for Attempt<'_, Req> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt")
            .field("number", &self.number)
            .field("may_be_repeated", &self.request.is_some())
            .finish_non_exhaustive()
    }
}
