//! The laws of adaptive limits as pure functions of windows. Their simulations are in `limit/tests`.

use std::time::Duration;

use maestro_bulkhead::{Aimd, Bulkhead, Fixed, Gradient2, InvalidConfigKind, Limit, Window};
use proptest::prelude::*;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// A window of a second in which the whole limit was in use.
fn used(limit: usize, overloads: u64, latency: Duration) -> Window {
    Window::new(limit, limit, 100, overloads, latency, SECOND)
}

/// The limit after `windows` windows with this latency.
fn after(law: &mut impl Limit, mut limit: usize, windows: usize, latency: Duration) -> usize {
    for _ in 0..windows {
        limit = law.next(&used(limit, 0, latency));
    }
    limit
}

/// The same for a service that runs `capacity` calls at a time, for 50 ms each, and queues the others: its throughput does
/// not depend on the limit.
fn queues(law: &mut impl Limit, mut limit: usize, windows: usize, capacity: u32) -> usize {
    for _ in 0..windows {
        let in_flight = u32::try_from(limit).expect("a small one").max(capacity);
        limit = law.next(&used(limit, 0, 50 * MS * in_flight / capacity));
    }
    limit
}

// === AIMD ===

#[test]
fn aimd_adds_one_and_falls_by_the_share_of_overloads() {
    let next = |overloads| Aimd::new().next(&used(100, overloads, MS));
    assert_eq!(next(0), 101);
    assert_eq!(next(1), 100, "one of 101 is tolerated: 99.01, and one more");
    assert_eq!(next(5), 95, "one in 21");
    assert_eq!(next(100), 90, "a tenth at most");
    let slow = Aimd::new().slow_after(10 * MS);
    assert_eq!(slow.clone().next(&used(100, 0, 11 * MS)), 90);
    assert_eq!(slow.clone().next(&used(100, 0, 10 * MS)), 101);
}

/// One 503 in 200 took a limit of 100 to 32.
#[test]
fn aimd_settles_at_the_tolerated_share() {
    for (overloads, least) in [(1, 100), (2, 90)] {
        let mut law = Aimd::new();
        let limit = (0..1_000).fold(100, |limit, _| {
            let window = Window::new(limit, limit, 200 - overloads, overloads, MS, SECOND);
            law.next(&window)
        });
        assert!(limit >= least, "{overloads} of 200: {limit}");
    }
}

#[test]
fn aimd_recovers_from_its_floor_without_outside_help() {
    let mut law = Aimd::new();
    let floor = (0..1_000).fold(100, |limit, _| law.next(&used(limit, 100, MS)));
    assert_eq!(floor, 1);
    assert_eq!(after(&mut law, floor, 50, MS), 51);
}

#[test]
fn a_fraction_of_a_place_adds_up() {
    let (mut law, mut limit, mut limits) = (Aimd::new(), 10, Vec::new());
    for _ in 0..6 {
        limit = law.next(&Window::new(limit, 1, 98, 2, MS, SECOND));
        limits.push(limit);
    }
    assert_eq!(limits, [9, 9, 9, 9, 9, 8]); // 9.8, 9.6, 9.4, 9.2, 9.04, 8.86
}

// === Gradient2 ===

#[test]
fn a_window_below_half_of_the_limit_changes_nothing() {
    for learns in [0, 1, 30] {
        let mut law = Gradient2::new().max(500);
        let limit = after(&mut law, 100, learns, 10 * MS);
        // One call at a time, for hours, fast and slow.
        for latency in [10, 1, 1_000, 3, 50] {
            for in_flight in [0, 1, limit.div_ceil(2) - 1] {
                for _ in 0..40 {
                    let idle = Window::new(limit, in_flight, 100, 0, latency * MS, SECOND);
                    assert_eq!(law.next(&idle), limit, "{latency} ms, {in_flight}");
                }
            }
        }
    }
    let idle = Window::new(100, 49, 100, 0, MS, SECOND);
    assert_eq!(Aimd::new().next(&idle), 100);
}

#[test]
fn the_limit_rises_from_one_to_twenty_in_fourteen_windows() {
    let mut law = Gradient2::new();
    assert_eq!(after(&mut law, 1, 4, 50 * MS), 2, "four make a base");
    assert!(after(&mut law, 2, 10, 50 * MS) >= 20);
}

