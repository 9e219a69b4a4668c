//! Properties of random histories.

use proptest::{collection::vec, prelude::*};
use tokio::time::Instant;

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
        let now = Instant::now();
        let mut canary = new();
        let mut arms = [Arm::default(); 2];
        let mut was_bad = false;
        for (baseline, tried, advances) in history {
            arms = [add(arms[0], baseline), add(arms[1], tried)];
            canary.observe(arms[0], arms[1]).unwrap();
            let verdict = canary.verdict(now);
            let evidence = verdict.evidence();
            let e_values = [Some(evidence.worse()), Some(evidence.not_worse()), evidence.slower(), evidence.not_slower()];
            for e in e_values.into_iter().flatten() {
                prop_assert!(e.ln().is_finite() && e.value().is_finite(), "{evidence:?}");
            }
            let (low, high) = (evidence.error_rate_at_least(), evidence.error_rate_at_most());
            prop_assert!((0.0..=1.0).contains(&low) && (0.0..=1.0).contains(&high));
            prop_assert!(!verdict.reasons().is_empty());
            let text = verdict.to_string();
            prop_assert!(!text.contains("NaN") && !text.contains("inf "), "{text}");
            if verdict.is_promote() && !verdict.reasons().contains(&Reason::Complete) {
                prop_assert!(evidence.canary_in_step().counts().total() > 0);
                prop_assert!(evidence.baseline().counts().total() > 0);
            }
            prop_assert!(!was_bad || verdict.is_roll_back(), "{text}");
            was_bad = verdict.is_roll_back();
            // The same counts again change nothing.
            canary.observe(arms[0], arms[1]).unwrap();
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
        let (baseline, now) = (add(Arm::default(), baseline), Instant::now());
        let after = |bad: u64| {
            let mut canary = new();
            let bad = bad.min(total);
            canary.observe(baseline, Arm::new(total - bad, bad).latency(0, 0)).unwrap();
            canary.verdict(now)
        };
        let (fewer, further) = (after(bad), after(bad + more));
        prop_assert!(rank(&fewer) <= rank(&further), "{} / {}", fewer, further);
        let (a, b) = (fewer.evidence(), further.evidence());
        prop_assert!(a.worse().ln() <= b.worse().ln() + 1e-9);
        prop_assert!(a.not_worse().ln() >= b.not_worse().ln() - 1e-9);
        prop_assert!(a.error_rate_at_least() <= b.error_rate_at_least());
        prop_assert!(a.error_rate_at_most() <= b.error_rate_at_most());
    }

    #[test]
    fn two_arms_are_never_each_worse_than_the_other(history in vec((some(), some()), 1..8)) {
        let policy = CanaryPolicy::builder().odds_ratios([2.0]).build().unwrap();
        let mut both = [policy.start_at(Instant::now()), policy.start_at(Instant::now())];
        let mut arms = [Arm::default(); 2];
        for (one, other) in history {
            arms = [add(arms[0], one), add(arms[1], other)];
            both[0].observe(arms[0], arms[1]).unwrap();
            both[1].observe(arms[1], arms[0]).unwrap();
        }
        // The product of the two is 1 / (E 2^K E 2^-K), by Jensen's inequality at most 1.
        let [one, other] = both.map(|canary| canary.evidence().worse().ln());
        prop_assert!(one + other <= 1e-4, "{one} {other}");
        prop_assert!(one > other || one <= 1e-4);
    }
}
