//! Faults, steps and the gate.

use std::time::Duration;

use tokio::time::{Instant, advance};

use super::{Release, errors_only, promoted};
use crate::{
    budget::ErrorBudget,
    canary::{Overdue, Reason, Verdict},
    gate::Gate,
    types::{Counts, Objective, Override},
};

#[test]
fn worse_than_the_baseline_rolls_back_at_one_over_alpha() {
    let mut release = Release::new(errors_only().times_error_rate(100.0));
    let mut batches = 0;
    while !release.minute((9_000, 9), (1_000, 9)).is_roll_back() {
        batches += 1;
    }
    let verdict = release.verdict();
    let [Reason::Worse(e)] = verdict.reasons() else {
        panic!("{verdict}")
    };
    assert_eq!(batches, 6);
    assert!(
        (e.needed() - 1.0 / 0.03).abs() < 1e-9 && e.is_enough(),
        "{e:?}"
    );
    // A shown fault is never forgiven.
    let later = release.minutes(60, (9_000, 90), (1_000, 0));
    assert!(
        !later.evidence().worse().is_enough() && later.is_roll_back(),
        "{later}"
    );
    // With the rates exchanged the canary is better.
    let mut release = Release::new(errors_only());
    assert!(!release.minutes(60, (9_000, 81), (1_000, 1)).is_roll_back());
    assert!(release.canary.evidence().worse().ln() < 0.0);
}

#[test]
fn far_more_errors_than_the_baseline_is_another_fault() {
    let far = |verdict: &Verdict| {
        let mut reasons = verdict.reasons().iter();
        reasons.find_map(|reason| match reason {
            Reason::TimesErrorRate { evidence, times } => Some((*evidence, *times)),
            _ => None,
        })
    };
    // Five times as often is not more than five times; thirty times is.
    let mut release = Release::new(errors_only());
    assert!(far(&release.minutes(60, (9_000, 9), (1_000, 5))).is_none());
    let mut release = Release::new(errors_only().availability("50%".parse().unwrap()));
    let verdict = release.minutes(60, (9_000, 9), (1_000, 30));
    let (evidence, times) = far(&verdict).expect("thirty times");
    assert!((evidence.needed() - 100.0).abs() < 1e-9 && (times - 5.0).abs() < 1e-12);
}

#[tokio::test(start_paused = true)]
async fn a_closed_gate_holds_good_and_rolls_back_bad_releases() {
    let gate = Gate::new(ErrorBudget::new("api", Objective::new(999, 1000).unwrap()));
    let mut release = promoted();
    release.canary = release.canary.behind(gate.clone());
    assert!(release.verdict().is_promote());
    gate.force_closed(Override::new("alice", "a migration"));
    let verdict = release.verdict();
    assert!(
        verdict.is_hold() && verdict.reasons() == [Reason::GateClosed],
        "{verdict}"
    );
    gate.resume(Override::new("alice", "done"));
    assert!(release.verdict().is_promote());
    gate.force_closed(Override::new("alice", "another"));
    assert!(release.minutes(10, (9_000, 9), (1_000, 500)).is_roll_back());
}

#[test]
fn counts_add_up_over_steps_and_comparisons_begin_anew() {
    let mut release = Release::new(errors_only());
    assert_eq!(
        release.canary.policy().steps().collect::<Vec<_>>(),
        [10, 25, 50, 100]
    );
    for (from, to) in [(10, 25), (25, 50), (50, 100)] {
        assert_eq!(
            (release.canary.step(), release.canary.is_complete()),
            (from, false)
        );
        let before = release.canary.evidence();
        let Verdict::Promote(promotion) = release.minutes(5, (20_000, 10), (12_000, 1)) else {
            panic!("{}", release.verdict())
        };
        assert_eq!(promotion.to(), to);
        let evidence = release.canary.evidence();
        assert!(evidence.worse().ln() < before.worse().ln(), "it adds up");
        assert_eq!(evidence.canary().total(), before.canary().total() + 60_000);
        assert_eq!(evidence.canary_in_step(), Counts::new(5 * 11_999, 5));
        assert_eq!(release.canary.advance_at(release.now), to);
        assert_eq!(
            release.canary.evidence().canary_in_step(),
            Counts::new(0, 0)
        );
        assert!(release.canary.evidence().not_worse().ln().abs() < 1e-12);
        if to < 100 {
            assert_eq!(release.verdict().reasons(), [Reason::NoData]);
        }
    }
    assert!(release.canary.is_complete());
    assert_eq!(release.verdict().reasons(), [Reason::Complete]);
    assert_eq!(
        release.canary.advance_at(release.now),
        100,
        "there is no further step"
    );
    // Limits apply until the end.
    assert!(release.minutes(5, (0, 0), (9_000, 300)).is_roll_back());
    // A release whose steps were all skipped by hand has no data.
    let mut skipped = Release::new(errors_only());
    (0..3).for_each(|_| _ = skipped.canary.advance_at(skipped.now));
    assert!(skipped.verdict().is_hold());
}

#[tokio::test(start_paused = true)]
async fn an_overdue_step_holds_unless_told_otherwise() {
    let hour = Duration::from_secs(3600);
    let default = errors_only().build().unwrap().start();
    advance(48 * hour).await;
    let verdict = default.verdict(Instant::now());
    assert!(verdict.is_hold() && verdict.reasons().contains(&Reason::Overdue(48 * hour)));
    for (then, expected) in [
        (Overdue::RollBack, "roll back"),
        (Overdue::Hold, "hold"),
        (Overdue::Promote, "hold"),
    ] {
        let release = errors_only().max_wait(hour, then).build().unwrap().start();
        assert_eq!(release.verdict(Instant::now()).reasons(), [Reason::NoData]);
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
    let mut release = Release::new(errors_only().max_wait(hour, Overdue::Promote));
    assert!(release.minutes(59, (90, 0), (10, 0)).is_hold());
    let verdict = release.minute((90, 0), (10, 0));
    assert_eq!(
        (verdict.is_promote(), verdict.reasons()),
        (true, &[Reason::Overdue(hour)][..])
    );
    // The time of the next step begins with it.
    assert_eq!(release.canary.advance_at(release.now), 25);
    assert!(release.minute((90, 0), (30, 0)).is_hold());
    // A time before the start counts as the start.
    let before = release.now.checked_sub(hour).unwrap();
    assert!(release.canary.verdict(before).is_hold());
}