#[test]
fn the_latency_law_grows_on_healthy_traffic_to_its_ceiling() {
    let law = Gradient2::new().max(200);
    assert_eq!(after(&mut { law }, 20, 500, 10 * MS), 200);
}

#[test]
fn a_limit_follows_the_capacity_of_the_service() {
    let mut law = Gradient2::new();
    let settled = queues(&mut law, 20, 100, 40);
    assert!((55..=65).contains(&settled), "{settled}: 1.5 × 40");
    let in_trouble = queues(&mut law, settled, 20, 12);
    assert!((16..=20).contains(&in_trouble), "{in_trouble}: 1.5 × 12");
    let again = queues(&mut law, in_trouble, 20, 40);
    assert!((55..=65).contains(&again), "{again}");
    // And from its floor.
    let floor = (0..200).fold(again, |limit, _| law.next(&used(limit, 100, MS)));
    assert_eq!(floor, 1);
    let recovered = queues(&mut law, floor, 60, 40);
    assert!((55..=65).contains(&recovered), "{recovered}");
    // The other law needs a bound of the latency for that.
    let mut law = Aimd::new().slow_after(75 * MS);
    let settled = queues(&mut law, 20, 200, 40);
    assert!((50..=61).contains(&settled), "{settled}");
}

#[test]
fn overloads_and_fast_failures_keep_the_baseline() {
    let mut law = Gradient2::new().max(100);
    let mut limit = after(&mut law, 20, 100, 10 * MS);
    assert_eq!(limit, 100);
    // Fast failures: the latency of a window with overloads is ignored.
    for _ in 0..3 {
        limit = law.next(&used(limit, 5, Duration::from_micros(1)));
    }
    assert_eq!(limit, 86, "a twenty-first each time");
    assert_eq!(after(&mut law, limit, 2, 10 * MS), 100);
    assert_eq!(
        after(&mut law, 100, 50, 14 * MS),
        100,
        "1.4 × 10 ms is healthy"
    );
    // Nothing succeeded, nothing was overloaded: nothing was learnt.
    assert_eq!(law.next(&Window::new(100, 100, 0, 0, MS, SECOND)), 100);
}

#[test]
fn drops_between_windows_teach_nothing() {
    let (mut calm, mut troubled) = (Gradient2::new().max(100), Gradient2::new().max(100));
    let at_50 = |successes, overloads, latency, length| {
        Window::new(50, 50, successes, overloads, latency, length)
    };
    for _ in 0..50 {
        calm.next(&at_50(100, 0, 10 * MS, SECOND));
        troubled.next(&at_50(100, 0, 10 * MS, SECOND));
        // Refused at once; slow and then dropped; overloads only; nothing at all.
        troubled.next(&at_50(100, 7, Duration::from_micros(1), SECOND));
        troubled.next(&at_50(98, 2, 10_000 * MS, SECOND));
        troubled.next(&at_50(0, 100, MS, SECOND));
        troubled.next(&at_50(0, 0, MS, 3_600 * SECOND));
    }
    // From the same limit both give the same answer to any latency.
    for latency in [10, 14, 16, 20, 25, 40, 11, 15, 15, 20, 30, 10] {
        let seen = used(77, 0, latency * MS);
        assert_eq!(calm.next(&seen), troubled.next(&seen), "{latency} ms");
    }
}

#[test]
fn fifty_drops_never_raise_a_limit() {
    let laws: [Box<dyn Limit>; 2] = [Box::new(Aimd::new()), Box::new(Gradient2::new())];
    for mut law in laws {
        let before = after(&mut law, 20, 50, 10 * MS);
        let mut limit = before;
        for drops in 2..=51 {
            let next = law.next(&used(limit, drops, 10 * MS));
            assert!(next <= limit, "{limit} -> {next}");
            limit = next;
        }
        assert!(limit < before / 10, "{before} -> {limit}");
    }
}

