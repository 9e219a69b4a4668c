mod learnt;

use std::time::Duration;

use super::{Limit, Window};
use crate::types::InvalidConfig;
use learnt::Learnt;

/// Follows the latency: when calls take longer than before, they queue somewhere, and the limit falls before a call fails.
///
/// ```text
/// gradient = clamp(tolerance × baseline / latency, 0.5, 1)
/// limit    = limit × (1 - smoothing) + (limit × gradient + headroom) × smoothing
/// baseline = exponential mean of the latency over `memory` windows
/// ```
///
/// Source: `Gradient2Limit` of Netflix's [concurrency-limits](https://github.com/Netflix/concurrency-limits) (Java), with its
/// defaults: headroom 4 (there: queue size), smoothing 0.2, 600 windows, a tolerance of 1.5, no growth while less than half
/// of the limit is in use, and a baseline that falls by a twentieth where it is more than twice the latency. The original lacks
/// these rules:
///
/// * A window with overloads takes the steepest gradient, gets no headroom, and does not change the baseline. One overload is
///   enough. So report only what a service with capacity would not have answered, and not every error.
/// * A lasting slow-down is not learnt as normal. The baseline never rises above [`drift`](Self::drift) times its lowest
///   value, nor above [`healthy`](Self::healthy). A service that stays slower than that stays "slow" until
///   [`set_law`](crate::AdaptiveBulkhead::set_law) begins anew.
/// * The floor ([`min`](Self::min)) and the limit under which the baseline is measured ([`probe`](Self::probe)) are two
///   numbers.
/// * The limit is never below 1 and never NaN, for any latencies. The headroom raises it from its floor.
// The lowest baseline is never forgotten. A service that becomes slower for good by more than tolerance × drift, 3 × by
// default, is held down until an operator says otherwise. That price is part of the design.
//
// Rejected: Vegas. Its baseline is the least latency ever seen, which one fast answer sets for good. `drift(1.0)` with
// `probe` holds to a least mean of a window, measured anew.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "Numbers", into = "Numbers"))]
#[must_use = "a law limits nothing until it is given to `build_adaptive`"]
pub struct Gradient2 {
    numbers: Numbers,
    learnt: Learnt,
}

#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(rename = "gradient2", default, deny_unknown_fields)
)]
struct Numbers {
    min: usize,
    max: usize,
    headroom: f64,
    smoothing: f64,
    tolerance: f64,
    drift: f64,
    memory: u32,
    #[cfg_attr(feature = "serde", serde(with = "crate::config::optional_duration"))]
    healthy: Option<Duration>,
    probe: Option<Probe>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
struct Probe {
    places: usize,
    windows: u32,
}

impl Numbers {
    const DEFAULT: Self = Self {
        min: 1,
        max: 1_000,
        headroom: 4.0,
        smoothing: 0.2,
        tolerance: 1.5,
        drift: 2.0,
        memory: 600,
        healthy: None,
        probe: None,
    };
}

impl Default for Numbers {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Gradient2 {
    /// The defaults of the original, between 1 and 1,000 places, with a drift of at most 2 and no probes.
    pub const fn new() -> Self {
        Self {
            numbers: Numbers::DEFAULT,
            learnt: Learnt::NOTHING,
        }
    }

    /// The floor: 1 or more.
    pub const fn min(mut self, places: usize) -> Self {
        self.numbers.min = places;
        self
    }

    /// The ceiling.
    pub const fn max(mut self, places: usize) -> Self {
        self.numbers.max = places;
        self
    }

    /// How many places the limit may be above what the latency calls for: above 0. The limit grows and recovers by it.
    pub const fn headroom(mut self, places: f64) -> Self {
        self.numbers.headroom = places;
        self
    }

    /// The share of a new limit that takes effect in one window: above 0.0, at most 1.0.
    pub const fn smoothing(mut self, share: f64) -> Self {
        self.numbers.smoothing = share;
        self
    }

    /// How many times slower than the baseline is still healthy: 1.0 or more.
    pub const fn tolerance(mut self, times: f64) -> Self {
        self.numbers.tolerance = times;
        self
    }

    /// How far the baseline may rise above its lowest value: 1.0 or more.
    pub const fn drift(mut self, times: f64) -> Self {
        self.numbers.drift = times;
        self
    }

    /// The number of windows that the baseline is a mean over: 1 or more.
    pub const fn memory(mut self, windows: u32) -> Self {
        self.numbers.memory = windows;
        self
    }

    /// The greatest healthy latency: the baseline never rises above it.
    pub const fn healthy(mut self, latency: Duration) -> Self {
        self.numbers.healthy = Some(latency);
        self
    }

    /// Measures the baseline anew after every `windows` windows, with at most `places` calls in flight for two windows. The
    /// default is off.
    ///
    /// Under a load that never ends the baseline contains queueing. A probe finds the latency without it, and costs
    /// throughput while it lasts. [`drift`](Self::drift) and [`healthy`](Self::healthy) bound its result too.
    pub const fn probe(mut self, places: usize, windows: u32) -> Self {
        self.numbers.probe = Some(Probe { places, windows });
        self
    }

    /// Forgets what was learnt: this configuration before its first window.
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
            // The first window, or an operator has set the limit: the law goes on from there.
            self.learnt.limit = window.limit() as f64;
            self.learnt.probing = None;
        }
        let next = if let Some(next) = self.probing(window) {
            next
        } else {
            let (min, max) = (self.numbers.min as f64, self.numbers.max as f64);
            let next = self.follow(window).clamp(min, max);
            self.learnt.limit = next;
            next
        };
        self.learnt.answered = (next as usize).max(1);
        self.learnt.answered
    }

    fn check(&self) -> Result<(), InvalidConfig> {
        let numbers = &self.numbers;
        if numbers.min == 0 || numbers.max < numbers.min {
            return Err(InvalidConfig::LimitRange);
        }
        let finite_from_one = |factor: f64| factor >= 1.0 && factor.is_finite();
        // Each is written so that a NaN is refused too.
        if !(numbers.headroom > 0.0 && numbers.headroom.is_finite()) {
            Err(InvalidConfig::Headroom)
        } else if !(numbers.smoothing > 0.0 && numbers.smoothing <= 1.0) {
            Err(InvalidConfig::Smoothing)
        } else if !finite_from_one(numbers.tolerance) {
            Err(InvalidConfig::Tolerance)
        } else if !finite_from_one(numbers.drift) {
            Err(InvalidConfig::Drift)
        } else if numbers.memory == 0 {
            Err(InvalidConfig::Memory)
        } else if numbers
            .probe
            .is_some_and(|probe| probe.places == 0 || probe.windows == 0)
        {
            Err(InvalidConfig::Probe)
        } else {
            Ok(())
        }
    }
}

#[cfg(feature = "serde")]
impl TryFrom<Numbers> for Gradient2 {
    type Error = InvalidConfig;

    fn try_from(numbers: Numbers) -> Result<Self, InvalidConfig> {
        let learnt = Learnt::NOTHING;
        let law = Self { numbers, learnt };
        law.check().map(|()| law)
    }
}

#[cfg(feature = "serde")]
impl From<Gradient2> for Numbers {
    fn from(law: Gradient2) -> Self {
        law.numbers
    }
}
