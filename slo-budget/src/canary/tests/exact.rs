//! Compares small tables with exact rationals.

use crate::canary::odds::Table;

/// A binomial coefficient. 128 bits are enough for tables of some twenty.
fn choose(n: u64, k: u64) -> u128 {
    (1..=k).fold(1, |all, i| all * u128::from(n - k + i) / u128::from(i))
}

/// The number of ways to `k` failures of the canary.
fn ways(table: &Table, k: u64) -> u128 {
    choose(table.canary, k) * choose(table.baseline, table.failures - k)
}

fn support(table: &Table) -> std::ops::RangeInclusive<u64> {
    table.failures.saturating_sub(table.baseline)..=table.canary.min(table.failures)
}

/// `Σ ways(k) (num/den)^k × den^failures`.
fn weighed(table: &Table, (num, den): (u128, u128)) -> u128 {
    let power = |base: u128, n: u64| base.pow(u32::try_from(n).expect("small"));
    support(table)
        .map(|k| ways(table, k) * power(num, k) * power(den, table.failures - k))
        .sum()
}

/// `P_ψ(k) / P_1(k)` by the definitions of both distributions.
#[expect(
    clippy::cast_precision_loss,
    reason = "what is compared with is an f64"
)]
fn exact_ratio(table: &Table, (num, den): (u128, u128)) -> f64 {
    let power = |base: u128, n: u64| base.pow(u32::try_from(n).expect("small"));
    let k = table.canary_failures;
    let above = power(num, k) * power(den, table.failures - k) * weighed(table, (1, 1));
    above as f64 / weighed(table, (num, den)) as f64
}

const RATIOS: [(u128, u128); 5] = [(3, 2), (2, 1), (4, 1), (10, 1), (1001, 1000)];

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn as_ratio((num, den): (u128, u128)) -> f64 {
    num as f64 / den as f64
}

fn all_small_tables(most: u64, mut each: impl FnMut(Table)) {
    for baseline in 1..=most {
        for canary in 1..=most {
            for failures in 0..=(baseline + canary).min(9) {
                let margins = Table {
                    baseline,
                    canary,
                    failures,
                    canary_failures: 0,
                };
                for canary_failures in support(&margins) {
                    each(Table {
                        canary_failures,
                        ..margins
                    });
                }
            }
        }
    }
}

#[test]
fn the_ratio_of_small_tables_equals_exact_rationals() {
    let mut compared = 0;
    all_small_tables(14, |table| {
        for ratio in RATIOS {
            let bracket = table.ln_likelihood_ratio(as_ratio(ratio));
            let exact = exact_ratio(&table, ratio).ln();
            for ln in [bracket.low, bracket.high] {
                assert!(
                    (ln - exact).abs() < 1e-12,
                    "{table:?} {ratio:?}: {ln} {exact}"
                );
            }
            compared += 1;
        }
    });
    assert!(compared > 20_000, "{compared}");
}

#[test]
#[expect(
    clippy::cast_precision_loss,
    reason = "what is compared with is an f64"
)]
fn the_ratio_expects_one_under_equal_odds_and_less_below() {
    let mut expectations = 0;
    for (baseline, canary) in [(1, 1), (1, 12), (12, 1), (9, 3), (10, 10), (40, 4)] {
        for failures in 0..=(baseline + canary).min(9) {
            let margins = Table {
                baseline,
                canary,
                failures,
                canary_failures: 0,
            };
            // The canary's odds are this multiple of the baseline's: equal, half, a tenth.
            for truth in [(1, 1), (1, 2), (1, 10)] {
                let all = weighed(&margins, truth);
                for ratio in RATIOS {
                    let mut expected = 0.0;
                    for canary_failures in support(&margins) {
                        let table = Table {
                            canary_failures,
                            ..margins
                        };
                        let k = u32::try_from(canary_failures).unwrap();
                        let rest = u32::try_from(failures).unwrap() - k;
                        let of_all =
                            ways(&table, canary_failures) * truth.0.pow(k) * truth.1.pow(rest);
                        let probability = of_all as f64 / all as f64;
                        let e_value = table.ln_likelihood_ratio(as_ratio(ratio)).low.exp();
                        expected += probability * e_value;
                    }
                    assert!(
                        expected < 1.0 + 1e-12,
                        "{margins:?} {truth:?} {ratio:?}: {expected}"
                    );
                    if truth == (1, 1) {
                        assert!(expected > 1.0 - 1e-12, "{margins:?} {ratio:?}: {expected}");
                    }
                    expectations += 1;
                }
            }
        }
    }
    assert!(expectations > 500);
}

