//! The numbers of a policy, and their checks.

use std::time::Duration;

use super::{
    arms::{MOST_LATENCIES, Metric},
    limits::{AtMost, Limit},
    policy::{CanaryPolicy, MOST_LIMITS, MOST_STEPS},
};
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
        margin: f64 = 2.0,
        // The period of most scrapes and roll-ups, and longer than a lost connection or a lock.
        #[cfg_attr(feature = "serde", serde(with = "crate::file::time"))]
        batch: Duration = Duration::from_secs(60),
        failures_in_a_row: u64 = 10,
        times_error_rate: f64 = 5.0,
        times_p95: f64 = 3.0,
        availability: Objective = DEFAULT_AVAILABILITY,
        #[cfg_attr(feature = "serde", serde(with = "crate::file::list::tables"))]
        at_most: Setting<AtMost, MOST_LATENCIES> = Setting::given([]),
        without_latency: bool = false,
        #[cfg_attr(feature = "serde", serde(with = "crate::file::list"))]
        steps: Setting<u8, MOST_STEPS> = Setting::given([10, 25, 50, 100]),
        #[cfg_attr(feature = "serde", serde(with = "crate::file::time"))]
        min_wait: Duration = Duration::from_secs(300),
        #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::file::table"))]
        max_wait: MaxWait = MaxWait { time: Duration::from_secs(24 * 3600), then: Overdue::Hold },
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        measurement_errors: Option<u32> = None,
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
    /// Roll back, because it was not shown to be good. With few requests that is the end of good releases too.
    RollBack,
    /// Hold, and leave the decision to people. The default.
    Hold,
    /// Promote, because it was not shown to be bad. It still holds for any other reason than missing evidence: too few
    /// batches, a failed measurement, a limit that both arms exceed, or a gate that does not admit all requests.
    Promote,
}

