//! Counts and policies at their limits.

use std::time::Duration;

use tokio::time::Instant;

use super::{MINUTE, Release, errors_only};
use crate::{
    canary::{Arm, AtMost, Canary, CanaryPolicy, InvalidArms, Overdue, Reason, Side, Verdict},
    types::{Counts, Factor, InvalidConfigKind, Objective},
};

#[test]
fn invalid_counts_are_rejected_with_a_reason() {
    let second = Duration::from_secs(1);
    let arm = |good, bad| Arm::new(good, bad).latency(20, 10).slower_than(second, 5);
    let builder = CanaryPolicy::builder().at_most([AtMost::p95(second)]);
    let mut release = builder.build().unwrap().start();
    release.observe(arm(100, 5), arm(100, 5)).unwrap();
    let none = InvalidArms::MoreSlowThanAll as fn(Side) -> InvalidArms;
    for (wrong, why) in [
        (arm(100, 5).latency(20, 21), none),
        (arm(100, 5).latency(106, 10), InvalidArms::MoreSlowThanAll),
        // Two slow requests among one new request.
        (arm(101, 5).latency(22, 10), InvalidArms::MoreSlowThanAll),
        (
            arm(101, 5).slower_than(second, 7),
            InvalidArms::MoreSlowThanAll,
        ),
        (arm(100, 5).failures_in_a_row(6), InvalidArms::InARow),
        (
            Arm::new(100, 5).slower_than(second, 5),
            InvalidArms::NoLatency,
        ),
        (Arm::new(100, 5).latency(20, 10), |side| {
            InvalidArms::NoCount(side, Duration::from_secs(1))
        }),
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
    let reasons = release.verdict(Instant::now()).reasons().to_vec();
    assert!(
        reasons.contains(&Reason::MeasurementFailed(18)),
        "{reasons:?}"
    );
}

#[test]
fn a_fifth_threshold_of_an_arm_is_ignored() {
    let seconds = |n| Duration::from_secs(n);
    let arm = (1..=5).fold(Arm::new(9, 0), |arm, n| arm.slower_than(seconds(n), 1));
    assert_eq!(
        arm,
        (1..=4).fold(Arm::new(9, 0), |arm, n| arm.slower_than(seconds(n), 1))
    );
    assert_eq!(
        arm.slower_than(seconds(4), 2).slower_than(seconds(4), 1),
        arm
    );
}

#[test]
fn a_policy_without_latency_ignores_it() {
    let mut release = Release::new(errors_only());
    let latencies = [Some((5, 1)), None, Some((2, 3)), Some((99, 0))];
    for (total, latency) in [10, 20, 30, 40].into_iter().zip(latencies) {
        let arm = Arm::new(total, 0);
        let measured = latency.map_or(arm, |(slow, much)| arm.latency(slow, much));
        (release.baseline, release.tried) = (measured, measured);
        _ = release.observe(MINUTE);
        assert_eq!(release.canary.evidence().canary(), Counts::new(total, 0));
    }
}

#[test]
fn the_largest_counts_give_finite_numbers() {
    const MOST: u64 = 1_000_000_000_000;
    let mut arms = Vec::new();
    for total in [0, 1, MOST] {
        for bad in [0, total / 2, total] {
            arms.push(Arm::new(total - bad, bad).latency(total - bad, 0));
        }
    }
    for baseline in &arms {
        for canary in &arms {
            let mut release = Release::new(CanaryPolicy::builder());
            (release.baseline, release.tried) = (*baseline, *canary);
            let verdict = release.observe(MINUTE);
            let evidence = verdict.evidence();
            let e_values = [
                Some(evidence.worse()),
                Some(evidence.far_worse()),
                Some(evidence.not_worse()),
                evidence.slower(),
                evidence.not_slower(),
            ];
            assert!(
                e_values.into_iter().flatten().all(|e| e.ln().is_finite()),
                "{evidence:?}"
            );
            assert!((0.0..=1.0).contains(&evidence.error_rate_at_most()));
            assert!(!verdict.is_promote(), "{verdict}");
        }
    }
}

#[test]
fn a_forecast_tells_when_a_policy_decides() {
    let policy = errors_only().build().unwrap();
    let forecast = policy.forecast(100.0);
    assert_eq!(forecast.promoted(), Some(15 * MINUTE));
    assert_eq!(forecast.rolled_back(), 7 * MINUTE);
    assert!(!forecast.is_longer_than_max_wait());
    // 962 at 0.1/s, 963 at 0.25/s and 1,926 at 0.5/s.
    let quiet = policy.forecast(1.0);
    let seconds = 962.0 / 0.1 + 963.0 / 0.25 + 1_926.0 / 0.5;
    assert_eq!(quiet.promoted(), Some(Duration::from_secs_f64(seconds)));
    let text = policy.forecast(0.02).to_string();
    assert!(text.contains("longer than its `max_wait`"), "{text}");
    for none in [0.0, -1.0, f64::NAN, 1e-300] {
        let forecast = policy.forecast(none);
        assert_eq!(forecast.promoted(), None, "{none}");
        assert!(
            forecast.to_string().contains("never promotes") && forecast.is_longer_than_max_wait()
        );
    }
    assert_eq!(policy.forecast(f64::INFINITY).promoted(), Some(15 * MINUTE));
}

#[test]
fn a_canary_is_small_send_and_sync() {
    static_assertions::assert_impl_all!(Canary: Send, Sync, Clone);
    static_assertions::assert_impl_all!(Verdict: Send, Sync);
    assert!(size_of::<Canary>() <= 4096, "{}", size_of::<Canary>());
}

#[test]
fn an_invalid_policy_is_rejected() {
    let builder = CanaryPolicy::builder();
    let nines = |text: &str| text.parse::<Objective>().unwrap();
    let at_most = |share| AtMost::errors(Factor::new(share, 1).unwrap());
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
        (builder.margin(1.0), InvalidConfigKind::CanaryTimes),
        (builder.margin(f64::NAN), InvalidConfigKind::CanaryTimes),
        (
            builder.failures_in_a_row(0),
            InvalidConfigKind::CanaryFailures,
        ),
        (
            builder.batch(Duration::from_millis(999)),
            InvalidConfigKind::CanaryBatch,
        ),
        (
            builder.at_most([at_most(0)]),
            InvalidConfigKind::CanaryAtMost,
        ),
        (
            builder.at_most([at_most(1)]),
            InvalidConfigKind::CanaryAtMost,
        ),
        (
            builder.at_most([at_most(2)]),
            InvalidConfigKind::CanaryAtMost,
        ),
        (
            builder.at_most([AtMost::p95(MINUTE).within(Duration::from_secs(4))]),
            InvalidConfigKind::CanaryAtMost,
        ),
        (
            builder.at_most([AtMost::p95(MINUTE); 5]),
            InvalidConfigKind::TooMany,
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
