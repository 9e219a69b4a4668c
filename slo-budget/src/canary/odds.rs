//! The likelihood of a two-by-two table if the canary's odds of failing are `ψ` times the baseline's, relative to equal
//! odds, given the requests of each arm and the failures of both: Fisher's noncentral hypergeometric distribution
//! (Fisher, *The Logic of Inductive Inference*, 1935; Cornfield, *A Statistical Problem Arising from Retrospective
//! Studies*, 1956) over the central one.
//!
//! With `K` the failures of the canary under the central distribution, the ratio at `k` is `ψ^k / E ψ^K`. Its
//! expectation is 1 under equal odds, and at most 1 if the canary's odds are lower.
//!
//! `E ψ^K` is summed outwards from its greatest term until the rest, bounded by a geometric series, is below rounding:
//! some 17 standard deviations, and never more terms than the smallest margin. The anchor is three binomials in Loader's
//! form, shared with the guard of the pages, so that no digits cancel.

use super::intervals::as_f64;
use crate::burn::significance::{deviance, stirling_rest};

/// The most terms on either side of the greatest. The sum is exact to rounding up to a standard deviation of some 7,000
/// failures (batches of 10^9 requests, half of them failed, in arms of equal size). Beyond that the result is a bracket,
/// of which the cautious end is used. Its ends differ by less than 4 even at 10^12 requests an arm, where a verdict
/// depends on thousands.
const MOST_TERMS: u32 = 65_536;
/// The greatest share of a sum that may be left out: less than rounding.
const REST: f64 = 1e-17;

/// One batch: the requests of each arm, and the failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) baseline: u64,
    pub(super) canary: u64,
    /// The failures of both arms.
    pub(super) failures: u64,
    pub(super) canary_failures: u64,
}

/// A lower and an upper bound of a number. They are equal up to rounding unless the batch is very large.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bracket {
    pub(super) low: f64,
    pub(super) high: f64,
}

impl Table {
    /// Whether only one table has these margins.
    pub(super) const fn says_nothing(&self) -> bool {
        let (fewest, most) = self.support();
        fewest == most
    }

    /// `ln (ψ^k / E ψ^K)` for an odds ratio above 1.
    ///
    /// The cost is one term for each likely number of failures of the canary, at most the smallest margin and
    /// [`MOST_TERMS`] a side.
    pub(super) fn ln_likelihood_ratio(&self, ratio: f64) -> Bracket {
        if self.says_nothing() {
            return Bracket {
                low: 0.0,
                high: 0.0,
            };
        }
        let mode = self.mode(ratio);
        let (sum, rest) = self.sum_about(mode, ratio);
        // E ψ^K = P(K = mode) ψ^mode × sum. The large powers cancel before they are multiplied.
        let apart = as_f64(self.canary_failures) - as_f64(mode);
        let anchor = apart * ratio.ln() - self.ln_probability(mode);
        Bracket {
            low: anchor - (sum + rest).ln(),
            high: anchor - sum.ln(),
        }
    }

    /// The fewest and the most failures of the canary that these margins allow.
    const fn support(&self) -> (u64, u64) {
        let most = if self.canary < self.failures {
            self.canary
        } else {
            self.failures
        };
        (self.failures.saturating_sub(self.baseline), most)
    }

    /// The probability of `k + 1` relative to that of `k` under the odds ratio. It falls as `k` grows.
    fn step(&self, k: u64, ratio: f64) -> f64 {
        as_f64(self.canary - k) * as_f64(self.failures - k) * ratio
            / (as_f64(k + 1) * as_f64(self.baseline + k + 1 - self.failures))
    }

    fn mode(&self, ratio: f64) -> u64 {
        let (mut low, mut high) = self.support();
        while low < high {
            let middle = low + (high - low) / 2;
            if self.step(middle, ratio) >= 1.0 {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// The sum of all probabilities under the odds ratio relative to that of the mode, and a bound of what is left out.
    fn sum_about(&self, mode: u64, ratio: f64) -> (f64, f64) {
        let (fewest, most) = self.support();
        let (mut sum, mut rest) = (1.0, 0.0);
        for up in [true, false] {
            let (mut k, mut term) = (mode, 1.0);
            for left in (0..MOST_TERMS).rev() {
                let terms = if up { most - k } else { k - fewest };
                if terms == 0 {
                    break;
                }
                let step = if up {
                    self.step(k, ratio)
                } else {
                    1.0 / self.step(k - 1, ratio)
                };
                // Steps fall away from the mode, so the rest is less than a geometric series, and less than the number
                // of terms left times the last term.
                let geometric = if step < 1.0 {
                    term * step / (1.0 - step)
                } else {
                    f64::INFINITY
                };
                let remaining = geometric.min(term * as_f64(terms));
                if remaining <= sum * REST || left == 0 {
                    rest += remaining;
                    break;
                }
                term *= step;
                sum += term;
                k = if up { k + 1 } else { k - 1 };
            }
        }
        (sum, rest)
    }

    /// `ln P(K = k)` under the central distribution, by three binomials in Loader's form (*Fast and Accurate
    /// Computation of Binomial Probabilities*, 2000), which does not cancel however large the numbers are.
    fn ln_probability(&self, k: u64) -> f64 {
        let all = self.canary + self.baseline;
        let share = |n: u64| {
            [
                as_f64(n) * as_f64(self.failures) / as_f64(all),
                as_f64(n) * as_f64(all - self.failures) / as_f64(all),
            ]
        };
        ln_binomial(k, self.canary, share(self.canary))
            + ln_binomial(self.failures - k, self.baseline, share(self.baseline))
            - ln_binomial(self.failures, all, share(all))
    }
}

/// `ln P(X = x)` for a binomial of `n` with these expected numbers of hits and misses.
fn ln_binomial(x: u64, n: u64, [hits, misses]: [f64; 2]) -> f64 {
    let others = as_f64(n - x);
    let (n, x) = (as_f64(n), as_f64(x));
    let divergence = deviance(x, hits) + deviance(others, misses);
    if x == 0.0 || others == 0.0 {
        return -divergence;
    }
    let stirling = stirling_rest(n) - stirling_rest(x) - stirling_rest(others);
    stirling - divergence + 0.5 * (n / (std::f64::consts::TAU * x * others)).ln()
}