/// Five times the latency at the same throughput by place: the queue is not ours.
#[test]
fn a_slow_down_raises_no_limit_before_the_memory_is_over() {
    let mut law = Gradient2::new().memory(60 * SECOND);
    let mut limit = after(&mut law, 20, 30, 10 * MS);
    let (cap, mut lowest) = (limit, limit);
    let mut slow = |limit: usize| {
        let calls = 10 * limit as u64;
        law.next(&Window::new(limit, limit, calls, 0, 50 * MS, SECOND))
    };
    for window in 0..54 {
        limit = slow(limit);
        lowest = lowest.min(limit);
        assert!(limit <= cap, "{limit} after {window} windows");
        assert!(window < 12 || limit == cap, "{limit}: it returns");
    }
    assert!(lowest <= cap / 2, "{lowest}: half of the calls were tried");
    // Then it is the new normal.
    let learnt = (0..20).map(|_| {
        limit = slow(limit);
        limit
    });
    assert!(learnt.max() > Some(cap));
}

#[test]
fn the_base_is_measured_before_it_is_forgotten() {
    // Under a load that never ends all latencies contain our queue, but for those of the measurements.
    let mut law = Gradient2::new().memory(60 * SECOND);
    let mut limit = queues(&mut law, 20, 30, 40);
    let mut halves = 0;
    for _ in 0..600 {
        let next = queues(&mut law, limit, 1, 40);
        halves += usize::from(next <= limit.div_ceil(2));
        limit = next;
        assert!(limit <= 70, "{limit}: no queue is learnt");
    }
    assert!((8..=40).contains(&halves), "{halves} in ten memories");
}

#[test]
fn a_measurement_that_meets_an_overload_ends() {
    // The first bucket is full after 18 windows: a measurement begins.
    let mut law = Gradient2::new().max(100);
    let halved = after(&mut law, 100, 18, 10 * MS);
    assert_eq!(halved, 50);
    // It was refused at once: that is no latency to measure.
    assert_eq!(law.next(&used(50, 100, Duration::from_micros(1))), 90);
    assert_eq!(after(&mut law, 90, 1, 10 * MS), 100);
}

#[test]
fn a_pause_forgets_no_base() {
    let mut law = Gradient2::new().max(500);
    // A measurement ends with the 20th window, and a bucket with the 38th: the next one is empty.
    let limit = after(&mut law, 20, 38, 10 * MS);
    // A window that contains the pause.
    let hour = Window::new(limit, limit, 10, 0, 50 * MS, 3_600 * SECOND);
    let began = law.next(&hour);
    assert!(began <= limit);
    let slow = after(&mut law, began, 40, 50 * MS);
    assert!(slow < limit / 2, "{slow}: five times the base is no normal");
}

#[test]
fn an_interrupted_measurement_is_made_up_for() {
    // A service that is overloaded from the start: the first bucket is all queue, and half of the limit is measured.
    let mut law = Gradient2::new().max(200);
    let before = queues(&mut law, 30, 17, 10);
    let halved = queues(&mut law, before, 1, 10);
    assert_eq!(halved, before / 2);
    let limit = law.next(&used(halved, 100, MS));
    let settled = queues(&mut law, limit, 130, 10);
    assert!(settled <= 17, "{settled}: 1.5 × 10");
}

#[test]
fn few_calls_say_nothing() {
    let mut law = Gradient2::new().max(100);
    let limit = after(&mut law, 20, 30, 10 * MS);
    for latency in [1, 10_000] {
        let few = Window::new(limit, limit, 9, 0, latency * MS, SECOND);
        assert_eq!((0..50).map(|_| law.next(&few)).max(), Some(limit));
    }
    assert_eq!(after(&mut law, limit, 1, 14 * MS), limit);
}

#[test]
fn a_healthy_latency_never_lowers_a_limit() {
    let mut law = Gradient2::new().healthy(100 * MS).max(100);
    let limit = after(&mut law, 20, 40, 10 * MS);
    assert_eq!(after(&mut law, limit, 100, 100 * MS), 100);
    assert!(after(&mut law, limit, 10, 200 * MS) < 60);
}

#[test]
fn half_of_a_limit_in_use_counts_as_used() {
    for (limit, half) in [(1, 1), (2, 1), (3, 2), (4, 2), (99, 50)] {
        let was_used = |in_flight| Window::new(limit, in_flight, 9, 0, MS, SECOND).was_used();
        assert_eq!(
            (was_used(half), was_used(half - 1)),
            (true, false),
            "{limit}"
        );
    }
}

