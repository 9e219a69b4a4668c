//! Which arm failed more often in one batch, as a number from -1 to 1.
//!
//! `s = P(K < x) - P(K > x)`, where `x` of the canary's requests failed, and `K` is hypergeometric: the failures in a
//! part of the baseline that is as large as the canary. If the canary is the larger arm, a part of the canary is compared
//! with the baseline. As long as both arms are alike within the batch, the compared parts can be exchanged, so `s`
//! expects 0, whatever the error rate, and **whatever the dispersion**: an incident of both arms, errors in bursts or a
//! rate that changes with every batch do no harm. Where failures depend on each other, a likelihood ratio takes each of
//! them for evidence; `s` is one observation a batch, however many failures it has.
//!
//! For "more than `m` times as often", each failure of the canary is kept with the probability `1/m` first. The number of
//! failures that are kept is binomial. With a part of the canary the order is: draw a part, then keep; `P(kept > x)` of
//! `k` failures is the probability that the `(x + 1)`th one that is kept is among the first `k`.

use super::{arms::Tally, intervals::as_f64, pmf::Draws};

/// The most probabilities of a comparison, 512 KB. That is enough for a standard deviation of 1,500 failures. Beyond it
/// the normal distribution is closer than 1 in 10,000.
const MOST_TERMS: u64 = 65_536;

/// From -1, the canary failed less often than `1/keep` times the baseline, to 1, it failed more often; in one batch.
/// Without requests of both arms it is 0.
pub(super) fn sign(keep: f64, baseline: Tally, canary: Tally) -> f64 {
    if baseline.total == 0 || canary.total == 0 {
        return 0.0;
    }
    let part = |of: Tally, drawn| Draws::Subset {
        all: of.total,
        hits: of.hits,
        drawn,
    };
    if canary.total <= baseline.total {
        let least = part(baseline, canary.total);
        let kept = Draws::Kept {
            n: canary.hits,
            kept: keep,
        };
        return if is_listed(&[least, kept]) {
            least.is_at_most(kept) - kept.is_at_most(least)
        } else {
            let variance = kept.variance() + least.variance();
            sign_of_normal(kept.mean() - least.mean(), variance)
        };
    }
    let found = part(canary, baseline.total);
    let until = |nth| Draws::UntilKept { nth, kept: keep };
    let (reaches, exceeds) = (until(baseline.hits), until(baseline.hits + 1));
    if is_listed(&[found, exceeds]) && is_listed(&[found, reaches]) {
        exceeds.is_at_most(found) - (1.0 - reaches.is_at_most(found))
    } else {
        let mean = keep * found.mean();
        let variance = keep * keep * found.variance() + mean * (1.0 - keep);
        sign_of_normal(mean - as_f64(baseline.hits), variance)
    }
}

/// Whether the probabilities are few enough to be listed, or are not needed at all.
fn is_listed(draws: &[Draws; 2]) -> bool {
    let [(a, b), (c, d)] = draws.map(Draws::range);
    b < c || d < a || (b - a).saturating_add(d - c) <= MOST_TERMS
}

/// `P(X > 0) - P(X < 0)` of a normal distribution, by Abramowitz and Stegun 7.1.26, to seven digits.
fn sign_of_normal(mean: f64, variance: f64) -> f64 {
    let x = mean.abs() / (2.0 * variance).sqrt();
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let terms = [
        1.061_405_429,
        -1.453_152_027,
        1.421_413_741,
        -0.284_496_736,
        0.254_829_592,
    ];
    let rest = terms.into_iter().fold(0.0, |sum, term| (sum + term) * t) * (-x * x).exp();
    (1.0 - rest).copysign(mean)
}
