use std::time::Duration;

use super::{Probes, Ramp, Wait, Window};
use crate::types::OnCancel;

/// The numbers of a circuit breaker. `Copy`, and usable in a `const`: there [`window`](Self::window),
/// [`wait_in_open`](Self::wait_in_open), [`probes`](Self::probes) and [`ramp`](Self::ramp), which take short forms, have the
/// names `const_window`, and so on.
///
/// Made by [`CircuitBreaker::builder`](crate::CircuitBreaker::builder). The breaker opens by what
/// is configured here: a [`failure_ratio`](Self::failure_ratio), a
/// [`failure_count`](Self::failure_count), a [`slow_ratio`](Self::slow_ratio),
/// [`consecutive_failures`](Self::consecutive_failures), in any combination. Without any of them it
/// opens when half of the calls failed. They are evaluated in this order, and the first that holds
/// is the [`Cause`](crate::Cause).
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "a builder makes nothing until `build` or `build_static`"]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize, serde::Serialize),
    serde(try_from = "super::table::Table<Numbers>", into = "Numbers")
)]
#[doc(alias("CircuitBreakerConfig", "CircuitBreakerStrategyOptions"))]
pub struct Builder(pub(super) Numbers);

/// The fields of a [`Builder`], and of the file that it is read from.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize, serde::Serialize),
    serde(default, deny_unknown_fields)
)]
pub(super) struct Numbers {
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub(super) failure_ratio: Option<f64>,
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub(super) failure_count: Option<u32>,
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub(super) slow_ratio: Option<f64>,
    #[cfg_attr(
        feature = "serde",
        serde(
            with = "super::duration::option",
            skip_serializing_if = "Option::is_none"
        )
    )]
    pub(super) slow_after: Option<Duration>,
    pub(super) window: Window,
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub(super) minimum_calls: Option<u32>,
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub(super) consecutive_failures: Option<u32>,
    #[cfg_attr(
        feature = "serde",
        serde(
            with = "super::duration::option",
            skip_serializing_if = "Option::is_none"
        )
    )]
    pub(super) forget_failures_after: Option<Duration>,
    pub(super) wait_in_open: Wait,
    #[cfg_attr(feature = "serde", serde(with = "super::duration"))]
    pub(super) max_retry_after: Duration,
    pub(super) probes: Probes,
    #[cfg_attr(feature = "serde", serde(with = "super::duration"))]
    pub(super) probe_deadline: Duration,
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub(super) on_cancel: Option<OnCancel>,
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "std::ops::Not::not"))]
    pub(super) evaluate_every_call: bool,
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub(super) ramp: Option<Ramp>,
}

impl Builder {
    pub(crate) const fn new() -> Self {
        Self(Numbers {
            failure_ratio: None,
            failure_count: None,
            slow_ratio: None,
            slow_after: None,
            // Long enough to see twenty calls of a quiet service, short enough to notice an outage.
            window: Window::time(Duration::from_secs(10)),
            minimum_calls: None,
            consecutive_failures: None,
            forget_failures_after: None,
            // About what a process takes to restart. Longer, but not by much, where it fails again: a
            // backend that flaps gets less, and its recovery is not noticed minutes late.
            wait_in_open: Wait::exponential(Duration::from_secs(5), Duration::from_secs(30)),
            // A backend that asks for more is rarely right, and a peer that lies must not keep it open.
            max_retry_after: Duration::from_secs(5 * 60),
            // One may be luck.
            probes: Probes::results(3),
            // A call that takes longer is of no use to its caller.
            probe_deadline: Duration::from_secs(10),
            on_cancel: None,
            evaluate_every_call: false,
            ramp: None,
        })
    }

    /// Opens when this share of the calls in the window failed, or more: above 0.0 and up to 1.0.
    ///
    /// Compared exactly, in integers: a ratio with up to nine decimals is the one you wrote, and
    /// `2.0 / 3.0` is reached by two calls of three. Only a call that failed opens the breaker.
    #[doc(alias("failureRateThreshold", "success_rate_over_time_window"))]
    pub const fn failure_ratio(mut self, ratio: f64) -> Self {
        self.0.failure_ratio = Some(ratio);
        self
    }

