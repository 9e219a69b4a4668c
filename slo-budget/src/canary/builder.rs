//! The numbers of a policy, and their checks.

use std::time::Duration;

use super::policy::{ABOVE_P95, CanaryPolicy, Limits, MOST_RATIOS, MOST_STEPS};
use crate::{
    file::builder,
    types::{
        InvalidConfig, InvalidConfigKind, Objective,
        few::{Few, Setting},
    },
};

builder! {
    /// The numbers of a [`CanaryPolicy`]. `Copy`, and usable in a `const`.
    ///
    /// Made by [`CanaryPolicy::builder`], or with the feature `serde` read from a file: see the
    /// [guide](crate::guide#configuration-files).
    pub struct Builder named "canary" {
        alpha: f64 = 0.05,
        guard: Objective = DEFAULT_GUARD,
        #[cfg_attr(feature = "serde", serde(with = "crate::file::list"))]
        odds_ratios: Setting<f64, MOST_RATIOS> = Setting::given([1.5, 2.0, 4.0, 10.0]),
        // The smallest ratio that counts as worse.
        margin: f64 = 1.5,
        // As for a page: a second failure may still be chance.
        min_bad: u64 = 3,
        failures_in_a_row: u64 = 10,
        times_error_rate: f64 = 5.0,
        times_p95: f64 = 3.0,
        availability: Objective = DEFAULT_AVAILABILITY,
        without_latency: bool = false,
        #[cfg_attr(feature = "serde", serde(with = "crate::file::list"))]
        steps: Setting<u8, MOST_STEPS> = Setting::given([10, 25, 50, 100]),
        #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::file::table"))]
        max_wait: MaxWait = MaxWait { time: Duration::from_secs(24 * 3600), then: Overdue::RollBack },
        // The default of Argo Rollouts.
        measurement_errors: u32 = 4,
    }
}

/// The longest time that a step holds, and what happens then.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize, serde::Serialize),
    serde(rename = "max_wait", deny_unknown_fields)
)]
struct MaxWait {
    #[cfg_attr(feature = "serde", serde(with = "crate::file::time"))]
    time: Duration,
    then: Overdue,
}

/// What to do with a release that was neither promoted nor rolled back for
/// [`max_wait`](Builder::max_wait).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize, serde::Serialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum Overdue {
    /// Roll back, because it was not shown to be good. The default.
    RollBack,
    /// Hold, and leave the decision to people.
    Hold,
    /// Promote, because it was not shown to be bad. It still holds if there is nothing to compare, after a failed
    /// measurement, and while the gate does not admit all requests.
    Promote,
}

const DEFAULT_GUARD: Objective = Objective::new(999, 1000).expect("999 of 1000");
const DEFAULT_AVAILABILITY: Objective = Objective::new(99, 100).expect("99 of 100");
/// The range of an odds ratio: far enough above 1 for a test to find something, and far from overflow.
const RATIO: std::ops::RangeInclusive<f64> = 1.001..=1e6;

impl Builder {
    pub(super) const fn new() -> Self {
        Self(Numbers::new())
    }

    /// The greatest probability with which a good release is ever rolled back, or a bad one ever promoted from a step. It is
    /// split over all tests that can do so. The default is 0.05. It must be above 0 and at most 0.5.
    pub const fn alpha(mut self, alpha: f64) -> Self {
        self.0.alpha = alpha;
        self
    }

    /// Promotes a release whose error rate is shown to be within this objective, whatever the baseline does. The default is
    /// 99.9 %. It must be below 100 %, which nothing can show, and at least [`availability`](Self::availability).
    pub const fn guard(mut self, guard: Objective) -> Self {
        self.0.guard = guard;
        self
    }

    /// The alternatives for a worse canary: multiples of the baseline's odds of failing, one to eight, mixed uniformly. The
    /// default is 1.5, 2, 4 and 10; each from 1.001 to 10^6. Odds are failures divided by successes, for small rates the
    /// rate. Each alternative costs a little. Ratios between two of them are detected too.
    pub const fn odds_ratios<const N: usize>(mut self, ratios: [f64; N]) -> Self {
        self.0.odds_ratios = Setting::given(ratios);
        self
    }

    /// Promotes a release whose odds of failing are shown to be below this multiple of the baseline's, even if it is not
    /// shown to be within the guard. The default is 1.5; from 1.001 to 10^6.
    pub const fn margin(mut self, odds_ratio: f64) -> Self {
        self.0.margin = odds_ratio;
        self
    }

    /// The minimum of failures of the canary for a hard limit on a bound, whatever the bound says. The default is 3; at
    /// least 1.
    pub const fn min_bad(mut self, failures: u64) -> Self {
        self.0.min_bad = failures;
        self
    }

    /// Hard limit: this number of failures of the canary in a row rolls it back. The default is 10; at least 1. It has no
    /// share of α: with one failure in a hundred, ten in a row occur once in 10^20 requests.
    pub const fn failures_in_a_row(mut self, failures: u64) -> Self {
        self.0.failures_in_a_row = failures;
        self
    }

