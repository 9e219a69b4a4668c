//! The adaptive limits: the laws as pure functions, and a bulkhead that follows one.

use std::{
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Wake, Waker},
    time::Duration,
};

use maestro_bulkhead::{
    AdaptiveBulkhead, Aimd, Bulkhead, BulkheadLayer, Fixed, Gradient2, InvalidConfig, Limit,
    Outcome, Permit, Window,
};
use proptest::prelude::*;
use tokio::time::advance;
use tower::{BoxError, Layer, ServiceExt, service_fn};

const MS: Duration = Duration::from_millis(1);

/// A window in which the whole limit was in use.
fn used(limit: usize, overloads: u64, latency: Duration) -> Window {
    Window::new(limit, limit, 100, overloads, latency)
}

/// The limit after `windows` windows with this latency.
fn after(law: &mut impl Limit, mut limit: usize, windows: usize, latency: Duration) -> usize {
    for _ in 0..windows {
        limit = law.next(&used(limit, 0, latency));
    }
    limit
}

// === AIMD ===

#[test]
fn aimd_adds_one_and_takes_a_tenth() {
    let mut law = Aimd::new();
    assert_eq!(law.next(&used(100, 0, MS)), 101);
    assert_eq!(law.next(&used(100, 1, MS)), 90);
    assert_eq!(law.next(&used(5, 1, MS)), 4, "always one fewer at least");
    assert_eq!(
        Aimd::new().slow_after(10 * MS).next(&used(100, 0, 11 * MS)),
        90
    );
}

#[test]
fn aimd_recovers_from_its_floor_without_outside_help() {
    let mut law = Aimd::new();
    let mut limit = 100;
    for _ in 0..1_000 {
        limit = law.next(&used(limit, 1, MS));
    }
    assert_eq!(limit, 1);
    assert_eq!(after(&mut law, limit, 50, MS), 51);
}

#[test]
fn an_unused_limit_does_not_grow() {
    let idle = Window::new(100, 49, 100, 0, MS);
    assert_eq!(Aimd::new().next(&idle), 100);
    let mut law = Gradient2::new();
    assert_eq!((0..50).map(|_| law.next(&idle)).max(), Some(100));
}

// === Gradient2 ===

#[test]
fn the_gradient_follows_the_published_formula() {
    // After one window of 10 ms the baseline is 10 ms; at 30 ms it is the mean 20 ms, which drift keeps at
    // twice the lowest. gradient = 1.5 × 20 / 30 = 1, so 20 × 1 + 4, of which a fifth takes effect.
    let mut law = Gradient2::new();
    assert_eq!(law.next(&used(20, 0, 10 * MS)), 20); // 20.8
    assert_eq!(law.next(&used(20, 0, 30 * MS)), 21); // 21.6
    // Mean of three, 10 + 30 + 60 over 3, is 33: held at 20. 1.5 × 20 / 60 = 0.5; 21.6 × 0.5 + 4 = 14.8.
    assert_eq!(law.next(&used(21, 0, 60 * MS)), 20); // 21.6 × 0.8 + 14.8 × 0.2 = 20.24
}

#[test]
fn the_gradient_grows_on_healthy_traffic_to_its_ceiling() {
    assert_eq!(after(&mut Gradient2::new().max(200), 20, 500, 10 * MS), 200);
}

#[test]
fn the_gradient_falls_with_a_slow_down_and_recovers() {
    let mut law = Gradient2::new().max(100);
    let healthy = after(&mut law, 20, 200, 10 * MS);
    let slow = after(&mut law, healthy, 50, 60 * MS);
    assert!(slow <= 10, "{slow}");
    assert_eq!(after(&mut law, slow, 200, 10 * MS), 100);
}

#[test]
fn a_lasting_slow_down_is_not_learnt_as_normal() {
    for law in [
        Gradient2::new(),
        Gradient2::new().healthy(15 * MS).drift(1e6),
    ] {
        let mut law = law.memory(20).max(100);
        let healthy = after(&mut law, 20, 200, 10 * MS);
        let slow = after(&mut law, healthy, 100_000, 100 * MS);
        assert!(slow <= 10, "{slow} after a long while");
    }
}

