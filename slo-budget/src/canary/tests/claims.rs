//! What promotes a release: the harm that it can do, and the comparison.

use std::time::Duration;

use super::{MINUTE, Release, errors_only};
use crate::{
    canary::{Arm, CanaryPolicy, Reason, Verdict, arms::Tally, intervals::Seen},
    types::Objective,
};

/// After five minutes, of which the last has all requests but four.
fn after_five_minutes(baseline: (u64, u64), canary: (u64, u64)) -> Release {
    let mut release = Release::new(errors_only());
    _ = release.minutes(4, (1, 0), (1, 0));
    let rest = |(n, x): (u64, u64)| (n - 4, x);
    _ = release.minute(rest(baseline), rest(canary));
    release
}

#[test]
fn each_step_allows_the_harm_of_its_share() {
    let policy = errors_only().build().unwrap();
    assert_eq!(
        [25, 50, 100].map(|share| policy.requests_to(share)),
        [Some(962), Some(1_925), Some(3_851)]
    );
    assert_eq!(policy.requests_if_none_fails(), Some(3_851));
    let bounds = [25, 50, 100].map(|share| policy.allowed_at(share));
    let wanted = bounds.iter().zip([0.004, 0.002, 0.001]);
    assert!(
        wanted
            .into_iter()
            .all(|(bound, wanted)| (bound - wanted).abs() < 1e-15)
    );
    let mut release = Release::new(errors_only());
    let mut had = 0;
    for (share, needed) in [(25, 962), (50, 1_925), (100, 3_851)] {
        _ = release.minutes(4, (1, 0), (1, 0));
        let Verdict::Hold(hold) = release.minute((1, 0), (needed - had - 5, 0)) else {
            panic!("one too early")
        };
        assert_eq!(
            (hold.if_none_fails(), hold.at_this_rate()),
            (Some(1), Some(1))
        );
        let verdict = release.minute((1, 0), (1, 0));
        let [Reason::WithinGuard { at_most, guard }] = verdict.reasons() else {
            panic!("{verdict}")
        };
        assert!(at_most <= guard && (guard - 0.1 / f64::from(share)).abs() < 1e-12);
        assert_eq!(release.canary.advance_at(release.now), share);
        // The counts of all steps add up.
        had = needed;
    }
    let hopeless = Objective::new(999_999_999_999_999_999, 1_000_000_000_000_000_000).unwrap();
    let hopeless = errors_only().guard(hopeless).build().unwrap();
    assert_eq!(hopeless.requests_if_none_fails(), None);
    // One per cent of the requests can do no more harm than the guard allows.
    let harmless = errors_only()
        .steps([1, 2, 100])
        .guard("98%".parse().unwrap());
    let harmless = harmless.availability("97%".parse().unwrap());
    let mut release = Release::new(harmless);
    assert!(release.minutes(5, (99, 0), (1, 0)).is_promote());
}

#[test]
fn a_step_lasts_its_least_time_and_five_batches() {
    let mut release = Release::new(errors_only());
    let good = ((90_000, 90), (10_000, 10));
    assert!(release.minutes(4, good.0, good.1).is_hold());
    let verdict = release.after(Duration::from_secs(55), good.0, good.1);
    let [
        Reason::TooEarly {
            batches: 5, left, ..
        },
    ] = verdict.reasons()
    else {
        panic!("{verdict}")
    };
    assert_eq!(*left, Duration::from_secs(5));
    let text = "5 of 5 batches are complete, and the step lasts 5s more";
    assert!(verdict.to_string().contains(text), "{verdict}");
    assert!(
        release
            .canary
            .verdict(release.now + Duration::from_secs(5))
            .is_promote()
    );
    // Two batches in an hour are too few.
    let mut release = Release::new(errors_only());
    _ = release.after(30 * MINUTE, good.0, good.1);
    let verdict = release.after(30 * MINUTE, good.0, good.1);
    assert!(verdict.is_hold(), "{verdict}");
    let mut slow = Release::new(errors_only().min_wait(30 * MINUTE));
    assert!(slow.minutes(29, good.0, good.1).is_hold());
    assert!(slow.minute(good.0, good.1).is_promote());
}