#[test]
#[expect(
    clippy::cast_precision_loss,
    reason = "what is compared with is an f64"
)]
fn the_mirrored_ratio_expects_at_most_one_from_the_margin() {
    for (baseline, canary) in [(1, 1), (3, 12), (12, 3), (10, 10)] {
        for failures in 0..=(baseline + canary).min(9) {
            let margins = Table {
                baseline,
                canary,
                failures,
                canary_failures: 0,
            };
            for (margin, truths) in [
                ((3, 2), [(3, 2), (2, 1), (9, 1)]),
                ((2, 1), [(2, 1), (5, 2), (9, 1)]),
            ] {
                for truth in truths {
                    let all = weighed(&margins, truth);
                    let expected: f64 = support(&margins)
                        .map(|canary_failures| {
                            let table = Table {
                                canary_failures,
                                ..margins
                            };
                            let k = u32::try_from(canary_failures).unwrap();
                            let rest = u32::try_from(failures).unwrap() - k;
                            let of_all =
                                ways(&table, canary_failures) * truth.0.pow(k) * truth.1.pow(rest);
                            let mirrored = -table.ln_likelihood_ratio(as_ratio(margin)).high;
                            of_all as f64 / all as f64 * mirrored.exp()
                        })
                        .sum();
                    assert!(expected < 1.0 + 1e-12, "{margins:?} {truth:?}: {expected}");
                    assert!(
                        truth != margin || expected > 1.0 - 1e-12,
                        "{margins:?}: {expected}"
                    );
                }
            }
        }
    }
}

#[test]
#[expect(
    clippy::cast_precision_loss,
    reason = "what is compared with is an f64"
)]
fn the_ratio_against_a_limit_expects_at_most_one_up_to_it() {
    for (baseline, canary) in [(1, 1), (3, 12), (12, 3), (10, 10)] {
        for failures in 0..=(baseline + canary).min(9) {
            let margins = Table {
                baseline,
                canary,
                failures,
                canary_failures: 0,
            };
            // Odds of five times, just below, and equal, against alternatives of ten and fifty.
            for truth in [(5, 1), (9, 2), (1, 1)] {
                for alternative in [10.0, 50.0] {
                    let all = weighed(&margins, truth);
                    let expected: f64 = support(&margins)
                        .map(|canary_failures| {
                            let table = Table {
                                canary_failures,
                                ..margins
                            };
                            let k = u32::try_from(canary_failures).unwrap();
                            let rest = u32::try_from(failures).unwrap() - k;
                            let of_all =
                                ways(&table, canary_failures) * truth.0.pow(k) * truth.1.pow(rest);
                            let ln = table.ln_likelihood_ratio(alternative).low
                                - table.ln_likelihood_ratio(5.0).high;
                            of_all as f64 / all as f64 * ln.exp()
                        })
                        .sum();
                    assert!(expected < 1.0 + 1e-11, "{margins:?} {truth:?}: {expected}");
                    assert!(
                        truth != (5, 1) || expected > 1.0 - 1e-11,
                        "{margins:?}: {expected}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_batch_with_one_possible_table_says_nothing() {
    for (baseline, canary, failures, canary_failures) in [
        (10, 5, 0, 0),
        (10, 5, 15, 5),
        (0, 5, 3, 3),
        (7, 0, 2, 0),
        (0, 0, 0, 0),
    ] {
        let table = Table {
            baseline,
            canary,
            failures,
            canary_failures,
        };
        let bracket = table.ln_likelihood_ratio(4.0);
        assert!(bracket.low == 0.0 && bracket.high == 0.0, "{table:?}");
    }
}