#[test]
fn overloads_and_fast_failures_keep_the_baseline() {
    let mut law = Gradient2::new().max(100);
    let mut limit = after(&mut law, 20, 200, 10 * MS);
    // Fast failures: the latency of a window with overloads is ignored.
    for _ in 0..3 {
        limit = law.next(&used(limit, 5, Duration::from_micros(1)));
    }
    assert!(
        (60..90).contains(&limit),
        "{limit}: it came down, by a tenth each time"
    );
    assert_eq!(
        after(&mut law, limit, 100, 10 * MS),
        100,
        "10 ms is still as good as it was"
    );
    // Nothing succeeded, nothing was overloaded: nothing was learnt.
    assert_eq!(law.next(&Window::new(100, 100, 0, 0, MS)), 100);
}

#[test]
fn drops_between_windows_teach_nothing() {
    let (mut calm, mut troubled) = (Gradient2::new().max(100), Gradient2::new().max(100));
    for _ in 0..200 {
        calm.next(&used(50, 0, 10 * MS));
        troubled.next(&used(50, 0, 10 * MS));
        // Refused at once; slow and then dropped; overloads only; nothing at all.
        troubled.next(&used(50, 7, Duration::from_micros(1)));
        troubled.next(&used(50, 1, 10_000 * MS));
        troubled.next(&Window::new(50, 50, 0, 100, MS));
        troubled.next(&Window::new(50, 50, 0, 0, MS));
    }
    // From the same limit both give the same answer to any latency.
    for latency in [10, 14, 16, 20, 25, 40, 11] {
        let seen = used(77, 0, latency * MS);
        assert_eq!(calm.next(&seen), troubled.next(&seen), "{latency} ms");
    }
}

#[test]
fn one_overload_costs_a_tenth_of_the_limit() {
    let mut law = Gradient2::new().max(100);
    let healthy = after(&mut law, 20, 200, 10 * MS);
    assert_eq!(healthy, 100);
    let shaken = law.next(&used(healthy, 1, Duration::from_micros(10)));
    assert_eq!(shaken, 90);
    // Up by a fifth of the headroom, four places, in each window.
    assert_eq!(after(&mut law, shaken, 13, 10 * MS), 100);
}

#[test]
fn fifty_drops_never_raise_a_limit() {
    let laws: [Box<dyn Limit>; 2] = [Box::new(Aimd::new()), Box::new(Gradient2::new())];
    for mut law in laws {
        let before = after(&mut law, 20, 50, 10 * MS);
        let mut limit = before;
        for drops in 1..=50 {
            let next = law.next(&used(limit, drops, 10 * MS));
            assert!(next <= limit, "{limit} -> {next}");
            limit = next;
        }
        assert!(limit < before / 10, "{before} -> {limit}");
    }
}

/// The windows of a service that runs `capacity` calls at a time, for 50 ms each, and queues the others.
fn closed_loop(law: &mut impl Limit, mut limit: usize, windows: usize, capacity: usize) -> usize {
    for _ in 0..windows {
        let queued = u32::try_from(limit.div_ceil(capacity)).expect("a small one");
        limit = law.next(&used(limit, 0, 50 * MS * queued));
    }
    limit
}

#[test]
fn a_limit_follows_the_capacity_of_the_service() {
    let gradient = || Box::new(Gradient2::new()) as Box<dyn Limit>;
    let aimd = || Box::new(Aimd::new().slow_after(120 * MS)) as Box<dyn Limit>;
    for mut law in [gradient(), aimd()] {
        let settled = closed_loop(&mut law, 20, 2_000, 40);
        // Twice the latency is in bounds for both laws, three times is not. The headroom is above that.
        assert!((40..=124).contains(&settled), "{settled}");
        let in_trouble = closed_loop(&mut law, settled, 100, 13);
        assert!((13..=43).contains(&in_trouble), "{in_trouble}");
        let lasting = closed_loop(&mut law, in_trouble, 100_000, 13);
        assert!((13..=43).contains(&lasting), "{lasting}");
        let again = closed_loop(&mut law, lasting, 200, 40);
        assert!((40..=124).contains(&again), "{again}");
        // And from its floor.
        let floor = (0..200).fold(again, |limit, _| law.next(&used(limit, 1, MS)));
        assert_eq!(floor, 1);
        let recovered = closed_loop(&mut law, floor, 200, 40);
        assert!((40..=124).contains(&recovered), "{recovered}");
    }
}

