//! Properties of random histories.

use proptest::{collection::vec, prelude::*};
use tokio::time::Instant;

use super::MINUTE;
use crate::canary::{Arm, Canary, CanaryPolicy, Reason, Verdict};

/// The good, bad and slow requests of one arm in one batch: a size, and shares in 1/256.
fn some() -> impl Strategy<Value = (u64, u64, u64)> {
    let size = prop_oneof![4 => 0..3_u64, 8 => 0..400_u64, 1 => 0..2_000_000_000_u64];
    let share = prop_oneof![Just(0_u64), 0..3_u64, 0..=256_u64];
    (size, share.clone(), share).prop_map(|(n, bad, slow)| {
        let part = |share: u64| n * share / 256;
        (n - part(bad), part(bad), part(slow))
    })
}

fn add(arm: Arm, (good, bad, slow): (u64, u64, u64)) -> Arm {
    let was = arm.counts();
    let (was_slow, was_too) = (arm.slow().unwrap_or(0), arm.much_too_slow().unwrap_or(0));
    Arm::new(was.good() + good, was.bad() + bad).latency(was_slow + slow, was_too + slow / 2)
}

fn new() -> Canary {
    CanaryPolicy::new().start_at(Instant::now())
}

/// A rank from good to bad.
fn rank(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::Promote(_) => 0,
        Verdict::Hold(_) => 1,
        Verdict::RollBack(_) => 2,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_history_gives_finite_numbers_and_lasting_faults(
        history in vec((some(), some(), any::<bool>()), 1..12),
    ) {
        let mut now = Instant::now();
        let mut canary = new();
        let mut arms = [Arm::default(); 2];
        let mut was_bad = false;
        for (baseline, tried, advances) in history {
            arms = [add(arms[0], baseline), add(arms[1], tried)];
            now += MINUTE;
            canary.observe_at(arms[0], arms[1], now).unwrap();
            let verdict = canary.verdict(now);
            let evidence = verdict.evidence();
            let e_values = [Some(evidence.worse()), Some(evidence.not_worse()), evidence.slower(), evidence.not_slower()];
            for e in e_values.into_iter().flatten() {
                prop_assert!(e.ln().is_finite() && e.value().is_finite(), "{evidence:?}");
            }
            prop_assert!((0.0..=1.0).contains(&evidence.error_rate_at_most()));
            prop_assert!(evidence.dispersion() >= 1.0 && evidence.dispersion().is_finite());
            prop_assert!(!verdict.reasons().is_empty());
            let text = verdict.to_string();
            prop_assert!(!text.contains("NaN") && !text.contains("inf "), "{text}");
            if verdict.is_promote() && !verdict.reasons().contains(&Reason::Complete) {
                prop_assert!(evidence.canary_in_step().total() > 0 && evidence.batches() >= 5);
                prop_assert!(evidence.baseline().total() > 0);
            }
            prop_assert!(!was_bad || verdict.is_roll_back(), "{text}");
            was_bad = verdict.is_roll_back();
            // The same counts again change nothing.
            canary.observe_at(arms[0], arms[1], now).unwrap();
            prop_assert_eq!(&canary.verdict(now), &verdict);
            if advances {
                canary.advance_at(now);
            }
        }
    }

    #[test]
    fn one_more_failure_never_improves_a_verdict(
        baseline in some(),
        total in 1..3_000_u64,
        bad in 0..40_u64,
        more in 1..10_u64,
    ) {
        let (baseline, start) = (add(Arm::default(), baseline), Instant::now());
        let after = |bad: u64| {
            let mut canary = CanaryPolicy::new().start_at(start);
            let bad = bad.min(total);
            let now = start + MINUTE;
            canary.observe_at(baseline, Arm::new(total - bad, bad).latency(0, 0), now).unwrap();
            canary.verdict(now)
        };
        let (fewer, further) = (after(bad), after(bad + more));
        prop_assert!(rank(&fewer) <= rank(&further), "{} / {}", fewer, further);
        let (a, b) = (fewer.evidence(), further.evidence());
        prop_assert!(a.worse().ln() <= b.worse().ln() + 1e-9);
        prop_assert!(a.not_worse().ln() >= b.not_worse().ln() - 1e-9);
        prop_assert!(a.error_rate_at_most() <= b.error_rate_at_most());
    }

    #[test]
    fn two_arms_are_never_each_worse_than_the_other(history in vec((some(), some()), 1..8)) {
        let start = Instant::now();
        let mut both = [(); 2].map(|()| CanaryPolicy::new().start_at(start));
        let mut arms = [Arm::default(); 2];
        for (minute, (one, other)) in (1..).zip(history) {
            arms = [add(arms[0], one), add(arms[1], other)];
            let now = start + minute * MINUTE;
            both[0].observe_at(arms[0], arms[1], now).unwrap();
            both[1].observe_at(arms[1], arms[0], now).unwrap();
        }
        // Of each stake the product of the two is that of 1 - λ²s², at most 1.
        let [one, other] = both.map(|canary| canary.evidence().worse().ln());
        prop_assert!(one <= 3_f64.ln() || other <= 1e-9, "{one} {other}");
        prop_assert!(one.min(other) <= 1e-9, "{one} {other}");
    }
}
