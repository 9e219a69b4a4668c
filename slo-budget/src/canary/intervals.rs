//! Anytime-valid evidence that the rate of the canary is low, the bound from it, and the requests that a proof still needs.
//!
//! Against "the rate is at least `p`" stand alternatives whose odds are `1/ψ` times those of `p`, with `ψ > 1`. After `hits`
//! of `n` the likelihood ratio of an alternative is `ψ^-hits / (1 + (1/ψ - 1) p)^n`. It is a non-negative supermartingale
//! that starts at 1 as long as no request fails with a probability below `p`, even if that probability changes from
//! request to request: the expectation of each factor falls with the rate and is 1 at `p`. A mixture over `ψ` is one too
//! (Robbins, *Statistical Methods Related to the Law of the Iterated Logarithm*, 1970), so by Ville's inequality it ever
//! reaches `1/α` with a probability of at most α. The rates that are not rejected are a confidence sequence (Howard,
//! Ramdas et al., *Time-uniform, nonparametric, nonasymptotic confidence sequences*, 2021).
//!
//! That takes requests for independent. Requests and hits are divided by the dispersion of the batches, χ² over its
//! degrees of freedom and at least 1 (Wedderburn, *Quasi-likelihood functions*, 1974), so failures in bursts count less. A
//! shock that is rarer than one in the batches of a step cannot be seen by any test, and is not accounted for.
//!
//! The ratio is monotone in `p`, so bisection finds the bound where it is `1/α`.
//!
//! # Why a mixture over odds ratios, and not a beta prior
//!
//! The ratio is one line and a supermartingale for *every* sequence of rates on the tested side. A beta prior bets on both
//! sides and covers a constant rate only. There are twelve ratios, each the square root of the one before, from 10^4 to
//! 1.0045, with shares of a half, a quarter and so on. Against a guard the first one says "never fails". So a release
//! without any failure is promoted after 3,851 requests at 99.9 % and α = 0.05, where hindsight would need 3,688.
//! Rejected (`tests/mixture.rs`): equal shares (5,117, and 40,000 instead of 46,000 where half of the guard fails), and
//! four fifths on "never" with the rest in equal shares (3,861, and 50,000).
//!
//! # Cost
//!
//! Twelve logarithms for each evaluation, 64 evaluations for a bound.

use std::f64::consts::{LN_2, LN_10};

use super::{
    arms::{MOST, Tally},
    evidence::Interval,
};

/// The number of odds ratios in the mixture.
const RATIOS: usize = 12;
/// The greatest odds ratio, 10^4. Each further one is the square root of the one before. The last one, 1.0045, lets a
/// bound approach the rate up to some 10^7 hits.
const LN_GREATEST: f64 = 4.0 * LN_10;

/// 1.96 standard deviations: 95 % of a normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// What was seen of the canary.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) tally: Tally,
    /// χ² of the batches over its degrees of freedom, at least 1.
    pub(super) dispersion: f64,
}

/// The logarithm of the evidence against a rate of at least `rate`.
pub(super) fn ln_below(rate: f64, seen: Seen) -> f64 {
    ln_mixture(ln_terms_below(rate, seen).into_iter())
}

/// The terms of [`ln_below`] without their shares. Each is linear in the tally. The first one says "never": a good release
/// mostly has no failure at all.
pub(super) fn ln_terms_below(rate: f64, Seen { tally, dispersion }: Seen) -> [f64; RATIOS] {
    let (total, hits) = (as_f64(tally.total), as_f64(tally.hits));
    let rate = below_one(rate);
    let mut terms = [0.0; RATIOS];
    for (term, ln_ratio) in terms.iter_mut().zip(ln_ratios()) {
        let others = ((-ln_ratio).exp_m1() * rate).ln_1p();
        *term = -(hits * ln_ratio + total * others) / dispersion;
    }
    terms[0] = if tally.hits == 0 {
        -total * (-rate).ln_1p() / dispersion
    } else {
        f64::NEG_INFINITY
    };
    terms
}

/// The logarithm of the mixture, from those of its terms without their shares.
fn ln_mixture(terms: impl Iterator<Item = f64> + Clone) -> f64 {
    ln_sum(terms.zip(ln_shares()).map(|(term, share)| share + term))
}

/// The logarithms of the shares in the mixture: a half, a quarter, and so on.
pub(super) fn ln_shares() -> impl Iterator<Item = f64> + Clone {
    std::iter::successors(Some(-LN_2), |ln| Some(ln - LN_2)).take(RATIOS)
}

