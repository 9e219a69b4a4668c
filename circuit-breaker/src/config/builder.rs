use std::{sync::Arc, time::Duration};

use crate::{
    CircuitBreaker, Core, InvalidConfig, OnCancel, Probes, Ramp, StaticCircuitBreaker, Wait,
    Window, sync::const_fn,
};

/// The numbers of a circuit breaker. `Copy`, and usable in a `const`.
///
/// Made by [`CircuitBreaker::builder`]. What opens the circuit is what is named here: a
/// [`failure_ratio`](Self::failure_ratio), a [`slow_ratio`](Self::slow_ratio),
/// [`consecutive_failures`](Self::consecutive_failures), in any combination; where none is, half of the calls failed.
/// They are asked in this order, and the first that holds is the [`Cause`](crate::Cause).
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "a builder makes nothing until `build` or `build_static`"]
pub struct Builder {
    pub(crate) failure_ratio: Option<f64>,
    pub(crate) slow_ratio: Option<f64>,
    pub(crate) slow_after: Option<Duration>,
    pub(crate) window: Window,
    pub(crate) minimum_calls: Option<u32>,
    pub(crate) consecutive_failures: Option<u32>,
    pub(crate) wait_in_open: Wait,
    pub(crate) probes: Probes,
    pub(crate) probe_deadline: Duration,
    pub(crate) on_cancel: Option<OnCancel>,
    pub(crate) successes_open: bool,
    pub(crate) ramp: Option<Ramp>,
}

impl Builder {
    pub(crate) const fn new() -> Self {
        Self {
            failure_ratio: None,
            slow_ratio: None,
            slow_after: None,
            // Long enough to see twenty calls of a quiet service, short enough to notice an outage.
            window: Window::time(Duration::from_secs(10)),
            minimum_calls: None,
            consecutive_failures: None,
            // About what a process takes to restart.
            wait_in_open: Wait::fixed(Duration::from_secs(5)),
            // One may be luck.
            probes: Probes::results(3),
            // A call that takes longer helps nobody who waits for it.
            probe_deadline: Duration::from_secs(10),
            on_cancel: None,
            successes_open: false,
            ramp: None,
        }
    }

    /// Opens when this share of the calls in the window failed, or more: above 0.0 and up to 1.0.
    ///
    /// Compared exactly, in integers: a ratio with up to nine decimals is the one you wrote, and
    /// `2.0 / 3.0` is reached by two calls of three. Only a call that failed opens the circuit.
    pub const fn failure_ratio(mut self, ratio: f64) -> Self {
        self.failure_ratio = Some(ratio);
        self
    }

    /// Opens when this share of the calls in the window were slow, failed or not, or more: above 0.0 and up
    /// to 1.0, compared as the failure ratio is. Needs [`slow_after`](Self::slow_after), which says what is slow.
    ///
    /// Only a call that was slow opens the circuit so.
    pub const fn slow_ratio(mut self, ratio: f64) -> Self {
        self.slow_ratio = Some(ratio);
        self
    }

    /// How long a call takes at least that is slow: from 1 ns; more than 36 years are 36 years. Off by
    /// default.
    ///
    /// A slow probe is a failed one. A call that is dropped before it ends is a failure if it was slow by
    /// then ([`OnCancel::FailureIfSlow`], the default where this is set). With
    /// [`slow_ratio`](Self::slow_ratio) slow calls open the circuit; without, slowness in itself does not.
    ///
    /// Costs a clock reading when a call is let in, and one when it ends.
    pub const fn slow_after(mut self, limit: Duration) -> Self {
        self.slow_after = Some(limit);
        self
    }

    /// Which calls the ratios look at: those of a time, or the last so many. The default is
    /// [`Window::time`] of 10 s.
    pub const fn window(mut self, window: Window) -> Self {
        self.window = window;
        self
    }

    /// How many calls the window must hold before a ratio counts: 1 to 500,000, and no more than a window
    /// of calls can hold. The default is 20, or the whole of a smaller window of calls.
    pub const fn minimum_calls(mut self, calls: u32) -> Self {
        self.minimum_calls = Some(calls);
        self
    }