#[test]
fn a_probe_may_go_below_the_floor() {
    let mut law = Gradient2::new().min(12).max(100).probe(3, 20);
    let mut limit = 20;
    let seen: Vec<_> = (0..60)
        .map(|_| {
            limit = law.next(&used(limit, 0, 10 * MS));
            limit
        })
        .collect();
    assert_eq!(
        seen.iter().filter(|limit| **limit == 3).count(),
        4,
        "two windows each: {seen:?}"
    );
    let floor = after(&mut law, limit, 15, 10_000 * MS);
    assert!(floor >= 12, "{floor}");
}

#[test]
fn a_probe_finds_the_latency_without_queueing() {
    // Learnt under load: 40 ms. A probe finds 10 ms; from then on 40 ms is slow.
    let mut law = Gradient2::new().max(100).probe(2, 50);
    let mut limit = 60;
    for _ in 0..300 {
        let latency = if limit <= 2 { 10 * MS } else { 40 * MS };
        limit = law.next(&used(limit, 0, latency));
    }
    assert!(limit <= 20, "{limit}");
}

#[test]
fn a_probe_that_meets_an_overload_measures_nothing() {
    let mut law = Gradient2::new().max(100).probe(2, 20);
    let (mut limit, mut least, mut probes) = (60, 60, 0);
    for _ in 0..300 {
        let in_probe = limit == 2;
        let seen = if in_probe {
            used(limit, 1, Duration::from_micros(1)) // refused at once
        } else {
            used(limit, 0, 40 * MS)
        };
        limit = law.next(&seen);
        probes += usize::from(in_probe);
        least = least.min(if limit == 2 { least } else { limit });
    }
    assert!(probes > 10, "{probes}");
    assert!(least >= 60, "{least}: 40 ms is as good as it was");
}

#[test]
fn a_high_baseline_falls_by_an_extra_twentieth() {
    let law = Gradient2::new().smoothing(1.0).headroom(1.0).drift(1e6);
    let mut law = law.max(1_000);
    assert_eq!(law.next(&used(1_000, 0, 100 * MS)), 1_000);
    // The mean of 100 and 10 is 55, more than twice 10: 52.25.
    assert_eq!(law.next(&used(1_000, 0, 10 * MS)), 1_000);
    // Two thirds of that and a third of 200 are 101.5; 1.5 × 101.5 / 200 = 0.76125, and one of headroom.
    assert_eq!(law.next(&used(1_000, 0, 200 * MS)), 762);
}

#[test]
fn half_of_a_limit_in_use_counts_as_used() {
    for (limit, half) in [(1, 1), (2, 1), (3, 2), (4, 2), (99, 50)] {
        let was_used = |in_flight| Window::new(limit, in_flight, 9, 0, MS).was_used();
        assert_eq!(
            (was_used(half), was_used(half - 1)),
            (true, false),
            "{limit}"
        );
    }
}

#[test]
fn the_gradient_continues_from_a_limit_set_by_hand() {
    let mut law = Gradient2::new();
    after(&mut law, 20, 100, 10 * MS);
    assert_eq!(law.next(&used(10, 0, 10 * MS)), 10); // 10.8
    let relearnt = law.relearn();
    assert_eq!(relearnt, Gradient2::new());
}

// === Both ===