/// A rate that is ever below the true rate with a probability of at most `alpha`.
pub(super) fn upper_bound(seen: Seen, alpha: f64) -> f64 {
    let (needed, tally) = (-alpha.ln(), seen.tally);
    if tally.hits == tally.total || ln_below(1.0, seen) < needed {
        return 1.0;
    }
    let is_possible = |rate| ln_below(rate, seen) < needed;
    bisect(64, rate_of(tally), 1.0, is_possible).1
}

/// The observed rate, 0 without requests.
pub(super) fn rate_of(tally: Tally) -> f64 {
    as_f64(tally.hits) / as_f64(tally.total.max(1))
}

/// The number of further requests without a hit that show the rate to be below `rate`. `None` if 10^12 are not enough.
pub(super) fn without_a_further_hit(rate: f64, seen: Seen, evidence: f64) -> Option<u64> {
    let enough = |more: u64| {
        let tally = Tally {
            total: seen.tally.total + more,
            ..seen.tally
        };
        ln_below(rate, Seen { tally, ..seen }) >= evidence
    };
    if !enough(MOST) {
        return None;
    }
    let (mut low, mut high) = (0, MOST);
    while low < high {
        let middle = low + (high - low) / 2;
        if enough(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Some(low)
}

/// The factor, at least 1, by which the tally has to grow in proportion to show that the rate is below `rate`. `None` if no
/// factor is enough.
pub(super) fn times_at_this_rate(rate: f64, seen: Seen, evidence: f64) -> Option<f64> {
    let terms = ln_terms_below(rate, seen);
    let most = as_f64(MOST);
    let falls_short =
        |times: f64| ln_mixture(terms.into_iter().map(|term| times * term)) < evidence;
    if !falls_short(1.0) {
        Some(1.0)
    } else if falls_short(most) {
        None
    } else {
        // 96 bisections reduce a factor of 10^12 to less than one request.
        Some(bisect(96, 1.0, most, falls_short).1)
    }
}

/// As [`times_at_this_rate`], for evidence that grows in proportion.
pub(super) fn times_of_evidence(found: f64, evidence: f64) -> Option<f64> {
    if found >= evidence {
        Some(1.0)
    } else if found > 0.0 {
        Some(evidence / found)
    } else {
        None
    }
}

/// Wilson's score interval (Wilson, *Probable Inference, the Law of Succession, and Statistical Inference*, 1927), for
/// display: it covers a number of requests that was fixed beforehand, so no decision uses it.
pub(super) fn wilson(Tally { total, hits }: Tally) -> Interval {
    if total == 0 {
        return Interval {
            low: 0.0,
            high: 1.0,
        };
    }
    let (n, rate) = (as_f64(total), as_f64(hits) / as_f64(total));
    let square = Z * Z;
    let scale = 1.0 / (1.0 + square / n);
    let centre = (rate + square / (2.0 * n)) * scale;
    let half = (rate * (1.0 - rate) / n + square / (4.0 * n * n)).sqrt() * Z * scale;
    Interval {
        low: if hits == 0 {
            0.0
        } else {
            (centre - half).max(0.0)
        },
        high: if hits == total {
            1.0
        } else {
            (centre + half).min(1.0)
        },
    }
}

/// Bisects a number of `times` between `low`, where `holds` is true, and `high`, where it is not.
fn bisect(times: u32, mut low: f64, mut high: f64, holds: impl Fn(f64) -> bool) -> (f64, f64) {
    for _ in 0..times {
        let middle = f64::midpoint(low, high);
        if holds(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low, high)
}

fn ln_ratios() -> impl Iterator<Item = f64> + Clone {
    std::iter::successors(Some(LN_GREATEST), |ln| Some(ln / 2.0)).take(RATIOS)
}

/// A rate of 1 has infinite odds, so it is replaced by the next lower number.
fn below_one(rate: f64) -> f64 {
    const NEXT: f64 = 1.0 - f64::EPSILON / 2.0;
    rate.min(NEXT)
}

/// `ln Σ exp`, without overflow. The sum of nothing is `-∞`.
pub(super) fn ln_sum(terms: impl Iterator<Item = f64> + Clone) -> f64 {
    let greatest = terms.clone().fold(f64::NEG_INFINITY, f64::max);
    if greatest == f64::NEG_INFINITY {
        return greatest;
    }
    greatest + terms.map(|term| (term - greatest).exp()).sum::<f64>().ln()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts were checked to be below 2^53"
)]
pub(super) const fn as_f64(count: u64) -> f64 {
    count as f64
}
