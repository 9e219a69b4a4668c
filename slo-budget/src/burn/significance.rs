//! Whether bad events can be chance: the guard against low traffic.
//!
//! At an objective of 99.9 % a single error burns 14.4 times too fast in every hour with at most 69 events. So a
//! rule fires only with a minimum number of bad events, and only if `P(X >= bad)` is small, for `X` binomial over
//! the events with the budget as its probability: how likely a service that just meets its objective shows at
//! least that many bad events.
//!
//! This is the only decision that is not made in integers, as its limit is a judgement anyway. It agrees with
//! exact rationals to about 12 digits.
//!
//! Rejected: a test against the factor instead of the budget. It mutes true alerts: 2 % errors at a factor of
//! 14.4 would fire only from 2,900 events on.

use crate::{
    record::budgeting_method::{SliceRule, trials},
    types::{BurnRate, Counts, InvalidConfigKind, Objective},
};

/// How many bad events, and how unlikely, a rule needs to fire.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Significance {
    pub(crate) min_bad: u64,
    pub(crate) min_bad_to_page: u64,
    /// The highest probability that still counts as evidence.
    pub(crate) evidence: f64,
    /// The slices that are counted, if the budget counts slices.
    pub(super) slices: Option<SliceRule>,
}

/// The most terms that are summed. Enough for up to about ten million expected bad events. Beyond that
/// Chernoff's bound decides alone: it needs 3.0 standard deviations instead of 2.3, and errs towards chance.
const MOST_TERMS: u32 = 20_000;

impl Significance {
    /// One error says nothing, and a second may be chance, so the evidence decides; a page needs one more.
    pub(crate) const DEFAULT: Self = Self {
        min_bad: 2,
        min_bad_to_page: 3,
        evidence: 0.01,
        slices: None,
    };

    pub(crate) fn check(self, slices: Option<SliceRule>) -> Result<Self, InvalidConfigKind> {
        // Written so that a NaN is refused.
        if !(self.evidence > 0.0 && self.evidence <= 0.5) {
            return Err(InvalidConfigKind::Evidence);
        }
        if self.min_bad == 0 || self.min_bad_to_page == 0 {
            return Err(InvalidConfigKind::ZeroMinBad);
        }
        Ok(Self { slices, ..self })
    }

    /// Whether the counts of `burn` have at least `min_bad` bad events that are not chance.
    pub(crate) fn holds(&self, burn: BurnRate, min_bad: u64) -> bool {
        let trials = trials(self.slices, burn.counts());
        trials.bad() >= min_bad && is_unlikely(burn.objective(), trials, self.evidence)
    }
}

/// Whether a service that just meets its objective shows at least this many bad events with a probability of at
/// most `limit`, which is at most 0.5.
pub(crate) fn is_unlikely(objective: Objective, counts: Counts, limit: f64) -> bool {
    let (budget, of) = (objective.budget(), objective.of());
    if counts.bad() == 0 {
        return false; // P = 1
    }
    if budget == 0 {
        return true; // P = 0: none was allowed
    }
    // At or below the mean P is at least one half, as the median is within 1 of the mean.
    if u128::from(counts.bad()) * u128::from(of) <= counts.total() * u128::from(budget) {
        return false;
    }
    tail_is_at_most(counts, budget, of, limit)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "16 digits are more than this judgement needs"
)]
fn tail_is_at_most(counts: Counts, budget: u64, of: u64, limit: f64) -> bool {
    let (bad, good, n) = (
        counts.bad() as f64,
        counts.good() as f64,
        counts.total() as f64,
    );
    let p = budget as f64 / of as f64;
    // Not `1 - p`, which would lose the digits of a small `p`.
    let q = (of - budget) as f64 / of as f64;
    // Chernoff: the tail above the mean is at most exp(-divergence).
    let divergence = deviance(bad, n * p) + deviance(good, n * q);
    if (-divergence).exp() <= limit {
        return true;
    }
    // The first term in Loader's form (Fast and Accurate Computation of Binomial Probabilities, 2000), in which
    // nothing cancels, however large the numbers are. Each further term by its ratio to the one before.
    let mut term = if counts.good() == 0 {
        (-divergence).exp()
    } else {
        let stirling = stirling_rest(n) - stirling_rest(bad) - stirling_rest(good);
        (stirling - divergence).exp() * (n / (std::f64::consts::TAU * bad * good)).sqrt()
    };
    let odds = p / q;
    let mut sum = 0.0;
    for step in 0..MOST_TERMS {
        sum += term;
        if sum > limit {
            return false;
        }
        let step = f64::from(step);
        // Above the mean the ratios are below 1 and fall, so the rest is less than a geometric series.
        let ratio = (good - step) / (bad + step + 1.0) * odds;
        if ratio <= 0.0 {
            return true;
        }
        if sum + term * ratio / (1.0 - ratio) <= limit {
            return true;
        }
        term *= ratio;
    }
    false
}

