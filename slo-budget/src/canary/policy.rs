//! The requirements for a release.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    arms::{MOST_LATENCIES, Metric, Tally},
    bets::Bets,
    builder::{Builder, Overdue},
    evidence::EValue,
    intervals::{Seen, without_a_further_hit},
    limits::Limit,
    run::Canary,
};
use crate::types::few::Few;

/// The checked requirements for a release. `Copy`.
///
/// A policy makes two promises, however often the verdict is evaluated. The comparison with the baseline rolls back a
/// release that is like its baseline with a probability of at most α, whatever the error rate and however failures come
/// in bursts, as long as no burst of one arm outlasts a [`batch`](Builder::batch). A release that would cost more than
/// the [`guard`](Builder::guard) allows, and that fails more often than its baseline by the [`margin`](Builder::margin),
/// is promoted from a step with a probability of at most α, if its batches differ as they have differed before. The limits
/// are no part of these promises: they act on what they measure.
///
/// # Examples
///
/// ```
/// use maestro_slo_budget::{CanaryPolicy, canary::{Arm, Verdict}};
/// use std::time::Duration;
/// use tokio::time::Instant;
///
/// let policy = CanaryPolicy::builder().guard("99.9%".parse()?).without_latency().build()?;
/// let start = Instant::now();
/// let mut canary = policy.start_at(start);
/// for minute in 1..=10 {
///     let now = start + Duration::from_secs(60 * minute);
///     // 10,000 requests a minute, of which a tenth goes to the canary. It fails ten times as often.
///     canary.observe_at(Arm::new(8_991 * minute, 9 * minute), Arm::new(990 * minute, 10 * minute), now)?;
///     if let Verdict::RollBack(_) = canary.verdict(now) {
///         assert_eq!(minute, 7);
///         println!("{}", canary.verdict(now));
///         return Ok(());
///     }
/// }
/// # panic!("not rolled back");
/// # #[allow(unreachable_code)]
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CanaryPolicy {
    pub(super) alpha: f64,
    /// The greatest allowed share of failures of the service.
    pub(super) guard: f64,
    pub(super) margin: f64,
    pub(super) times_error_rate: f64,
    pub(super) times_p95: f64,
    pub(super) failures_in_a_row: u64,
    pub(super) limits: Few<Limit, MOST_LIMITS>,
    pub(super) compares_latency: bool,
    pub(super) batch: Duration,
    pub(super) steps: Few<u8, MOST_STEPS>,
    pub(super) min_wait: Duration,
    pub(super) max_wait: Duration,
    pub(super) overdue: Overdue,
    pub(super) measurement_errors: Option<u32>,
}

/// Most steps of a policy.
pub(super) const MOST_STEPS: usize = 8;
/// Most limits of a policy: availability, the multiple of the 95th percentile, and those of `at_most`.
pub(super) const MOST_LIMITS: usize = MOST_LATENCIES + 2;
/// The share of requests above the 95th percentile when it was measured, by definition.
pub(super) const ABOVE_P95: f64 = 0.05;
/// The complete batches that a step needs to be promoted: with fewer the dispersion is unknown.
pub(super) const LEAST_BATCHES: u32 = 5;

impl CanaryPolicy {
    /// The defaults of [`CanaryPolicy::builder`].
    ///
    /// # Panics
    ///
    /// Never: the defaults are valid.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build().expect("the defaults are valid")
    }

    /// A builder with the defaults. [`Builder::build`] makes the policy.
    pub const fn builder() -> Builder {
        Builder::new()
    }

    /// Starts a release at the first step, now.
    #[must_use]
    pub fn start(&self) -> Canary {
        self.start_at(Instant::now())
    }

    /// As [`start`](Self::start), at `now`.
    #[must_use]
    pub const fn start_at(&self, now: Instant) -> Canary {
        Canary::new(self, now)
    }

    /// The number of requests of the canary, in all steps, that promote it to all requests if none of them fails: 3,851 at
    /// the defaults, 99.9 % and α = 0.05. `None` if 10^12 are not enough.
    #[must_use]
    pub fn requests_if_none_fails(&self) -> Option<u64> {
        self.requests_to(100)
    }

    /// The number of requests of the canary that promote it to this share in per cent, if none of them fails.
    pub(super) fn requests_to(&self, percent: u8) -> Option<u64> {
        let nothing = Seen {
            tally: Tally::default(),
            dispersion: 1.0,
        };
        without_a_further_hit(self.allowed_at(percent), nothing, self.promotion_evidence())
    }

    /// The error rate of the canary that costs the service what the guard allows, if this share in per cent of the requests
    /// goes to it. It may be above 1.
    pub(super) fn allowed_at(&self, percent: u8) -> f64 {
        self.guard * 100.0 / f64::from(percent)
    }

    /// The time above which a request is much too slow, for [`Arm::latency`](crate::canary::Arm::latency): by default three
    /// times `p95`, the 95th percentile of the baseline **before** the canary started. If more than 5 % of the canary's
    /// requests are slower, its own 95th percentile is above it. At most [`Duration::MAX`].
    #[must_use]
    pub fn much_too_slow_after(&self, p95: Duration) -> Duration {
        Duration::try_from_secs_f64(p95.as_secs_f64() * self.times_p95).unwrap_or(Duration::MAX)
    }

    /// The share of requests that go to the canary at each step, in per cent.
    pub fn steps(&self) -> impl Iterator<Item = u8> {
        self.steps.into_iter().flatten()
    }

    pub(super) fn share_at(&self, step: usize) -> u8 {
        self.steps().nth(step).unwrap_or(100)
    }

    /// The metrics that an arm must have, some of them twice.
    pub(super) fn metrics(&self) -> impl Iterator<Item = Metric> {
        let latency = self.compares_latency.then_some(Metric::Slow);
        let limits = self.limits.into_iter().flatten();
        latency.into_iter().chain(limits.map(|limit| limit.metric))
    }

    /// α of the comparison of errors: three fifths.
    pub(super) const fn alpha_worse(&self) -> f64 {
        self.alpha * 0.6
    }

    /// α of the comparison of latency, and of errors far beyond those of the baseline: a fifth each.
    pub(super) const fn alpha_other(&self) -> f64 {
        self.alpha * 0.2
    }

    /// The evidence that it fails more often than the baseline.
    pub(super) fn worse(&self, errors: &Bets) -> EValue {
        EValue::new(errors.worse.ln(), self.alpha_worse())
    }

    /// The evidence that it fails far more often.
    pub(super) fn far_worse(&self, errors: &Bets) -> EValue {
        EValue::new(errors.far_worse.ln(), self.alpha_other())
    }

    /// The evidence that it is slow more often.
    pub(super) fn slower(&self, latency: &Bets) -> EValue {
        EValue::new(latency.worse.ln(), self.alpha_other())
    }

    /// α for each of the two tests of which one has to show that errors are good, and again for latency. Errors *and*
    /// latency need no split: a false promotion requires that the claim that is not true passes (Berger's
    /// intersection-union tests, 1982).
    pub(super) const fn alpha_to_promote(&self) -> f64 {
        self.alpha / 2.0
    }

    /// The evidence for a promotion from its logarithm.
    pub(super) fn promotion_value(&self, ln: f64) -> EValue {
        EValue::new(ln, self.alpha_to_promote())
    }

    /// The logarithm of the evidence that a promotion needs.
    pub(super) fn promotion_evidence(&self) -> f64 {
        -self.alpha_to_promote().ln()
    }
}

impl Default for CanaryPolicy {
    fn default() -> Self {
        Self::new()
    }
}
