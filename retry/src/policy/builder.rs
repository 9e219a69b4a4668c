use std::time::Duration;

use crate::{
    backoff::Backoff,
    builder::builder,
    policy::RetryPolicy,
    types::{InvalidConfig, InvalidConfigKind, Name, Object},
};

builder! {
    /// The numbers of a [`RetryPolicy`]. `Copy`, and usable in a `const`.
    ///
    /// Made by [`RetryPolicy::builder`].
    pub struct Builder named "retry" derive(Clone, Copy, Debug, PartialEq, Eq) {
        // The default of the AWS SDKs: one retry for a passing fault, one more for bad luck.
        attempts: u32 = 3,
        // The first wait is about one round trip to a slow dependency. The last one is still short for a person who
        // waits for a page.
        backoff: Backoff = Backoff::exponential(Duration::from_millis(50), Duration::from_secs(2)),
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        throttle_backoff: Option<Backoff> = None,
        #[cfg_attr(feature = "serde", serde(with = "crate::duration::option", skip_serializing_if = "Option::is_none"))]
        max_elapsed: Option<Duration> = None,
        // A server that asks for more will not answer this request in time.
        #[cfg_attr(feature = "serde", serde(with = "crate::duration"))]
        max_hint: Duration = Duration::from_secs(30),
        short_hints: bool = false,
        wait_for_ready: bool = true,
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        seed: Option<u64> = None,
    }
}

impl Builder {
    pub(super) const fn new() -> Self {
        Self(Numbers::new())
    }