proptest! {
    #[test]
    fn laws_stay_between_floor_and_ceiling(
        start in 1_usize..500,
        windows in prop::collection::vec(
            (0_usize..1_000, 0_u64..3, 0_u64..4, prop_oneof![
                Just(Duration::ZERO), Just(Duration::MAX), (0_u64..10_000_000).prop_map(Duration::from_micros),
            ]),
            0..200,
        ),
    ) {
        let laws: [Box<dyn Limit>; 3] = [
            Box::new(Aimd::new().min(2).max(300).slow_after(MS)),
            Box::new(Gradient2::new().min(2).max(300)),
            Box::new(Gradient2::new().min(2).max(300).probe(2, 5).memory(1).smoothing(1.0)),
        ];
        for mut law in laws {
            let mut limit = start;
            for &(in_flight, successes, overloads, latency) in &windows {
                limit = law.next(&Window::new(limit, in_flight, successes, overloads, latency));
                prop_assert!((2..=500).contains(&limit));
            }
            // Healthy traffic raises the limit from any value.
            for _ in 0..2_000 {
                limit = law.next(&used(limit, 0, Duration::from_micros(1)));
            }
            prop_assert!(limit >= 2);
            let most = (0..20).map(|_| { limit = law.next(&used(limit, 0, Duration::from_micros(1))); limit }).max();
            prop_assert!(most.unwrap() > 100, "{most:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any latency, any outcome, many calls at once or one after the other.
    #[test]
    fn adaptive_limits_stay_in_range_and_lose_no_place(
        calls in prop::collection::vec(
            (0_u64..100_000, 0_u8..4, 1_usize..30),
            0..120,
        ),
        with_gradient in any::<bool>(),
    ) {
        let law: Box<dyn Limit> = if with_gradient {
            Box::new(Gradient2::new().min(2).max(50).probe(3, 4))
        } else {
            Box::new(Aimd::new().min(2).max(50).slow_after(20 * MS))
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let end = runtime.block_on(async {
            let bulkhead = windows_of_100_ms().build_adaptive("a", law).unwrap();
            for (micros, outcome, at_once) in calls {
                let permits: Vec<_> = (0..at_once).map_while(|_| bulkhead.try_acquire().ok()).collect();
                advance(Duration::from_micros(micros)).await;
                for permit in permits {
                    match outcome {
                        0 => permit.success(),
                        1 => permit.overload(),
                        2 => permit.ignore(),
                        _ => drop(permit),
                    }
                    let limit = bulkhead.limit();
                    if !(2..=50).contains(&limit) {
                        return Err(limit);
                    }
                }
            }
            // Healthy calls in all places raise the limit from any value.
            let mut most = 0;
            for _ in 0..400 {
                let permits: Vec<_> = std::iter::from_fn(|| bulkhead.try_acquire().ok()).collect();
                advance(Duration::from_micros(1)).await;
                permits.into_iter().for_each(Permit::success);
                advance(100 * MS).await;
                most = most.max(bulkhead.limit());
            }
            if bulkhead.in_flight() == 0 && most >= 40 { Ok(()) } else { Err(most) }
        });
        prop_assert_eq!(end, Ok(()));
    }
}

#[test]
fn illegal_numbers_are_refused() {
    let builder = Bulkhead::builder();
    let refused = |law| builder.build_adaptive("x", law).unwrap_err();
    assert_eq!(refused(Aimd::new().min(0)), InvalidConfig::LimitRange);
    assert_eq!(
        refused(Aimd::new().min(2).max(1)),
        InvalidConfig::LimitRange
    );
    for backoff in [f64::NAN, 1.0, 0.49, f64::INFINITY] {
        assert_eq!(
            refused(Aimd::new().backoff(backoff)),
            InvalidConfig::Backoff
        );
    }
    assert_eq!(refused(Aimd::new().step(0)), InvalidConfig::Step);
    let refused = |law| builder.build_adaptive("x", law).unwrap_err();
    assert_eq!(refused(Gradient2::new().min(0)), InvalidConfig::LimitRange);
    let law = Gradient2::new;
    for (law, problem, field) in [
        (
            law().smoothing(f64::NAN),
            InvalidConfig::Smoothing,
            "smoothing",
        ),
        (law().smoothing(0.0), InvalidConfig::Smoothing, "smoothing"),
        (law().tolerance(0.9), InvalidConfig::Tolerance, "tolerance"),
        (law().drift(f64::INFINITY), InvalidConfig::Drift, "drift"),
        (law().headroom(0.0), InvalidConfig::Headroom, "headroom"),
        (law().memory(0), InvalidConfig::Memory, "memory"),
        (law().probe(0, 1), InvalidConfig::Probe, "probe"),
        (law().probe(1, 0), InvalidConfig::Probe, "probe"),
    ] {
        let refusal = refused(law);
        assert_eq!(refusal, problem);
        assert!(refusal.to_string().starts_with(&format!("`{field}` of")));
    }
    assert_eq!(
        builder
            .limit(0)
            .build_adaptive("x", Aimd::new())
            .unwrap_err(),
        InvalidConfig::ZeroLimit
    );
}

// === The bulkhead ===

/// Runs ten calls of `latency` at once, which all end with `outcome`.
async fn ten_calls<L: Limit>(bulkhead: &AdaptiveBulkhead<L>, latency: Duration, outcome: Outcome) {
    let permits: Vec<_> = (0..10)
        .filter_map(|_| bulkhead.try_acquire().ok())
        .collect();
    advance(latency).await;
    for permit in permits {
        permit.finish(outcome);
    }
}

fn windows_of_100_ms() -> maestro_bulkhead::Builder {
    Bulkhead::builder().limit(10).window(100 * MS)
}

#[tokio::test(start_paused = true)]
async fn the_limit_moves_once_a_window() {
    let bulkhead = windows_of_100_ms()
        .build_adaptive("a", Aimd::new())
        .unwrap();
    ten_calls(&bulkhead, 40 * MS, Outcome::Success).await;
    assert_eq!(bulkhead.limit(), 10, "the window has not ended");
    ten_calls(&bulkhead, 60 * MS, Outcome::Success).await;
    assert_eq!(bulkhead.limit(), 11);
    ten_calls(&bulkhead, 200 * MS, Outcome::Overload).await;
    assert_eq!((bulkhead.limit(), bulkhead.overloads()), (9, 10));
}

#[tokio::test(start_paused = true)]
async fn a_window_lasts_two_mean_latencies() {
    let bulkhead = windows_of_100_ms()
        .build_adaptive("a", Aimd::new())
        .unwrap();
    // From the end of the first at 400 ms, whose calls took 400 ms, until 1,200.
    for limit in [11, 11, 12, 12, 13] {
        ten_calls(&bulkhead, 400 * MS, Outcome::Success).await;
        assert_eq!(bulkhead.limit(), limit);
    }
}

#[tokio::test(start_paused = true)]
async fn ignored_cancelled_and_refused_calls_report_nothing() {
    let bulkhead = windows_of_100_ms()
        .build_adaptive("a", Aimd::new())
        .unwrap();
    for _ in 0..20 {
        ten_calls(&bulkhead, 100 * MS, Outcome::Ignored).await;
        let held: Vec<_> = (0..10).map(|_| bulkhead.try_acquire().unwrap()).collect();
        assert!(bulkhead.try_acquire().is_err());
        advance(100 * MS).await;
        drop(held);
    }
    assert_eq!((bulkhead.limit(), bulkhead.in_flight()), (10, 0));
}

#[tokio::test(start_paused = true)]
async fn run_reports_an_ok_as_a_success() {
    for (ok, limit) in [(true, 2), (false, 1)] {
        let builder = windows_of_100_ms().limit(1);
        let bulkhead = builder.build_adaptive("a", Aimd::new()).unwrap();
        for _ in 0..10 {
            advance(20 * MS).await;
            let _: Result<(), BoxError> =
                bulkhead.run_blocking(|| if ok { Ok(()) } else { Err("no".into()) });
        }
        assert_eq!(bulkhead.limit(), limit);
    }
}

#[tokio::test(start_paused = true)]
async fn a_window_needs_ten_calls() {
    let bulkhead = windows_of_100_ms()
        .build_adaptive("a", Aimd::new())
        .unwrap();
    for _ in 0..9 {
        bulkhead.try_acquire().unwrap().success();
        advance(200 * MS).await;
    }
    assert_eq!(bulkhead.limit(), 10);
}

#[tokio::test(start_paused = true)]
async fn the_layer_feeds_the_limit_by_its_classifier() {
    let bulkhead = windows_of_100_ms()
        .build_adaptive("a", Aimd::new())
        .unwrap();
    let service = BulkheadLayer::new(bulkhead.clone())
        .overload_if(|r: &Result<u16, BoxError>| matches!(r, Ok(503)))
        .layer(service_fn(async |status: u16| {
            tokio::time::sleep(20 * MS).await;
            Ok::<_, BoxError>(status)
        }));
    for _ in 0..10 {
        service.clone().oneshot(503).await.unwrap();
    }
    // 200 ms, and so two windows.
    assert_eq!((bulkhead.limit(), bulkhead.overloads()), (8, 10));
}

#[tokio::test(start_paused = true)]
async fn an_adaptive_bulkhead_has_a_queue_and_set_limit() {
    for law in [
        Box::new(Fixed) as Box<dyn Limit>,
        Box::new(Gradient2::new()),
    ] {
        let bulkhead = windows_of_100_ms().build_adaptive("a", law).unwrap();
        bulkhead.set_limit(1).unwrap();
        let held = bulkhead.try_acquire().unwrap();
        let waiting = tokio::spawn(bulkhead.acquire());
        tokio::task::yield_now().await;
        assert_eq!(bulkhead.queued(), 1);
        drop(held);
        waiting.await.unwrap().unwrap().success();
        assert_eq!((bulkhead.limit(), bulkhead.in_flight()), (1, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn set_law_takes_effect_at_the_next_window() {
    let bulkhead = windows_of_100_ms()
        .build_adaptive("a", Aimd::new())
        .unwrap();
    let refused = bulkhead.set_law(Aimd::new().step(0));
    assert_eq!(refused, Err(InvalidConfig::Step));
    ten_calls(&bulkhead, 100 * MS, Outcome::Success).await;
    assert_eq!(bulkhead.limit(), 11);
    bulkhead.set_law(Aimd::new().step(5)).unwrap();
    assert_eq!(bulkhead.limit(), 11, "the limit stays where it is");
    ten_calls(&bulkhead, 200 * MS, Outcome::Success).await;
    assert_eq!(bulkhead.limit(), 16);
}

#[tokio::test(start_paused = true)]
async fn set_law_accepts_a_permanent_slow_down() {
    let law = Gradient2::new().max(100);
    let bulkhead = windows_of_100_ms()
        .limit(20)
        .build_adaptive("a", law)
        .unwrap();
    let busy = async |latency, times| {
        for _ in 0..times {
            let permits: Vec<_> = std::iter::from_fn(|| bulkhead.try_acquire().ok()).collect();
            advance(latency).await;
            permits.into_iter().for_each(Permit::success);
        }
        bulkhead.limit()
    };
    assert_eq!(busy(20 * MS, 600).await, 100);
    assert!(busy(400 * MS, 120).await <= 20, "not learnt as normal");
    bulkhead.set_law(law).unwrap();
    assert!(busy(400 * MS, 120).await >= 50);
}

#[tokio::test(start_paused = true)]
async fn reconfigure_changes_the_window() {
    let bulkhead = windows_of_100_ms()
        .build_adaptive("a", Aimd::new())
        .unwrap();
    bulkhead
        .reconfigure(windows_of_100_ms().window(1_000 * MS))
        .unwrap();
    ten_calls(&bulkhead, 100 * MS, Outcome::Success).await;
    assert_eq!(bulkhead.limit(), 11, "the window that was begun ends");
    for _ in 0..9 {
        ten_calls(&bulkhead, 100 * MS, Outcome::Success).await;
    }
    assert_eq!(bulkhead.limit(), 11);
    ten_calls(&bulkhead, 100 * MS, Outcome::Success).await;
    assert_eq!(bulkhead.limit(), 12);
}

/// A law that panics.
#[derive(Clone, Copy, Debug)]
struct Panics;

impl Limit for Panics {
    fn next(&mut self, _: &Window) -> usize {
        panic!("in the law")
    }
}

#[tokio::test(start_paused = true)]
async fn a_panicking_law_loses_no_place() {
    let bulkhead = windows_of_100_ms().build_adaptive("a", Panics).unwrap();
    // A window lasts two mean latencies at least.
    for latency in [200 * MS, 400 * MS] {
        let permits: Vec<_> = (0..10).map(|_| bulkhead.try_acquire().unwrap()).collect();
        advance(latency).await;
        let panics = permits.into_iter().map(|permit| {
            let success = std::panic::AssertUnwindSafe(|| permit.success());
            usize::from(std::panic::catch_unwind(success).is_err())
        });
        assert_eq!(panics.sum::<usize>(), 1, "the call that closed the window");
        assert_eq!((bulkhead.in_flight(), bulkhead.limit()), (0, 10));
    }
}

/// Sets another law when it is woken, as an executor that runs tasks inside the wake-up may do.
struct SetsALaw(AdaptiveBulkhead<Aimd>);

impl Wake for SetsALaw {
    fn wake(self: Arc<Self>) {
        self.0.set_law(Aimd::new().step(3)).expect("a legal law");
    }
}

#[test]
fn a_grown_limit_wakes_waiters_outside_the_lock() {
    let (done, is_done) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        // A window of no length: the tenth success ends it.
        let bulkhead = windows_of_100_ms().window(Duration::ZERO);
        let bulkhead = bulkhead.build_adaptive("a", Aimd::new()).unwrap();
        let mut permits: Vec<_> = (0..10).map(|_| bulkhead.try_acquire().unwrap()).collect();
        let mut waits = bulkhead.acquire();
        let waker = Waker::from(Arc::new(SetsALaw(bulkhead.clone())));
        let polled = Pin::new(&mut waits).poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
        bulkhead.set_limit(1).unwrap();
        permits.drain(..).for_each(Permit::success);
        done.send(bulkhead.queued()).expect("the test waits for it");
    });
    // The real clock matters only in a failure: a deadlock hangs for ever.
    let queued = is_done.recv_timeout(Duration::from_secs(20));
    assert_eq!(queued, Ok(0), "woken, and the law was free to be set");
}

/// A law during which an operator sets the limit.
struct Overtaken(Arc<OnceLock<AdaptiveBulkhead<Self>>>);

impl Limit for Overtaken {
    fn next(&mut self, window: &Window) -> usize {
        let bulkhead = self.0.get().expect("it is set before the first call");
        bulkhead.set_limit(3).expect("three are legal");
        window.limit() + 1
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_set_by_hand_during_a_law_stays() {
    let place = Arc::new(OnceLock::new());
    let bulkhead = windows_of_100_ms()
        .build_adaptive("a", Overtaken(Arc::clone(&place)))
        .unwrap();
    place.set(bulkhead.clone()).expect("set once");
    ten_calls(&bulkhead, 100 * MS, Outcome::Success).await;
    assert_eq!(bulkhead.limit(), 3);
}

#[tokio::test(start_paused = true)]
async fn each_key_of_a_family_has_its_own_adaptive_limit() {
    let hosts = windows_of_100_ms()
        .build_adaptive_family("hosts", 8, Aimd::new())
        .unwrap();
    let service = BulkheadLayer::new(hosts.by(|call: &(&'static str, u16)| call.0))
        .overload_if(|r: &Result<u16, BoxError>| matches!(r, Ok(503)))
        .layer(service_fn(async |call: (&'static str, u16)| {
            tokio::time::sleep(20 * MS).await;
            Ok::<_, BoxError>(call.1)
        }));
    for _ in 0..10 {
        let calls = (0..6).map(|_| service.clone().oneshot(("healthy", 200)));
        let calls: Vec<_> = calls.map(tokio::spawn).collect();
        service.clone().oneshot(("overloaded", 503)).await.unwrap();
        for call in calls {
            call.await.unwrap().unwrap();
        }
    }
    let limits = ["healthy", "overloaded", "new"].map(|host| hosts.get(&host).limit());
    assert_eq!(limits, [12, 8, 10]); // two windows
    hosts.set_law(Aimd::new().step(7)).unwrap();
    assert!(hosts.set_law(Aimd::new().step(0)).is_err());
    ten_calls(&hosts.get(&"new"), 200 * MS, Outcome::Success).await;
    ten_calls(&hosts.get(&"newer"), 200 * MS, Outcome::Success).await;
    let limits = ["new", "newer"].map(|host| hosts.get(&host).limit());
    assert_eq!(limits, [17, 17]);
    hosts.reconfigure(windows_of_100_ms().limit(3)).unwrap();
    assert_eq!(hosts.get(&"healthy").limit(), 3);
    let none = windows_of_100_ms().build_adaptive_family::<u8, _>("x", 0, Aimd::new());
    assert_eq!(none.unwrap_err(), InvalidConfig::ZeroCapacity);
    let none = windows_of_100_ms().build_adaptive_family::<u8, _>("x", 1, Aimd::new().min(0));
    assert_eq!(none.unwrap_err(), InvalidConfig::LimitRange);
}

#[test]
fn only_an_adaptive_permit_keeps_its_start() {
    use maestro_bulkhead::{Adaptive, Core};
    assert_eq!(size_of::<Permit>(), size_of::<usize>());
    assert_eq!(
        size_of::<Permit<Arc<Core<Adaptive<Aimd>>>>>(),
        3 * size_of::<usize>()
    );
}
