use std::time::Duration;

use super::{Limit, Window};
use crate::types::InvalidConfig;

/// Additive increase, multiplicative decrease: one more place for each window that went well and was used,
/// a tenth fewer for each that met an overload.
///
/// ```text
/// overload:       limit = limit × backoff         (at least one place fewer)
/// none, and used: limit = limit + step
/// ```
///
/// Source: D.-M. Chiu and R. Jain, "Analysis of the increase and decrease algorithms for congestion
/// avoidance in computer networks", Computer Networks and ISDN Systems 17 (1989), who show that of the
/// linear rules this one converges to a fair share; as a concurrency limit it is
/// `AIMDLimit` of Netflix's concurrency-limits, from which the defaults of backoff, "used" and the latency bound are taken.
///
/// It needs to be told of overloads ([`overload_if`](crate::BulkheadLayer::overload_if)), or to be given a latency
/// that is no longer healthy ([`slow_after`](Self::slow_after)). One overload makes a window one that met an overload: so
/// call by that name only what a service with room would not have answered, not every error. It learns no baseline, so none can be learnt wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "a law limits nothing until it is given to `build_adaptive`"]
pub struct Aimd {
    pub(crate) min: usize,
    pub(crate) max: usize,
    pub(crate) backoff: f64,
    pub(crate) step: usize,
    pub(crate) slow_after: Option<Duration>,
}

impl Aimd {
    /// The defaults: between 1 and 1,000 places, a backoff of 0.9, a step of one place, no bound on latency.
    pub const fn new() -> Self {
        Self {
            min: 1,
            max: 1_000,
            backoff: 0.9,
            step: 1,
            slow_after: None,
        }
    }

    /// The floor: 1 or more. However bad things are, so many calls go on asking, and by their success it recovers.
    pub const fn min(mut self, places: usize) -> Self {
        self.min = places;
        self
    }

    /// The ceiling.
    pub const fn max(mut self, places: usize) -> Self {
        self.max = places;
        self
    }

    /// What is left of the limit after an overload: 0.5 or more, and less than 1.0.
    pub const fn backoff(mut self, share: f64) -> Self {
        self.backoff = share;
        self
    }

    /// How many places more after a window that went well: 1 or more.
    pub const fn step(mut self, places: usize) -> Self {
        self.step = places;
        self
    }

    /// A window with a mean latency above this is an overload, whatever its results were.
    pub const fn slow_after(mut self, latency: Duration) -> Self {
        self.slow_after = Some(latency);
        self
    }
}

impl Default for Aimd {
    fn default() -> Self {
        Self::new()
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
        let limit = window.limit();
        let slow = match (window.latency(), self.slow_after) {
            (Some(latency), Some(most)) => latency > most,
            _ => false,
        };
        let next = if window.overloads() > 0 || slow {
            ((limit as f64 * self.backoff) as usize).min(limit.saturating_sub(1))
        } else if window.was_used() && window.successes() > 0 {
            limit.saturating_add(self.step)
        } else {
            limit
        };
        next.clamp(self.min, self.max)
    }

    fn check(&self) -> Result<(), InvalidConfig> {
        if self.min == 0 || self.max < self.min {
            return Err(InvalidConfig::LimitRange);
        }
        // Written so that a NaN is refused too.
        if !(self.backoff >= 0.5 && self.backoff < 1.0) {
            return Err(InvalidConfig::Backoff);
        }
        if self.step == 0 {
            return Err(InvalidConfig::Step);
        }
        Ok(())
    }
}
