//! Each rule by itself.

use std::time::Duration;

use tokio::time::{Instant, advance};

use crate::{
    budget::ErrorBudget,
    canary::{
        Arm, Builder, Canary, CanaryPolicy, InvalidArms, Overdue, Reason, Side, Verdict,
        odds::Table,
    },
    gate::Gate,
    types::{InvalidConfig, Objective, Override},
};

fn errors_only() -> Builder {
    CanaryPolicy::builder().without_latency()
}

fn started(builder: Builder) -> Canary {
    builder.build().unwrap().start_at(Instant::now())
}

fn after(builder: Builder, baseline: Arm, canary: Arm) -> Verdict {
    let mut release = started(builder);
    release.observe(baseline, canary).unwrap();
    release.verdict(Instant::now())
}

/// A release that is promoted.
fn good() -> (Arm, Arm) {
    (Arm::new(99_900, 100), Arm::new(10_000, 0))
}

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
    // A stricter guard takes ten times as many.
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
    // By one failure less than at this rate it would take some 4,000 less.
    assert!(grown(further - 6_000).is_hold());
    // Where more fails than the guard allows, and than the baseline, no number of requests will do.
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
    // Without any error the comparison says nothing, however many requests there are.
    let nothing = after(errors_only(), Arm::new(9_950_000, 0), Arm::new(900, 0));
    assert!(nothing.is_hold(), "{nothing}");
    assert!(nothing.evidence().not_worse().ln().abs() < 1e-12);
}

#[test]
fn worse_than_the_baseline_rolls_back_at_one_over_alpha() {
    let verdict = after(errors_only(), Arm::new(99_900, 100), Arm::new(9_960, 40));
    let [Reason::Worse(e)] = verdict.reasons() else {
        panic!("{verdict}")
    };
    assert!(
        (e.needed() - 60.0).abs() < 1e-9 && e.value() >= 60.0,
        "{e:?}"
    );
    // With latency there are five tests, and not three.
    let both = CanaryPolicy::new().start_at(Instant::now());
    assert!((both.evidence().slower().unwrap().needed() - 100.0).abs() < 1e-9);
    assert!((both.evidence().worse().needed() - 100.0).abs() < 1e-9);
    assert!((both.evidence().not_worse().needed() - 40.0).abs() < 1e-9);
    // The other way round the canary is the better one.
    let other = after(errors_only(), Arm::new(99_600, 400), Arm::new(9_990, 10));
    assert!(other.evidence().worse().ln() < 0.0, "{other}");
    assert!(!other.is_roll_back());
}

#[test]
fn the_mixture_is_the_mean_over_the_odds_ratios() {
    let (baseline, canary) = (Arm::new(990, 10), Arm::new(96, 4));
    let of = |builder: Builder| after(builder, baseline, canary).evidence().worse().value();
    let each = [1.5, 2.0, 4.0, 10.0].map(|ratio| of(errors_only().odds_ratios([ratio])));
    let mean = each.iter().sum::<f64>() / 4.0;
    assert!((of(errors_only()) / mean - 1.0).abs() < 1e-12, "{each:?}");
    // And products are mixed, not mixtures multiplied: two batches of the same.
    let mut release = started(errors_only());
    release.observe(baseline, canary).unwrap();
    release
        .observe(Arm::new(1_980, 20), Arm::new(192, 8))
        .unwrap();
    let mean = each.iter().map(|e| e * e).sum::<f64>() / 4.0;
    assert!((release.evidence().worse().value() / mean - 1.0).abs() < 1e-12);
}

#[test]
fn hard_limits_need_three_failures() {
    // After two of two a bound is far above 1 %.
    let two = after(errors_only(), Arm::new(1_000, 0), Arm::new(0, 2));
    assert!(two.evidence().error_rate_at_least() > 0.01, "{two}");
    let unavailable = |verdict: &Verdict| {
        let mut reasons = verdict.reasons().iter();
        reasons.any(|reason| matches!(reason, Reason::Unavailable { .. }))
    };
    assert!(!unavailable(&two), "{two}");
    let three = after(errors_only(), Arm::new(1_000, 0), Arm::new(0, 3));
    assert!(unavailable(&three) && three.is_roll_back(), "{three}");
    let many = after(errors_only().min_bad(4), Arm::new(1_000, 0), Arm::new(0, 3));
    assert!(!unavailable(&many), "{many}");
}

#[test]
fn availability_needs_no_baseline() {
    let alone = after(errors_only(), Arm::default(), Arm::new(9_700, 300));
    let [Reason::Unavailable { at_least, limit }] = alone.reasons() else {
        panic!("{alone}")
    };
    assert!(*at_least > 0.02 && *at_least < 0.03 && (limit - 0.01).abs() < 1e-15);
    assert!(after(errors_only(), Arm::default(), Arm::new(9_900, 100)).is_hold());
    let lax = errors_only().availability("95%".parse().unwrap());
    assert!(after(lax, Arm::default(), Arm::new(9_700, 300)).is_hold());
}

