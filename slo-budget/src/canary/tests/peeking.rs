//! Computes the exact probability that a rule ever acts if it is evaluated after each request, as a sum over all paths.

use crate::canary::{
    arms::Tally,
    intervals::wilson,
    intervals::{Seen, ln_below, rate_of, upper_bound},
};

fn seen(total: u64, hits: u64) -> Seen {
    Seen {
        tally: Tally { total, hits },
        dispersion: 1.0,
    }
}

/// The probability that `acts` holds after any of the first `requests`, each of which fails with probability `rate`.
/// Paths with more than 120 failures count as acted.
fn chance_of_ever(rate: f64, requests: u64, acts: impl Fn(Tally) -> bool) -> f64 {
    const MOST: usize = 120;
    // For each number of failures, the probability of it without an action.
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
}

#[test]
fn evidence_for_a_low_rate_is_rarely_false() {
    for (rate, alpha) in [(0.01, 0.025), (0.02, 0.025), (0.01, 0.005)] {
        let share = chance_of_ever(rate, 3_000, |Tally { total, hits }| {
            ln_below(0.01, seen(total, hits)) >= -f64::ln(alpha)
        });
        assert!(share <= alpha, "{rate}: {share}");
        // The evidence can be found: a rule that never promotes is useless.
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
            let high = upper_bound(seen(total, hits), alpha);
            let rate = rate_of(Tally { total, hits });
            assert!((rate..=1.0).contains(&high), "{total} {hits}");
            let enough = -f64::ln(alpha);
            if high < 1.0 {
                let found = ln_below(high, seen(total, hits));
                assert!(
                    (found - enough).abs() < 1e-5,
                    "{total} {hits} {alpha} {high}"
                );
            }
        }
    }
    // More requests bring the bound closer to the rate.
    let above = |n: u64| upper_bound(seen(1_000 * n, n), 0.05) - 0.001;
    let above = [10, 1_000, 100_000, 10_000_000].map(above);
    assert!(above.is_sorted_by(|a, b| a > b), "{above:?}");
    assert!(above[3] < 1e-5, "{above:?}");
    // Ten times the dispersion is a tenth of the requests.
    let dispersed = Seen {
        dispersion: 10.0,
        ..seen(100_000, 100)
    };
    let bounds = [dispersed, seen(10_000, 10)].map(|seen| upper_bound(seen, 0.05));
    assert!((bounds[0] - bounds[1]).abs() < 1e-12, "{bounds:?}");
}

/// Each request may fail with a different probability, none above (below) the tested rate.
#[test]
fn evidence_about_a_changing_rate_expects_at_most_one() {
    // The sum of all halving shares.
    let staked = 1.0 - 0.5_f64.powi(12);
    for rates in [
        [0.1; 6],
        [0.0, 0.1, 0.05, 0.1, 0.02, 0.1],
        [0.1, 0.0, 0.0, 0.0, 0.0, 0.1],
    ] {
        // The exact distribution of the number of failures.
        let mut chances = [0.0; 7];
        chances[0] = 1.0;
        for rate in rates {
            for hits in (0..7).rev() {
                let one_more = if hits == 0 {
                    0.0
                } else {
                    chances[hits - 1] * rate
                };
                chances[hits] = chances[hits] * (1.0 - rate) + one_more;
            }
        }
        let expected = |rate| {
            let each = (0..7_u64).zip(chances);
            each.map(|(hits, chance)| chance * ln_below(rate, seen(6, hits)).exp())
                .sum::<f64>()
        };
        let least = rates.into_iter().fold(1.0, f64::min);
        if least > 0.0 {
            let below = expected(least);
            assert!((below - staked).abs() < 1e-12, "{rates:?}: {below}");
        }
        assert!(expected(0.0) < 1.0 + 1e-12);
    }
}
