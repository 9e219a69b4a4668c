//! Numbers of failures that open the breaker: in a time, among the last calls, and in a row.

use std::{sync::mpsc, time::Duration};

use maestro_circuit_breaker::{
    Cause, CircuitBreaker, InvalidConfigKind, Open, Override, State, Window,
};
use tokio::time::advance;

const NANO: Duration = Duration::from_nanos(1);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn fail(breaker: &CircuitBreaker, times: u32) {
    for _ in 0..times {
        breaker.try_acquire().expect("it admits calls").failure();
    }
}

fn succeed(breaker: &CircuitBreaker, times: u32) {
    for _ in 0..times {
        breaker.try_acquire().expect("it admits calls").success();
    }
}

fn rejection(breaker: &CircuitBreaker) -> Open {
    breaker.try_acquire().expect_err("it rejects calls")
}

// === In the window ===

#[tokio::test(start_paused = true)]
async fn a_number_of_failures_in_a_time_opens_it() {
    let ten = Duration::from_secs(10);
    let breaker = CircuitBreaker::builder()
        .failure_count(5)
        .window(Window::time(ten))
        .build("count")
        .unwrap();
    // Four in any ten seconds, for a long time.
    for _ in 0..40 {
        advance(ten / 4).await;
        fail(&breaker, 1);
    }
    assert_eq!(breaker.state(), State::Closed);
    advance(ten).await;
    // However many succeed.
    fail(&breaker, 4);
    succeed(&breaker, 1_000);
    assert_eq!(breaker.state(), State::Closed);
    assert_eq!(breaker.snapshot().failures(), 4);
    fail(&breaker, 1);
    let open = rejection(&breaker);
    assert!(matches!(
        open.cause(),
        Some(Cause::FailureCount {
            failures: 5,
            calls: 1_005,
            ..
        })
    ));
    assert_eq!(
        open.to_string(),
        "circuit `count` is open since 5 of 1005 calls in the window failed: try again in 5s"
    );
}

#[test]
fn failures_among_the_last_calls_open_before_there_are_so_many() {
    let breaker = CircuitBreaker::builder()
        .failure_count(3)
        .window(Window::calls(10))
        .build("count")
        .unwrap();
    fail(&breaker, 2);
    succeed(&breaker, 9);
    // One of the first two has left.
    fail(&breaker, 1);
    succeed(&breaker, 1);
    assert_eq!(breaker.state(), State::Closed);
    fail(&breaker, 2);
    assert_eq!(breaker.state(), State::Open);
    breaker.reset(Override::new("test", "reset"));
    fail(&breaker, 3);
    assert!(matches!(
        breaker.snapshot().cause(),
        Some(Cause::FailureCount {
            failures: 3,
            calls: 3,
            ..
        })
    ));
}

#[test]
fn a_number_and_a_share_of_failures_open_it_each_alone() {
    let builder = CircuitBreaker::builder()
        .failure_ratio(0.5)
        .minimum_calls(4)
        .failure_count(5)
        .window(Window::calls(100));
    let (told, heard) = mpsc::channel();
    for (good, bad) in [(2, 2), (20, 5), (0, 4)] {
        let breaker = builder.build("both").unwrap();
        let told = told.clone();
        let _listener = breaker.on_transition(move |t| told.send(t.cause().as_str()).unwrap());
        succeed(&breaker, good);
        fail(&breaker, bad - 1);
        assert_eq!(breaker.state(), State::Closed);
        fail(&breaker, 1);
        assert_eq!(breaker.state(), State::Open);
    }
    let causes: Vec<_> = heard.try_iter().collect();
    assert_eq!(causes, ["failure_ratio", "failure_count", "failure_ratio"]);
}