    /// Hard limit: this multiple of the error rate of the baseline. The default is 5; from 1.001 to 10^6. The odds are
    /// compared, batch by batch; for small rates that is the same.
    pub const fn times_error_rate(mut self, times: f64) -> Self {
        self.0.times_error_rate = times;
        self
    }

    /// Hard limit: this multiple of the 95th percentile of the baseline's latency. The default is 3; from 1.001 to 10^6.
    pub const fn times_p95(mut self, times: f64) -> Self {
        self.0.times_p95 = times;
        self
    }

    /// Hard limit: a smaller share of good requests rolls back. The default is 99 %; above 0 %.
    pub const fn availability(mut self, availability: Objective) -> Self {
        self.0.availability = availability;
        self
    }

    /// Judges errors only. [`Arm::latency`](crate::canary::Arm::latency) is ignored and may be missing.
    pub const fn without_latency(mut self) -> Self {
        self.0.without_latency = true;
        self
    }

    /// The share of requests that goes to the canary at each step, in per cent: two to eight ascending numbers that end
    /// with 100. The default is 10, 25, 50, 100.
    pub const fn steps<const N: usize>(mut self, percent: [u8; N]) -> Self {
        self.0.steps = Setting::given(percent);
        self
    }

    /// The longest time that a step holds, and what happens then. The default is to roll back after 24 h. It must be longer
    /// than zero.
    pub const fn max_wait(mut self, max_wait: Duration, then: Overdue) -> Self {
        self.0.max_wait = MaxWait {
            time: max_wait,
            then,
        };
        self
    }

    /// The number of measurements that may fail in a row. One more rolls the release back. The default is 4.
    pub const fn measurement_errors(mut self, in_a_row: u32) -> Self {
        self.0.measurement_errors = in_a_row;
        self
    }

    /// Whether [`build`](Self::build) accepts these numbers, without building anything: for numbers that are checked where they
    /// are read.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build).
    pub fn check(&self) -> Result<(), InvalidConfig> {
        self.build().map(drop)
    }

    /// Checks the numbers.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] when one is out of the range that its setter names.
    pub fn build(self) -> Result<CanaryPolicy, InvalidConfig> {
        self.0.check().map_err(InvalidConfigKind::unnamed)
    }
}

impl Numbers {
    fn check(self) -> Result<CanaryPolicy, InvalidConfigKind> {
        // Each condition rejects NaN.
        if !(self.alpha > 0.0 && self.alpha <= 0.5) {
            return Err(InvalidConfigKind::CanaryAlpha);
        }
        let guard = CanaryPolicy::allowed(self.guard);
        let error_rate = CanaryPolicy::allowed(self.availability);
        if guard <= 0.0 || guard > error_rate {
            return Err(InvalidConfigKind::CanaryGuard);
        }
        if self.availability.budget() == self.availability.of() {
            return Err(InvalidConfigKind::CanaryAvailability);
        }
        let odds_ratios = match self.odds_ratios {
            Setting::Given(ratios) if are_ratios(&ratios) => ratios,
            _ => return Err(InvalidConfigKind::CanaryOddsRatios),
        };
        if !RATIO.contains(&self.margin) {
            return Err(InvalidConfigKind::CanaryMargin);
        }
        if self.min_bad == 0 || self.failures_in_a_row == 0 {
            return Err(InvalidConfigKind::CanaryFailures);
        }
        if !RATIO.contains(&self.times_error_rate) || !RATIO.contains(&self.times_p95) {
            return Err(InvalidConfigKind::CanaryTimes);
        }
        let steps = match self.steps {
            Setting::Given(steps) if ascend_to_all(&steps) => steps,
            _ => return Err(InvalidConfigKind::CanarySteps),
        };
        if self.max_wait.time.is_zero() {
            return Err(InvalidConfigKind::CanaryMaxWait);
        }
        let slow_odds = self.margin * ABOVE_P95 / (1.0 - ABOVE_P95);
        Ok(CanaryPolicy {
            alpha: self.alpha,
            guard,
            margin: self.margin,
            odds_ratios,
            limits: Limits {
                min_bad: self.min_bad,
                failures_in_a_row: self.failures_in_a_row,
                error_rate,
                times_error_rate: self.times_error_rate,
                times_p95: self.times_p95,
            },
            slow_guard: slow_odds / (1.0 + slow_odds),
            judges_latency: !self.without_latency,
            steps,
            max_wait: self.max_wait.time,
            overdue: self.max_wait.then,
            measurement_errors: self.measurement_errors,
        })
    }
}

fn are_ratios(ratios: &Few<f64, MOST_RATIOS>) -> bool {
    ratios[0].is_some() && (ratios.iter().flatten()).all(|ratio| RATIO.contains(ratio))
}

fn ascend_to_all(steps: &Few<u8, MOST_STEPS>) -> bool {
    let steps = steps.iter().flatten();
    // The last step has no baseline to compare with, so there are at least two.
    steps.clone().count() > 1
        && steps.clone().next() > Some(&0)
        && steps.clone().is_sorted_by(|a, b| a < b)
        && steps.last() == Some(&100)
}
