use std::time::Duration;

use super::{Limit, Window};
use crate::types::InvalidConfig;

/// Additive increase, multiplicative decrease: one place more after each window that succeeded and used its limit, a tenth
/// fewer after each window with an overload.
///
/// ```text
/// overload:       limit = limit × backoff         (at least one place fewer)
/// none, and used: limit = limit + step
/// ```
///
/// Source: D.-M. Chiu and R. Jain, "Analysis of the increase and decrease algorithms for congestion avoidance in computer
/// networks", Computer Networks and ISDN Systems 17 (1989). They show that of the linear rules this one converges to a fair
/// share. As a concurrency limit it is `AIMDLimit` of Netflix's concurrency-limits, the source of the defaults for the
/// backoff, for "used" and for the latency bound.
///
/// It needs overloads ([`overload_if`](crate::BulkheadLayer::overload_if)) or a latency that is not healthy any more
/// ([`slow_after`](Self::slow_after)). One overload is enough for a window. So report only what a service with capacity would
/// not have answered, and not every error. It learns no baseline, so it cannot learn a wrong one.
// It acts once a window and not once a call: in Chiu and Jain a step is one round trip. Netflix's acts on each sample, which
// makes the growth depend on the traffic.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "Numbers", into = "Numbers"))]
#[must_use = "a law limits nothing until it is given to `build_adaptive`"]
pub struct Aimd {
    numbers: Numbers,
}

#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(rename = "aimd", default, deny_unknown_fields)
)]
struct Numbers {
    min: usize,
    max: usize,
    backoff: f64,
    step: usize,
    #[cfg_attr(feature = "serde", serde(with = "crate::config::optional_duration"))]
    slow_after: Option<Duration>,
}

impl Numbers {
    const DEFAULT: Self = Self {
        min: 1,
        max: 1_000,
        backoff: 0.9,
        step: 1,
        slow_after: None,
    };
}

impl Default for Numbers {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Aimd {
    /// The defaults: between 1 and 1,000 places, a backoff of 0.9, a step of one place, no bound on latency.
    pub const fn new() -> Self {
        Self {
            numbers: Numbers::DEFAULT,
        }
    }

    /// The floor: 1 or more. This number of calls continues during an overload, and their success raises the limit again.
    pub const fn min(mut self, places: usize) -> Self {
        self.numbers.min = places;
        self
    }

    /// The ceiling.
    pub const fn max(mut self, places: usize) -> Self {
        self.numbers.max = places;
        self
    }

    /// What is left of the limit after an overload: 0.5 or more, and less than 1.0.
    pub const fn backoff(mut self, share: f64) -> Self {
        self.numbers.backoff = share;
        self
    }

    /// How many places more after a window without an overload: 1 or more.
    pub const fn step(mut self, places: usize) -> Self {
        self.numbers.step = places;
        self
    }

    /// A window with a mean latency above this is an overload, whatever its results are.
    pub const fn slow_after(mut self, latency: Duration) -> Self {
        self.numbers.slow_after = Some(latency);
        self
    }
}

impl Limit for Aimd {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "rounded down on purpose; a float beyond the integers saturates, and it is never negative"
    )]
    fn next(&mut self, window: &Window) -> usize {
        let numbers = &self.numbers;
        let limit = window.limit();
        let slow = match (window.latency(), numbers.slow_after) {
            (Some(latency), Some(most)) => latency > most,
            _ => false,
        };
        let next = if window.overloads() > 0 || slow {
            ((limit as f64 * numbers.backoff) as usize).min(limit.saturating_sub(1))
        } else if window.was_used() && window.successes() > 0 {
            limit.saturating_add(numbers.step)
        } else {
            limit
        };
        next.clamp(numbers.min, numbers.max)
    }

    fn check(&self) -> Result<(), InvalidConfig> {
        let numbers = &self.numbers;
        if numbers.min == 0 || numbers.max < numbers.min {
            return Err(InvalidConfig::LimitRange);
        }
        // Written so that a NaN is refused too.
        if !(numbers.backoff >= 0.5 && numbers.backoff < 1.0) {
            return Err(InvalidConfig::Backoff);
        }
        if numbers.step == 0 {
            return Err(InvalidConfig::Step);
        }
        Ok(())
    }
}

#[cfg(feature = "serde")]
impl TryFrom<Numbers> for Aimd {
    type Error = InvalidConfig;

    fn try_from(numbers: Numbers) -> Result<Self, InvalidConfig> {
        let law = Self { numbers };
        law.check().map(|()| law)
    }
}

#[cfg(feature = "serde")]
impl From<Aimd> for Numbers {
    fn from(law: Aimd) -> Self {
        law.numbers
    }
}
