use std::time::Duration;

use crate::{backoff::Backoff, policy::RetryPolicy, types::InvalidConfig};

/// The numbers of a [`RetryPolicy`]. `Copy`, and usable in a `const`.
///
/// Made by [`RetryPolicy::builder`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a builder makes nothing until `build`"]
pub struct Builder {
    pub(crate) attempts: u32,
    pub(crate) backoff: Backoff,
    pub(crate) max_elapsed: Option<Duration>,
    pub(crate) max_hint: Duration,
    pub(crate) wait_for_ready: bool,
    pub(crate) seed: Option<u64>,
}

impl Builder {
    pub(crate) const fn new() -> Self {
        Self {
            // The default of the AWS SDKs: one retry for a passing fault, one more for bad luck.
            attempts: 3,
            // The first wait is about one round trip of a slow dependency; the last still fits into the
            // patience of somebody who waits for a page.
            backoff: Backoff::exponential(Duration::from_millis(50), Duration::from_secs(2)),
            max_elapsed: None,
            // A server that asks for more is not coming back for this request.
            max_hint: Duration::from_secs(30),
            wait_for_ready: true,
            seed: None,
        }
    }

    /// How many attempts at most, the first call included: 1 or more, and 1 means no retries. The
    /// default is 3.
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// How long to wait before each retry. The default is exponential, from 50 ms to 2 s, with full jitter.
    pub const fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// How long after the first attempt began a further one may still begin. The default is no limit.
    ///
    /// No wait is begun that would end later, so a call may give up well before. It does not end an
    /// attempt that runs: that is a timeout's work. Zero means no retries.
    pub const fn max_elapsed(mut self, max_elapsed: Duration) -> Self {
        self.max_elapsed = Some(max_elapsed);
        self
    }

    /// The longest hint of a server ([`Verdict::RetryAfter`](crate::Verdict::RetryAfter)) that is waited
    /// for. The default is 30 seconds.
    ///
    /// A longer one ends the call with the result at hand: to come back earlier than asked would be worse
    /// than not to come back. The jitter above a hint, at most the backoff's cap, is not counted.
    pub const fn max_hint(mut self, max_hint: Duration) -> Self {
        self.max_hint = max_hint;
        self
    }

    /// Whether a further attempt waits until the service is ready for it. The default is true.
    ///
    /// With false, a call gives up when the service is not ready at once (no free connection, no room):
    /// the result at hand is the answer, and the retry goes back to the budget. That result, with the
    /// connection it may hold, must then be kept through the wait; by default it is dropped before. Without
    /// meaning for [`RetryPolicy::run`], which knows no readiness.
    pub const fn wait_for_ready(mut self, wait_for_ready: bool) -> Self {
        self.wait_for_ready = wait_for_ready;
        self
    }

    /// Makes the jitter repeatable, for tests: the `n`-th request to be retried has the same delays in
    /// each run. Every request has delays of its own all the same. The default is true chance.
    ///
    /// All services made from one policy share the count of requests.
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Builds the policy.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] when attempts is 0.
    pub fn build(self) -> Result<RetryPolicy, InvalidConfig> {
        if self.attempts == 0 {
            return Err(InvalidConfig::ZeroAttempts);
        }
        Ok(RetryPolicy::of(self))
    }
}