#[test]
fn a_number_of_failures_alone_ignores_the_minimum_of_calls() {
    let breaker = CircuitBreaker::builder()
        .failure_count(1)
        .minimum_calls(20)
        .build("count")
        .unwrap();
    succeed(&breaker, 100);
    fail(&breaker, 1);
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn a_number_of_failures_that_no_window_holds_is_refused() {
    for (failures, window, fits) in [
        (0, Window::calls(10), false),
        (10, Window::calls(10), true),
        (11, Window::calls(10), false),
        (500_000, Window::time(MINUTE), true),
        (500_001, Window::time(MINUTE), false),
        (u32::MAX, Window::time(MINUTE), false),
    ] {
        let builder = CircuitBreaker::builder()
            .failure_count(failures)
            .window(window);
        let expected = if fits {
            Ok(())
        } else {
            Err(InvalidConfigKind::FailureCount(failures))
        };
        let built = builder.build("count").map(drop);
        assert_eq!(built.map_err(|e| e.kind()), expected, "{failures}");
    }
}

// === In a row ===

#[tokio::test(start_paused = true)]
async fn failures_days_apart_are_not_in_a_row() {
    let breaker = CircuitBreaker::builder()
        .consecutive_failures(2)
        .build("row")
        .unwrap();
    for _ in 0..5 {
        fail(&breaker, 1);
        assert_eq!(breaker.snapshot().consecutive_failures(), 1);
        advance(DAY).await;
        assert_eq!(
            breaker.snapshot().consecutive_failures(),
            0,
            "it is forgotten"
        );
        assert_eq!(breaker.state(), State::Closed);
    }
    fail(&breaker, 2);
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn failures_in_a_row_are_forgotten_exactly_after_their_time() {
    let builder = CircuitBreaker::builder().consecutive_failures(2);
    for (builder, time) in [
        (builder, MINUTE * 10),
        (builder.forget_failures_after(MINUTE), MINUTE),
        (builder.forget_failures_after(NANO), NANO),
    ] {
        let breaker = builder.build("row").unwrap();
        fail(&breaker, 1);
        advance(time).await;
        fail(&breaker, 1);
        assert_eq!(breaker.state(), State::Closed);
        advance(time.saturating_sub(NANO)).await;
        fail(&breaker, 1);
        assert_eq!(breaker.state(), State::Open);
    }
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_is_seldom_called_opens_it_in_the_end() {
    let breaker = CircuitBreaker::builder()
        .consecutive_failures(20)
        .build("row")
        .unwrap();
    // Three hours, never ten minutes without a failure.
    for failures in 0..20 {
        assert_eq!(breaker.snapshot().consecutive_failures(), failures);
        fail(&breaker, 1);
        advance(MINUTE * 9).await;
    }
    let cause = breaker.snapshot().cause();
    assert!(matches!(
        cause,
        Some(Cause::ConsecutiveFailures { failures: 20, .. })
    ));
}

#[tokio::test(start_paused = true)]
async fn failures_in_a_row_may_be_kept_without_an_end() {
    let breaker = CircuitBreaker::builder()
        .consecutive_failures(2)
        .forget_failures_after(Duration::MAX)
        .build("row")
        .unwrap();
    fail(&breaker, 1);
    advance(DAY * 365).await;
    fail(&breaker, 1);
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn a_shorter_time_forgets_failures_of_before() {
    let builder = CircuitBreaker::builder().consecutive_failures(3);
    let breaker = builder.build("row").unwrap();
    fail(&breaker, 2);
    advance(MINUTE).await;
    breaker
        .reconfigure(builder.forget_failures_after(MINUTE))
        .unwrap();
    assert_eq!(breaker.snapshot().consecutive_failures(), 0);
    fail(&breaker, 2);
    assert_eq!(breaker.state(), State::Closed);
    fail(&breaker, 1);
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn a_time_that_forgets_nothing_or_all_is_refused() {
    let builder = CircuitBreaker::builder();
    for builder in [
        builder.forget_failures_after(MINUTE),
        builder.forget_failures_after(MINUTE).failure_count(3),
        builder
            .consecutive_failures(3)
            .forget_failures_after(Duration::ZERO),
    ] {
        let refused = builder.build("row").unwrap_err();
        assert_eq!(refused.kind(), InvalidConfigKind::ForgetFailuresAfter);
    }
}
