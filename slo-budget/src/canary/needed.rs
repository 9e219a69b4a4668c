//! How many requests are still missing.

use crate::canary::{
    arms::{MOST, Tally},
    intervals::{as_f64, ln_below, ln_shares, ln_sum, ln_terms_below},
};

/// How many further requests, none of them a hit, until the rate is shown to be below `rate`. `None` where all there
/// may be are not enough.
pub(crate) fn without_a_further_hit(rate: f64, tally: Tally, evidence: f64) -> Option<u64> {
    let enough = |more: u64| {
        let total = tally.total.saturating_add(more);
        ln_below(rate, Tally { total, ..tally }) >= evidence
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

/// How many times as many requests as there were it takes, if hits go on to come as often, until the rate is shown to
/// be below `rate`: at least 1. `None` where it never is.
pub(crate) fn times_at_this_rate(rate: f64, tally: Tally, evidence: f64) -> Option<f64> {
    let terms = ln_terms_below(rate, tally);
    let enough = |times: f64| {
        let grown = (ln_shares().zip(terms)).map(|(share, term)| share + times * term);
        ln_sum(grown) >= evidence
    };
    if enough(1.0) {
        return Some(1.0);
    }
    let (mut low, mut high) = (1.0, as_f64(MOST));
    if !enough(high) {
        return None;
    }
    // As many halvings as bring a factor of 10^12 down to what no request tells apart.
    for _ in 0..96 {
        let middle = f64::midpoint(low, high);
        if enough(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    Some(high)
}

/// The same for evidence that grows by itself in proportion.
pub(crate) fn times_of_evidence(so_far: f64, evidence: f64) -> Option<f64> {
    if so_far >= evidence {
        Some(1.0)
    } else if so_far > 0.0 {
        Some(evidence / so_far)
    } else {
        None
    }
}