    /// Opens when this number of the calls in the window failed: from 1 to 500,000, and no more than
    /// a window of calls holds. The [`minimum_calls`](Self::minimum_calls) do not matter to it, nor
    /// does how many calls succeeded. Off by default.
    ///
    /// With [`Window::time`] it is a number of failures in a time. With [`Window::calls`] it is a
    /// number of failures among the last calls, and may be reached before the window is full.
    ///
    /// Where more than a million calls end within a sixteenth of a window of time, some of the
    /// failures among them are not counted.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maestro_circuit_breaker::{CircuitBreaker, State, Window};
    ///
    /// let five_in_10_s = CircuitBreaker::builder().failure_count(5).window(Window::time(Duration::from_secs(10)));
    /// let three_of_the_last_10 = CircuitBreaker::builder().failure_count(3).window(Window::calls(10));
    ///
    /// for (builder, failures) in [(five_in_10_s, 5), (three_of_the_last_10, 3)] {
    ///     let breaker = builder.build("geo")?;
    ///     for _ in 1..failures {
    ///         breaker.try_acquire()?.failure();
    ///         breaker.try_acquire()?.success();
    ///     }
    ///     assert_eq!(breaker.state(), State::Closed);
    ///     breaker.try_acquire()?.failure();
    ///     assert_eq!(breaker.state(), State::Open);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn failure_count(mut self, failures: u32) -> Self {
        self.0.failure_count = Some(failures);
        self
    }

    /// Opens when this share of the calls in the window were slow, failed or not, or more: above
    /// 0.0 and up to 1.0, compared as the failure ratio is. Needs [`slow_after`](Self::slow_after),
    /// which defines slow.
    ///
    /// Only a call that was slow opens the breaker by this ratio.
    #[doc(alias("slowCallRateThreshold"))]
    pub const fn slow_ratio(mut self, ratio: f64) -> Self {
        self.0.slow_ratio = Some(ratio);
        self
    }

    /// A call is slow that takes this long or longer: from 1 ns; more than 36 years are 36 years.
    /// Off by default.
    ///
    /// A slow probe is a failed one. A call that is dropped before it ends is a failure if it was
    /// slow by then ([`OnCancel::FailureIfSlow`], the default where this is set). With
    /// [`slow_ratio`](Self::slow_ratio) slow calls open the breaker; without it, slowness alone
    /// does not.
    ///
    /// Costs a clock reading when a call is admitted, and one when it ends.
    #[doc(alias("slowCallDurationThreshold"))]
    pub const fn slow_after(mut self, limit: Duration) -> Self {
        self.0.slow_after = Some(limit);
        self
    }

    /// The calls that the ratios and the failure count look at: those within a time, or a number of
    /// last ones. The default is [`Window::time`] of 10 s.
    ///
    /// Takes a number of calls, a length of time, or a [`Window`]: `window(100)`, `window(Duration::from_secs(30))`.
    #[doc(alias(
        "slidingWindowSize",
        "slidingWindowType",
        "slidingWindowDuration",
        "SamplingDuration"
    ))]
    pub fn window(self, window: impl Into<Window>) -> Self {
        self.const_window(window.into())
    }

    /// [`window`](Self::window) in a `const` or a `static`, which can convert nothing.
    pub const fn const_window(mut self, window: Window) -> Self {
        self.0.window = window;
        self
    }

    /// The number of calls the window must hold before a ratio counts: 1 to 500,000, and no more
    /// than a window of calls can hold. The default is 20, or the size of a smaller window of
    /// calls.
    #[doc(alias("minimumNumberOfCalls", "MinimumThroughput"))]
    pub const fn minimum_calls(mut self, calls: u32) -> Self {
        self.0.minimum_calls = Some(calls);
        self
    }

    /// Opens when this number of calls failed without a success in between: 1 to 536,870,911. They
    /// are counted in the order in which they end, and forgotten after a time without a failure
    /// ([`forget_failures_after`](Self::forget_failures_after)). Off by default.
    ///
    /// If nothing that looks at the window is configured beside it, it is the only thing that opens
    /// the breaker, and no window is kept.
    ///
    /// Costs a clock reading for each failure.
    #[doc(alias("handledEventsAllowedBeforeBreaking"))]
    pub const fn consecutive_failures(mut self, failures: u32) -> Self {
        self.0.consecutive_failures = Some(failures);
        self
    }

    /// Forgets the failures in a row once this time has passed since the last of them: a failure
    /// that ends then is the first one again. The default is 10 minutes. From 1 ns; more than 36
    /// years are 36 years. Needs [`consecutive_failures`](Self::consecutive_failures).
    ///
    /// The time between two failures matters, and not how long all of them took: a backend that is
    /// seldom called and always fails opens the breaker, however long that takes. After a long time
    /// without a failure nothing is known about it.
    pub const fn forget_failures_after(mut self, time: Duration) -> Self {
        self.0.forget_failures_after = Some(time);
        self
    }

    /// How long an open breaker rejects calls before it admits probes. The default is 5 s, and
    /// twice as long with each opening soon after another, up to 30 s ([`Wait::exponential`]).
    ///
    /// Takes a [`Wait`], or a time that is the same after every opening ([`Wait::fixed`]).
    #[doc(alias(
        "waitDurationInOpenState",
        "waitDurationInOpen",
        "BreakDuration",
        "automaticTransitionFromOpenToHalfOpenEnabled"
    ))]
    pub fn wait_in_open(self, wait: impl Into<Wait>) -> Self {
        self.const_wait_in_open(wait.into())
    }

    /// [`wait_in_open`](Self::wait_in_open) in a `const` or a `static`, which can convert nothing.
    pub const fn const_wait_in_open(mut self, wait: Wait) -> Self {
        self.0.wait_in_open = wait;
        self
    }

    /// The longest time for which [`Outcome::FailureFor`](crate::Outcome::FailureFor) keeps the
    /// breaker open; a longer one is cut to it. The default is 5 minutes. Zero ignores what the
    /// backend asks for; more than 36 years are 36 years.
    ///
    /// The time comes from a peer, often from its `Retry-After`. Without a bound one response could
    /// keep the breaker open for ever.
    pub const fn max_retry_after(mut self, longest: Duration) -> Self {
        self.0.max_retry_after = longest;
        self
    }

    /// How a half-open breaker decides. The default is three results, by the failure ratio.
    ///
    /// Takes a number of results ([`Probes::results`]), or [`Probes`]: `probes(5)`.
    #[doc(alias("permittedNumberOfCallsInHalfOpenState", "permittedCallsInHalfOpen"))]
    pub fn probes(self, probes: impl Into<Probes>) -> Self {
        self.const_probes(probes.into())
    }

    /// [`probes`](Self::probes) in a `const` or a `static`, which can convert nothing.
    pub const fn const_probes(mut self, probes: Probes) -> Self {
        self.0.probes = probes;
        self
    }

    /// How long a probe may take: from 1 ns; more than 36 years are 36 years. A probe that has not
    /// ended by then has failed, and its slot is free. The default is 10 s.
    ///
    /// Choose it above what a slow but good call takes: a timeout inside the breaker is the usual
    /// measure.
    #[doc(alias("maxWaitDurationInHalfOpenState"))]
    pub const fn probe_deadline(mut self, deadline: Duration) -> Self {
        self.0.probe_deadline = deadline;
        self
    }

    /// How a call counts that was dropped before it ended. The default is
    /// [`OnCancel::FailureIfSlow`] where [`slow_after`](Self::slow_after) is configured, and
    /// [`OnCancel::Ignored`] elsewhere.
    pub const fn on_cancel(mut self, on_cancel: OnCancel) -> Self {
        self.0.on_cancel = Some(on_cancel);
        self
    }

    /// Lets calls come back gradually once the probes have closed the breaker, a rising share of
    /// them, see [`Ramp`]. By default all come back at once.
    ///
    /// On the ramp the breaker is [`Ramping`](crate::State::Ramping), which is closed but for the
    /// calls that are rejected: results count as they do while closed, and open it in the same way.
    /// The wait is then that of another opening in a row ([`Wait::exponential`]). The end of the
    /// ramp is a transition to closed, with nothing counted. An operator's `resume` and a `reset`
    /// lead to closed at once.
    ///
    /// Costs nothing while the breaker is closed; on the ramp a clock reading and a write for each
    /// call.
    ///
    /// Takes the time of each of three steps ([`Ramp::new`]), or a [`Ramp`].
    pub fn ramp(self, ramp: impl Into<Ramp>) -> Self {
        self.const_ramp(ramp.into())
    }

    /// [`ramp`](Self::ramp) in a `const` or a `static`, which can convert nothing.
    pub const fn const_ramp(mut self, ramp: Ramp) -> Self {
        self.0.ramp = Some(ramp);
        self
    }

    /// Evaluates the ratios and the failure count after every call, not only after failures and slow
    /// calls.
    ///
    /// With it a success can open the breaker: it completes the
    /// [`minimum_calls`](Self::minimum_calls), or a better call leaves the window. By default only
    /// a bad call opens it: a call that goes well is no reason to stop.
    ///
    /// Costs, over a window of time, a look at all its steps for each call.
    pub const fn evaluate_every_call(mut self) -> Self {
        self.0.evaluate_every_call = true;
        self
    }
}

impl Default for Builder {
    /// The builder with every default, as an empty table in a file gives it.
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(feature = "serde")]
impl Default for Numbers {
    fn default() -> Self {
        Builder::new().0
    }
}

#[cfg(feature = "serde")]
impl From<Builder> for Numbers {
    fn from(builder: Builder) -> Self {
        builder.0
    }
}

#[cfg(feature = "serde")]
impl TryFrom<super::table::Table<Numbers>> for Builder {
    type Error = crate::types::InvalidConfig;

    /// Refuses what `build` would, while the error can still name the file.
    fn try_from(read: super::table::Table<Numbers>) -> Result<Self, Self::Error> {
        let builder = Self(read.0);
        builder.check().map(|()| builder)
    }
}
