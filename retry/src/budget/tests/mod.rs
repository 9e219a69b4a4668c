//! The budgets without a clock: they agree with naive models and keep their published bounds.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use proptest::prelude::*;

use super::{Budget, CostBucket, CostHold, HalfFull, InFlightShare, floor::Floor};
use crate::types::{InvalidConfigKind, Now};

proptest! {
    #[test]
    fn throttle_matches_a_sum_and_keeps_its_bound(
        max_tokens in 1_u32..=20,
        thousandths in prop_oneof![Just(100_u32), Just(1), Just(1_000), 1_u32..3_000],
        // A failure that wants a retry, one that does not, a success.
        attempts in prop::collection::vec(0_u8..3, 0..300),
    ) {
        let builder = HalfFull::builder().max_tokens(max_tokens);
        let throttle = builder.token_ratio(f64::from(thousandths) / 1_000.0).build("test").unwrap();
        let max = i64::from(max_tokens) * 1_000;
        let (mut tokens, mut retries, mut successes) = (max, 0, 0);
        for attempt in attempts {
            match attempt {
                0 => {
                    tokens = (tokens - 1_000).max(0);
                    let granted = throttle.try_hold(&Now::unread()).is_some();
                    prop_assert_eq!(granted, tokens * 2 > max);
                    retries += i64::from(granted);
                }
                1 => {
                    tokens = (tokens - 1_000).max(0);
                    throttle.record(true);
                }
                _ => {
                    tokens = (tokens + i64::from(thousandths)).min(max);
                    throttle.record(false);
                    successes += 1;
                }
            }
            let left = f64::from(i32::try_from(tokens).unwrap()) / 1_000.0;
            prop_assert!((throttle.tokens() - left).abs() < 1e-9);
            prop_assert!(retries * 1_000 <= max / 2 + i64::from(thousandths) * successes);
        }
    }

    #[test]
    fn cost_bucket_matches_a_sum_and_keeps_its_bound(
        capacity in 1_u32..=40,
        steps in prop::collection::vec((0_u8..6, 0_u32..12, any::<usize>()), 0..300),
    ) {
        let bucket = CostBucket::builder().capacity(capacity).cost(1).build("test").unwrap();
        let capacity = u64::from(capacity);
        let (mut tokens, mut successes) = (capacity, 0);
        // The retries that failed, those that run, and those that wait.
        let (mut failed, mut running, mut waiting) = (0, Vec::<u32>::new(), Vec::<(CostHold, u32)>::new());
        for (step, cost, which) in steps {
            match step {
                0 | 1 => {
                    let hold = bucket.try_hold_costing(&Now::unread(), cost);
                    prop_assert_eq!(hold.is_some(), tokens >= u64::from(cost));
                    if let Some(hold) = hold {
                        tokens -= u64::from(cost);
                        waiting.push((hold, cost));
                    }
                }
                2 => {
                    bucket.record(false);
                    tokens = (tokens + 1).min(capacity);
                    successes += 1;
                }
                3 if !waiting.is_empty() => {
                    let (hold, cost) = waiting.swap_remove(which % waiting.len());
                    prop_assert_eq!(bucket.spend(hold), cost);
                    running.push(cost);
                }
                4 if !waiting.is_empty() => {
                    let (_cancelled, cost) = waiting.swap_remove(which % waiting.len());
                    tokens = (tokens + u64::from(cost)).min(capacity);
                }
                5 if !running.is_empty() => {
                    let cost = running.swap_remove(which % running.len());
                    let fails = cost % 2 == 0;
                    bucket.record_retry(cost, fails);
                    if fails {
                        failed += u64::from(cost);
                    } else {
                        tokens = (tokens + u64::from(cost)).min(capacity);
                    }
                }
                _ => bucket.record(true),
            }
            prop_assert_eq!(bucket.tokens(), tokens);
            let out: u32 = running.iter().chain(waiting.iter().map(|(_, cost)| cost)).sum();
            prop_assert!(failed + u64::from(out) <= capacity + successes);
        }
    }

    #[test]
    fn in_flight_share_matches_lists_and_keeps_its_bound(
        percent in 0_u32..=100,
        minimum in prop_oneof![Just(0_u32), 0_u32..4],
        steps in prop::collection::vec((0_u8..6, any::<usize>()), 0..300),
    ) {
        let builder = InFlightShare::builder().share(f64::from(percent) / 100.0).minimum(minimum);
        let budget = builder.build("test").unwrap();
        let (mut calls, mut waiting, mut running) = (Vec::new(), Vec::new(), Vec::new());
        for (step, which) in steps {
            match step {
                0 | 1 => calls.push(budget.enter()),
                2 => {
                    let retries = u32::try_from(waiting.len() + running.len()).unwrap();
                    let share = u32::try_from(calls.len()).unwrap() * percent;
                    let hold = budget.try_hold(&Now::unread());
                    prop_assert_eq!(hold.is_some(), (retries + 1) * 100 <= share || retries < minimum);
                    waiting.extend(hold);
                }
                3 if !calls.is_empty() => drop(calls.swap_remove(which % calls.len())),
                4 if !waiting.is_empty() => {
                    let hold = waiting.swap_remove(which % waiting.len());
                    if which % 3 > 0 {
                        running.push(budget.spend(hold));
                    }
                }
                5 if !running.is_empty() => {
                    let retry = running.swap_remove(which % running.len());
                    budget.record_retry(retry, which % 2 == 0);
                }
                _ => {}
            }
            prop_assert_eq!(budget.calls() as usize, calls.len());
            prop_assert_eq!(budget.retries() as usize, waiting.len() + running.len());
            let share = budget.calls() * percent / 100;
            let left = share.max(minimum).saturating_sub(budget.retries());
            prop_assert_eq!(budget.level(&Now::unread()), Some(f64::from(left)));
        }
        drop((calls, waiting, running));
        prop_assert_eq!((budget.calls(), budget.retries()), (0, 0), "nothing is left over");
    }
}

