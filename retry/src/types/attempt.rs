use std::{fmt, time::Duration};

use tokio::time::Instant;

use crate::types::Now;

/// An attempt that has just ended, as the classifier sees it.
pub struct Attempt<'a, Req> {
    pub(crate) number: u32,
    pub(crate) request: Option<&'a Req>,
    pub(crate) started: Option<Instant>,
    pub(crate) now: &'a Now,
}

impl<'a, Req> Attempt<'a, Req> {
    /// Which attempt it was: 1 for the first call, 2 for the first retry.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// The copy of the request kept for the next attempt: `None` where none can follow, and outside tower.
    #[must_use]
    pub const fn request(&self) -> Option<&'a Req> {
        self.request
    }

    /// The time since the first attempt began, waits included. Reads the clock, once for all who ask.
    ///
    /// For a classifier that has set [`Classify::TIMED`](crate::Classify::TIMED) to false it may be zero
    /// instead: whether the beginning was noted then depends on the rest of the policy.
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
