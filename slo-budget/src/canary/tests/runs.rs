//! Failures in a row.

use std::time::Duration;

use super::{Release, errors_only};
use crate::canary::{Arm, Reason, Verdict};

const QUARTER: Duration = Duration::from_secs(15);

fn row(verdict: &Verdict) -> bool {
    let mut reasons = verdict.reasons().iter();
    reasons.any(|reason| matches!(reason, Reason::FailuresInARow(_)))
}

fn both(verdict: &Verdict) -> bool {
    let mut reasons = verdict.reasons().iter();
    reasons.any(|reason| matches!(reason, Reason::BothFail(_)))
}

#[test]
fn ten_failures_in_a_row_roll_back_at_once() {
    let reported = |n| {
        let mut release = Release::new(errors_only());
        (release.baseline, release.tried) =
            (Arm::new(1_000, 0), Arm::new(5_000, 10).failures_in_a_row(n));
        release.observe(QUARTER)
    };
    assert!(!row(&reported(9)));
    assert!(reported(10).is_roll_back() && row(&reported(10)));
    // Not reported, but seen in the measurements.
    let mut release = Release::new(errors_only());
    assert!(
        !row(&release.after(QUARTER, (100, 0), (5_009, 9))),
        "among good ones"
    );
    assert!(!row(&release.after(QUARTER, (100, 0), (9, 9))), "nine");
    assert!(
        !row(&release.after(QUARTER, (100, 0), (1, 0))),
        "a good one"
    );
    assert!(!row(&release.after(QUARTER, (100, 0), (4, 4))));
    assert!(!row(&release.after(QUARTER, (100, 0), (5, 5))), "nine");
    assert!(row(&release.after(QUARTER, (100, 0), (1, 1))), "ten");
}

#[test]
fn an_outage_of_both_arms_is_no_run_of_the_canary() {
    for began in [2, 30, 55] {
        let mut release = Release::new(errors_only());
        _ = release.minutes(3, (900, 1), (100, 0));
        let mut held = false;
        for second in 1..=300_u64 {
            let fails = (began..began + 90).contains(&second);
            let failing = |n: u64| (n, if fails { n } else { 0 });
            let arms = (failing(90), failing(10));
            release.baseline = super::add(release.baseline, arms.0);
            release.tried = super::add(release.tried, arms.1);
            release.now += Duration::from_secs(1);
            if second % 15 == 0 {
                let longest = second.saturating_sub(began).min(90) * 10;
                let tried = release
                    .tried
                    .failures_in_a_row(longest.min(release.tried.counts().bad()));
                (release
                    .canary
                    .observe_at(release.baseline, tried, release.now))
                .unwrap();
                let verdict = release.verdict();
                assert!(!verdict.is_roll_back(), "{began} {second}: {verdict}");
                held |= both(&verdict);
            }
        }
        assert!(held, "{began}");
        // The run is excused, a longer one is not.
        release.tried = super::add(release.tried, (2_000, 1_200)).failures_in_a_row(1_200);
        release.baseline = super::add(release.baseline, (18_000, 0));
        assert!(row(&release.observe(QUARTER)));
    }
}

#[test]
fn a_restart_during_an_outage_of_both_arms_holds() {
    for (falls, quarters) in [([true, false], 1), ([false, true], 2), ([true, true], 3)] {
        let mut release = Release::new(errors_only());
        _ = release.minutes(3, (900, 1), (100, 0));
        for _ in 0..quarters {
            let verdict = release.after(QUARTER, (900, 900), (100, 100));
            assert!(both(&verdict), "{verdict}");
        }
        if falls[0] {
            release.baseline = Arm::default();
        }
        if falls[1] {
            release.tried = Arm::default();
        }
        for _ in 0..4 {
            let verdict = release.after(QUARTER, (900, 900), (100, 100));
            assert!(!verdict.is_roll_back(), "{falls:?} {quarters}: {verdict}");
        }
    }
}

#[test]
fn a_run_after_one_of_both_arms_rolls_back() {
    let mut release = Release::new(errors_only());
    _ = release.minutes(3, (900, 1), (100, 0));
    assert!(both(&release.after(QUARTER, (900, 900), (400, 400))));
    _ = release.minutes(3, (900, 1), (100, 0));
    assert!(row(&release.after(QUARTER, (900, 1), (300, 300))));
}

#[test]
fn a_run_beside_the_usual_errors_rolls_back() {
    // 1 % of the baseline fail, which are more failures than the run has.
    let mut release = Release::new(errors_only());
    _ = release.minutes(5, (54_000, 540), (6_000, 60));
    release.baseline = super::add(release.baseline, (54_000, 540));
    release.tried = super::add(release.tried, (6_000, 70)).failures_in_a_row(10);
    let verdict = release.observe(QUARTER);
    assert!(verdict.is_roll_back() && row(&verdict), "{verdict}");
}
