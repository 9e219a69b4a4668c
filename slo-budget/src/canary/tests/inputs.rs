//! Counts and policies at their limits.

use std::time::Duration;

use super::{after, errors_only, started};
use crate::{
    canary::{Arm, Canary, CanaryPolicy, InvalidArms, Overdue, Side, Verdict},
    types::{InvalidConfigKind, Objective},
};

#[test]
fn invalid_counts_are_rejected_with_a_reason() {
    let arm = |good, bad| Arm::new(good, bad).latency(20, 10);
    let mut release = started(CanaryPolicy::builder());
    release.observe(arm(100, 5), arm(100, 5)).unwrap();
    for (wrong, why) in [
        (
            arm(99, 50),
            InvalidArms::WentBack as fn(Side) -> InvalidArms,
        ),
        (arm(100, 4), InvalidArms::WentBack),
        (Arm::new(100, 5).latency(19, 10), InvalidArms::WentBack),
        (Arm::new(100, 5).latency(20, 9), InvalidArms::WentBack),
        (
            Arm::new(100, 5).latency(20, 21),
            InvalidArms::MoreSlowThanAll,
        ),
        (
            Arm::new(100, 5).latency(106, 10),
            InvalidArms::MoreSlowThanAll,
        ),
        // Two slow requests among one new request.
        (
            Arm::new(101, 5).latency(22, 10),
            InvalidArms::MoreSlowThanAll,
        ),
        (arm(100, 5).failures_in_a_row(6), InvalidArms::InARow),
        (Arm::new(100, 5), InvalidArms::NoLatency),
        (arm(1_000_000_000_000, 5), InvalidArms::TooMany),
        (arm(u64::MAX, u64::MAX), InvalidArms::TooMany),
    ] {
        assert_eq!(
            release.observe(wrong, arm(100, 5)),
            Err(why(Side::Baseline))
        );
        let error = release.observe(arm(100, 5), wrong).unwrap_err();
        assert_eq!(error, why(Side::Canary));
        assert!(error.to_string().contains("canary"), "{error}");
    }
}

#[test]
fn a_policy_without_latency_ignores_it() {
    let mut release = started(errors_only());
    let latencies = [Some((5, 1)), None, Some((2, 3)), Some((99, 0))];
    for (total, latency) in [10, 20, 30, 40].into_iter().zip(latencies) {
        let arm = Arm::new(total, 0);
        let measured = latency.map_or(arm, |(slow, much)| arm.latency(slow, much));
        release.observe(measured, measured).unwrap();
        assert_eq!(release.evidence().canary(), arm);
    }
}

#[test]
fn the_largest_counts_give_finite_numbers() {
    const MOST: u64 = 1_000_000_000_000;
    let mut arms = Vec::new();
    for total in [0, 1, MOST] {
        for bad in [0, total / 2, total] {
            if bad <= total {
                arms.push(Arm::new(total - bad, bad).latency(total - bad, 0));
            }
        }
    }
    for baseline in &arms {
        for canary in &arms {
            let verdict = after(CanaryPolicy::builder(), *baseline, *canary);
            let evidence = verdict.evidence();
            let e_values = [
                Some(evidence.worse()),
                Some(evidence.not_worse()),
                evidence.slower(),
                evidence.not_slower(),
            ];
            assert!(
                e_values.into_iter().flatten().all(|e| e.ln().is_finite()),
                "{evidence:?}"
            );
            let rates = [
                evidence.error_rate_at_least(),
                evidence.error_rate_at_most(),
            ];
            assert!(
                rates.into_iter().all(|rate| (0.0..=1.0).contains(&rate)),
                "{evidence:?}"
            );
            let (n, m) = (canary.counts().total(), baseline.counts().total());
            assert!(!verdict.is_promote() || (n > 0 && m > 0), "{verdict}");
        }
    }
}

#[test]
fn a_canary_is_small_send_and_sync() {
    static_assertions::assert_impl_all!(Canary: Send, Sync, Clone);
    static_assertions::assert_impl_all!(Verdict: Send, Sync);
    assert!(size_of::<Canary>() <= 1024, "{}", size_of::<Canary>());
}

#[test]
fn an_invalid_policy_is_rejected() {
    let builder = CanaryPolicy::builder();
    let nines = |text: &str| text.parse::<Objective>().unwrap();
    for (builder, why) in [
        (builder.alpha(0.0), InvalidConfigKind::CanaryAlpha),
        (builder.alpha(0.51), InvalidConfigKind::CanaryAlpha),
        (builder.alpha(f64::NAN), InvalidConfigKind::CanaryAlpha),
        (builder.guard(nines("100%")), InvalidConfigKind::CanaryGuard),
        (
            builder.guard(nines("98.9%")),
            InvalidConfigKind::CanaryGuard,
        ),
        (
            builder.guard(nines("0%")).availability(nines("0%")),
            InvalidConfigKind::CanaryAvailability,
        ),
        (builder.odds_ratios([]), InvalidConfigKind::CanaryOddsRatios),
        (
            builder.odds_ratios([2.0; 9]),
            InvalidConfigKind::CanaryOddsRatios,
        ),
        (
            builder.odds_ratios([2.0, 1.0]),
            InvalidConfigKind::CanaryOddsRatios,
        ),
        (
            builder.odds_ratios([f64::INFINITY]),
            InvalidConfigKind::CanaryOddsRatios,
        ),
        (
            builder.odds_ratios([2.0, 0.0, 3.0]),
            InvalidConfigKind::CanaryOddsRatios,
        ),
        (builder.margin(1.0), InvalidConfigKind::CanaryMargin),
        (builder.margin(f64::NAN), InvalidConfigKind::CanaryMargin),
        (builder.min_bad(0), InvalidConfigKind::CanaryFailures),
        (
            builder.failures_in_a_row(0),
            InvalidConfigKind::CanaryFailures,
        ),
        (
            builder.times_error_rate(0.5),
            InvalidConfigKind::CanaryTimes,
        ),
        (
            builder.times_p95(f64::INFINITY),
            InvalidConfigKind::CanaryTimes,
        ),
        (builder.steps([]), InvalidConfigKind::CanarySteps),
        (builder.steps([100]), InvalidConfigKind::CanarySteps),
        (builder.steps([10, 50]), InvalidConfigKind::CanarySteps),
        (builder.steps([10, 10, 100]), InvalidConfigKind::CanarySteps),
        (builder.steps([0, 100]), InvalidConfigKind::CanarySteps),
        (builder.steps([10, 100, 0]), InvalidConfigKind::CanarySteps),
        (builder.steps([50, 101]), InvalidConfigKind::CanarySteps),
        (
            builder.steps([1, 2, 3, 4, 5, 6, 7, 8, 100]),
            InvalidConfigKind::CanarySteps,
        ),
        (
            builder.max_wait(Duration::ZERO, Overdue::Hold),
            InvalidConfigKind::CanaryMaxWait,
        ),
    ] {
        assert_eq!(builder.build(), Err(why.unnamed()));
    }
    assert_eq!(builder.build(), Ok(CanaryPolicy::new()));
    assert!(builder.steps([1, 100]).alpha(0.5).build().is_ok());
}