#[test]
fn the_estimate_at_this_rate_comes_true() {
    // Half of what the first step allows fails.
    let mut release = Release::new(errors_only().times_error_rate(100.0));
    let Verdict::Hold(hold) = release.minutes(5, (900, 2), (500, 1)) else {
        panic!("too early")
    };
    let further = hold.at_this_rate().unwrap();
    let mut batches = 0;
    while !release.minute((900, 2), (500, 1)).is_promote() {
        batches += 1;
    }
    let needed = 500 * (batches + 1);
    assert!(further.abs_diff(needed) <= 500, "{further}, not {needed}");
    // If the canary fails more than that, and more than the baseline by the margin, no number of requests is enough.
    let mut release = Release::new(errors_only());
    let Verdict::Hold(hold) = release.minutes(5, (9_000, 9), (1_000, 5)) else {
        panic!("nothing is shown yet")
    };
    assert_eq!(hold.at_this_rate(), None);
    assert!(hold.if_none_fails().unwrap() > 1_000, "{hold:?}");
}

#[test]
fn a_release_as_bad_as_its_baseline_is_promoted() {
    // 0.8 % of both: twice the harm that is allowed.
    let mut release = Release::new(errors_only());
    let mut batches = 0;
    while !release.verdict().is_promote() {
        assert!(release.minute((9_000, 72), (1_000, 8)).is_hold() || batches > 4);
        batches += 1;
        assert!(batches < 100, "{}", release.verdict());
    }
    let verdict = release.verdict();
    assert!(
        matches!(verdict.reasons(), [Reason::NotWorse(e)] if e.is_enough()),
        "{verdict}"
    );
    // Twice as often is the margin.
    let mut release = Release::new(errors_only());
    assert!(!release.minutes(100, (9_000, 36), (1_000, 8)).is_promote());
}

#[test]
fn latency_is_compared_with_the_former_percentile() {
    let with = |baseline: u64, canary: u64, minutes: u64| {
        let mut release = Release::new(CanaryPolicy::builder());
        for n in 1..=minutes {
            release.baseline = Arm::new(9_000 * n, 0).latency(baseline * n, 0);
            release.tried = Arm::new(1_000 * n, 0).latency(canary * n, 0);
            _ = release.observe(MINUTE);
        }
        release.verdict()
    };
    let same = with(450, 50, 5);
    assert!(same.is_promote(), "{same}");
    let reasons = same.reasons();
    assert!(
        matches!(
            reasons,
            [Reason::WithinGuard { .. }, Reason::FastEnough { .. }]
        ),
        "{same}"
    );
    let slower = with(450, 80, 30);
    assert!(matches!(slower.reasons(), [Reason::Slower(_)]), "{slower}");
    // The baseline has become slow as well: not slower by the margin.
    let both = with(1_350, 150, 30);
    assert!(
        matches!(both.reasons(), [_, Reason::NotSlower(_)]),
        "{both}"
    );
    // Good errors do not replace evidence about latency.
    let unknown = with(700, 110, 6);
    assert!(
        matches!(unknown.reasons(), [Reason::LatencyUndecided { .. }]),
        "{unknown}"
    );
    let (policy, p95) = (CanaryPolicy::new(), Duration::from_millis(80));
    assert_eq!(policy.much_too_slow_after(p95), 3 * p95);
    assert_eq!(policy.much_too_slow_after(Duration::MAX), Duration::MAX);
}

#[test]
fn bursts_of_failures_divide_what_they_show() {
    let mut even = Release::new(errors_only());
    _ = even.minutes(10, (9_000, 9), (1_000, 1));
    assert!((even.canary.evidence().dispersion() - 1.0).abs() < 1e-12);
    let mut bursts = Release::new(errors_only());
    _ = bursts.minutes(9, (9_000, 9), (1_000, 0));
    _ = bursts.minute((9_000, 9), (1_000, 10));
    let evidence = bursts.canary.evidence();
    // χ² of nine times 0 and once 10, where each is expected to be 1, over nine degrees of freedom.
    assert!((evidence.dispersion() - 10.0).abs() < 1e-12, "{evidence:?}");
    assert!(evidence.error_rate_at_most() > 2.0 * even.canary.evidence().error_rate_at_most());
    assert!(even.verdict().is_promote() && bursts.verdict().is_hold());
}

#[test]
fn the_hold_tells_how_many_requests_are_missing() {
    let release = after_five_minutes((9_000, 9), (500, 0));
    let Verdict::Hold(hold) = release.verdict() else {
        panic!("too early")
    };
    assert_eq!(hold.if_none_fails(), Some(462));
    let text = release.verdict().to_string();
    assert!(
        text.contains("after 462 further requests, if none fails"),
        "{text}"
    );
    let tally = Tally {
        total: 500,
        hits: 0,
    };
    let seen = Seen {
        tally,
        dispersion: 1.0,
    };
    assert!(crate::canary::intervals::upper_bound(seen, 0.025) > 0.004);
}
