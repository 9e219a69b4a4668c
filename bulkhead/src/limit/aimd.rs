use std::time::Duration;

use super::{
    Limit, Window, check_range,
    fractional::{BACKOFF, Fractional, TOLERATED},
};
use crate::types::{InvalidConfig, InvalidConfigKind};

/// Additive increase, multiplicative decrease: one place more after each window that succeeded and used its limit, and down by
/// the share of overloads, at most by a tenth.
///
/// ```text
/// share = overloads / (successes + overloads)
/// any overload:                     limit = limit × max(backoff, 1 - share)
/// share ≤ tolerate, and it was used: limit = limit + step
/// ```
///
/// Source: D.-M. Chiu and R. Jain, "Analysis of the increase and decrease algorithms for congestion avoidance in computer
/// networks", Computer Networks and ISDN Systems 17 (1989). They show that of the linear rules this one converges to a fair
/// share. As a concurrency limit it is `AIMDLimit` of Netflix's concurrency-limits, the source of the defaults for the
/// backoff, for "used" and for the latency bound. There one overload in any number of calls costs a tenth: with one 503 in 200
/// a limit of 100 falls to 32. Here the limit settles where the share of overloads is [`tolerate`](Self::tolerate).
///
/// It needs overloads ([`overload_if`](crate::BulkheadLayer::overload_if)) or a latency that is not healthy any more
/// ([`slow_after`](Self::slow_after)). Without either it only grows, to its ceiling: then choose [`Gradient2`](crate::Gradient2).
/// It bounds no latency without `slow_after`. It learns no baseline, so it cannot learn a wrong one.
// It acts once a window and not once a call: in Chiu and Jain a step is one round trip. Netflix's acts on each sample, which
// makes the growth depend on the traffic.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(try_from = "crate::config::Table<Numbers>", into = "Numbers")
)]
#[must_use = "a law limits nothing until it is given to `build_adaptive`"]
#[doc(alias = "AIMDLimit")]
pub struct Aimd {
    numbers: Numbers,
    limit: Fractional,
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
    tolerate: f64,
    #[cfg_attr(feature = "serde", serde(with = "crate::config::duration::option"))]
    slow_after: Option<Duration>,
}

impl Numbers {
    const DEFAULT: Self = Self {
        min: 1,
        max: 1_000,
        backoff: BACKOFF,
        step: 1,
        tolerate: TOLERATED,
        slow_after: None,
    };
}

impl Default for Numbers {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Aimd {
    /// The defaults: between 1 and 1,000 places, a backoff of 0.9, a step of one place, 1 % of overloads tolerated, no bound on
    /// latency.
    pub const fn new() -> Self {
        Self {
            numbers: Numbers::DEFAULT,
            limit: Fractional::NONE,
        }
    }

    /// The floor: 1 or more. The default is 1. This number of calls continues during an overload, and their success raises the limit again.
    pub const fn min(mut self, places: usize) -> Self {
        self.numbers.min = places;
        self
    }

    /// The ceiling: no less than the floor. The default is 1,000.
    pub const fn max(mut self, places: usize) -> Self {
        self.numbers.max = places;
        self
    }

    /// What is left of the limit at least after a window with overloads: 0.5 or more, and less than 1.0. The default is 0.9.
    pub const fn backoff(mut self, share: f64) -> Self {
        self.numbers.backoff = share;
        self
    }

    /// How many places more after a window with no more overloads than tolerated: 1 or more. The default is 1.
    pub const fn step(mut self, places: usize) -> Self {
        self.numbers.step = places;
        self
    }

    /// The share of overloads in a window at which the limit still rises: from 0.0 to below 1.0. The default is 0.01.
    ///
    /// A few overloads are no sign of one: a quota of one client, a restart of one instance.
    pub const fn tolerate(mut self, share: f64) -> Self {
        self.numbers.tolerate = share;
        self
    }

    /// A window with a mean latency above this is an overload, whatever its results are. The default is none.
    pub const fn slow_after(mut self, latency: Duration) -> Self {
        self.numbers.slow_after = Some(latency);
        self
    }
}

impl Default for Aimd {
    fn default() -> Self {
        Self::new()
    }
}

impl Limit for Aimd {
    #[expect(clippy::cast_precision_loss, reason = "a step of a few places")]
    fn next(&mut self, window: &Window) -> usize {
        let numbers = &self.numbers;
        let range = numbers.min..=numbers.max;
        self.limit.begins_anew(window, range.clone());
        let slow = match (window.latency(), numbers.slow_after) {
            (Some(latency), Some(most)) => latency > most,
            _ => false,
        };
        let share = if slow { 1.0 } else { window.overload_share() };
        let mut next = self.limit.exact();
        if share > 0.0 {
            next *= numbers.backoff.max(1.0 - share);
        }
        if share <= numbers.tolerate && window.was_used() && window.successes() > 0 {
            next += numbers.step as f64;
        }
        self.limit.set(next, range)
    }

    fn check(&self) -> Result<(), InvalidConfig> {
        let numbers = &self.numbers;
        check_range(numbers.min, numbers.max)?;
        // Written so that a NaN is refused too.
        if !(numbers.backoff >= 0.5 && numbers.backoff < 1.0) {
            return Err(InvalidConfigKind::Backoff(numbers.backoff).into());
        }
        if numbers.step == 0 {
            return Err(InvalidConfigKind::Step.into());
        }
        if !(numbers.tolerate >= 0.0 && numbers.tolerate < 1.0) {
            return Err(InvalidConfigKind::Tolerate(numbers.tolerate).into());
        }
        Ok(())
    }
}

#[cfg(feature = "serde")]
impl TryFrom<crate::config::Table<Numbers>> for Aimd {
    type Error = InvalidConfig;

    fn try_from(read: crate::config::Table<Numbers>) -> Result<Self, InvalidConfig> {
        let numbers = read.0;
        let law = Self {
            numbers,
            ..Self::new()
        };
        law.check().map(|()| law)
    }
}

#[cfg(feature = "serde")]
impl From<Aimd> for Numbers {
    fn from(law: Aimd) -> Self {
        law.numbers
    }
}
