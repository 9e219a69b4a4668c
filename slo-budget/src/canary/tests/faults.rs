//! What rolls a release back: the comparison, and the hard limits.

use tokio::time::Instant;

use super::{after, errors_only, started};
use crate::canary::{Arm, Builder, CanaryPolicy, Reason, Verdict, odds::Table};

#[test]
fn worse_than_the_baseline_rolls_back_at_one_over_alpha() {
    let verdict = after(errors_only(), Arm::new(99_900, 100), Arm::new(9_960, 40));
    let [Reason::Worse(e)] = verdict.reasons() else {
        panic!("{verdict}")
    };
    assert!(
        (e.needed() - 60.0).abs() < 1e-9 && e.value() >= 60.0,
        "{e:?}"
    );
    // With latency there are five tests instead of three.
    let both = CanaryPolicy::new().start_at(Instant::now());
    assert!((both.evidence().slower().unwrap().needed() - 100.0).abs() < 1e-9);
    assert!((both.evidence().worse().needed() - 100.0).abs() < 1e-9);
    assert!((both.evidence().not_worse().needed() - 40.0).abs() < 1e-9);
    // With the counts exchanged the canary is better.
    let other = after(errors_only(), Arm::new(99_600, 400), Arm::new(9_990, 10));
    assert!(other.evidence().worse().ln() < 0.0, "{other}");
    assert!(!other.is_roll_back());
}

#[test]
fn the_mixture_is_the_mean_over_the_odds_ratios() {
    let (baseline, canary) = (Arm::new(990, 10), Arm::new(96, 4));
    let of = |builder: Builder| after(builder, baseline, canary).evidence().worse().value();
    let each = [1.5, 2.0, 4.0, 10.0].map(|ratio| of(errors_only().odds_ratios([ratio])));
    let mean = each.iter().sum::<f64>() / 4.0;
    assert!((of(errors_only()) / mean - 1.0).abs() < 1e-12, "{each:?}");
    // Products are mixed, mixtures are not multiplied: two equal batches.
    let mut release = started(errors_only());
    release.observe(baseline, canary).unwrap();
    release
        .observe(Arm::new(1_980, 20), Arm::new(192, 8))
        .unwrap();
    let mean = each.iter().map(|e| e * e).sum::<f64>() / 4.0;
    assert!((release.evidence().worse().value() / mean - 1.0).abs() < 1e-12);
}

#[test]
fn hard_limits_need_three_failures() {
    // After two failures of two the bound is far above 1 %.
    let two = after(errors_only(), Arm::new(1_000, 0), Arm::new(0, 2));
    assert!(two.evidence().error_rate_at_least() > 0.01, "{two}");
    let unavailable = |verdict: &Verdict| {
        let mut reasons = verdict.reasons().iter();
        reasons.any(|reason| matches!(reason, Reason::Unavailable { .. }))
    };
    assert!(!unavailable(&two), "{two}");
    let three = after(errors_only(), Arm::new(1_000, 0), Arm::new(0, 3));
    assert!(unavailable(&three) && three.is_roll_back(), "{three}");
    let many = after(errors_only().min_bad(4), Arm::new(1_000, 0), Arm::new(0, 3));
    assert!(!unavailable(&many), "{many}");
}

#[test]
fn availability_needs_no_baseline() {
    let alone = after(errors_only(), Arm::default(), Arm::new(9_700, 300));
    let [Reason::Unavailable { at_least, limit }] = alone.reasons() else {
        panic!("{alone}")
    };
    assert!(*at_least > 0.02 && *at_least < 0.03 && (limit - 0.01).abs() < 1e-15);
    assert!(after(errors_only(), Arm::default(), Arm::new(9_900, 100)).is_hold());
    let lax = errors_only().availability("95%".parse().unwrap());
    assert!(after(lax, Arm::default(), Arm::new(9_700, 300)).is_hold());
}

