use std::time::Duration;

use crate::{
    canary::{
        CanaryPolicy,
        listed::Listed,
        policy::{ABOVE_P95, Limits},
    },
    types::{InvalidConfig, Objective},
};

/// The numbers of a [`CanaryPolicy`]. `Copy`, and usable in a `const`.
///
/// Made by [`CanaryPolicy::builder`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "a builder makes nothing until `build`"]
pub struct Builder {
    alpha: f64,
    guard: Objective,
    odds_ratios: Option<Listed<f64>>,
    margin: f64,
    min_bad: u64,
    failures_in_a_row: u64,
    times_error_rate: f64,
    times_p95: f64,
    availability: Objective,
    judges_latency: bool,
    steps: Option<Listed<u8>>,
    max_wait: Duration,
    overdue: Overdue,
    measurement_errors: u32,
}

/// What to do with a release that was neither promoted nor rolled back for as long as
/// [`max_wait`](Builder::max_wait) says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overdue {
    /// Roll back: it was not shown to be good. The default.
    RollBack,
    /// Hold on, and let people decide.
    Hold,
    /// Promote what was not shown to be bad. But not if there is nothing to compare (then hold), nor after a
    /// failed measurement or while the gate is closed.
    Promote,
}

const DEFAULT_GUARD: Objective = Objective::new(999, 1000).expect("999 of 1000");
const DEFAULT_AVAILABILITY: Objective = Objective::new(99, 100).expect("99 of 100");
/// The range of an odds ratio: above 1 by enough for a test to say anything in a lifetime, and far from overflow.
const RATIO: std::ops::RangeInclusive<f64> = 1.001..=1e6;

impl Builder {
    pub(crate) const fn new() -> Self {
        Self {
            alpha: 0.05,
            guard: DEFAULT_GUARD,
            odds_ratios: Listed::new([1.5, 2.0, 4.0, 10.0]),
            // The least that is called worse.
            margin: 1.5,
            // As for a page: a second failure might be chance too.
            min_bad: 3,
            failures_in_a_row: 10,
            times_error_rate: 5.0,
            times_p95: 3.0,
            availability: DEFAULT_AVAILABILITY,
            judges_latency: true,
            steps: Listed::new([10, 25, 50, 100]),
            max_wait: Duration::from_secs(24 * 3600),
            overdue: Overdue::RollBack,
            // As Argo Rollouts has it.
            measurement_errors: 4,
        }
    }

    /// How likely a good release may at most ever be rolled back, and a bad one ever be promoted from a step. It is
    /// split over all tests that can bring that about. The default is 0.05; above 0, and at most 0.5.
    pub const fn alpha(self, alpha: f64) -> Self {
        Self { alpha, ..self }
    }

    /// A release whose error rate is shown to be within this objective is promoted, whatever the baseline does. The
    /// default is 99.9 %; below 100 %, which nothing can show, and no less than [`availability`](Self::availability).
    pub const fn guard(self, guard: Objective) -> Self {
        Self { guard, ..self }
    }

    /// How many times the baseline's odds of failing the canary's might be, if it is worse: one to eight
    /// alternatives, mixed uniformly. The default is 1.5, 2, 4 and 10; from 1.001 to 10^6. The odds are failures by
    /// successes, for small rates the rate. More alternatives cost a little each; what lies between two of them is found too.
    pub const fn odds_ratios<const N: usize>(self, ratios: [f64; N]) -> Self {
        Self {
            odds_ratios: Listed::new(ratios),
            ..self
        }
    }

    /// A release whose odds of failing are shown to be below so many times the baseline's is promoted, although it is
    /// not shown to be within the guard. The default is 1.5; from 1.001 to 10^6.
    pub const fn margin(self, odds_ratio: f64) -> Self {
        Self {
            margin: odds_ratio,
            ..self
        }
    }

    /// How many failures of the canary a hard limit on a bound needs at least, whatever the bound says: the default is 3.
    pub const fn min_bad(self, failures: u64) -> Self {
        Self {
            min_bad: failures,
            ..self
        }
    }

    /// Hard limit: so many failures of the canary in a row roll it back. The default is 10; at least 1. No α is set
    /// aside for it: with one failure in a hundred ten in a row come once in 10^20 requests.
    pub const fn failures_in_a_row(self, failures: u64) -> Self {
        Self {
            failures_in_a_row: failures,
            ..self
        }
    }

