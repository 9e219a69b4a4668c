//! What looking after each request does, exactly: the chance that a rule ever acts, by summing over all paths.

use crate::canary::{
    arms::Tally,
    intervals::wilson,
    intervals::{ln_above, ln_below, lower_bound, upper_bound},
};

/// The probability that `acts` holds after any of the first `requests`, each of which fails with probability `rate`.
/// Paths with more than 120 failures count as if it held.
fn chance_of_ever(rate: f64, requests: u64, acts: impl Fn(Tally) -> bool) -> f64 {
    const MOST: usize = 120;
    // The chance of so many failures and that it has not acted yet.
    let mut alive = [0.0; MOST];
    alive[0] = 1.0;
    let mut acted = 0.0;
    for total in 1..=requests {
        acted += alive[MOST - 1] * rate;
        for hits in (0..MOST).rev() {
            let one_more = if hits == 0 {
                0.0
            } else {
                alive[hits - 1] * rate
            };
            alive[hits] = alive[hits] * (1.0 - rate) + one_more;
        }
        for (hits, chance) in (0..).zip(&mut alive) {
            if *chance > 0.0 && hits <= total && acts(Tally { total, hits }) {
                acted += std::mem::take(chance);
            }
        }
    }
    acted
}

#[test]
fn a_limit_on_fifty_requests_fails_healthy_canaries() {
    // "Success >= 99 %" over 50 requests: one failure is too many. 0.1 % fail.
    let one_check = 1.0 - 0.999_f64.powi(50);
    assert_eq!(format!("{:.1} %", one_check * 100.0), "4.9 %");
    let ten_checks = 1.0 - (1.0 - one_check).powi(10);
    assert_eq!(format!("{:.0} %", ten_checks * 100.0), "39 %");
    // Ours, looking after each of those 500 requests, by the same limit and with three failures at least.
    let ours = chance_of_ever(0.001, 500, |tally| {
        tally.hits >= 3 && ln_above(0.01, tally) >= 100_f64.ln()
    });
    assert!(ours < 1e-4, "{ours}");
}

#[test]
fn peeking_at_wilsons_bound_rolls_back_healthy_canaries() {
    let wilson_acts = |tally| wilson(tally).low() > 0.01;
    let first = wilson(Tally { total: 1, hits: 1 }).low();
    assert_eq!(format!("{first:.3}"), "0.207");
    let at = |rate| chance_of_ever(rate, 5_000, wilson_acts);
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    assert_eq!(
        [0.001, 0.005].map(|rate| percent(at(rate))),
        ["1.8 %", "10.5 %"]
    );
    // Anytime-valid, at the same 2.5 %: even of canaries that are exactly at the limit fewer are rolled back.
    for rate in [0.001, 0.005, 0.01] {
        let share = chance_of_ever(rate, 3_000, |tally| ln_above(0.01, tally) >= 40_f64.ln());
        assert!(share < 0.025, "{rate}: {share}");
    }
}

#[test]
fn evidence_for_a_low_rate_is_rarely_false() {
    for (rate, alpha) in [(0.01, 0.025), (0.02, 0.025), (0.01, 0.005)] {
        let share = chance_of_ever(rate, 3_000, |tally| {
            ln_below(0.01, tally) >= -f64::ln(alpha)
        });
        assert!(share <= alpha, "{rate}: {share}");
        // It can be found at all: nobody promotes by a rule that never does.
        assert!(rate > 0.01 || share > alpha / 10.0, "{rate}: {share}");
    }
}

#[test]
fn a_bound_is_where_the_evidence_is_just_enough() {
    for (total, hits) in [
        (1, 1),
        (50, 0),
        (50, 1),
        (3_840, 0),
        (100_000, 130),
        (1_000_000_000, 999_999),
        (7, 7),
    ] {
        for alpha in [0.5, 0.025, 0.01, 1e-9] {
            let tally = Tally { total, hits };
            let (low, high) = (lower_bound(tally, alpha), upper_bound(tally, alpha));
            let rate = crate::canary::intervals::rate_of(tally);
            assert!(
                (0.0..=rate).contains(&low) && (rate..=1.0).contains(&high),
                "{tally:?}"
            );
            let enough = -f64::ln(alpha);
            if low > 0.0 {
                assert!(
                    (ln_above(low, tally) - enough).abs() < 1e-5,
                    "{tally:?} {alpha} {low}"
                );
            }
            if high < 1.0 {
                assert!(
                    (ln_below(high, tally) - enough).abs() < 1e-5,
                    "{tally:?} {alpha} {high}"
                );
            }
        }
    }
    // The more there is, the closer they are.
    let width = |n: u64| {
        let tally = Tally {
            total: 1_000 * n,
            hits: n,
        };
        (upper_bound(tally, 0.05) - lower_bound(tally, 0.05)) * 1_000.0
    };
    let widths = [10, 1_000, 100_000, 10_000_000].map(width);
    assert!(widths.is_sorted_by(|a, b| a > b), "{widths:?}");
    assert!(widths[3] < 0.01, "{widths:?}");
}