#[test]
fn five_times_the_baseline_is_a_separate_limit() {
    let baseline = Arm::new(999_000, 1_000);
    let verdict = after(errors_only(), baseline, Arm::new(39_680, 320));
    let times = |verdict: &Verdict| {
        let mut reasons = verdict.reasons().iter();
        reasons.find_map(|reason| match reason {
            Reason::TimesErrorRate { evidence, times } => Some((*evidence, *times)),
            _ => None,
        })
    };
    let (evidence, limit) = times(&verdict).expect("eight times");
    assert!(evidence.is_enough() && (limit - 5.0).abs() < 1e-15);
    // Eight times by the rates that were seen, but that can be chance.
    let few = after(errors_only(), baseline, Arm::new(496, 4));
    assert!(few.is_hold(), "{few}");
    let eight = after(
        errors_only().times_error_rate(8.0),
        baseline,
        Arm::new(39_680, 320),
    );
    assert!(eight.is_roll_back() && times(&eight).is_none(), "{eight}");
    // A bad hour that strikes both, while the canary's share has grown: more than five times as many of its
    // requests failed in all, and in no batch more than of the baseline's.
    let mut release = started(errors_only());
    release
        .observe(Arm::new(9_000_000, 0), Arm::new(900, 100))
        .unwrap();
    assert!(
        times(&release.verdict(Instant::now())).is_some(),
        "by itself it is"
    );
    let mut release = started(errors_only().availability("50%".parse().unwrap()));
    release
        .observe(Arm::new(9_000_000, 900), Arm::new(1_000, 0))
        .unwrap();
    release
        .observe(Arm::new(9_000_900, 1_000), Arm::new(1_900, 100))
        .unwrap();
    assert!(
        !release.verdict(Instant::now()).is_roll_back(),
        "{}",
        release.verdict(Instant::now())
    );
}

#[test]
fn ten_failures_in_a_row_roll_back() {
    let baseline = Arm::new(1_000, 0);
    let row = |n| {
        after(
            errors_only(),
            baseline,
            Arm::new(5_000, 10).failures_in_a_row(n),
        )
    };
    assert!(!row(9).reasons().contains(&Reason::FailuresInARow(9)));
    assert!(row(10).reasons().contains(&Reason::FailuresInARow(10)));
    // Never told, but seen.
    let mut release = started(errors_only());
    let mut see = |good, bad| {
        release.observe(baseline, Arm::new(good, bad)).unwrap();
        let verdict = release.verdict(Instant::now());
        let mut reasons = verdict.reasons().iter();
        reasons.any(|reason| matches!(reason, Reason::FailuresInARow(_)))
    };
    assert!(!see(5_000, 9), "among good ones");
    assert!(!see(5_000, 18), "nine");
    assert!(!see(5_001, 18), "a good one");
    assert!(!see(5_001, 22) && !see(5_001, 27), "nine");
    assert!(see(5_001, 28), "ten");
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
    // If the baseline has become as slow, it is not the canary.
    let baseline = Arm::new(100_000, 0).latency(12_000, 10_000);
    let both = after(policy, baseline, Arm::new(1_000, 0).latency(120, 100));
    assert!(both.is_hold(), "{both}");
    // Good errors do not make up for latency of which nothing is known.
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
    // With data that show nothing, it is as configured.
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
    // The clock of the next step begins with it.
    assert_eq!(release.advance(), 25);
    release.observe(Arm::new(180, 0), Arm::new(40, 0)).unwrap();
    assert!(release.verdict(Instant::now()).is_hold());
    // A clock that goes back waits.
    assert!(
        release
            .verdict(Instant::now().checked_sub(hour).unwrap())
            .is_hold()
    );
}

