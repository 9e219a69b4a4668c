//! The requirements for a release.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    arms::Tally,
    builder::{Builder, Overdue},
    evidence::EValue,
    intervals::without_a_further_hit,
    run::Canary,
};
use crate::types::{Objective, few::Few};

/// The checked requirements for a release. `Copy`.
///
/// A policy makes two promises. A release that is no worse than the baseline and within the hard limits is rolled back
/// with a probability of at most α. A release that is neither within the guard nor within the margin is promoted from a
/// step with a probability of at most α. Both hold however often the verdict is evaluated.
///
/// # Examples
///
/// ```
/// use maestro_slo_budget::{CanaryPolicy, canary::{Arm, Verdict}};
/// use tokio::time::Instant;
///
/// let policy = CanaryPolicy::builder().guard("99.9%".parse()?).without_latency().build()?;
/// let mut canary = policy.start();
/// canary.observe(Arm::new(90_000, 20), Arm::new(9_996, 4))?;
/// let verdict = canary.verdict(Instant::now());
/// assert!(matches!(verdict, Verdict::Hold(_)), "{verdict}");
///
/// canary.observe(Arm::new(110_000, 22), Arm::new(12_100, 30))?;
/// let verdict = canary.verdict(Instant::now());
/// assert!(matches!(verdict, Verdict::RollBack(_)), "{verdict}");
/// println!("{verdict}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CanaryPolicy {
    pub(super) alpha: f64,
    pub(super) guard: f64,
    pub(super) margin: f64,
    pub(super) odds_ratios: Few<f64, MOST_RATIOS>,
    pub(super) limits: Limits,
    /// The greatest allowed share of requests above the baseline's 95th percentile: the margin at 5 %.
    pub(super) slow_guard: f64,
    pub(super) judges_latency: bool,
    pub(super) steps: Few<u8, MOST_STEPS>,
    pub(super) max_wait: Duration,
    pub(super) overdue: Overdue,
    pub(super) measurement_errors: u32,
}

/// The limits that roll back whatever the baseline does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Limits {
    pub(super) min_bad: u64,
    pub(super) failures_in_a_row: u64,
    /// The greatest allowed share of failures.
    pub(super) error_rate: f64,
    pub(super) times_error_rate: f64,
    pub(super) times_p95: f64,
}

/// Most odds ratios of a policy. More would not be useful.
pub(super) const MOST_RATIOS: usize = 8;
/// Most steps of a policy.
pub(super) const MOST_STEPS: usize = 8;
/// The share of requests above the 95th percentile when it was measured, by definition.
pub(super) const ABOVE_P95: f64 = 0.05;

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
        Canary::new(*self, now)
    }

    /// The number of requests of the canary that promote a step if none of them fails and latency is good: 3,851 at the
    /// defaults, 99.9 % and α = 0.05. `None` if 10^12 are not enough.
    #[must_use]
    pub fn requests_if_none_fails(&self) -> Option<u64> {
        without_a_further_hit(self.guard, Tally::default(), self.promotion_evidence())
    }

    /// The time above which a request is much too slow, for [`Arm::latency`](crate::canary::Arm::latency): by default three
    /// times `p95`, the 95th percentile of the baseline **before** the canary started. If more than 5 % of the canary's
    /// requests are slower, its own 95th percentile is above it. At most [`Duration::MAX`].
    #[must_use]
    pub fn much_too_slow_after(&self, p95: Duration) -> Duration {
        Duration::try_from_secs_f64(p95.as_secs_f64() * self.limits.times_p95)
            .unwrap_or(Duration::MAX)
    }

    /// The share of requests that go to the canary at each step, in per cent.
    pub fn steps(&self) -> impl Iterator<Item = u8> {
        self.steps.into_iter().flatten()
    }

    pub(super) fn ratios(&self) -> impl Iterator<Item = f64> {
        self.odds_ratios.into_iter().flatten()
    }

    /// The greatest allowed share of failures.
    #[expect(
        clippy::cast_precision_loss,
        reason = "16 digits are more than any rate needs"
    )]
    pub(super) const fn allowed(objective: Objective) -> f64 {
        objective.budget() as f64 / objective.of() as f64
    }

    /// α for each test that can roll back: errors and latency against the baseline, and three hard limits on bounds.
    pub(super) const fn alpha_to_roll_back(&self) -> f64 {
        self.alpha / if self.judges_latency { 5.0 } else { 3.0 }
    }

    /// The evidence for a roll-back from its logarithm.
    pub(super) fn roll_back_value(&self, ln: f64) -> EValue {
        EValue {
            ln,
            ln_needed: -self.alpha_to_roll_back().ln(),
        }
    }

    /// α for each of the two tests of which one has to show that errors are good, and again for latency. Errors *and*
    /// latency need no split: a false promotion requires that the claim that is not true passes (Berger's
    /// intersection-union tests, 1982).
    pub(super) const fn alpha_to_promote(&self) -> f64 {
        self.alpha / 2.0
    }

    /// The evidence for a promotion from its logarithm.
    pub(super) fn promotion_value(&self, ln: f64) -> EValue {
        EValue {
            ln,
            ln_needed: self.promotion_evidence(),
        }
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