#[test]
fn floor_grants_its_number_a_second() {
    const SECOND: u64 = 1_000_000_000;
    for per_second in [1_u32, 3, 7, 10, 1_000] {
        let floor = Floor::new(per_second);
        let mut granted = 0;
        // Asked far more often than it grants, and then after a long pause.
        for step in 0..30_000_u64 {
            let nanos = step * SECOND / 10_000;
            granted += u64::from(floor.take_at(nanos));
            assert!(granted * SECOND <= u64::from(per_second) * (nanos + SECOND));
        }
        assert!(
            granted >= 4 * u64::from(per_second) - 4,
            "{per_second}: {granted}"
        );
        let year = 31_536_000 * SECOND;
        let saved = (0..2_000).filter(|_| floor.take_at(year)).count();
        assert_eq!(saved, per_second as usize, "one second is saved up");
    }
    let floor = Floor::new(1);
    assert!(floor.take_at(u64::MAX) && !floor.take_at(u64::MAX) && !floor.take_at(0));
}

#[test]
fn threads_take_no_more_than_the_bucket_holds() {
    let bucket = CostBucket::builder()
        .capacity(1_000)
        .cost(3)
        .build("hammered")
        .unwrap();
    let (taken, successes) = (AtomicU64::new(0), 4 * 3_000);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for n in 0..9_000 {
                    match bucket.try_hold(&Now::unread()) {
                        Some(hold) if n % 4 > 0 => {
                            taken.fetch_add(u64::from(bucket.spend(hold)), SeqCst);
                        }
                        _ => {}
                    }
                    if n % 3 == 0 {
                        bucket.record(false);
                    }
                }
            });
        }
    });
    let taken = taken.into_inner();
    assert!(taken + bucket.tokens() <= 1_000 + successes, "{taken}");
    // After the beginning the bucket was never near its cap, so almost nothing was lost there.
    assert!(taken > 10_000, "{taken}");
}

#[test]
fn budget_builders_check_their_ranges() {
    let throttle = HalfFull::builder;
    for (builder, found) in [
        (throttle().max_tokens(0), "(found 0)"),
        (throttle().max_tokens(1_001), "(found 1001)"),
        (throttle().token_ratio(0.0), "(found 0)"),
        (throttle().token_ratio(-1.0), "(found -1)"),
        (throttle().token_ratio(f64::NAN), "(found NaN)"),
        (throttle().token_ratio(1e9), "(found 1000000000)"),
        (throttle().floor_per_second(1_000_001), "(found 1000001)"),
    ] {
        let refused = builder.build("refused").unwrap_err().to_string();
        assert!(refused.ends_with(found), "{refused}");
    }
    assert!(
        throttle()
            .max_tokens(1_000)
            .token_ratio(1_000.0)
            .build("legal")
            .is_ok()
    );
    let bucket = CostBucket::builder;
    for builder in [bucket().capacity(0), bucket().cost(0), bucket().capacity(4)] {
        let refused = builder.build("refused").unwrap_err();
        assert!(
            matches!(refused.kind(), InvalidConfigKind::Cost { .. }),
            "{builder:?}"
        );
    }
    assert!(
        bucket()
            .capacity(u32::MAX)
            .cost(u32::MAX)
            .build("legal")
            .is_ok()
    );
    for share in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        let refused = InFlightShare::builder().share(share).build("refused");
        let refused = refused.unwrap_err();
        assert!(
            matches!(refused.kind(), InvalidConfigKind::Share(_)),
            "{share}"
        );
    }
    let all = InFlightShare::builder()
        .share(1.0)
        .minimum(u32::MAX)
        .build("legal")
        .unwrap();
    assert!(all.try_retry().is_some());
}

#[test]
fn changed_floor_keeps_the_number_of_retries() {
    let floor = Floor::new(10);
    assert_eq!((0..7).filter(|_| floor.take_at(0)).count(), 7);
    floor.change_at(1_000, 0);
    assert_eq!((0..99).filter(|_| floor.take_at(0)).count(), 3);
    floor.change_at(1_000, 50_000_000);
    assert_eq!((0..99).filter(|_| floor.take_at(50_000_000)).count(), 50);
    floor.change_at(0, 100_000_000);
    assert!(floor.is_none() && !floor.take_at(200_000_000));
    floor.change_at(4, 600_000_000);
    assert!(!floor.take_at(600_000_000) && floor.take_at(850_000_000));
}
