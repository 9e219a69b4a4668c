//! Compares the sign of a batch with enumerations.

use crate::canary::{
    arms::Tally,
    bets::{Bet, Bets},
    intervals::as_f64,
    sign::sign,
};

fn choose(n: u64, k: u64) -> f64 {
    (1..=k).fold(1.0, |all, i| all * as_f64(n - k + i) / as_f64(i))
}

/// The failures in a part of an arm, each kept with a probability: all numbers with their probabilities.
fn part(of: Tally, size: u64, keep: f64) -> Vec<f64> {
    let mut kept = vec![0.0; 13];
    let all = choose(of.total, size);
    for drawn in 0..=of.hits.min(size) {
        if size - drawn > of.total - of.hits {
            continue;
        }
        let ways = choose(of.hits, drawn) * choose(of.total - of.hits, size - drawn);
        for k in 0..=drawn {
            let powers = keep.powf(as_f64(k)) * (1.0 - keep).powf(as_f64(drawn - k));
            kept[usize::try_from(k).unwrap()] += ways / all * choose(drawn, k) * powers;
        }
    }
    kept
}

/// `P(X > Y) - P(X < Y)` over all pairs.
fn by_pairs(x: &[f64], y: &[f64]) -> f64 {
    let mut sum = 0.0;
    for (i, p) in x.iter().enumerate() {
        for (j, q) in y.iter().enumerate() {
            sum += p * q * f64::from(i32::from(i > j) - i32::from(i < j));
        }
    }
    sum
}

fn tables(most: u64, mut each: impl FnMut(Tally, Tally)) {
    for (baseline, canary) in (1..=most).flat_map(|b| (1..=most).map(move |c| (b, c))) {
        for (x, y) in (0..=baseline).flat_map(|x| (0..=canary).map(move |y| (x, y))) {
            let tally = |total, hits| Tally { total, hits };
            each(tally(baseline, x), tally(canary, y));
        }
    }
}

#[test]
fn the_sign_of_small_tables_is_that_of_all_pairs() {
    let mut compared = 0;
    for keep in [1.0, 0.5, 0.2] {
        tables(12, |baseline, canary| {
            let size = baseline.total.min(canary.total);
            let expected = by_pairs(&part(canary, size, keep), &part(baseline, size, 1.0));
            let found = sign(keep, baseline, canary);
            assert!(
                (found - expected).abs() < 1e-12,
                "{keep} {baseline:?} {canary:?}: {found} {expected}"
            );
            compared += 1;
        });
    }
    assert_eq!(compared, 3 * 8_100);
}

#[test]
fn the_sign_is_antisymmetric_and_zero_for_equal_arms() {
    tables(12, |baseline, canary| {
        let (one, other) = (sign(1.0, baseline, canary), sign(1.0, canary, baseline));
        assert!((one + other).abs() < 1e-15, "{baseline:?} {canary:?}");
        if baseline == canary {
            assert!(one.abs() < 1e-15, "{baseline:?}");
        }
    });
}

/// Whatever failed in both arms together, no arm is favoured.
#[test]
fn the_sign_expects_zero_if_both_arms_are_alike() {
    for (baseline, canary) in [(1, 1), (9, 1), (1, 9), (12, 5), (5, 12), (40, 4), (7, 7)] {
        for failures in 0..=(baseline + canary) {
            let all = choose(baseline + canary, failures);
            let mut expected = 0.0;
            for x in 0..=failures.min(canary) {
                if failures - x > baseline {
                    continue;
                }
                let probability = choose(canary, x) * choose(baseline, failures - x) / all;
                let tally = |total, hits| Tally { total, hits };
                let s = sign(1.0, tally(baseline, failures - x), tally(canary, x));
                expected += probability * s;
            }
            assert!(
                expected.abs() < 1e-12,
                "{baseline} {canary} {failures}: {expected}"
            );
        }
    }
}

