mod learnt;

use std::time::Duration;

use super::{Limit, Window};
use crate::types::InvalidConfig;
use learnt::Learnt;

/// Follows the latency: when calls take longer than they used to, they queue somewhere, and the limit comes down
/// before anything fails.
///
/// ```text
/// gradient = clamp(tolerance × baseline / latency, 0.5, 1)
/// limit    = limit × (1 - smoothing) + (limit × gradient + headroom) × smoothing
/// baseline = exponential mean of the latency over `memory` windows
/// ```
///
/// Source: `Gradient2Limit` of Netflix's [concurrency-limits](https://github.com/Netflix/concurrency-limits)
/// (Java), with its defaults: headroom 4 (there: queue size), smoothing 0.2, 600 windows, a tolerance of 1.5,
/// no growth while less than half of the limit is in use, the baseline a twentieth lower where it is more than twice
/// the latency. Added here, as the original lacks it:
///
/// * A window with overloads takes the steepest gradient, gets no headroom, and is kept out of the baseline.
///   One is enough: so call by that name only what a service with room would not have answered, not every error.
/// * A lasting slow-down is not learnt as normal: the baseline never rises above [`drift`](Self::drift)
///   times the lowest it has been, nor above [`healthy`](Self::healthy). What is slower than that stays
///   "slow" however long it lasts, until [`set_law`](crate::AdaptiveBulkhead::set_law) begins anew.
/// * The floor ([`min`](Self::min)) is one thing and the limit under which the baseline is measured afresh
///   ([`probe`](Self::probe)) another.
/// * The limit is never below 1 and never NaN, whatever the latencies are; from its floor it comes back by its headroom.
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "a law limits nothing until it is given to `build_adaptive`"]
pub struct Gradient2 {
    pub(crate) min: usize,
    pub(crate) max: usize,
    pub(crate) headroom: f64,
    pub(crate) smoothing: f64,
    pub(crate) tolerance: f64,
    pub(crate) drift: f64,
    pub(crate) memory: u32,
    pub(crate) healthy: Option<Duration>,
    pub(crate) probe: Option<(usize, u32)>,
    learnt: Learnt,
}

impl Gradient2 {
    /// The defaults of the original, between 1 and 1,000 places, with a drift of at most 2 and no probes.
    pub const fn new() -> Self {
        Self {
            min: 1,
            max: 1_000,
            headroom: 4.0,
            smoothing: 0.2,
            tolerance: 1.5,
            drift: 2.0,
            memory: 600,
            healthy: None,
            probe: None,
            learnt: Learnt::NOTHING,
        }
    }

    /// The floor: 1 or more.
    pub const fn min(mut self, places: usize) -> Self {
        self.min = places;
        self
    }

    /// The ceiling.
    pub const fn max(mut self, places: usize) -> Self {
        self.max = places;
        self
    }

    /// How many places the limit may be above what the latency calls for: above 0. It is what the limit grows and recovers by.
    pub const fn headroom(mut self, places: f64) -> Self {
        self.headroom = places;
        self
    }

    /// How much of a new limit is taken over in one window: above 0.0, at most 1.0.
    pub const fn smoothing(mut self, share: f64) -> Self {
        self.smoothing = share;
        self
    }

    /// How much slower than the baseline is still as good as the baseline: 1.0 or more.
    pub const fn tolerance(mut self, times: f64) -> Self {
        self.tolerance = times;
        self
    }

    /// How far the baseline may rise above the lowest it has been: 1.0 or more.
    pub const fn drift(mut self, times: f64) -> Self {
        self.drift = times;
        self
    }

    /// Over how many windows the baseline is a mean: 1 or more.
    pub const fn memory(mut self, windows: u32) -> Self {
        self.memory = windows;
        self
    }

    /// The greatest latency that is healthy: the baseline never rises above it.
    pub const fn healthy(mut self, latency: Duration) -> Self {
        self.healthy = Some(latency);
        self
    }

    /// Every so many `windows` measures the baseline afresh, with at most `places` calls in flight for two
    /// windows; off by default.
    ///
    /// Under load that never ends the baseline contains queueing. This finds what the service does without; for as long
    /// it costs throughput. The measurement too is bounded by [`drift`](Self::drift) and [`healthy`](Self::healthy).
    pub const fn probe(mut self, places: usize, windows: u32) -> Self {
        self.probe = Some((places, windows));
        self
    }

    /// Forgets what was learnt: this configuration as it was before its first window.
    pub const fn relearn(mut self) -> Self {
        self.learnt = Learnt::NOTHING;
        self
    }
}

impl Default for Gradient2 {
    fn default() -> Self {
        Self::new()
    }
}

impl Limit for Gradient2 {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "limits have 30 bits, are rounded down on purpose and never negative"
    )]
    fn next(&mut self, window: &Window) -> usize {
        if window.limit() != self.learnt.answered {
            // At the start, and when somebody set it: from there.
            self.learnt.limit = window.limit() as f64;
            self.learnt.probing = None;
        }
        let next = if let Some(next) = self.probing(window) {
            next
        } else {
            let next = self.follow(window).clamp(self.min as f64, self.max as f64);
            self.learnt.limit = next;
            next
        };
        self.learnt.answered = (next as usize).max(1);
        self.learnt.answered
    }

    fn check(&self) -> Result<(), InvalidConfig> {
        if self.min == 0 || self.max < self.min {
            return Err(InvalidConfig::LimitRange);
        }
        let finite_from_one = |factor: f64| factor >= 1.0 && factor.is_finite();
        // Each written so that a NaN is refused too.
        if !(self.headroom > 0.0 && self.headroom.is_finite()) {
            Err(InvalidConfig::Headroom)
        } else if !(self.smoothing > 0.0 && self.smoothing <= 1.0) {
            Err(InvalidConfig::Smoothing)
        } else if !finite_from_one(self.tolerance) {
            Err(InvalidConfig::Tolerance)
        } else if !finite_from_one(self.drift) {
            Err(InvalidConfig::Drift)
        } else if self.memory == 0 {
            Err(InvalidConfig::Memory)
        } else if matches!(self.probe, Some((0, _) | (_, 0))) {
            Err(InvalidConfig::Probe)
        } else {
            Ok(())
        }
    }
}
