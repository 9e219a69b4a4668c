//! Checks identities on tables that are too large for exact rationals.

use crate::canary::{intervals::as_f64, odds::Table};

#[test]
fn large_tables_keep_their_digits() {
    const G: u64 = 1_000_000_000;
    for (baseline, canary, failures) in [
        (G, G, 1_000_000),
        (9 * G, G, 10_000_000),
        (G, G, G),
        (9 * G, G, 500),
        (1_000 * G, 1_000 * G, 1_000 * G),
        (1_000 * G, 1, 1_000 * G),
        (1, 1_000 * G, 7),
    ] {
        // With the expected number of failures, an odds ratio loses. The loss follows from the first cumulants: half of
        // its square in standard deviations, and the skew.
        let all = baseline + canary;
        let expected = u128::from(canary) * u128::from(failures) / u128::from(all);
        let canary_failures = u64::try_from(expected).unwrap();
        let table = Table {
            baseline,
            canary,
            failures,
            canary_failures,
        };
        for ratio in [1.001, 1.5, 10.0, 1e6] {
            let bracket = table.ln_likelihood_ratio(ratio);
            assert!(bracket.low.is_finite() && bracket.high.is_finite());
            assert!(bracket.low <= bracket.high, "{table:?}");
            assert!(
                bracket.high - bracket.low < 4.0,
                "{table:?} {ratio}: {bracket:?}"
            );
            assert!(bracket.high <= 1e-3, "{table:?} {ratio}: {bracket:?}");
        }
        let share = as_f64(failures) / as_f64(all);
        let variance = as_f64(canary) * as_f64(baseline) / as_f64(all) * share * (1.0 - share);
        if variance > 1e5 {
            let small = 10.0 / variance.sqrt();
            if small > 1e-3 {
                let ln = table.ln_likelihood_ratio(small.exp());
                let off = as_f64(canary_failures) - as_f64(canary) * share;
                let skew = (1.0 - 2.0 * share) * (1.0 - 2.0 * as_f64(canary) / as_f64(all));
                let expected = small * off - 50.0 - variance * skew * small.powi(3) / 6.0;
                assert!(
                    (ln.high - expected).abs() < 2e-3,
                    "{table:?}: {ln:?} {expected}"
                );
            }
        }
    }
    // Ten tables give nearly the same as one of ten times the size, and the digits are precise enough to see it.
    let table = |n| Table {
        baseline: 9 * n,
        canary: n,
        failures: n / 100,
        canary_failures: n / 500,
    };
    let one = table(100_000_000).ln_likelihood_ratio(1.5).low;
    let ten = table(1_000_000_000).ln_likelihood_ratio(1.5).low;
    assert!((ten / one - 10.0).abs() < 1e-4, "{one} {ten}");
}