    /// Hard limit: so many times the error rate of the baseline. The default is 5; from 1.001 to 10^6. It is the odds that
    /// are compared, batch by batch: for small rates that is the same.
    pub const fn times_error_rate(self, times: f64) -> Self {
        Self {
            times_error_rate: times,
            ..self
        }
    }

    /// Hard limit: so many times the 95th percentile of the baseline's latency. The default is 3; from 1.001 to 10^6.
    pub const fn times_p95(self, times: f64) -> Self {
        Self {
            times_p95: times,
            ..self
        }
    }

    /// Hard limit: less than this share of requests that are good. The default is 99 %; above 0 %.
    pub const fn availability(self, availability: Objective) -> Self {
        Self {
            availability,
            ..self
        }
    }

    /// Judges by errors alone: what [`Arm::latency`](crate::canary::Arm::latency) says is not looked at, and need not be said.
    pub const fn without_latency(self) -> Self {
        Self {
            judges_latency: false,
            ..self
        }
    }

    /// The share of requests that goes to the canary at each step, in per cent: two to eight that ascend and end with
    /// 100. The default is 10, 25, 50, 100.
    pub const fn steps<const N: usize>(self, percent: [u8; N]) -> Self {
        Self {
            steps: Listed::new(percent),
            ..self
        }
    }

    /// For how long a step may hold, and what then. The default is to roll back after 24 h; longer than zero.
    pub const fn max_wait(self, max_wait: Duration, then: Overdue) -> Self {
        Self {
            max_wait,
            overdue: then,
            ..self
        }
    }

    /// How many measurements may fail in a row; one more rolls the release back. The default is 4.
    pub const fn measurement_errors(self, in_a_row: u32) -> Self {
        Self {
            measurement_errors: in_a_row,
            ..self
        }
    }

    /// Checks the numbers.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] when one is out of the range that its setter names.
    pub fn build(self) -> Result<CanaryPolicy, InvalidConfig> {
        // All written so that a NaN is refused.
        if !(self.alpha > 0.0 && self.alpha <= 0.5) {
            return Err(InvalidConfig::CanaryAlpha);
        }
        let guard = CanaryPolicy::allowed(self.guard);
        let error_rate = CanaryPolicy::allowed(self.availability);
        if guard <= 0.0 || guard > error_rate {
            return Err(InvalidConfig::CanaryGuard);
        }
        if self.availability.budget() == self.availability.of() {
            return Err(InvalidConfig::CanaryAvailability);
        }
        let ratios = (self.odds_ratios)
            .filter(|ratios| ratios.iter().all(|ratio| RATIO.contains(&ratio)))
            .ok_or(InvalidConfig::CanaryOddsRatios)?;
        if !RATIO.contains(&self.margin) {
            return Err(InvalidConfig::CanaryMargin);
        }
        if self.min_bad == 0 || self.failures_in_a_row == 0 {
            return Err(InvalidConfig::CanaryFailures);
        }
        if !RATIO.contains(&self.times_error_rate) || !RATIO.contains(&self.times_p95) {
            return Err(InvalidConfig::CanaryTimes);
        }
        let steps = (self.steps)
            .filter(ascend_to_all)
            .ok_or(InvalidConfig::CanarySteps)?;
        if self.max_wait.is_zero() {
            return Err(InvalidConfig::CanaryMaxWait);
        }
        let slow_odds = self.margin * ABOVE_P95 / (1.0 - ABOVE_P95);
        Ok(CanaryPolicy {
            alpha: self.alpha,
            guard,
            margin: self.margin,
            ratios,
            limits: Limits {
                min_bad: self.min_bad,
                failures_in_a_row: self.failures_in_a_row,
                error_rate,
                times_error_rate: self.times_error_rate,
                times_p95: self.times_p95,
            },
            slow_guard: slow_odds / (1.0 + slow_odds),
            judges_latency: self.judges_latency,
            steps,
            max_wait: self.max_wait,
            overdue: self.overdue,
            measurement_errors: self.measurement_errors,
        })
    }
}

fn ascend_to_all(steps: &Listed<u8>) -> bool {
    let steps = steps.as_slice();
    // The last has no baseline to compare with, so one is none.
    steps.len() > 1
        && steps[0] > 0
        && steps.is_sorted_by(|a, b| a < b)
        && steps.last() == Some(&100)
}
