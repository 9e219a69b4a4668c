//! What promotes a release: the guard, and the comparison.

use std::time::Duration;

use tokio::time::{Instant, advance};

use super::{after, errors_only};
use crate::{
    canary::{Arm, CanaryPolicy, Overdue, Reason, Verdict},
    types::Objective,
};

#[test]
fn exactly_the_needed_requests_promote() {
    let policy = errors_only().build().unwrap();
    let needed = policy.requests_if_none_fails().unwrap();
    assert_eq!(needed, 3_851);
    let baseline = Arm::new(10, 0);
    let Verdict::Hold(hold) = after(errors_only(), baseline, Arm::new(needed - 1, 0)) else {
        panic!("one too early")
    };
    assert_eq!(
        (hold.if_none_fails(), hold.at_this_rate()),
        (Some(1), Some(1))
    );
    let enough = after(errors_only(), baseline, Arm::new(needed, 0));
    assert!(enough.is_promote(), "{enough}");
    assert!(
        matches!(enough.reasons(), [Reason::WithinGuard { at_most, guard: 0.001 }] if *at_most <= 0.001)
    );
    // A stricter guard needs ten times the requests.
    let stricter = errors_only()
        .guard("99.99%".parse().unwrap())
        .build()
        .unwrap();
    assert_eq!(stricter.requests_if_none_fails(), Some(38_524));
    let hopeless = Objective::new(999_999_999_999_999_999, 1_000_000_000_000_000_000).unwrap();
    let hopeless = errors_only().guard(hopeless).build().unwrap();
    assert_eq!(hopeless.requests_if_none_fails(), None);
}

#[test]
fn the_estimate_at_this_rate_comes_true() {
    // Half of what the guard allows fails.
    let (baseline, canary) = (Arm::new(10, 0), Arm::new(9_995, 5));
    let Verdict::Hold(hold) = after(errors_only(), baseline, canary) else {
        panic!("too early")
    };
    let further = hold.at_this_rate().unwrap();
    assert!(further > 20_000 && further < 50_000, "{further}");
    let grown = |further: u64| {
        let bad = (10_000 + further) / 2_000;
        after(
            errors_only(),
            baseline,
            Arm::new(10_000 + further - bad, bad),
        )
    };
    assert!(grown(further + 2_000).is_promote());
    // One failure less would need some 4,000 requests less.
    assert!(grown(further - 6_000).is_hold());
    // If more fails than the guard allows, and than the baseline, no number of requests is enough.
    let Verdict::Hold(hold) = after(errors_only(), Arm::new(9_990, 10), Arm::new(996, 4)) else {
        panic!("nothing is shown yet")
    };
    assert_eq!(hold.at_this_rate(), None);
    assert!(hold.if_none_fails().unwrap() > 10_000, "{hold:?}");
}

#[test]
fn a_release_as_bad_as_its_baseline_is_promoted() {
    let verdict = after(
        errors_only(),
        Arm::new(9_950_000, 50_000),
        Arm::new(995_000, 5_000),
    );
    assert!(
        matches!(verdict.reasons(), [Reason::NotWorse(e)] if e.is_enough()),
        "{verdict}"
    );
    assert!(verdict.is_promote());
    // Without any error the comparison shows nothing, whatever the number of requests.
    let nothing = after(errors_only(), Arm::new(9_950_000, 0), Arm::new(900, 0));
    assert!(nothing.is_hold(), "{nothing}");
    assert!(nothing.evidence().not_worse().ln().abs() < 1e-12);
}

#[test]
fn latency_is_compared_and_has_a_separate_limit() {
    let policy = CanaryPolicy::builder();
    let baseline = Arm::new(100_000, 0).latency(5_000, 10);
    let same = after(policy, baseline, Arm::new(10_000, 0).latency(500, 1));
    assert!(same.is_promote(), "{same}");
    assert!(matches!(
        same.reasons(),
        [
            Reason::WithinGuard { .. },
            Reason::FastEnough { .. } | Reason::NotSlower(_)
        ]
    ));
    let slower = after(policy, baseline, Arm::new(10_000, 0).latency(800, 1));
    assert!(matches!(slower.reasons(), [Reason::Slower(_)]), "{slower}");
    let much = after(policy, baseline, Arm::new(1_000, 0).latency(120, 100));
    assert!(
        much.reasons()
            .iter()
            .any(|reason| matches!(reason, Reason::TimesP95 { .. })),
        "{much}"
    );
    // If the baseline is as slow, the canary is not the cause.
    let baseline = Arm::new(100_000, 0).latency(12_000, 10_000);
    let both = after(policy, baseline, Arm::new(1_000, 0).latency(120, 100));
    assert!(both.is_hold(), "{both}");
    // Good errors do not replace evidence about latency.
    let unknown = after(
        policy,
        Arm::new(1, 0).latency(0, 0),
        Arm::new(10_000, 0).latency(690, 0),
    );
    assert!(
        matches!(unknown.reasons(), [Reason::LatencyUndecided { .. }]),
        "{unknown}"
    );
    let p95 = Duration::from_millis(80);
    let policy = policy.build().unwrap();
    assert_eq!(policy.much_too_slow_after(p95), 3 * p95);
    assert_eq!(policy.much_too_slow_after(Duration::MAX), Duration::MAX);
}

#[tokio::test(start_paused = true)]
async fn no_data_holds_and_never_promotes_after_max_wait() {
    let hour = Duration::from_secs(3600);
    for (then, expected) in [
        (Overdue::RollBack, "roll back"),
        (Overdue::Hold, "hold"),
        (Overdue::Promote, "hold"),
    ] {
        let release = errors_only().max_wait(hour, then).build().unwrap().start();
        assert_eq!(release.verdict(Instant::now()).reasons(), [Reason::NoData]);
        assert!(release.verdict(Instant::now()).is_hold());
        advance(Duration::from_nanos(3_599_999_999_999)).await;
        assert!(release.verdict(Instant::now()).is_hold());
        advance(Duration::from_nanos(1)).await;
        let verdict = release.verdict(Instant::now());
        assert!(verdict.to_string().starts_with(expected), "{verdict}");
        assert!(
            verdict.reasons().contains(&Reason::Overdue(hour)),
            "{verdict}"
        );
    }
    // With data that show nothing, the configured action follows.
    let mut release = errors_only()
        .max_wait(hour, Overdue::Promote)
        .build()
        .unwrap()
        .start();
    release.observe(Arm::new(90, 0), Arm::new(10, 0)).unwrap();
    assert!(release.verdict(Instant::now()).is_hold());
    advance(hour).await;
    let verdict = release.verdict(Instant::now());
    assert_eq!(
        (verdict.is_promote(), verdict.reasons()),
        (true, &[Reason::Overdue(hour)][..])
    );
    // The time of the next step begins with it.
    assert_eq!(release.advance(), 25);
    release.observe(Arm::new(180, 0), Arm::new(40, 0)).unwrap();
    assert!(release.verdict(Instant::now()).is_hold());
    // A time before the start counts as the start.
    assert!(
        release
            .verdict(Instant::now().checked_sub(hour).unwrap())
            .is_hold()
    );
}
