//! The numbers behind a verdict.

use std::fmt;

use crate::types::Counts;

/// The numbers behind a verdict.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    pub(super) step: u8,
    pub(super) batches: u32,
    pub(super) baseline: Counts,
    pub(super) canary: Counts,
    pub(super) canary_in_step: Counts,
    pub(super) baseline_rate: Interval,
    pub(super) canary_rate: Interval,
    pub(super) dispersion: f64,
    pub(super) at_most: f64,
    pub(super) worse: EValue,
    pub(super) far_worse: EValue,
    pub(super) not_worse: EValue,
    pub(super) slower: Option<EValue>,
    pub(super) not_slower: Option<EValue>,
}

/// An interval of rates, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    pub(super) low: f64,
    pub(super) high: f64,
}

/// Evidence against a hypothesis: the factor by which a bet against it has multiplied its stake. If the hypothesis is true,
/// it ever reaches `1/α` with a probability of at most α.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EValue {
    ln: f64,
    ln_needed: f64,
}

impl Evidence {
    /// The share of requests that the canary has at this step, in per cent.
    #[must_use]
    pub const fn step(&self) -> u8 {
        self.step
    }

    /// The complete batches of this step.
    #[must_use]
    pub const fn batches(&self) -> u32 {
        self.batches
    }

    /// The counts of the baseline in all complete batches.
    #[must_use]
    pub const fn baseline(&self) -> Counts {
        self.baseline
    }

    /// The counts of the canary in all complete batches, and in those that were cut short by counts that fell.
    #[must_use]
    pub const fn canary(&self) -> Counts {
        self.canary
    }

    /// The counts of the canary in the same batches of this step.
    #[must_use]
    pub const fn canary_in_step(&self) -> Counts {
        self.canary_in_step
    }

    /// The error rate of the baseline: Wilson's 95 % interval. **For display only**: evaluated repeatedly it misses the rate
    /// far more often than one time in twenty.
    #[must_use]
    pub const fn baseline_error_rate(&self) -> Interval {
        self.baseline_rate
    }

    /// The error rate of the canary, as [`baseline_error_rate`](Self::baseline_error_rate), for display only.
    #[must_use]
    pub const fn canary_error_rate(&self) -> Interval {
        self.canary_rate
    }

    /// How much more the failures of the canary vary from batch to batch than if they were independent: χ² over its degrees
    /// of freedom, at least 1.
    #[must_use]
    pub const fn dispersion(&self) -> f64 {
        self.dispersion
    }

    /// The upper bound of the canary's error rate over all steps, which is compared with the guard. It holds at all times,
    /// except with a probability of the α of one test that promotes. It is 1 without data.
    #[must_use]
    pub const fn error_rate_at_most(&self) -> f64 {
        self.at_most
    }

    /// The evidence that the canary fails more often than the baseline.
    #[must_use]
    pub const fn worse(&self) -> EValue {
        self.worse
    }

    /// The evidence that it fails more than the allowed multiple as often as the baseline.
    #[must_use]
    pub const fn far_worse(&self) -> EValue {
        self.far_worse
    }

    /// The evidence, since the step began, that it does not fail more often by the margin.
    #[must_use]
    pub const fn not_worse(&self) -> EValue {
        self.not_worse
    }

    /// The evidence that the canary is slow more often than the baseline, if latency is judged.
    #[must_use]
    pub const fn slower(&self) -> Option<EValue> {
        self.slower
    }

    /// The evidence, since the step began, that it is not slow more often by the margin, if latency is judged.
    #[must_use]
    pub const fn not_slower(&self) -> Option<EValue> {
        self.not_slower
    }
}

impl Interval {
    /// The lower end.
    #[must_use]
    pub const fn low(self) -> f64 {
        self.low
    }

    /// The upper end.
    #[must_use]
    pub const fn high(self) -> f64 {
        self.high
    }
}

impl EValue {
    pub(super) fn new(ln: f64, alpha: f64) -> Self {
        Self {
            ln,
            ln_needed: -alpha.ln(),
        }
    }

    /// Its natural logarithm, always finite. It is negative if the data are likelier under the hypothesis.
    #[must_use]
    pub const fn ln(self) -> f64 {
        self.ln
    }

    /// The e-value: 1 at first, never negative, and at most `f64::MAX`.
    #[must_use]
    pub fn value(self) -> f64 {
        self.ln.exp().min(f64::MAX)
    }

    /// The value that is enough.
    #[must_use]
    pub fn needed(self) -> f64 {
        self.ln_needed.exp().min(f64::MAX)
    }

    /// Whether the value is enough.
    #[must_use]
    pub fn is_enough(self) -> bool {
        self.ln >= self.ln_needed
    }
}

/// `3.2`, or a power of ten if it is very large or small.
impl fmt::Display for EValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exponent = (self.ln / std::f64::consts::LN_10).floor();
        if (-2.0..4.0).contains(&exponent) {
            write!(f, "{:.*}", if exponent < 0.0 { 3 } else { 1 }, self.value())
        } else {
            write!(f, "10^{exponent}")
        }
    }
}

/// As a percentage.
impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", Percent(self.low), Percent(self.high))
    }
}

/// A rate as a percentage with about three digits.
pub(super) struct Percent(pub(super) f64);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = self.0 * 100.0;
        let places = match percent {
            p if p >= 10.0 => 1,
            p if p >= 1.0 => 2,
            p if p >= 0.1 => 3,
            _ => 4,
        };
        let text = format!("{percent:.places$}");
        // `0.1`, not `0.1000`.
        let text = text.trim_end_matches('0').trim_end_matches('.');
        write!(f, "{text} %")
    }
}