const DEFAULT_GUARD: Objective = Objective::new(999, 1000).expect("999 of 1000");
const DEFAULT_AVAILABILITY: Objective = Objective::new(99, 100).expect("99 of 100");
const NOT_ABOVE_P95: Objective = Objective::new(95, 100).expect("95 of 100");
/// The range of a multiple of the baseline.
const TIMES: std::ops::RangeInclusive<f64> = 1.001..=100.0;

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

    /// Promotes a release to a share of the requests at which it is shown to cost the service no more than this objective
    /// allows: the share times its error rate. At the default, 99.9 %, that is an error rate of at most 0.4 % before it gets
    /// 25 % of the requests, 0.2 % before 50 %, and 0.1 % before 100 %. It must be below 100 %, which nothing can show, and
    /// at least [`availability`](Self::availability).
    pub const fn guard(mut self, guard: Objective) -> Self {
        self.0.guard = guard;
        self
    }

    /// Promotes a release that is shown to fail less often than this multiple of the baseline's error rate, even if it is not
    /// shown to be within the guard. The default is 2; from 1.001 to 100. The same number is the margin of latency.
    pub const fn margin(mut self, times: f64) -> Self {
        self.0.margin = times;
        self
    }

    /// The least length of a batch. Both arms are compared within each batch, and each batch is one observation, whatever
    /// happens in it. So choose it longer than a shock that hits one arm usually lasts. The default is 1 minute; at least 1
    /// second. A roll-back by comparison takes seven batches or more. A batch ends with a measurement at least nine tenths
    /// of this time after the last one that ended a batch.
    pub const fn batch(mut self, time: Duration) -> Self {
        self.0.batch = time;
        self
    }

    /// This number of failures of the canary in a row rolls it back at once, unless at least half of the baseline's requests
    /// failed meanwhile. The default is 10; at least 1. It has no share of α: with one failure in a hundred, ten in a row
    /// occur once in 10^20 requests.
    pub const fn failures_in_a_row(mut self, failures: u64) -> Self {
        self.0.failures_in_a_row = failures;
        self
    }

    /// Rolls back a release that is shown to fail more often than this multiple of the baseline's error rate. The default is
    /// 5; from 1.001 to 100.
    pub const fn times_error_rate(mut self, times: f64) -> Self {
        self.0.times_error_rate = times;
        self
    }

    /// Rolls back a release whose 95th percentile is above this multiple of the baseline's before the canary started, over
    /// 5 minutes: a limit as [`AtMost`]. The default is 3; from 1.001 to 100.
    pub const fn times_p95(mut self, times: f64) -> Self {
        self.0.times_p95 = times;
        self
    }

    /// Rolls back a release with a smaller share of good requests over 5 minutes: a limit as [`AtMost`]. The default is
    /// 99 %; above 0 %.
    pub const fn availability(mut self, availability: Objective) -> Self {
        self.0.availability = availability;
        self
    }

    /// Further limits, at most four, that roll back whatever was shown by comparison. The default is none.
    pub const fn at_most<const N: usize>(mut self, limits: [AtMost; N]) -> Self {
        self.0.at_most = Setting::given(limits);
        self
    }

    /// Does not compare latency with that of the baseline, so that `Arm::latency` is not needed. Limits by
    /// [`at_most`](Self::at_most) remain.
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

    /// The least time of a step, whatever was shown. The default is 5 minutes; a step has at least five complete batches
    /// anyway.
    pub const fn min_wait(mut self, min_wait: Duration) -> Self {
        self.0.min_wait = min_wait;
        self
    }

    /// The longest time of a step, and what happens then. The default is to hold after 24 h, which asks people to decide.
    /// It must be longer than zero.
    pub const fn max_wait(mut self, max_wait: Duration, then: Overdue) -> Self {
        self.0.max_wait = MaxWait {
            time: max_wait,
            then,
        };
        self
    }

    /// The number of measurements that may fail in a row. One more rolls the release back. By default it holds, however many
    /// fail.
    pub const fn measurement_errors(mut self, in_a_row: u32) -> Self {
        self.0.measurement_errors = Some(in_a_row);
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
        let (guard, availability) = (self.guard.budget_share(), self.availability);
        if guard <= 0.0 || guard > availability.budget_share() {
            return Err(InvalidConfigKind::CanaryGuard);
        }
        if availability.good() == 0 {
            return Err(InvalidConfigKind::CanaryAvailability);
        }
        if ![self.margin, self.times_error_rate, self.times_p95]
            .iter()
            .all(|times| TIMES.contains(times))
        {
            return Err(InvalidConfigKind::CanaryTimes);
        }
        if self.failures_in_a_row == 0 {
            return Err(InvalidConfigKind::CanaryFailures);
        }
        if self.batch < Duration::from_secs(1) {
            return Err(InvalidConfigKind::CanaryBatch);
        }
        let steps = match self.steps {
            Setting::Given(steps) if ascend_to_all(&steps) => steps,
            _ => return Err(InvalidConfigKind::CanarySteps),
        };
        if self.max_wait.time.is_zero() {
            return Err(InvalidConfigKind::CanaryMaxWait);
        }
        Ok(CanaryPolicy {
            alpha: self.alpha,
            guard,
            margin: self.margin,
            times_error_rate: self.times_error_rate,
            times_p95: self.times_p95,
            failures_in_a_row: self.failures_in_a_row,
            limits: self.limits()?,
            compares_latency: !self.without_latency,
            batch: self.batch,
            steps,
            min_wait: self.min_wait,
            max_wait: self.max_wait.time,
            overdue: self.max_wait.then,
            measurement_errors: self.measurement_errors,
        })
    }

    fn limits(self) -> Result<Few<Limit, MOST_LIMITS>, InvalidConfigKind> {
        let further = self.at_most.check([None; MOST_LATENCIES], |limit| {
            limit.checked().ok_or(InvalidConfigKind::CanaryAtMost)
        })?;
        let mut limits = [None; MOST_LIMITS];
        limits[0] = Some(Limit::usual(Metric::Errors, self.availability));
        if !self.without_latency {
            limits[1] = Some(Limit::usual(Metric::MuchTooSlow, NOT_ABOVE_P95));
        }
        limits[2..].copy_from_slice(&further);
        Ok(limits)
    }
}

fn ascend_to_all(steps: &Few<u8, MOST_STEPS>) -> bool {
    let steps = steps.iter().flatten();
    // The last step has no baseline to compare with, so there are at least two.
    steps.clone().count() > 1
        && steps.clone().next() > Some(&0)
        && steps.clone().is_sorted_by(|a, b| a < b)
        && steps.last() == Some(&100)
}
