//! Other numbers while calls are in flight.

use std::{sync::atomic::AtomicBool, sync::atomic::Ordering::Relaxed, thread, time::Duration};

use maestro_circuit_breaker::{
    Builder, CircuitBreaker, InvalidConfigKind, Override, Probes, Ramp, State,
    StaticCircuitBreaker, Wait, Window,
};
use tokio::time::advance;

const WAIT: Duration = Duration::from_secs(5);

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn by_ratio(window: Window) -> Builder {
    CircuitBreaker::builder()
        .failure_ratio(1.0)
        .minimum_calls(9)
        .window(window)
        .wait_in_open(Wait::fixed(WAIT))
}

fn fail(breaker: &CircuitBreaker, times: u32) {
    for _ in 0..times {
        let call = breaker.try_acquire().expect("it lets calls in");
        call.failure();
    }
}

/// Calls in the window, and failures among them.
fn window(breaker: &CircuitBreaker) -> (u32, u32) {
    let snapshot = breaker.snapshot();
    (snapshot.calls(), snapshot.failures())
}

#[test]
fn what_build_refuses_is_refused_and_changes_nothing() {
    let builder = by_ratio(Window::calls(9));
    let breaker = builder.build("live").unwrap();
    fail(&breaker, 3);
    let refused = breaker.reconfigure(builder.minimum_calls(10)).unwrap_err();
    assert_eq!(refused.kind(), InvalidConfigKind::MinimumCalls(10));
    fail(&breaker, 6);
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn new_thresholds_use_the_counts_of_before() {
    for kind in [Window::time(secs(16)), Window::calls(16)] {
        let breaker = by_ratio(kind).build("live").unwrap();
        fail(&breaker, 7);
        let under_way = breaker.try_acquire().unwrap();
        let generation = breaker.snapshot().generation();
        breaker
            .reconfigure(by_ratio(kind).minimum_calls(8))
            .unwrap();
        assert_eq!(window(&breaker), (7, 7));
        assert_eq!(
            breaker.snapshot().generation(),
            generation,
            "it is no transition"
        );
        under_way.failure();
        assert_eq!(breaker.state(), State::Open);
    }
}

#[tokio::test(start_paused = true)]
async fn a_window_of_another_length_begins_empty_in_the_same_state() {
    let breaker = by_ratio(Window::time(secs(16))).build("live").unwrap();
    let generation = breaker.snapshot().generation();
    for length in [160, 16, 17, 16] {
        fail(&breaker, 3);
        let under_way = breaker.try_acquire().unwrap();
        breaker
            .reconfigure(by_ratio(Window::time(secs(length))))
            .unwrap();
        assert_eq!(window(&breaker), (0, 0), "{length}");
        under_way.failure();
        fail(&breaker, 1);
        assert_eq!(window(&breaker), (2, 2), "calls in flight count");
        advance(secs(length)).await;
        assert_eq!(
            window(&breaker),
            (0, 0),
            "and for no longer than it is long"
        );
        assert_eq!(breaker.snapshot().generation(), generation);
    }
}

#[test]
fn a_window_of_another_size_begins_empty_in_the_same_state() {
    let other = |n: u32| by_ratio(Window::calls(n)).minimum_calls(n.min(9));
    let breaker = other(9).build("live").unwrap();
    for size in [1_024, 4, 9, 1_024] {
        fail(&breaker, 3);
        breaker.reconfigure(other(size)).unwrap();
        assert_eq!(window(&breaker), (0, 0));
        breaker.try_acquire().unwrap().success();
        assert_eq!(window(&breaker), (1, 0));
        assert_eq!(breaker.snapshot().generation(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn another_set_of_ratios_begins_an_empty_window() {
    for kind in [Window::time(secs(16)), Window::calls(16)] {
        let breaker = by_ratio(kind).build("live").unwrap();
        let slow = by_ratio(kind).slow_after(secs(1)).slow_ratio(1.0);
        fail(&breaker, 3);
        for to in [slow, by_ratio(kind)] {
            breaker.reconfigure(to).unwrap();
            assert_eq!(window(&breaker), (0, 0));
            fail(&breaker, 2);
            assert_eq!(window(&breaker), (2, 2));
        }
    }
}

#[test]
fn a_window_of_the_other_kind_begins_empty_also_there_and_back() {
    let (time, calls) = (Window::time(secs(3_600)), Window::calls(9));
    let breaker = by_ratio(time).build("live").unwrap();
    fail(&breaker, 3);
    for kind in [calls, time, calls, time] {
        breaker.reconfigure(by_ratio(kind)).unwrap();
        assert_eq!(window(&breaker), (0, 0));
        fail(&breaker, 3);
        assert_eq!(window(&breaker), (3, 3));
    }
}

#[tokio::test(start_paused = true)]
async fn a_begun_wait_keeps_its_end_and_the_next_is_new() {
    let builder = CircuitBreaker::builder()
        .consecutive_failures(1)
        .probes(Probes::one());
    let breaker = builder
        .wait_in_open(Wait::fixed(WAIT))
        .build("live")
        .unwrap();
    fail(&breaker, 1);
    breaker
        .reconfigure(builder.wait_in_open(Wait::fixed(WAIT * 3)))
        .unwrap();
    assert_eq!(breaker.try_acquire().unwrap_err().retry_after(), WAIT);
    advance(WAIT).await;
    fail(&breaker, 1);
    assert_eq!(breaker.try_acquire().unwrap_err().retry_after(), WAIT * 3);
}

#[tokio::test(start_paused = true)]
async fn probes_that_are_enough_by_the_new_numbers_decide_at_once() {
    let builder = CircuitBreaker::builder()
        .consecutive_failures(1)
        .wait_in_open(Wait::fixed(WAIT));
    let breaker = builder.probes(Probes::results(5)).build("live").unwrap();
    fail(&breaker, 1);
    advance(WAIT).await;
    breaker.try_acquire().unwrap().success();
    let hangs = breaker.try_acquire().unwrap();
    breaker
        .reconfigure(builder.probes(Probes::results(3)))
        .unwrap();
    assert_eq!(breaker.snapshot().probes_in_flight(), 1);
    breaker.reconfigure(builder.probes(Probes::one())).unwrap();
    assert_eq!(breaker.state(), State::Closed);
    hangs.failure();
    assert_eq!(
        breaker.state(),
        State::Closed,
        "and the one that hung is late"
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_begun_without_a_clock_reading_is_never_slow() {
    let builder = CircuitBreaker::builder()
        .failure_ratio(1.0)
        .minimum_calls(1);
    let breaker = builder.build("live").unwrap();
    let call = breaker.try_acquire().unwrap();
    breaker
        .reconfigure(builder.slow_ratio(1.0).slow_after(secs(1)))
        .unwrap();
    let timed = breaker.try_acquire().unwrap();
    advance(secs(2)).await;
    call.success();
    assert_eq!(
        (breaker.state(), breaker.snapshot().slow_calls()),
        (State::Closed, 0)
    );
    timed.ignore();
    let timed = breaker.try_acquire().unwrap();
    advance(secs(2)).await;
    timed.success();
    // One of two was slow.
    assert_eq!(breaker.snapshot().slow_calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_ramp_that_is_taken_away_is_over() {
    let builder = CircuitBreaker::builder()
        .consecutive_failures(1)
        .probes(Probes::one())
        .wait_in_open(Wait::fixed(WAIT));
    let breaker = builder.ramp(Ramp::new(WAIT)).build("live").unwrap();
    fail(&breaker, 1);
    advance(WAIT).await;
    breaker.try_acquire().unwrap().success();
    assert_eq!(breaker.state(), State::Ramping);
    breaker
        .reconfigure(builder.ramp(Ramp::new(WAIT).percent(&[99])))
        .unwrap();
    assert_eq!(breaker.snapshot().percent_admitted(), 99);
    breaker.reconfigure(builder).unwrap();
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn an_operators_word_holds_whatever_the_numbers() {
    let builder = by_ratio(Window::calls(9));
    let breaker = builder.build("live").unwrap();
    breaker.force_open(Override::new("operator", "test"));
    breaker.reconfigure(builder.minimum_calls(1)).unwrap();
    assert_eq!(breaker.state(), State::ForcedOpen);
}

#[test]
fn a_breaker_in_a_static_is_reconfigured_alike() {
    static LIVE: StaticCircuitBreaker = CircuitBreaker::builder()
        .consecutive_failures(5)
        .build_static("live");
    LIVE.try_acquire().unwrap().failure();
    LIVE.reconfigure(CircuitBreaker::builder().consecutive_failures(2))
        .unwrap();
    LIVE.try_acquire().unwrap().failure();
    assert_eq!(LIVE.state(), State::Open);
}

/// Four threads fail while another changes the numbers in turn.
fn fail_while(breaker: &CircuitBreaker, calls: u32, numbers: impl Fn(u32) -> Builder + Sync) {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let callers: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| fail(breaker, calls)))
            .collect();
        scope.spawn(|| {
            for turn in 1.. {
                breaker.reconfigure(numbers(turn)).expect("legal");
                if done.load(Relaxed) {
                    return;
                }
            }
        });
        for caller in callers {
            caller.join().expect("it does not panic");
        }
        done.store(true, Relaxed);
    });
}

#[test]
fn no_call_is_lost_while_numbers_change_in_place() {
    // Long and large enough that nothing leaves the window.
    for (kind, calls, minimum) in [
        (Window::time(secs(3_600)), 5_000, 400_000),
        (Window::calls(1_024), 200, 1_000),
    ] {
        let numbers = |turn| by_ratio(kind).minimum_calls(minimum + turn % 7);
        let breaker = numbers(0).build("live").unwrap();
        fail_while(&breaker, calls, numbers);
        assert_eq!(window(&breaker), (4 * calls, 4 * calls));
    }
}

#[test]
fn a_window_counts_on_after_its_shape_changed_under_load() {
    let minimum = 1_000;
    for kinds in [
        [Window::time(secs(3_600)), Window::time(secs(7_200))],
        [Window::calls(1_024), Window::calls(1_023)],
        [Window::time(secs(3_600)), Window::calls(1_024)],
    ] {
        let numbers = |turn: u32| by_ratio(kinds[turn as usize % 2]).minimum_calls(minimum);
        let breaker = numbers(0).build("live").unwrap();
        fail_while(&breaker, 200, numbers);
        for turn in 0..4 {
            breaker.reconfigure(numbers(turn)).unwrap();
            breaker.reconfigure(numbers(turn + 1)).unwrap();
            assert_eq!(window(&breaker), (0, 0));
            fail(&breaker, 40);
            assert_eq!(window(&breaker), (40, 40));
        }
    }
}
