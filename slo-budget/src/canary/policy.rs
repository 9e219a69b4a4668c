use std::time::Duration;

use tokio::time::Instant;

use crate::{
    canary::{Builder, Canary, EValue, Overdue, arms::Tally, listed::Listed, needed},
    types::Objective,
};

/// What is asked of a release: checked, and `Copy`.
///
/// Two things it promises, each but with a probability of α at most, however often one looks: that a release
/// which is no worse than the baseline, and within the hard limits, is not rolled back; and that one which
/// is neither within the guard nor within the margin is not promoted from a step.
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
    pub(crate) alpha: f64,
    pub(crate) guard: f64,
    pub(crate) margin: f64,
    pub(crate) ratios: Listed<f64>,
    pub(crate) limits: Limits,
    /// Of requests above the baseline's 95th percentile, the most there may be: the margin at 5 %.
    pub(crate) slow_guard: f64,
    pub(crate) judges_latency: bool,
    pub(crate) steps: Listed<u8>,
    pub(crate) max_wait: Duration,
    pub(crate) overdue: Overdue,
    pub(crate) measurement_errors: u32,
}

/// What rolls back whatever the baseline does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Limits {
    pub(crate) min_bad: u64,
    pub(crate) failures_in_a_row: u64,
    /// The most that may fail.
    pub(crate) error_rate: f64,
    pub(crate) times_error_rate: f64,
    pub(crate) times_p95: f64,
}

/// By definition, of requests as they were when it was taken.
pub(crate) const ABOVE_P95: f64 = 0.05;

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

    /// The configuration, to be completed by [`Builder::build`].
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

    /// How many requests of the canary a step needs before it is promoted, if none of them fails (and what latency says is
    /// good): 3,851 at the defaults, 99.9 % and α = 0.05. `None` where 10^12 are not enough.
    #[must_use]
    pub fn requests_if_none_fails(&self) -> Option<u64> {
        needed::without_a_further_hit(self.guard, Tally::default(), self.promotion_evidence())
    }

    /// Slower than this is much too slow, for [`Arm::latency`](crate::canary::Arm::latency): by default three times `p95`, the
    /// 95th percentile of the baseline as it was **before** the canary started. If more than 5 % of the canary's requests
    /// are slower, its own 95th percentile is beyond that. [`Duration::MAX`] where that is longer.
    #[must_use]
    pub fn much_too_slow_after(&self, p95: Duration) -> Duration {
        Duration::try_from_secs_f64(p95.as_secs_f64() * self.limits.times_p95)
            .unwrap_or(Duration::MAX)
    }

    /// The share of requests that go to the canary at each step, in per cent.
    pub fn steps(&self) -> impl Iterator<Item = u8> {
        self.steps.iter()
    }

    /// The most that may fail.
    #[expect(
        clippy::cast_precision_loss,
        reason = "16 digits are more than any rate needs"
    )]
    pub(crate) const fn allowed(objective: Objective) -> f64 {
        objective.budget() as f64 / objective.of() as f64
    }

    /// α for each test that can roll back: errors and latency against the baseline, the three hard limits on bounds.
    pub(crate) const fn alpha_to_roll_back(&self) -> f64 {
        self.alpha / if self.judges_latency { 5.0 } else { 3.0 }
    }

    /// Evidence for a roll-back, by its logarithm.
    pub(crate) fn roll_back_value(&self, ln: f64) -> EValue {
        EValue {
            ln,
            ln_needed: -self.alpha_to_roll_back().ln(),
        }
    }

    /// α for each of the two tests of which one has to show that errors are well, and again for latency. That both
    /// errors and latency have to be shown needs no split: who is promoted falsely was passed falsely by that one
    /// of them which is not well (Berger's intersection-union tests, 1982).
    pub(crate) const fn alpha_to_promote(&self) -> f64 {
        self.alpha / 2.0
    }

    /// Evidence for a promotion, by its logarithm.
    pub(crate) fn promotion_value(&self, ln: f64) -> EValue {
        EValue {
            ln,
            ln_needed: self.promotion_evidence(),
        }
    }

    /// The logarithm of the evidence that a promotion needs.
    pub(crate) fn promotion_evidence(&self) -> f64 {
        -self.alpha_to_promote().ln()
    }
}

impl Default for CanaryPolicy {
    fn default() -> Self {
        Self::new()
    }
}