    /// Opens when so many calls failed with no success in between: 1 to 536,870,911. They are counted
    /// in the order in which they end, however long ago. Off by default.
    ///
    /// If no ratio is named beside it, it is the only thing that opens the circuit, and no window
    /// is kept.
    pub const fn consecutive_failures(mut self, failures: u32) -> Self {
        self.consecutive_failures = Some(failures);
        self
    }

    /// How long an open circuit rejects calls before it lets probes in. The default is 5 s, every time.
    pub const fn wait_in_open(mut self, wait: Wait) -> Self {
        self.wait_in_open = wait;
        self
    }

    /// How a half-open circuit decides. The default is three results, by the failure ratio.
    pub const fn probes(mut self, probes: Probes) -> Self {
        self.probes = probes;
        self
    }

    /// How long a probe may take: from 1 ns; more than 36 years are 36 years. One that has not ended by
    /// then has failed, and its place is free. The default is 10 s.
    ///
    /// Choose it above what a slow but good call takes: a timeout inside the breaker is the usual measure.
    pub const fn probe_deadline(mut self, deadline: Duration) -> Self {
        self.probe_deadline = deadline;
        self
    }

    /// What a call is that was dropped before it ended. The default is [`OnCancel::FailureIfSlow`] where
    /// [`slow_after`](Self::slow_after) says what is slow, and [`OnCancel::Ignored`] elsewhere.
    pub const fn on_cancel(mut self, on_cancel: OnCancel) -> Self {
        self.on_cancel = Some(on_cancel);
        self
    }

    /// Lets calls come back gradually once the probes have closed the circuit, a rising share of them, see
    /// [`Ramp`]. By default all come back at once.
    ///
    /// On the ramp the circuit is [`Ramping`](crate::State::Ramping), which is closed but for the calls that are
    /// rejected: results count as they do while closed and open it as they do, and then the wait is that of
    /// another opening in a row ([`Wait::exponential`]). Its end is a transition to closed, with nothing counted.
    /// An operator's `resume` and a `reset` lead to closed at once.
    ///
    /// Costs nothing while the circuit is closed; on the ramp a clock reading and a write for each call.
    pub const fn ramp(mut self, ramp: Ramp) -> Self {
        self.ramp = Some(ramp);
        self
    }

    /// Lets any call open the circuit that is recorded when a ratio is reached, also one that succeeded and was
    /// not slow: with it the [`minimum_calls`](Self::minimum_calls) may be complete, or a better call may
    /// have left the window. By default only a call that is bad itself opens the circuit: what goes well is no
    /// reason to stop.
    ///
    /// Costs, over a window of time, a look at all its steps for each call.
    pub const fn successes_open(mut self) -> Self {
        self.successes_open = true;
        self
    }

    /// Builds a circuit breaker of its own, which shares its state with no other.
    ///
    /// A name read from a file or an argument becomes `&'static` by `String::leak`, once.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] when a number is out of its range.
    pub fn build(self, name: &'static str) -> Result<CircuitBreaker, InvalidConfig> {
        Ok(CircuitBreaker(Arc::new(Core::new(name, self.settings()?))))
    }

    const_fn! {
        /// Builds a circuit breaker for a `static`.
        ///
        /// # Panics
        ///
        /// On what [`build`](Self::build) refuses. In a `static` that is a compile error:
        ///
        /// ```compile_fail
        /// use maestro_circuit_breaker::{CircuitBreaker, StaticCircuitBreaker};
        /// static DB: StaticCircuitBreaker = CircuitBreaker::builder().failure_ratio(1.5).build_static("db");
        /// ```
        #[must_use]
        pub fn build_static(self, name: &'static str) -> StaticCircuitBreaker {
            match self.settings() {
                Ok(settings) => CircuitBreaker(Core::new(name, settings)),
                Err(problem) => panic!("{}", problem.message()),
            }
        }
    }
}
