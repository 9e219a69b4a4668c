use std::fmt;

use crate::canary::Arm;

/// What a verdict was made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    pub(crate) step: u8,
    pub(crate) baseline: Arm,
    pub(crate) canary: Arm,
    pub(crate) canary_in_step: Arm,
    pub(crate) baseline_rate: Interval,
    pub(crate) canary_rate: Interval,
    pub(crate) at_least: f64,
    pub(crate) at_most: f64,
    pub(crate) worse: EValue,
    pub(crate) not_worse: EValue,
    pub(crate) slower: Option<EValue>,
    pub(crate) not_slower: Option<EValue>,
}

/// Two rates, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// Evidence against a hypothesis: by how much a bet against it has multiplied its stake. It is ever as large as `1/α`,
/// if the hypothesis is true, with a probability of at most α.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EValue {
    pub(crate) ln: f64,
    pub(crate) ln_needed: f64,
}

impl Evidence {
    /// The share of requests that the canary has at this step, in per cent.
    #[must_use]
    pub const fn step(&self) -> u8 {
        self.step
    }

    /// What the baseline has counted.
    #[must_use]
    pub const fn baseline(&self) -> Arm {
        self.baseline
    }

    /// What the canary has counted.
    #[must_use]
    pub const fn canary(&self) -> Arm {
        self.canary
    }

    /// What the canary has counted since the step began, without its latency: what a promotion is based on.
    #[must_use]
    pub const fn canary_in_step(&self) -> Arm {
        self.canary_in_step
    }

    /// The error rate of the baseline, 95 %, by Wilson's interval. **For display only**: looked at again and
    /// again it misses the rate far more often than one time in twenty.
    #[must_use]
    pub const fn baseline_error_rate(&self) -> Interval {
        self.baseline_rate
    }

    /// The error rate of the canary, as [`baseline_error_rate`](Self::baseline_error_rate), for display only.
    #[must_use]
    pub const fn canary_error_rate(&self) -> Interval {
        self.canary_rate
    }

    /// The error rate of the canary is at least this, at any time, but with a probability of the α of one test that rolls
    /// back: 0 without data.
    #[must_use]
    pub const fn error_rate_at_least(&self) -> f64 {
        self.at_least
    }

    /// The error rate of the canary in this step is at most this, at any time, but with a probability of the α of one test
    /// that promotes: 1 without data. The guard is compared with it.
    #[must_use]
    pub const fn error_rate_at_most(&self) -> f64 {
        self.at_most
    }

    /// That the canary fails more often than the baseline.
    #[must_use]
    pub const fn worse(&self) -> EValue {
        self.worse
    }

    /// That it does not by the margin, since the step began.
    #[must_use]
    pub const fn not_worse(&self) -> EValue {
        self.not_worse
    }

    /// That the canary is slow more often than the baseline, if latency is judged.
    #[must_use]
    pub const fn slower(&self) -> Option<EValue> {
        self.slower
    }

    /// That it is not by the margin, since the step began, if latency is judged.
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
    /// The natural logarithm of it: negative where what came is likelier under the hypothesis. Always finite.
    #[must_use]
    pub const fn ln(self) -> f64 {
        self.ln
    }

    /// Itself: 1 in the beginning, never negative, and at most `f64::MAX`.
    #[must_use]
    pub fn value(self) -> f64 {
        self.ln.exp().min(f64::MAX)
    }

    /// How large it has to become.
    #[must_use]
    pub fn needed(self) -> f64 {
        self.ln_needed.exp().min(f64::MAX)
    }

    /// Whether it is as large as that.
    #[must_use]
    pub fn is_enough(self) -> bool {
        self.ln >= self.ln_needed
    }
}

/// `3.2`, or as a power of ten where it is very large or small.
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

/// A rate as a percentage of about three digits.
pub(crate) struct Percent(pub(crate) f64);

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