#[test]
fn the_laws_continue_from_a_limit_set_by_hand() {
    let mut law = Gradient2::new();
    after(&mut law, 20, 17, 10 * MS);
    assert_eq!(
        law.next(&used(8, 0, 10 * MS)),
        5,
        "10 places, halved to measure"
    );
    assert_eq!(
        law.next(&used(40, 0, 10 * MS)),
        46,
        "and the measurement ends"
    );
    assert_eq!(law.relearn(), Gradient2::new());
    let mut law = Aimd::new().min(5);
    assert_eq!(law.next(&used(1, 0, MS)), 6, "within its range");
    assert_eq!(law.next(&used(50, 0, MS)), 51);
}

// === Both ===

fn any_count() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(1), Just(u64::MAX), 0_u64..200]
}

fn any_time() -> impl Strategy<Value = Duration> {
    prop_oneof![
        Just(Duration::ZERO),
        Just(Duration::MAX),
        (0_u64..10_000_000).prop_map(Duration::from_micros)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn laws_stay_between_floor_and_ceiling(
        start in prop_oneof![1_usize..500, Just(usize::MAX)],
        windows in prop::collection::vec(
            (prop_oneof![0_usize..1_000, Just(usize::MAX)], any_count(), any_count(), any_time(), any_time()),
            0..200,
        ),
    ) {
        let laws: [Box<dyn Limit>; 4] = [
            Box::new(Aimd::new().min(2).max(300).slow_after(MS)),
            Box::new(Gradient2::new().min(2).max(300)),
            Box::new(Gradient2::new().min(2).max(300).memory(10 * SECOND).tolerance(f64::MAX).healthy(MS)),
            Box::new(Gradient2::new().min(2).max(300).memory(Duration::MAX).tolerance(1.1)),
        ];
        for mut law in laws {
            let mut limit = start;
            for &(in_flight, successes, overloads, latency, length) in &windows {
                limit = law.next(&Window::new(limit, in_flight, successes, overloads, latency, length));
                prop_assert!((2..=300).contains(&limit));
            }
            // Healthy traffic raises the limit from any value.
            let most = (0..400).map(|_| { limit = law.next(&used(limit, 0, Duration::from_micros(1))); limit }).max();
            prop_assert!(most.unwrap() > 100, "{most:?}");
        }
    }
}

#[test]
fn illegal_numbers_are_refused() {
    let builder = Bulkhead::builder();
    let refused = |law| builder.build_adaptive("x", law).unwrap_err().to_string();
    let law = Aimd::new;
    for (law, field, found) in [
        (law().min(0), "min", "0 and 1000"),
        (law().min(2).max(1), "min", "2 and 1"),
        (law().backoff(f64::NAN), "backoff", "NaN"),
        (law().backoff(1.0), "backoff", "1"),
        (law().backoff(0.49), "backoff", "0.49"),
        (law().tolerate(f64::NAN), "tolerate", "NaN"),
        (law().tolerate(1.0), "tolerate", "1"),
        (law().tolerate(-0.1), "tolerate", "-0.1"),
    ] {
        let text = refused(law);
        assert!(
            text.starts_with(&format!("bulkhead `x`: `{field}` of")),
            "{text}"
        );
        assert!(text.ends_with(&format!("(found {found})")), "{text}");
    }
    let zero = builder.build_adaptive("x", law().step(0));
    assert_eq!(zero.unwrap_err().kind(), InvalidConfigKind::Step);
    let refused = |law| builder.build_adaptive("x", law).unwrap_err().to_string();
    let law = Gradient2::new;
    for (law, field, found) in [
        (law().min(0), "min", "0 and 1000"),
        (law().tolerance(1.0), "tolerance", "1"),
        (law().tolerance(f64::NAN), "tolerance", "NaN"),
        (law().tolerance(f64::INFINITY), "tolerance", "inf"),
        (law().memory(9_999 * MS), "memory", "9.999s"),
    ] {
        let text = refused(law);
        assert!(
            text.starts_with(&format!("bulkhead `x`: `{field}` of")),
            "{text}"
        );
        assert!(text.ends_with(&format!("(found {found})")), "{text}");
    }
    let zero = builder.limit(0).build_adaptive("x", Fixed);
    assert_eq!(zero.unwrap_err().kind(), InvalidConfigKind::ZeroLimit);
}
