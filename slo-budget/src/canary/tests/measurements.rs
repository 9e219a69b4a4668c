//! Measurements, and the batches that they make.

use std::time::Duration;

use super::{GOOD, MINUTE, Release, add, errors_only, promoted};
use crate::{
    canary::{Arm, InvalidArms, Reason, Side, Verdict},
    types::Counts,
};

#[test]
fn a_failed_measurement_holds() {
    let mut release = promoted();
    for failed in 1..=100 {
        release.canary.measurement_failed();
        let verdict = release.verdict();
        assert!(
            verdict.is_hold() && verdict.reasons() == [Reason::MeasurementFailed(failed)],
            "{verdict}"
        );
    }
    assert!(release.observe(MINUTE).is_promote(), "it succeeded since");
    // Invalid counts are a failed measurement too.
    let counts = release.canary.evidence().canary();
    let wrong = release.tried.failures_in_a_row(9_999);
    let now = release.now + MINUTE;
    assert_eq!(
        release.canary.observe_at(release.baseline, wrong, now),
        Err(InvalidArms::InARow(Side::Canary))
    );
    assert!(release.verdict().is_hold());
    assert_eq!(
        release.canary.evidence().canary(),
        counts,
        "nothing was taken"
    );
    // A policy may ask for a roll-back.
    let mut strict = Release::new(errors_only().measurement_errors(2));
    (0..2).for_each(|_| strict.canary.measurement_failed());
    assert!(strict.verdict().is_hold());
    strict.canary.measurement_failed();
    assert_eq!(strict.verdict().reasons(), [Reason::NoMeasurement(3)]);
    assert!(strict.verdict().is_roll_back());
}

#[test]
fn a_batch_takes_its_time_and_requests_of_both_arms() {
    let mut release = Release::new(errors_only());
    let batches = |release: &Release| release.canary.evidence().batches();
    // Four measurements a minute.
    for n in 1..=8 {
        _ = release.after(Duration::from_secs(15), (90, 0), (10, 0));
        assert_eq!(batches(&release), n / 4);
    }
    // A moment early, and much too early.
    _ = release.after(Duration::from_secs(55), (90, 0), (10, 0));
    assert_eq!(batches(&release), 3);
    _ = release.after(Duration::from_secs(50), (90, 0), (10, 0));
    assert_eq!(batches(&release), 3);
    _ = release.after(Duration::from_secs(10), (90, 0), (10, 0));
    assert_eq!(batches(&release), 4);
    // One arm is empty: the batch goes on, and nothing is lost.
    _ = release.minute((90, 0), (0, 0));
    _ = release.minute((90, 0), (0, 0));
    assert_eq!(batches(&release), 4);
    _ = release.minute((0, 0), (10, 0));
    assert_eq!(batches(&release), 5);
    let evidence = release.canary.evidence();
    assert_eq!(
        (evidence.baseline(), evidence.canary()),
        (Counts::new(13 * 90, 0), Counts::new(12 * 10, 0))
    );
    let mut long = Release::new(errors_only().batch(5 * MINUTE));
    _ = long.minutes(9, GOOD.0, GOOD.1);
    assert_eq!(batches(&long), 1);
}

#[test]
fn an_empty_arm_holds() {
    let mut release = Release::new(errors_only());
    let verdict = release.minutes(100, (9_000, 9), (0, 0));
    assert_eq!(verdict.reasons(), [Reason::NoData]);
    assert!(verdict.is_hold());
    let mut release = Release::new(errors_only());
    let verdict = release.minutes(100, (0, 0), (9_000, 0));
    assert!(verdict.is_hold(), "{verdict}");
    assert_eq!(verdict.reasons()[0], Reason::NothingToCompare);
}

