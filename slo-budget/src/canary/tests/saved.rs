//! A release over a restart.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{MINUTE, Release, errors_only};
use crate::canary::{Arm, AtMost, Builder, Canary, CanaryPolicy, CannotRestore, Reason, Saved};

fn builder() -> Builder {
    CanaryPolicy::builder().at_most([AtMost::p95(MINUTE)])
}

/// A release in its second step, in the middle of a batch.
fn running() -> Release {
    let mut release = Release::new(builder());
    for n in 1..=8_u64 {
        let arm = |all: u64| Arm::new(all * n, 2 * n).latency(all / 20 * n, n);
        (release.baseline, release.tried) = (
            arm(9_000).slower_than(MINUTE, n),
            arm(1_000).slower_than(MINUTE, n),
        );
        _ = release.observe(MINUTE * if n == 8 { 1 } else { 2 } / 2);
        if n == 5 {
            release.canary.advance_at(release.now);
        }
    }
    release.now += MINUTE / 4;
    release
}

fn restored(release: &Release, now: Instant) -> Canary {
    let text = serde_json::to_string(&release.canary.saved_at(release.now)).unwrap();
    let saved: Saved = serde_json::from_str(&text).unwrap();
    let policy = builder().build().unwrap();
    policy.restore_at(&saved, now).unwrap()
}

#[test]
fn a_release_continues_where_it_was_saved() {
    let mut release = running();
    let now = release.now;
    let mut copy = restored(&release, now);
    for minute in 1..=60_u64 {
        let (was, now) = (release.verdict(), release.now);
        let evidence = copy.evidence();
        assert_eq!(
            (evidence.canary(), evidence.batches()),
            (was.evidence().canary(), was.evidence().batches())
        );
        let (one, other) = (evidence.worse().ln(), was.evidence().worse().ln());
        assert!((one - other).abs() < 1e-9);
        assert_eq!(copy.verdict(now).to_string(), was.to_string());
        let arm = |arm: Arm, more: u64| {
            let (was, slow) = (arm.counts(), arm.slow().unwrap());
            let sum = Arm::new(was.good() + more, was.bad() + minute % 9);
            sum.latency(slow + more / 20, 0).slower_than(MINUTE, minute)
        };
        let slow = |arm: Arm| arm.much_too_slow().unwrap();
        let keep = (slow(release.baseline), slow(release.tried));
        release.baseline = arm(release.baseline, 9_000);
        release.tried = arm(release.tried, 1_000);
        let with = |arm: Arm, much: u64| arm.latency(arm.slow().unwrap(), much);
        release.baseline = with(release.baseline, keep.0).slower_than(MINUTE, 8 + minute);
        release.tried = with(release.tried, keep.1).slower_than(MINUTE, 8 + minute);
        _ = release.observe(MINUTE / 2);
        (copy.observe_at(release.baseline, release.tried, release.now)).unwrap();
    }
    assert!(release.canary.evidence().batches() > 20);
}

#[test]
fn time_stands_still_while_a_release_is_saved() {
    let release = running();
    let later = release.now + Duration::from_secs(3 * 24 * 3600);
    let copy = restored(&release, later);
    assert_eq!(
        copy.verdict(later).to_string(),
        release.verdict().to_string()
    );
    assert_eq!(copy.step(), 25);
}

#[test]
fn a_fault_is_not_forgotten_over_a_restart() {
    let mut release = Release::new(builder().failures_in_a_row(3));
    (release.baseline, release.tried) = (Arm::new(90, 0), Arm::new(10, 3).failures_in_a_row(3));
    release.baseline = release.baseline.latency(0, 0).slower_than(MINUTE, 0);
    release.tried = release.tried.latency(0, 0).slower_than(MINUTE, 0);
    assert!(release.observe(MINUTE).is_roll_back());
    let saved = release.canary.saved_at(release.now);
    let policy = builder().failures_in_a_row(3).build().unwrap();
    let copy = policy.restore_at(&saved, release.now).unwrap();
    assert_eq!(
        copy.verdict(release.now).reasons(),
        [Reason::FailuresInARow(3)]
    );
}

#[test]
fn a_file_that_does_not_fit_is_refused_with_a_reason() {
    let release = running();
    let policy = builder().build().unwrap();
    let good = serde_json::to_value(release.canary.saved_at(release.now)).unwrap();
    let read = |file: &Value| {
        let saved: Saved = serde_json::from_value(file.clone()).unwrap();
        policy.restore_at(&saved, release.now).err()
    };
    assert_eq!(read(&good), None);
    let mut other = good.clone();
    other["version"] = json!(2);
    assert_eq!(read(&other), Some(CannotRestore::Version(2)));
    assert!(CannotRestore::Version(2).to_string().contains("version 2"));
    // Each number of the policy is part of it.
    let saved: Saved = serde_json::from_value(good.clone()).unwrap();
    for changed in [
        builder().alpha(0.04),
        builder().guard("99.8%".parse().unwrap()),
        builder().margin(3.0),
        builder().batch(2 * MINUTE),
        builder().failures_in_a_row(9),
        builder().times_error_rate(6.0),
        builder().times_p95(4.0),
        builder().availability("98%".parse().unwrap()),
        builder().at_most([AtMost::p95(2 * MINUTE)]),
        builder().at_most([AtMost::p95(MINUTE).within(2 * MINUTE)]),
        builder().at_most([]),
        builder().without_latency(),
        builder().steps([10, 30, 100]),
        builder().min_wait(MINUTE),
        builder().max_wait(MINUTE, crate::canary::Overdue::Hold),
        builder().measurement_errors(4),
        errors_only(),
    ] {
        let refused = changed.build().unwrap().restore_at(&saved, release.now);
        assert_eq!(
            refused.err(),
            Some(CannotRestore::OtherPolicy),
            "{changed:?}"
        );
    }
    for (path, value) in [
        ("/step", json!(4)),
        ("/batch/canary/good", json!(0)),
        ("/batch/canary/good", json!(u64::MAX)),
        ("/batch/start/0/bad", json!(1_000_000)),
        ("/batch/start/0/good", json!(u64::MAX)),
        ("/batch/start/1/good", json!(u64::MAX)),
        ("/limits/0/0/carried/canary/hits", json!(100_000_000)),
        ("/batch/before/1/hits", json!(1_000_000_000)),
        ("/errors/sums/canary/total", json!(0)),
        ("/errors/sums/in_step/total", json!(100_000_000)),
        ("/errors/sums/squares", json!(-1.0)),
        ("/latency/sums/baseline/hits", json!(u64::MAX)),
        ("/limits/0/0/start/canary/total", json!(100_000_000)),
        ("/limits/0/0/complete/4/canary/hits", json!(100_000_000)),
    ] {
        let mut damaged = good.clone();
        *damaged.pointer_mut(path).expect(path) = value;
        assert_eq!(read(&damaged), Some(CannotRestore::Damaged), "{path}");
    }
}
