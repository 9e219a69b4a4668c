//! Compares other shares of the odds ratios in a bound.

use crate::canary::{
    arms::Tally,
    intervals::{Seen, ln_shares, ln_sum, ln_terms_below},
};

/// The evidence for each of two tests at α = 0.05.
const ENOUGH: f64 = 40.0;
const GUARD: f64 = 0.001;

/// The number of requests that are enough with these shares, in multiples of `step` with `hits` each.
fn needed(shares: &(impl Iterator<Item = f64> + Clone), step: u64, hits: u64) -> u64 {
    let is_enough = |times: u64| {
        let tally = Tally {
            total: times * step,
            hits: times * hits,
        };
        let seen = Seen {
            tally,
            dispersion: 1.0,
        };
        let terms = ln_terms_below(GUARD, seen).into_iter();
        ln_sum(terms.zip(shares.clone()).map(|(term, share)| share + term)) >= ENOUGH.ln()
    };
    (1..=100_000)
        .find(|times| is_enough(*times))
        .map_or(0, |times| times * step)
}

#[test]
fn halving_shares_come_near_to_hindsight() {
    let equal = std::iter::repeat_n(-f64::ln(12.0), 12);
    let of_the_rest = std::iter::repeat_n(f64::ln(0.2 / 11.0), 11);
    let mostly_never = std::iter::once(f64::ln(0.8)).chain(of_the_rest);
    let hindsight = std::iter::once(0.0).chain(std::iter::repeat_n(f64::NEG_INFINITY, 11));
    let without_failures = [
        needed(&ln_shares(), 1, 0),
        needed(&equal, 1, 0),
        needed(&mostly_never, 1, 0),
        needed(&hindsight, 1, 0),
    ];
    assert_eq!(without_failures, [3_851, 5_117, 3_861, 3_688]);
    // Half of the failures that the guard allows.
    let with_some = [
        needed(&ln_shares(), 2_000, 1),
        needed(&equal, 2_000, 1),
        needed(&mostly_never, 2_000, 1),
    ];
    assert_eq!(with_some, [46_000, 40_000, 50_000]);
}
