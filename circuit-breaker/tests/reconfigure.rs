//! Other numbers while calls are under way.

use std::{sync::atomic::AtomicBool, sync::atomic::Ordering::Relaxed, thread, time::Duration};

use maestro_circuit_breaker::{
    Builder, CircuitBreaker, InvalidConfig, Override, Probes, Ramp, State, StaticCircuitBreaker,
    Wait, Window,
};
use tokio::time::advance;

const WAIT: Duration = Duration::from_secs(5);

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

const fn by_ratio(window: Window) -> Builder {
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
    let refused = breaker.reconfigure(builder.minimum_calls(10));
    assert_eq!(refused, Err(InvalidConfig::MinimumCalls));
    fail(&breaker, 6);
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn other_thresholds_go_by_what_was_counted_before_and_calls_under_way_count() {
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
async fn a_window_of_time_keeps_what_the_new_one_reaches_back_to() {
    let breaker = by_ratio(Window::time(secs(16))).build("live").unwrap();
    fail(&breaker, 1);
    advance(secs(12)).await;
    fail(&breaker, 2);
    breaker
        .reconfigure(by_ratio(Window::time(secs(160))))
        .unwrap();
    assert_eq!(window(&breaker), (3, 3), "a longer one keeps all");
    advance(secs(20)).await;
    fail(&breaker, 1);
    assert_eq!(window(&breaker), (4, 4));
    breaker
        .reconfigure(by_ratio(Window::time(secs(16))))
        .unwrap();
    assert_eq!(
        window(&breaker),
        (1, 1),
        "a shorter one what is young enough"
    );
    advance(secs(16)).await;
    assert_eq!(
        window(&breaker),
        (0, 0),
        "and for no longer than it is long"
    );
}

#[test]
fn a_window_of_calls_keeps_the_last_ones_in_their_order() {
    let breaker = by_ratio(Window::calls(9)).build("live").unwrap();
    fail(&breaker, 5);
    for _ in 0..3 {
        breaker.try_acquire().unwrap().success();
    }
    let other = |n| by_ratio(Window::calls(n)).minimum_calls(n.min(9));
    breaker.reconfigure(other(1_024)).unwrap();
    assert_eq!(window(&breaker), (8, 5));
    breaker.reconfigure(other(4)).unwrap();
    assert_eq!(window(&breaker), (4, 1));
    breaker.try_acquire().unwrap().success();
    assert_eq!(window(&breaker), (4, 0), "the oldest left");
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
async fn a_wait_that_has_begun_ends_as_it_was_said_and_the_next_is_as_the_new_numbers_say() {
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
async fn a_call_that_began_when_nobody_asked_for_the_time_is_not_slow_afterwards() {
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

#[test]
fn no_call_is_lost_from_a_window_of_time_however_often_it_is_cut_anew_meanwhile() {
    let long = |hours: u64| by_ratio(Window::time(secs(hours * 3_600))).minimum_calls(500_000);
    let breaker = long(1).build("live").unwrap();
    let done = AtomicBool::new(false);
    let (threads, calls) = (4, 5_000);
    thread::scope(|scope| {
        let callers: Vec<_> = (0..threads)
            .map(|_| scope.spawn(|| fail(&breaker, calls)))
            .collect();
        scope.spawn(|| {
            // No shorter than the test, so that nothing expires.
            for hours in (1..).map(|n| 1 + n % 7) {
                breaker.reconfigure(long(hours)).unwrap();
                if done.load(Relaxed) {
                    return;
                }
            }
        });
        for caller in callers {
            caller.join().unwrap();
        }
        done.store(true, Relaxed);
    });
    assert_eq!(window(&breaker), (threads * calls, threads * calls));
}

#[test]
fn no_call_is_lost_from_a_window_of_calls_however_often_its_size_changes_meanwhile() {
    let (threads, calls) = (4, 200);
    // Never less than all of them.
    let of = |size: u32| by_ratio(Window::calls(size)).minimum_calls(size);
    let breaker = of(1_024).build("live").unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let callers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..calls {
                        fail(&breaker, 1);
                        breaker.try_acquire().unwrap().ignore();
                        thread::yield_now();
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            for less in (1..).map(|n| n % 100) {
                breaker.reconfigure(of(1_024 - less)).unwrap();
                if done.load(Relaxed) {
                    return;
                }
            }
        });
        for caller in callers {
            caller.join().unwrap();
        }
        done.store(true, Relaxed);
    });
    assert_eq!(window(&breaker), (threads * calls, threads * calls));
    assert_eq!(breaker.state(), State::Closed);
}
