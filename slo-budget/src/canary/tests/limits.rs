//! Limits over a short time.

use std::time::Duration;

use super::{MINUTE, Release, errors_only};
use crate::canary::{Arm, AtMost, CanaryPolicy, Reason, Verdict};

fn beyond(verdict: &Verdict) -> Option<f64> {
    verdict.reasons().iter().find_map(|reason| match reason {
        Reason::Beyond(measure) if verdict.is_roll_back() => Some(measure.seen()),
        _ => None,
    })
}

fn both(verdict: &Verdict) -> bool {
    let mut reasons = verdict.reasons().iter();
    verdict.is_hold() && reasons.any(|reason| matches!(reason, Reason::BothBeyond(_)))
}

#[test]
fn availability_rolls_back_after_five_minutes() {
    let mut release = Release::new(errors_only());
    for _ in 0..4 {
        assert!(release.minute((900, 0), (100, 5)).is_hold());
    }
    let verdict = release.minute((900, 0), (100, 5));
    assert!(
        (beyond(&verdict).unwrap() - 0.05).abs() < 1e-12,
        "{verdict}"
    );
    assert!(
        verdict
            .to_string()
            .contains("in 5m 5 % fail, where 1 % may"),
        "{verdict}"
    );
    // It is not forgiven.
    assert!(release.minutes(10, (900, 0), (100, 0)).is_roll_back());
}

#[test]
fn a_limit_needs_four_parts_five_hits_and_no_chance() {
    let lax = || Release::new(errors_only().times_error_rate(100.0));
    // One burst, however large, is in one part.
    let mut release = lax();
    _ = release.minute((900, 0), (100, 90));
    assert!(beyond(&release.minutes(9, (900, 0), (100, 0))).is_none());
    // Three parts.
    let mut release = lax();
    _ = release.minutes(2, (900, 0), (100, 0));
    assert!(beyond(&release.minutes(3, (900, 0), (100, 10))).is_none());
    assert!(beyond(&release.minute((900, 0), (100, 10))).is_some());
    // Four failures of 20.
    let mut release = lax();
    _ = release.minute((36, 0), (4, 0));
    assert!(beyond(&release.minutes(4, (36, 0), (4, 1))).is_none());
    // 1.6 % of 500 may be chance at a limit of 1 %, 1.6 % of 50,000 may not.
    let mut release = lax();
    assert!(beyond(&release.minutes(5, (900, 0), (125, 2))).is_none());
    let mut release = lax();
    assert!(beyond(&release.minutes(5, (90_000, 0), (12_500, 200))).is_some());
    // At the limit.
    let mut release = lax();
    assert!(beyond(&release.minutes(5, (90_000, 0), (10_000, 100))).is_none());
}

#[test]
fn a_limit_that_both_arms_exceed_holds() {
    let mut release = Release::new(errors_only());
    let verdict = release.minutes(6, (900, 45), (100, 5));
    assert!(both(&verdict), "{verdict}");
    assert!(
        verdict.to_string().contains("both arms: in 5m 5 % fail"),
        "{verdict}"
    );
    // It ends with the fault.
    assert!(!both(&release.minutes(5, (900, 0), (100, 0))));
    // An incident of both, half of the requests, for ten minutes.
    let mut release = Release::new(errors_only());
    _ = release.minutes(20, (900, 1), (100, 0));
    for _ in 0..10 {
        assert!(!release.minute((900, 450), (100, 50)).is_roll_back());
    }
    assert!(!release.minutes(20, (900, 1), (100, 0)).is_roll_back());
}

#[test]
fn a_limit_needs_no_baseline() {
    let mut release = Release::new(errors_only());
    let verdict = release.minutes(5, (0, 0), (100, 5));
    assert!(beyond(&verdict).is_some(), "{verdict}");
}

#[test]
fn a_limit_of_latency_is_told_as_what_it_is() {
    let limits = [AtMost::p95(Duration::from_secs(1))];
    let builder = errors_only().at_most(limits);
    let slow = |n: u64, slower| Arm::new(n, 0).slower_than(Duration::from_secs(1), slower);
    for (baseline, rolls_back) in [(3, true), (8, false)] {
        let mut release = Release::new(builder);
        let mut verdict = release.verdict();
        for minute in 1..=5 {
            release.baseline = slow(minute * 900, minute * 9 * baseline);
            release.tried = slow(minute * 100, minute * 12);
            verdict = release.observe(MINUTE);
        }
        let text = "in 5m 12 % take longer than 1s, where 5 % may";
        assert_eq!(
            (verdict.is_roll_back(), both(&verdict)),
            (rolls_back, !rolls_back)
        );
        assert!(verdict.to_string().contains(text), "{verdict}");
    }
}

#[test]
fn three_times_the_percentile_is_a_limit() {
    let mut release = Release::new(CanaryPolicy::builder());
    for minute in 1..=5 {
        release.baseline = Arm::new(900 * minute, 0).latency(45 * minute, 9 * minute);
        release.tried = Arm::new(100 * minute, 0).latency(20 * minute, 15 * minute);
        _ = release.observe(MINUTE);
    }
    let text = release.verdict().to_string();
    let part = "in 5m 15 % take more than 3 times the former 95th percentile of the baseline";
    assert!(
        release.verdict().is_roll_back() && text.contains(part),
        "{text}"
    );
}

#[test]
fn a_limit_has_its_own_time() {
    let hour = Duration::from_secs(3600);
    let limit = AtMost::errors("0.005".parse().unwrap()).within(hour);
    let mut release = Release::new(errors_only().at_most([limit]).times_error_rate(100.0));
    // 0.8 %: beyond the limit over an hour, and within the availability.
    for _ in 0..59 {
        assert!(beyond(&release.minute((90_000, 720), (10_000, 80))).is_none());
    }
    assert!(both(&release.minute((90_000, 720), (10_000, 80))));
    let mut release = Release::new(errors_only().at_most([limit]).times_error_rate(100.0));
    let verdict = release.minutes(60, (90_000, 449), (10_000, 80));
    assert!(verdict.is_roll_back(), "{verdict}");
}
