//! Batches, steps, measurements and the gate.

use tokio::time::Instant;

use super::{after, errors_only, good, started};
use crate::{
    budget::ErrorBudget,
    canary::{Arm, InvalidArms, Reason, Side, Verdict},
    gate::Gate,
    types::{Objective, Override},
};

#[tokio::test(start_paused = true)]
async fn a_closed_gate_holds_good_and_rolls_back_bad_releases() {
    let gate = Gate::new(ErrorBudget::new("api", Objective::new(999, 1000).unwrap()));
    let mut release = started(errors_only()).behind(gate.clone());
    let (baseline, canary) = good();
    release.observe(baseline, canary).unwrap();
    assert!(release.verdict(Instant::now()).is_promote());
    gate.force_closed(Override::new("alice", "a migration"));
    let verdict = release.verdict(Instant::now());
    assert!(
        verdict.is_hold() && verdict.reasons() == [Reason::GateClosed],
        "{verdict}"
    );
    gate.resume(Override::new("alice", "done"));
    assert!(release.verdict(Instant::now()).is_promote());
    gate.force_closed(Override::new("alice", "another"));
    release.observe(baseline, Arm::new(10_000, 1_000)).unwrap();
    assert!(release.verdict(Instant::now()).is_roll_back());
}

#[test]
fn a_failed_measurement_prevents_promotion() {
    let mut release = started(errors_only());
    let (baseline, canary) = good();
    release.observe(baseline, canary).unwrap();
    release.measurement_failed();
    let verdict = release.verdict(Instant::now());
    assert!(
        verdict.is_hold() && verdict.reasons() == [Reason::MeasurementFailed(1)],
        "{verdict}"
    );
    release.observe(baseline, canary).unwrap();
    assert!(
        release.verdict(Instant::now()).is_promote(),
        "it succeeded since"
    );
    (0..4).for_each(|_| release.measurement_failed());
    assert!(release.verdict(Instant::now()).is_hold());
    // Invalid counts are a failed measurement too.
    let fewer = Arm::new(9_999, 0);
    assert_eq!(
        release.observe(baseline, fewer),
        Err(InvalidArms::WentBack(Side::Canary))
    );
    let verdict = release.verdict(Instant::now());
    assert_eq!(
        (verdict.is_roll_back(), verdict.reasons()),
        (true, &[Reason::NoMeasurement(5)][..])
    );
    assert_eq!(release.evidence().canary(), canary, "nothing was taken");
}

#[test]
fn a_batch_is_complete_with_requests_in_both_arms() {
    let mut release = started(errors_only());
    // Only the canary has requests: there is nothing to compare yet, and nothing is lost.
    release.observe(Arm::new(0, 0), Arm::new(60, 40)).unwrap();
    assert!(release.evidence().worse().ln().abs() < 1e-12);
    release
        .observe(Arm::new(900, 100), Arm::new(60, 40))
        .unwrap();
    let apart = release.evidence().worse();
    let mut release = started(errors_only());
    release
        .observe(Arm::new(900, 100), Arm::new(60, 40))
        .unwrap();
    assert_eq!(apart, release.evidence().worse());
    assert!(apart.is_enough());
    // Without a comparison there is no promotion.
    let alone = after(errors_only(), Arm::default(), Arm::new(100_000, 0));
    assert!(
        alone.is_hold() && alone.reasons() == [Reason::NothingToCompare],
        "{alone}"
    );
}

#[test]
fn each_step_needs_new_proof_and_faults_add_up() {
    let policy = errors_only().build().unwrap();
    assert_eq!(policy.steps().collect::<Vec<_>>(), [10, 25, 50, 100]);
    let mut release = policy.start_at(Instant::now());
    let (mut baseline, mut canary) = (Arm::default(), Arm::default());
    for (from, to) in [(10, 25), (25, 50), (50, 100)] {
        assert_eq!((release.step(), release.is_complete()), (from, false));
        let before = release.evidence().worse().ln();
        baseline = Arm::new(
            baseline.counts().good() + 19_990,
            baseline.counts().bad() + 10,
        );
        canary = Arm::new(canary.counts().good() + 11_999, canary.counts().bad() + 1);
        release.observe(baseline, canary).unwrap();
        let Verdict::Promote(promotion) = release.verdict(Instant::now()) else {
            panic!("{}", release.verdict(Instant::now()))
        };
        assert_eq!(promotion.to(), to);
        assert!(release.evidence().worse().ln() < before - 0.1, "it adds up");
        assert_eq!(release.advance_at(Instant::now()), to);
        assert_eq!(release.evidence().canary_in_step(), Arm::new(0, 0));
        assert!(release.evidence().not_worse().ln().abs() < 1e-12);
        if to < 100 {
            let verdict = release.verdict(Instant::now());
            assert!(
                verdict.is_hold() && verdict.reasons()[0] == Reason::NoData,
                "{verdict}"
            );
        }
    }
    assert!(release.is_complete());
    assert_eq!(
        release.verdict(Instant::now()).reasons(),
        [Reason::Complete]
    );
    assert_eq!(
        release.advance_at(Instant::now()),
        100,
        "there is no further step"
    );
    // Hard limits apply until the end.
    release
        .observe(baseline, Arm::new(canary.counts().good(), 5_000))
        .unwrap();
    assert!(release.verdict(Instant::now()).is_roll_back());
    // A release whose steps were all skipped by hand has no data.
    let mut skipped = policy.start_at(Instant::now());
    (0..3).for_each(|_| _ = skipped.advance_at(Instant::now()));
    assert!(skipped.verdict(Instant::now()).is_hold());
}
