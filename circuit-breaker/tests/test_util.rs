//! The test kit: forced states, and the assertion that nothing is held.

use std::{mem, sync::mpsc, time::Duration};

use maestro_circuit_breaker::{
    Call, Cause, CircuitBreaker, Override, Probes, State, StaticCircuitBreaker,
    test_util::{assert_idle, close, half_open, open},
};
use tokio_test::{assert_pending, assert_ready, task};

fn breaker() -> CircuitBreaker {
    CircuitBreaker::builder()
        .consecutive_failures(1)
        .probes(Probes::one())
        .build("store")
        .expect("legal numbers")
}

fn begin(breaker: &CircuitBreaker) -> Call {
    breaker.try_acquire().expect("it admits a call")
}

/// A breaker in each state, with a name for messages.
fn in_each_state() -> Vec<(&'static str, CircuitBreaker)> {
    let by = || Override::new("alice", "an outage");
    let made = |name, f: &dyn Fn(&CircuitBreaker)| {
        let breaker = breaker();
        f(&breaker);
        (name, breaker)
    };
    vec![
        made("closed", &|_| ()),
        made("open", &|breaker| begin(breaker).failure()),
        made("half-open", &half_open),
        made("half-open, with a probe in flight", &|breaker| {
            half_open(breaker);
            mem::forget(begin(breaker));
        }),
        made("forced open", &|breaker| breaker.force_open(by())),
        made("disabled", &|breaker| breaker.disable(by())),
        made("metrics only", &|breaker| breaker.metrics_only(by())),
    ]
}

#[test]
fn a_breaker_opens_from_any_state() {
    for (from, breaker) in in_each_state() {
        open(&breaker);
        assert_eq!(
            (breaker.state(), breaker.forced()),
            (State::Open, None),
            "{from}"
        );
        assert!(breaker.try_acquire().is_err(), "{from}");
    }
}

#[test]
fn a_breaker_becomes_half_open_from_any_state() {
    for (from, breaker) in in_each_state() {
        half_open(&breaker);
        assert_eq!(
            (breaker.state(), breaker.forced()),
            (State::HalfOpen, None),
            "{from}"
        );
    }
}

#[test]
fn a_breaker_closes_from_any_state() {
    for (from, breaker) in in_each_state() {
        close(&breaker);
        assert_eq!(
            (breaker.state(), breaker.forced()),
            (State::Closed, None),
            "{from}"
        );
        assert_eq!(breaker.snapshot().failures(), 0, "{from}");
        assert!(breaker.try_acquire().is_ok(), "{from}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_opened_breaker_waits_as_any_other() {
    let breaker = breaker();
    open(&breaker);
    assert_eq!(
        breaker.try_acquire().unwrap_err().cause(),
        Some(Cause::Tripped)
    );
    tokio::time::advance(Duration::from_millis(4_999)).await;
    open(&breaker); // no new wait
    assert_eq!(breaker.state(), State::Open);
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(breaker.state(), State::HalfOpen);
}

#[test]
fn probes_decide_about_a_half_open_breaker() {
    let breaker = breaker();
    half_open(&breaker);
    let probe = breaker.try_acquire().unwrap();
    assert!(breaker.try_acquire().is_err(), "one probe at a time");
    half_open(&breaker); // it stays as it is
    probe.success();
    assert_eq!(breaker.state(), State::Closed);

    half_open(&breaker);
    breaker.try_acquire().unwrap().failure();
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn a_half_open_breaker_wakes_the_calls_that_wait() {
    let breaker = breaker();
    open(&breaker);
    let mut call = task::spawn(breaker.acquire());
    assert_pending!(call.poll());
    half_open(&breaker);
    assert!(call.is_woken());
    assert_ready!(call.poll()).success();
}

#[test]
fn listeners_hear_both_transitions_to_half_open() {
    let (breaker, (sender, heard)) = (breaker(), mpsc::channel());
    let listener = breaker.on_transition(move |transition| {
        sender
            .send((transition.to(), transition.cause()))
            .expect("the test listens");
    });
    half_open(&breaker);
    drop(listener);
    let heard: Vec<_> = heard.iter().collect();
    assert_eq!(
        heard,
        [
            (State::Open, Cause::Tripped),
            (State::HalfOpen, Cause::WaitOver)
        ]
    );
}

#[test]
fn the_state_of_a_static_breaker_is_forced() {
    static STORE: StaticCircuitBreaker = CircuitBreaker::builder().build_static("store");
    half_open(&STORE);
    assert_eq!(STORE.state(), State::HalfOpen);
    assert_idle(&STORE);
}

#[test]
fn a_breaker_whose_probe_has_ended_is_idle() {
    let breaker = breaker();
    assert_idle(&breaker);
    half_open(&breaker);
    breaker.try_acquire().unwrap().ignore();
    assert_idle(&breaker);
}

#[test]
#[should_panic(expected = "circuit `store` is not idle: probes in flight: 1, waiting calls: 0")]
fn a_breaker_with_a_probe_in_flight_is_not_idle() {
    let breaker = breaker();
    half_open(&breaker);
    let _probe = breaker.try_acquire().unwrap();
    assert_idle(&breaker);
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "circuit `store` is not idle: probes in flight: 0, waiting calls: 1")]
async fn a_breaker_with_a_waiting_call_is_not_idle() {
    let breaker = breaker();
    open(&breaker);
    let mut call = task::spawn(breaker.acquire());
    assert_pending!(call.poll());
    assert_idle(&breaker);
}