    /// The maximum number of attempts, the first call included: 1 or more, and 1 means no retries. The default is 3.
    ///
    /// At most 1,000 without [`max_elapsed`](Self::max_elapsed), because a call would hardly ever give up. With it, any
    /// number is legal.
    #[doc(alias("maxAttempts", "MaxRetryAttempts", "max_attempts", "max_retries"))]
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.0.attempts = attempts;
        self
    }

    /// The wait before each retry. The default is exponential, from 50 ms to 2 s, with full jitter.
    #[doc(alias("waitDuration", "intervalFunction", "BackoffType"))]
    pub const fn backoff(mut self, backoff: Backoff) -> Self {
        self.0.backoff = backoff;
        self
    }

    /// The wait before a retry whose verdict is [`throttled`](crate::Verdict::throttled), as that of
    /// [`RetryHttp`](crate::RetryHttp) is for status 429. The default is [`backoff`](Self::backoff).
    ///
    /// A server that asks for fewer calls needs a longer pause than a fault that may have passed at once. The AWS SDKs begin
    /// at 1 s in place of 50 ms. The step of the backoff counts all retries of the call.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maestro_retry::{Backoff, RetryPolicy, Verdict};
    ///
    /// let (ms, secs) = (Duration::from_millis, Duration::from_secs);
    /// let policy = RetryPolicy::builder()
    ///     .backoff(Backoff::exponential(ms(50), secs(2)))
    ///     .throttle_backoff(Backoff::exponential(secs(1), secs(20)))
    ///     .build()?
    ///     .classify(|result| match result {
    ///         Ok(()) => Verdict::Done,
    ///         Err("slow down") => Verdict::Retry.throttled(),
    ///         Err(_) => Verdict::Retry,
    ///     });
    /// # let _ = policy.run_blocking(|_| Ok::<(), &str>(()));
    /// # Ok::<(), maestro_retry::InvalidConfig>(())
    /// ```
    pub const fn throttle_backoff(mut self, backoff: Backoff) -> Self {
        self.0.throttle_backoff = Some(backoff);
        self
    }

    /// The time after the beginning of the first attempt within which a further attempt may begin. The default is no
    /// limit.
    ///
    /// A wait that would end later is not begun, so a call may give up well before. A running attempt is not ended:
    /// that is a timeout's work. Zero means no retries. [`RetryPolicy::deadline`] says what happens if the service is
    /// ready too late. [`RetryPolicy::run`] keeps no result through a wait: if a busy thread ends its wait late, the
    /// attempt is made late.
    #[doc(alias("maxDuration"))]
    pub const fn max_elapsed(mut self, max_elapsed: Duration) -> Self {
        self.0.max_elapsed = Some(max_elapsed);
        self
    }

    /// The longest hint of a server ([`Verdict::RetryAfter`](crate::Verdict::RetryAfter)) that a call waits for. The
    /// default is 30 seconds.
    ///
    /// A longer hint ends the call, and the last result is the answer: coming back earlier than asked would be worse
    /// than not coming back. The jitter above a hint, at most the backoff's cap, is not counted.
    pub const fn max_hint(mut self, max_hint: Duration) -> Self {
        self.0.max_hint = max_hint;
        self
    }

    /// Whether a server's hint may be shorter than the backoff. The default is false.
    ///
    /// With false, a hint of zero, or a date that has passed, does not turn the backoff off: the wait is no shorter
    /// than the shortest one that the jitter allows. With true, the hint replaces the backoff in both directions, as
    /// gRPC has it: with [`Jitter::None`](crate::Jitter::None) and a hint of zero there is then no wait at all.
    #[doc(alias("retryPushback"))]
    pub const fn short_hints(mut self, short_hints: bool) -> Self {
        self.0.short_hints = short_hints;
        self
    }

    /// Whether a further attempt waits until the service is ready for it. The default is true.
    ///
    /// With false, a call gives up if the service is not ready at once (no free connection, no room). The last result
    /// is then the answer, and the retry goes back to the budget. That result, with the connection it may hold, is
    /// kept through the wait; by default it is dropped before. It has no effect on [`RetryPolicy::run`], which has
    /// no readiness.
    pub const fn wait_for_ready(mut self, wait_for_ready: bool) -> Self {
        self.0.wait_for_ready = wait_for_ready;
        self
    }

    /// Makes the jitter repeatable, for tests. The default is a random generator for each request.
    ///
    /// The `n`-th request that is retried has the same delays in each run, and different requests have different
    /// delays. All services made from one policy share the count of requests.
    pub const fn seed(mut self, seed: u64) -> Self {
        self.0.seed = Some(seed);
        self
    }

    /// Builds the policy, without a name. Only a named policy has metrics (feature `metrics`), and tracing events say which one
    /// reports: [`build_named`](Self::build_named) names it, or later [`RetryPolicy::named`].
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] if the number of attempts is 0, or above 1,000 without [`max_elapsed`](Self::max_elapsed), or if
    /// the first delay of a backoff is above its cap.
    pub fn build(self) -> Result<RetryPolicy, InvalidConfig> {
        let checked = self.0.check().map_err(InvalidConfigKind::unnamed);
        checked.map(|numbers| RetryPolicy::of(&numbers))
    }

    /// Builds the policy, with a name for its metrics, its tracing events and its errors. [`RetryPolicy::named`] lists the
    /// metrics.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build). The error begins with the name.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_retry::RetryPolicy;
    ///
    /// let policy = RetryPolicy::builder().attempts(4).build_named("store")?;
    /// let refused = RetryPolicy::builder().attempts(0).build_named("store").unwrap_err();
    /// assert!(refused.to_string().starts_with("retry policy `store`: attempts must be at least 1"));
    /// # let _ = policy.run_blocking(|_| Ok::<_, String>(1));
    /// # Ok::<(), maestro_retry::InvalidConfig>(())
    /// ```
    pub fn build_named(self, name: impl Into<Name>) -> Result<RetryPolicy, InvalidConfig> {
        let name = name.into().as_str();
        let checked = self.0.check().map_err(|kind| kind.of(Object::Policy, name));
        checked.map(|numbers| RetryPolicy::of(&numbers).named(name))
    }
}

/// The largest number of attempts without a time limit. With the usual waits they take half an hour.
pub(super) const MOST_ATTEMPTS: u32 = 1_000;

impl Numbers {
    pub(super) fn check(self) -> Result<Self, InvalidConfigKind> {
        if self.attempts == 0 {
            return Err(InvalidConfigKind::ZeroAttempts);
        }
        if self.attempts > MOST_ATTEMPTS && self.max_elapsed.is_none() {
            return Err(InvalidConfigKind::Attempts(self.attempts));
        }
        self.backoff.check("backoff")?;
        if let Some(backoff) = self.throttle_backoff {
            backoff.check("throttle_backoff")?;
        }
        Ok(self)
    }
}