#[test]
fn a_falling_counter_holds_and_begins_a_new_batch() {
    for side in [Side::Baseline, Side::Canary] {
        let mut release = promoted();
        // An instance of three is removed, in the middle of a batch.
        let before = release.canary.evidence();
        _ = release.after(MINUTE / 2, (4_500, 4), (500, 0));
        let fell = |arm: Arm| Arm::new(arm.counts().good() * 2 / 3, arm.counts().bad() * 2 / 3);
        match side {
            Side::Baseline => release.baseline = fell(release.baseline),
            Side::Canary => release.tried = fell(release.tried),
        }
        let verdict = release.observe(MINUTE / 2);
        assert_eq!(verdict.reasons(), [Reason::CountsFell(side)], "{verdict}");
        assert!(verdict.is_hold());
        // A new batch began. The one before compares nothing.
        let evidence = release.canary.evidence();
        assert_eq!(
            (evidence.baseline(), evidence.batches()),
            (before.baseline(), before.batches())
        );
        assert_eq!(evidence.canary().total(), before.canary().total() + 500);
        let verdict = release.minute(GOOD.0, GOOD.1);
        assert!(verdict.is_promote(), "{verdict}");
        assert_eq!(
            verdict.evidence().canary().total(),
            before.canary().total() + 1_500
        );
    }
    // For ever.
    let mut release = Release::new(errors_only());
    for n in 0..1_000 {
        release.baseline = add(Arm::default(), (9_000 - n, 9));
        release.tried = Arm::new(1_000 * (n + 1), 0);
        assert!(n == 0 || release.observe(MINUTE).is_hold());
    }
    assert_eq!(
        release.verdict().reasons()[1],
        Reason::CountsFell(Side::Baseline)
    );
}

#[test]
fn failures_before_a_restart_are_not_lost() {
    let mut release = Release::new(errors_only());
    _ = release.minutes(4, GOOD.0, GOOD.1);
    _ = release.after(MINUTE * 3 / 4, (6_750, 6), (750, 450));
    release.tried = Arm::default();
    _ = release.observe(MINUTE / 4);
    let verdict = release.minutes(4, GOOD.0, GOOD.1);
    assert!(!verdict.is_promote(), "{verdict}");
    assert_eq!(release.canary.evidence().canary().bad(), 450);
}

#[test]
fn counts_that_fall_leave_the_limits_in_force() {
    // The sum of one arm falls each minute, after a fifth of the canary's requests have failed.
    for side in [Side::Baseline, Side::Canary] {
        let mut release = Release::new(errors_only());
        let mut verdict = release.verdict();
        for quarter in 1..=60 {
            if quarter % 4 == 0 {
                match side {
                    Side::Baseline => release.baseline = Arm::default(),
                    Side::Canary => release.tried = Arm::default(),
                }
                verdict = release.observe(Duration::ZERO);
            }
            assert_ne!(
                verdict.reasons().first(),
                Some(&Reason::NoData).filter(|_| quarter > 1)
            );
            verdict = release.after(
                MINUTE / 4,
                (900, 0),
                (100, if quarter % 4 == 0 { 0 } else { 20 }),
            );
        }
        let mut reasons = verdict.reasons().iter();
        let is_beyond = reasons.any(|reason| matches!(reason, Reason::Beyond(_)));
        assert!(verdict.is_roll_back() && is_beyond, "{side:?}: {verdict}");
    }
}

#[test]
fn a_quiet_service_holds_after_a_day() {
    // 0.02 requests a second, a tenth of them of the canary, and no failure.
    let mut release = Release::new(errors_only());
    let mut verdict = release.verdict();
    for second in (50..=24 * 3600).step_by(50) {
        let canary = u64::from(second % 500 == 0);
        verdict = release.after(Duration::from_secs(50), (1 - canary, 0), (canary, 0));
        assert!(verdict.is_hold(), "{verdict}");
    }
    let Verdict::Hold(hold) = &verdict else {
        panic!("{verdict}")
    };
    assert_eq!(hold.if_none_fails(), Some(962 - 172));
    assert!(
        verdict
            .to_string()
            .contains("further requests, if none fails"),
        "{verdict}"
    );
}