#[test]
fn five_times_the_baseline_is_a_separate_limit() {
    let baseline = Arm::new(999_000, 1_000);
    let verdict = after(errors_only(), baseline, Arm::new(39_680, 320));
    let times = |verdict: &Verdict| {
        let mut reasons = verdict.reasons().iter();
        reasons.find_map(|reason| match reason {
            Reason::TimesErrorRate { evidence, times } => Some((*evidence, *times)),
            _ => None,
        })
    };
    let (evidence, limit) = times(&verdict).expect("eight times");
    assert!(evidence.is_enough() && (limit - 5.0).abs() < 1e-15);
    // Eight times by the observed rates, but it may be chance.
    let few = after(errors_only(), baseline, Arm::new(496, 4));
    assert!(few.is_hold(), "{few}");
    let eight = after(
        errors_only().times_error_rate(8.0),
        baseline,
        Arm::new(39_680, 320),
    );
    assert!(eight.is_roll_back() && times(&eight).is_none(), "{eight}");
    // A bad hour affects both arms after the canary's share has grown: in total more than five times the share of its
    // requests failed, but in no batch more than of the baseline's.
    let mut release = started(errors_only());
    release
        .observe(Arm::new(9_000_000, 0), Arm::new(900, 100))
        .unwrap();
    assert!(
        times(&release.verdict(Instant::now())).is_some(),
        "by itself it is"
    );
    let mut release = started(errors_only().availability("50%".parse().unwrap()));
    release
        .observe(Arm::new(9_000_000, 900), Arm::new(1_000, 0))
        .unwrap();
    release
        .observe(Arm::new(9_000_900, 1_000), Arm::new(1_900, 100))
        .unwrap();
    assert!(
        !release.verdict(Instant::now()).is_roll_back(),
        "{}",
        release.verdict(Instant::now())
    );
}

#[test]
fn ten_failures_in_a_row_roll_back() {
    let baseline = Arm::new(1_000, 0);
    let row = |n| {
        after(
            errors_only(),
            baseline,
            Arm::new(5_000, 10).failures_in_a_row(n),
        )
    };
    assert!(!row(9).reasons().contains(&Reason::FailuresInARow(9)));
    assert!(row(10).reasons().contains(&Reason::FailuresInARow(10)));
    // Not reported, but seen in the batches.
    let mut release = started(errors_only());
    let mut see = |good, bad| {
        release.observe(baseline, Arm::new(good, bad)).unwrap();
        let verdict = release.verdict(Instant::now());
        let mut reasons = verdict.reasons().iter();
        reasons.any(|reason| matches!(reason, Reason::FailuresInARow(_)))
    };
    assert!(!see(5_000, 9), "among good ones");
    assert!(!see(5_000, 18), "nine");
    assert!(!see(5_001, 18), "a good one");
    assert!(!see(5_001, 22) && !see(5_001, 27), "nine");
    assert!(see(5_001, 28), "ten");
}

#[test]
fn a_shown_fault_is_never_forgiven() {
    let mut release = started(errors_only());
    let bad = (Arm::new(99_900, 100), Arm::new(9_960, 40));
    release.observe(bad.0, bad.1).unwrap();
    assert!(release.verdict(Instant::now()).is_roll_back());
    release
        .observe(Arm::new(999_000, 1_000), Arm::new(999_960, 40))
        .unwrap();
    let verdict = release.verdict(Instant::now());
    assert!(!verdict.evidence().worse().is_enough(), "no longer");
    assert!(
        matches!(verdict.reasons(), [Reason::Worse(e)] if e.is_enough()),
        "{verdict}"
    );
    assert!(verdict.is_roll_back());
}

#[test]
fn a_batch_too_large_to_sum_uses_the_cautious_end() {
    const N: u64 = 500_000_000_000;
    let arm = Arm::new(N, N - 1_000_000);
    let table = Table {
        baseline: 2 * N,
        canary: 2 * N - 1_000_000,
        failures: 2 * N - 1_000_000,
        canary_failures: N - 1_000_000,
    };
    let bracket = table.ln_likelihood_ratio(1.001);
    assert!(bracket.high - bracket.low > 1.0, "{bracket:?}");
    let builder = errors_only().odds_ratios([1.001]).margin(1.001);
    let verdict = after(builder, Arm::new(N, N), arm);
    let (worse, not_worse) = (verdict.evidence().worse(), verdict.evidence().not_worse());
    assert!(
        (worse.ln() - bracket.low).abs() < 1e-9,
        "{worse:?} {bracket:?}"
    );
    assert!(
        (not_worse.ln() + bracket.high).abs() < 1e-9,
        "{not_worse:?} {bracket:?}"
    );
}