#[tokio::test(start_paused = true)]
async fn a_closed_gate_holds_good_and_rolls_back_bad_releases() {
    let gate = Gate::new(ErrorBudget::new("api", Objective::new(999, 1000).unwrap()));
    let mut release = started(errors_only()).behind(gate.clone());
    let (baseline, canary) = good();
    release.observe(baseline, canary).unwrap();
    assert!(release.verdict(Instant::now()).is_promote());
    gate.force(Override::closed("alice", "a migration"));
    let verdict = release.verdict(Instant::now());
    assert!(
        verdict.is_hold() && verdict.reasons() == [Reason::GateClosed],
        "{verdict}"
    );
    gate.resume("alice", "done");
    assert!(release.verdict(Instant::now()).is_promote());
    gate.force(Override::closed("alice", "another"));
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
    // What cannot be right is a failed measurement too.
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
        // Of one further request two were slow.
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
fn a_batch_is_complete_with_requests_in_both_arms() {
    let mut release = started(errors_only());
    // Only the canary had any: nothing to compare, and nothing lost.
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
    // And it is no promotion where there is no comparison.
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
    // Hard limits hold to the end.
    release
        .observe(baseline, Arm::new(canary.counts().good(), 5_000))
        .unwrap();
    assert!(release.verdict(Instant::now()).is_roll_back());
    // Who skips all steps by hand is told that there is nothing to see.
    let mut skipped = policy.start_at(Instant::now());
    (0..3).for_each(|_| _ = skipped.advance_at(Instant::now()));
    assert!(skipped.verdict(Instant::now()).is_hold());
}

#[test]
fn a_shown_fault_is_never_forgiven() {
    let mut release = started(errors_only());
    let bad = (Arm::new(99_900, 100), Arm::new(9_960, 40));
    release.observe(bad.0, bad.1).unwrap();
    assert!(release.verdict(Instant::now()).is_roll_back());
    release
        .observe(Arm::new(999_000, 1_000), Arm::new(999_960, 40))
        .unwrap();
    let verdict = release.verdict(Instant::now());
    assert!(!verdict.evidence().worse().is_enough(), "no longer");
    assert!(
        matches!(verdict.reasons(), [Reason::Worse(e)] if e.is_enough()),
        "{verdict}"
    );
    assert!(verdict.is_roll_back());
}

#[test]
fn a_batch_too_large_to_sum_uses_the_cautious_end() {
    const N: u64 = 500_000_000_000;
    let arm = Arm::new(N, N - 1_000_000);
    let table = Table {
        baseline: 2 * N,
        canary: 2 * N - 1_000_000,
        failures: 2 * N - 1_000_000,
        canary_failures: N - 1_000_000,
    };
    let bracket = table.ln_likelihood_ratio(1.001);
    assert!(bracket.high - bracket.low > 1.0, "{bracket:?}");
    let builder = errors_only().odds_ratios([1.001]).margin(1.001);
    let verdict = after(builder, Arm::new(N, N), arm);
    let (worse, not_worse) = (verdict.evidence().worse(), verdict.evidence().not_worse());
    assert!(
        (worse.ln() - bracket.low).abs() < 1e-9,
        "{worse:?} {bracket:?}"
    );
    assert!(
        (not_worse.ln() + bracket.high).abs() < 1e-9,
        "{not_worse:?} {bracket:?}"
    );
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
        (builder.alpha(0.0), InvalidConfig::CanaryAlpha),
        (builder.alpha(0.51), InvalidConfig::CanaryAlpha),
        (builder.alpha(f64::NAN), InvalidConfig::CanaryAlpha),
        (builder.guard(nines("100%")), InvalidConfig::CanaryGuard),
        (builder.guard(nines("98.9%")), InvalidConfig::CanaryGuard),
        (
            builder.guard(nines("0%")).availability(nines("0%")),
            InvalidConfig::CanaryAvailability,
        ),
        (builder.odds_ratios([]), InvalidConfig::CanaryOddsRatios),
        (
            builder.odds_ratios([2.0; 9]),
            InvalidConfig::CanaryOddsRatios,
        ),
        (
            builder.odds_ratios([2.0, 1.0]),
            InvalidConfig::CanaryOddsRatios,
        ),
        (
            builder.odds_ratios([f64::INFINITY]),
            InvalidConfig::CanaryOddsRatios,
        ),
        (
            builder.odds_ratios([2.0, 0.0, 3.0]),
            InvalidConfig::CanaryOddsRatios,
        ),
        (builder.margin(1.0), InvalidConfig::CanaryMargin),
        (builder.margin(f64::NAN), InvalidConfig::CanaryMargin),
        (builder.min_bad(0), InvalidConfig::CanaryFailures),
        (builder.failures_in_a_row(0), InvalidConfig::CanaryFailures),
        (builder.times_error_rate(0.5), InvalidConfig::CanaryTimes),
        (builder.times_p95(f64::INFINITY), InvalidConfig::CanaryTimes),
        (builder.steps([]), InvalidConfig::CanarySteps),
        (builder.steps([100]), InvalidConfig::CanarySteps),
        (builder.steps([10, 50]), InvalidConfig::CanarySteps),
        (builder.steps([10, 10, 100]), InvalidConfig::CanarySteps),
        (builder.steps([0, 100]), InvalidConfig::CanarySteps),
        (builder.steps([10, 100, 0]), InvalidConfig::CanarySteps),
        (builder.steps([50, 101]), InvalidConfig::CanarySteps),
        (
            builder.steps([1, 2, 3, 4, 5, 6, 7, 8, 100]),
            InvalidConfig::CanarySteps,
        ),
        (
            builder.max_wait(Duration::ZERO, Overdue::Hold),
            InvalidConfig::CanaryMaxWait,
        ),
    ] {
        assert_eq!(builder.build(), Err(why));
    }
    assert_eq!(builder.build(), Ok(CanaryPolicy::new()));
    assert!(builder.steps([1, 100]).alpha(0.5).build().is_ok());
}