/// `x ln(x / mean) + mean - x`, which is at least 0, without cancellation where the two are close.
pub(crate) fn deviance(x: f64, mean: f64) -> f64 {
    if x == 0.0 {
        return mean;
    }
    let apart = x - mean;
    if apart.abs() < 0.1 * (x + mean) {
        // ln(x / mean) = 2 artanh(v)
        let v = apart / (x + mean);
        let mut sum = apart * v;
        let mut power = 2.0 * x * v;
        for odd in 1..100 {
            power *= v * v;
            let next = sum + power / f64::from(2 * odd + 1);
            if next.to_bits() == sum.to_bits() {
                break;
            }
            sum = next;
        }
        return sum;
    }
    x * (x / mean).ln() - apart
}

/// `ln n! - ln(sqrt(2 π n) (n / e)^n)`.
pub(crate) fn stirling_rest(n: f64) -> f64 {
    if n < 16.0 {
        let mut log_factorial = 0.0;
        let mut i = 2.0;
        while i <= n {
            log_factorial += f64::ln(i);
            i += 1.0;
        }
        return log_factorial - (0.5 * (std::f64::consts::TAU * n).ln() + n * n.ln() - n);
    }
    let square = n * n;
    (1.0 / 12.0
        - (1.0 / 360.0 - (1.0 / 1260.0 - (1.0 / 1680.0 - 1.0 / 1188.0 / square) / square) / square)
            / square)
        / n
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `P(X >= bad)` as numerator and denominator, by summing the definition.
    fn exact_tail(n: u32, bad: u32, budget: u128, of: u128) -> (u128, u128) {
        let mut choose = 1_u128;
        let mut sum = 0;
        for k in 0..=n {
            if k >= bad {
                sum += choose * budget.pow(k) * (of - budget).pow(n - k);
            }
            choose = choose * u128::from(n - k) / u128::from(k + 1);
        }
        (sum, of.pow(n))
    }

    #[test]
    #[expect(
        clippy::cast_precision_loss,
        reason = "the point of comparison is an f64"
    )]
    fn small_numbers_agree_with_exact_rationals() {
        let mut compared = 0;
        for (budget, of, most) in [
            (1, 10, 30),
            (1, 100, 18),
            (1, 2, 60),
            (3, 7, 40),
            (1, 1000, 12),
            (9, 10, 30),
        ] {
            for n in 1..=most {
                for bad in 1..=n {
                    if u64::from(bad) * of <= u64::from(n) * budget {
                        continue;
                    }
                    let (sum, all) = exact_tail(n, bad, budget.into(), of.into());
                    let tail = sum as f64 / all as f64;
                    let counts = Counts::new((n - bad).into(), bad.into());
                    assert!(
                        tail_is_at_most(counts, budget, of, tail * (1.0 + 1e-11)),
                        "{n} {bad}"
                    );
                    assert!(
                        !tail_is_at_most(counts, budget, of, tail * (1.0 - 1e-11)),
                        "{n} {bad}"
                    );
                    compared += 1;
                }
            }
        }
        assert!(compared > 2000, "{compared}");
    }

    #[test]
    fn large_numbers_follow_the_normal_law() {
        // Beyond the mean by z standard deviations; P <= 1 % from z = 2.326 on.
        let objective = Objective::new(999, 1000).unwrap();
        for n in [10_u64.pow(7), 10_u64.pow(9)] {
            let mean = n / 1000;
            let sd = (mean * 999 / 1000).isqrt();
            let at = |z: u64| Counts::new(n - mean - sd * z / 100, mean + sd * z / 100);
            assert!(is_unlikely(objective, at(240), 0.01));
            assert!(!is_unlikely(objective, at(225), 0.01));
        }
    }

    #[test]
    fn the_largest_numbers_are_decided_at_once() {
        let objective = Objective::new(999, 1000).unwrap();
        let n = u64::MAX;
        for (bad, expected) in [(n / 1000, false), (n / 999, true), (n, true)] {
            assert_eq!(
                is_unlikely(objective, Counts::new(n - bad, bad), 0.01),
                expected
            );
        }
        assert!(is_unlikely(
            objective,
            Counts::new(u64::MAX, u64::MAX),
            0.01
        ));
    }

    #[test]
    fn the_edges_are_certain_or_impossible() {
        let all = Objective::new(1, 1).unwrap();
        assert!(!is_unlikely(all, Counts::new(9, 0), 0.01));
        assert!(
            is_unlikely(all, Counts::new(9, 1), 0.01),
            "none was allowed"
        );
        let none = Objective::new(0, 1).unwrap();
        assert!(
            !is_unlikely(none, Counts::new(0, 1000), 0.01),
            "any number was allowed"
        );
        let three_nines = Objective::new(999, 1000).unwrap();
        assert!(!is_unlikely(three_nines, Counts::new(0, 0), 0.01));
        // One of one happens to one service in a thousand; two of 69 to one in 440.
        assert!(is_unlikely(three_nines, Counts::new(0, 1), 0.01));
        assert!(is_unlikely(three_nines, Counts::new(67, 2), 0.01));
        assert!(!is_unlikely(three_nines, Counts::new(998, 2), 0.01));
    }
}
