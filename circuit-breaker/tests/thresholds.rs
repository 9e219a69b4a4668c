//! Numbers of failures that open the breaker.

use std::time::Duration;

use maestro_circuit_breaker::{Cause, CircuitBreaker, InvalidConfig, State};
use tokio::time::advance;

const NANO: Duration = Duration::from_nanos(1);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn fail(breaker: &CircuitBreaker, times: u32) {
    for _ in 0..times {
        breaker.try_acquire().expect("it admits calls").failure();
    }
}

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
        builder.forget_failures_after(MINUTE).failure_ratio(0.5),
        builder
            .consecutive_failures(3)
            .forget_failures_after(Duration::ZERO),
    ] {
        let refused = builder.build("row").map(drop);
        assert_eq!(refused, Err(InvalidConfig::ForgetFailuresAfter));
    }
}
