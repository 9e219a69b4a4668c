//! Calls without tower.

use std::{
    future::pending,
    panic::{AssertUnwindSafe, catch_unwind},
};

use maestro_circuit_breaker::{
    CircuitBreaker, OnCancel, Open, Override, State, StaticCircuitBreaker,
};
use tokio_test::{assert_pending, assert_ready, task};
use tower::BoxError;

type Answer = Result<u32, BoxError>;

fn one_failure() -> CircuitBreaker {
    CircuitBreaker::builder()
        .consecutive_failures(1)
        .on_cancel(OnCancel::Failure)
        .build("run")
        .expect("legal")
}

fn is_rejection(answer: Answer) -> bool {
    answer.is_err_and(|error| Open::find(error.as_ref()).is_some())
}

#[test]
fn the_result_is_passed_on_and_an_error_is_a_failure() {
    let breaker = one_failure();
    let mut works = task::spawn(breaker.run(async || Answer::Ok(7)));
    assert_eq!(assert_ready!(works.poll()).unwrap(), 7);
    assert_eq!(breaker.state(), State::Closed);
    let mut fails = task::spawn(breaker.run(async || Answer::Err("down".into())));
    assert!(!is_rejection(assert_ready!(fails.poll())));
    assert_eq!(breaker.state(), State::Open);

    breaker.reset(Override::new("test", "reset"));
    assert_eq!(breaker.run_blocking(|| Answer::Ok(7)).unwrap(), 7);
    assert_eq!(breaker.state(), State::Closed);
    assert!(!is_rejection(
        breaker.run_blocking(|| Answer::Err("down".into()))
    ));
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn a_rejected_call_is_never_begun() {
    static STATIC: StaticCircuitBreaker = CircuitBreaker::builder()
        .consecutive_failures(1)
        .build_static("static");
    let breaker = one_failure();
    let never = || -> std::future::Ready<Answer> { panic!("called though open") };
    let never_blocking = || -> Answer { panic!("called though open") };
    breaker.try_acquire().unwrap().failure();
    assert!(is_rejection(assert_ready!(
        task::spawn(breaker.run(never)).poll()
    )));
    assert!(is_rejection(breaker.run_blocking(never_blocking)));

    let mut fails = task::spawn(STATIC.run(async || Answer::Err("down".into())));
    assert!(!is_rejection(assert_ready!(fails.poll())));
    assert!(is_rejection(assert_ready!(
        task::spawn(STATIC.run(never)).poll()
    )));
    assert!(is_rejection(STATIC.run_blocking(never_blocking)));
}

#[test]
fn a_panic_is_a_failure() {
    let breaker = one_failure();
    let mut in_poll = task::spawn(breaker.run(async || -> Answer { panic!("in poll") }));
    assert!(catch_unwind(AssertUnwindSafe(|| drop(in_poll.poll()))).is_err());
    assert_eq!(breaker.state(), State::Open);
    breaker.reset(Override::new("test", "reset"));
    let blocks = || breaker.run_blocking(|| -> Answer { panic!("in the closure") });
    assert!(catch_unwind(AssertUnwindSafe(blocks)).is_err());
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn run_starts_at_the_first_poll_and_cancels_on_drop() {
    let breaker = one_failure();
    drop(breaker.run(pending::<Answer>));
    assert_eq!(breaker.state(), State::Closed);
    let mut hangs = task::spawn(breaker.run(pending::<Answer>));
    assert_pending!(hangs.poll());
    drop(hangs);
    assert_eq!(breaker.state(), State::Open);
}
