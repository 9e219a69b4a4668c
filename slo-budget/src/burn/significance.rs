//! Whether so many bad events can be chance: the guard that keeps low traffic from closing a gate.
//!
//! `P(X >= bad)` for `X` binomial over the events with the budget as its probability: how likely a service
//! that just meets its objective shows at least so many bad events. The only decision that is not made in
//! integers, as the number is a judgement anyhow; it agrees with exact rationals to some 12 digits.

use crate::types::{Counts, Objective};

/// The most terms that are summed. Enough for an answer up to some ten million expected bad events; beyond,
/// Chernoff's bound alone decides, which asks for 3.0 standard deviations where 2.3 would do, and errs
/// towards "it may be chance".
const MOST_TERMS: u32 = 20_000;

/// Whether the chance of at least this many bad events, were the objective just met, is at most `limit`.
///
/// `limit` is at most 0.5.
pub(crate) fn is_unlikely(objective: Objective, counts: Counts, limit: f64) -> bool {
    let (budget, of) = (objective.budget(), objective.of());
    if counts.bad == 0 {
        return false; // P = 1
    }
    if budget == 0 {
        return true; // P = 0: not one was allowed
    }
    // Exactly: at or below the mean it is at least one half, as the median is within 1 of the mean.
    if u128::from(counts.bad) * u128::from(of) <= counts.total() * u128::from(budget) {
        return false;
    }
    tail_is_at_most(counts, budget, of, limit)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "16 digits are more than this judgement needs"
)]
fn tail_is_at_most(counts: Counts, budget: u64, of: u64, limit: f64) -> bool {
    let (bad, good, n) = (counts.bad as f64, counts.good as f64, counts.total() as f64);
    let p = budget as f64 / of as f64;
    // Not `1 - p`, which would lose the digits of a small one.
    let q = (of - budget) as f64 / of as f64;
    // Chernoff: the tail above the mean is at most exp(-divergence).
    let divergence = deviance(bad, n * p) + deviance(good, n * q);
    if (-divergence).exp() <= limit {
        return true;
    }
    // The first term by Loader's form (Fast and Accurate Computation of Binomial Probabilities, 2000),
    // which does not cancel however large the numbers are; each further one by its ratio.
    let mut term = if counts.good == 0 {
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
        // Above the mean, so the ratios are below 1 and fall: what is left is less than a geometric series.
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

/// `x ln(x / mean) + mean - x`, at least 0, without cancellation where they are close.
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
    fn it_agrees_with_exact_rationals_for_small_numbers() {
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
    fn the_largest_numbers_are_answered_at_once_and_never_too_eagerly() {
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
    fn the_edges_are_what_the_words_say() {
        let all = Objective::new(1, 1).unwrap();
        assert!(!is_unlikely(all, Counts::new(9, 0), 0.01));
        assert!(
            is_unlikely(all, Counts::new(9, 1), 0.01),
            "not one was allowed"
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