#[test]
fn the_sign_of_large_batches_follows_the_normal_law() {
    // A standard deviation below and above that from which on probabilities are no longer listed.
    for (n, x) in [(100_000_000, 1_000_000), (1_000_000_000, 100_000_000)] {
        for (more, wanted) in [(0.0, 0.0), (1.0, 0.682_69), (-2.0, -0.954_50)] {
            for (baseline, canary) in [(9 * n, n), (n, 9 * n)] {
                let size = as_f64(baseline.min(canary));
                let (of, rest) = (as_f64(baseline.max(canary)), as_f64(x) / as_f64(n));
                let variance = size * rest * (1.0 - rest) * (1.0 - size / of);
                #[expect(clippy::cast_possible_truncation, reason = "small")]
                let away = (more * variance.sqrt()).round() as i64;
                let tally = |total, hits| Tally { total, hits };
                let s = if canary < baseline {
                    let hits = x.saturating_add_signed(away);
                    sign(1.0, tally(baseline, 9 * x), tally(canary, hits))
                } else {
                    let hits = x.saturating_add_signed(-away);
                    sign(1.0, tally(baseline, hits), tally(canary, 9 * x))
                };
                assert!((s - wanted).abs() < 2e-3, "{n} {more}: {s} {wanted}");
            }
        }
    }
    // Kept by halves: twice as many failures are alike.
    let tally = |total, hits| Tally { total, hits };
    for n in [10_000, 100_000_000] {
        for (baseline, canary) in [(9 * n, n), (n, 2 * n)] {
            let s = sign(
                0.5,
                tally(baseline, baseline / 100),
                tally(canary, canary / 50),
            );
            assert!(s.abs() < 0.05, "{n}: {s}");
        }
    }
}

#[test]
fn the_largest_counts_have_a_sign() {
    const MOST: u64 = 1_000_000_000_000;
    let counts = [0, 1, MOST / 2, MOST - 1, MOST];
    for keep in [1.0, 0.5, 0.01] {
        for n_b in [1, 2, MOST] {
            for n_c in [1, 2, MOST] {
                for (x_b, x_c) in counts.iter().flat_map(|x| counts.map(|y| (*x, y))) {
                    let tally = |total, hits: u64| Tally {
                        total,
                        hits: hits.min(total),
                    };
                    let s = sign(keep, tally(n_b, x_b), tally(n_c, x_c));
                    assert!(
                        (-1.0 - 1e-9..=1.0 + 1e-9).contains(&s),
                        "{n_b} {x_b} {n_c} {x_c}: {s}"
                    );
                }
            }
        }
    }
    assert!(sign(1.0, Tally::default(), Tally { total: 5, hits: 5 }).abs() < 1e-15);
}

#[test]
fn a_batch_multiplies_evidence_by_at_most_1_9() {
    let (none, all) = (
        Tally {
            total: 900,
            hits: 0,
        },
        Tally {
            total: 100,
            hits: 100,
        },
    );
    let mut bets = Bets::default();
    for batches in 1..=40 {
        bets.add(none, all, 5.0, 2.0);
        let most = f64::from(batches) * 1.9_f64.ln();
        assert!(bets.worse.ln() < most && bets.far_worse.ln() < most);
        // The mean of three products, of which the greatest stake has one third.
        assert!((bets.worse.ln() - most).abs() < 3_f64.ln());
        assert!(bets.not_worse.ln() < 0.0);
    }
    assert_eq!([0.03, 0.01].map(Bet::least_batches), [7, 9]);
}

#[test]
fn an_incident_of_both_arms_leaves_the_evidence_as_it_is() {
    let mut bets = Bets::default();
    bets.add(
        Tally {
            total: 900,
            hits: 1,
        },
        Tally {
            total: 100,
            hits: 2,
        },
        5.0,
        2.0,
    );
    let before = bets;
    bets.add(
        Tally {
            total: 900,
            hits: 900,
        },
        Tally {
            total: 100,
            hits: 100,
        },
        5.0,
        2.0,
    );
    assert!((bets.worse.ln() - before.worse.ln()).abs() < 1e-15);
}
