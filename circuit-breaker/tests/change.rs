//! What a change of state does to calls of before, and how often it happens.

use std::{
    sync::{Barrier, mpsc},
    thread,
    time::Duration,
};

use maestro_circuit_breaker::{
    Call, CircuitBreaker, OnCancel, Outcome, Override, Probes, Ramp, State, Wait, Window,
};
use tokio::time::Instant;

const WAIT: Duration = Duration::from_secs(5);
const STATES: [State; 7] = [
    State::Closed,
    State::Open,
    State::HalfOpen,
    State::Ramping,
    State::ForcedOpen,
    State::Disabled,
    State::MetricsOnly,
];

fn by() -> Override {
    Override::new("operator", "test")
}

fn breaker() -> CircuitBreaker {
    CircuitBreaker::builder()
        .failure_ratio(0.5)
        .minimum_calls(1)
        .window(Window::calls(8))
        .wait_in_open(Wait::fixed(WAIT))
        .probes(Probes::results(3))
        .ramp(Ramp::new(WAIT).percent(&[99]))
        .on_cancel(OnCancel::Failure)
        .build("change")
        .expect("the numbers are legal")
}

/// A call that is admitted at `now`.
fn call(breaker: &CircuitBreaker, now: Instant) -> Call {
    let mut calls = (0..9).filter_map(|_| breaker.try_acquire_at(now).ok());
    calls.next().expect("this state lets calls in")
}

/// Into `state`, from any, by a separate generation. When it is there.
fn enter(breaker: &CircuitBreaker, state: State, mut now: Instant) -> Instant {
    breaker.resume_at(by(), now);
    breaker.reset_at(by(), now);
    if let State::Open | State::HalfOpen | State::Ramping = state {
        call(breaker, now).finish_at(Outcome::Failure, now);
    }
    if let State::HalfOpen | State::Ramping = state {
        now += WAIT;
    }
    match state {
        State::Ramping => {
            for _ in 0..3 {
                call(breaker, now).finish_at(Outcome::Success, now);
            }
        }
        State::ForcedOpen => breaker.force_open_at(by(), now),
        State::Disabled => breaker.disable_at(by(), now),
        State::MetricsOnly => breaker.metrics_only_at(by(), now),
        _ => {}
    }
    assert_eq!(breaker.state_at(now), state);
    now
}

#[test]
fn a_late_result_changes_nothing_in_any_pair_of_states() {
    let lets_in = |state: &State| !matches!(state, State::Open | State::ForcedOpen);
    for then in STATES.into_iter().filter(lets_in) {
        for state in STATES {
            for outcome in [
                Some(Outcome::Success),
                Some(Outcome::Failure),
                Some(Outcome::Ignored),
                None,
            ] {
                let breaker = breaker();
                let now = enter(&breaker, then, Instant::now());
                let late = call(&breaker, now);
                let now = enter(&breaker, state, now);
                let before = breaker.snapshot_at(now);
                match outcome {
                    Some(outcome) => late.finish_at(outcome, now),
                    None => drop(late),
                }
                let after = breaker.snapshot_at(now);
                assert_eq!(after, before, "{outcome:?} of {then} in {state}");
            }
        }
    }
}

#[test]
fn sixteen_threads_make_each_transition_once() {
    let breaker = breaker();
    let (told, heard) = mpsc::channel();
    let _listener = breaker.on_transition(move |transition| {
        told.send((transition.generation(), transition.to()))
            .expect("somebody hears");
    });
    let start = Instant::now();
    let half_open = start + WAIT;
    let together = |f: &(dyn Fn() + Sync)| {
        let barrier = Barrier::new(16);
        thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    barrier.wait();
                    f();
                });
            }
        });
    };
    // All fail at once; all find the wait over; all probe.
    let calls = |now: Instant, outcome: Outcome| {
        if let Ok(call) = breaker.try_acquire_at(now) {
            call.finish_at(outcome, now);
        }
    };
    together(&|| calls(start, Outcome::Failure));
    together(&|| assert_ne!(breaker.state_at(half_open), State::Open));
    together(&|| calls(half_open, Outcome::Success));
    assert_eq!(breaker.state_at(half_open), State::Ramping);
    together(&|| assert_eq!(breaker.state_at(half_open + WAIT), State::Closed));
    let heard: Vec<_> = heard.try_iter().collect();
    let expected = [State::Open, State::HalfOpen, State::Ramping, State::Closed];
    assert_eq!(heard, (1..).zip(expected).collect::<Vec<_>>());
}

#[test]
fn a_snapshot_after_a_quiet_hour_is_empty() {
    let breaker = CircuitBreaker::builder()
        .failure_ratio(1.0)
        .window(Window::time(WAIT))
        .build("quiet")
        .unwrap();
    let start = Instant::now();
    call(&breaker, start).finish_at(Outcome::Failure, start);
    assert_eq!(breaker.snapshot_at(start).failures(), 1);
    let later = breaker.snapshot_at(start + Duration::from_secs(3_600));
    assert_eq!((later.calls(), later.failures()), (0, 0));
}
