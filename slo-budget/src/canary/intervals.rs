//! Anytime-valid evidence about the rate of one arm, and bounds made of it.
//!
//! Against "the rate is at most `p`" stand alternatives whose odds are `ψ` times those of `p`, with `ψ > 1`. After `hits`
//! of `n` the likelihood ratio of one of them is `ψ^hits / (1 + (ψ - 1) p)^n`: a non-negative supermartingale
//! that starts at 1 as long as no request fails with a probability above `p`, also where that changes from
//! request to request, as the expectation of each factor grows with the rate and is 1 at `p`. So is a mixture over
//! `ψ` (Robbins, *Statistical Methods Related to the Law of the Iterated Logarithm*, 1970), and by Ville's
//! inequality it ever reaches `1/α` with a probability of at most α. With `ψ < 1` the same is evidence against "at
//! least `p`". The rates that are not refused are a confidence sequence (Howard, Ramdas et al.,
//! *Time-uniform, nonparametric, nonasymptotic confidence sequences*, 2021).
//!
//! The ratio falls (rises) with `p`, so the bound is where it is `1/α`, found by halving.
//!
//! Cost: twelve logarithms a look, 64 looks a bound.

use std::f64::consts::{LN_2, LN_10};

use crate::canary::arms::Tally;

/// How many odds ratios are mixed.
const RATIOS: usize = 12;
/// The greatest: 10^4. Each further one is the square root of the one before; the last, 1.0045, is what lets a bound
/// close in on the rate up to some 10^7 hits.
const LN_GREATEST: f64 = 4.0 * LN_10;

/// The logarithm of the evidence against a rate of at most `rate`.
pub(crate) fn ln_above(rate: f64, tally: Tally) -> f64 {
    let terms = ln_ratios().map(|ln_ratio| ln_likelihood_ratio(ln_ratio, rate, tally));
    ln_sum(terms.zip(ln_shares()).map(|(term, share)| share + term))
}

/// The logarithm of the evidence against a rate of at least `rate`.
pub(crate) fn ln_below(rate: f64, tally: Tally) -> f64 {
    let terms = ln_terms_below(rate, tally).into_iter();
    ln_sum(terms.zip(ln_shares()).map(|(term, share)| share + term))
}

/// The terms of [`ln_below`], without their shares; each of them is linear in the tally. The first says "never": a
/// good release mostly shows no failure at all.
pub(crate) fn ln_terms_below(rate: f64, tally: Tally) -> [f64; RATIOS] {
    let mut terms = [0.0; RATIOS];
    for (term, ln_ratio) in terms.iter_mut().zip(ln_ratios()) {
        *term = ln_likelihood_ratio(-ln_ratio, rate, tally);
    }
    terms[0] = if tally.hits == 0 {
        -as_f64(tally.total) * (-below_one(rate)).ln_1p()
    } else {
        f64::NEG_INFINITY
    };
    terms
}

/// The logarithms of the shares in the mixture: a half, a quarter, and so on.
pub(crate) fn ln_shares() -> impl Iterator<Item = f64> + Clone {
    std::iter::successors(Some(-LN_2), |ln| Some(ln - LN_2)).take(RATIOS)
}

/// The rate is at least so high, ever, but with a probability of `alpha`.
pub(crate) fn lower_bound(tally: Tally, alpha: f64) -> f64 {
    let needed = -alpha.ln();
    if tally.hits == 0 || ln_above(0.0, tally) < needed {
        return 0.0;
    }
    // At the rate that was seen no ratio is above 1.
    halve(0.0, rate_of(tally), |rate| ln_above(rate, tally) >= needed).0
}

/// The rate is at most so high, ever, but with a probability of `alpha`.
pub(crate) fn upper_bound(tally: Tally, alpha: f64) -> f64 {
    let needed = -alpha.ln();
    if tally.hits == tally.total || ln_below(1.0, tally) < needed {
        return 1.0;
    }
    halve(rate_of(tally), 1.0, |rate| ln_below(rate, tally) < needed).1
}

/// The share that was seen. Not of an empty tally.
pub(crate) fn rate_of(tally: Tally) -> f64 {
    as_f64(tally.hits) / as_f64(tally.total)
}

/// What holds at `low` and not at `high`: two neighbours where it ceases to.
fn halve(mut low: f64, mut high: f64, holds: impl Fn(f64) -> bool) -> (f64, f64) {
    for _ in 0..64 {
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

fn ln_likelihood_ratio(ln_ratio: f64, rate: f64, Tally { total, hits }: Tally) -> f64 {
    let others = (ln_ratio.exp_m1() * below_one(rate)).ln_1p();
    as_f64(hits) * ln_ratio - as_f64(total) * others
}

/// A rate of 1 has infinite odds: the next below it will do.
fn below_one(rate: f64) -> f64 {
    const NEXT: f64 = 1.0 - f64::EPSILON / 2.0;
    rate.min(NEXT)
}

/// `ln Σ exp`, without overflow. The sum of nothing is `-∞`.
pub(crate) fn ln_sum(terms: impl Iterator<Item = f64> + Clone) -> f64 {
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
pub(crate) const fn as_f64(count: u64) -> f64 {
    count as f64
}
