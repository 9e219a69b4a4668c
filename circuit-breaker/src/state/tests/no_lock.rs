//! A call that neither opens nor closes the breaker takes no lock: all locks are held meanwhile.

use std::{
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use crate::{
    config::{Builder, Probes, Ramp, Wait, Window},
    state::StateMachine,
    types::{End, Outcome, State},
};

const FAILURE: End = End::Finished(Outcome::Failure);
const SUCCESS: End = End::Finished(Outcome::Success);

/// Long enough for the slowest machine: a thread that waits for a lock would never end.
const FOREVER: Duration = Duration::from_secs(60);

/// Opens at the second failure, waits ten ticks, and then two probes decide.
fn circuit() -> Arc<StateMachine> {
    let nanos = Duration::from_nanos;
    let builder = Builder::new()
        .failure_ratio(1.0)
        .consecutive_failures(2)
        .minimum_calls(100)
        .window(Window::calls(100))
        .wait_in_open(Wait::fixed(nanos(10)))
        .probes(Probes::results(2))
        .ramp(Ramp::new(nanos(10)));
    Arc::new(StateMachine::new("tested", builder.validate().unwrap()))
}

fn fail_twice(circuit: &StateMachine) {
    for _ in 0..2 {
        let call = circuit.admit(|| 0).unwrap();
        circuit.record(call, FAILURE, || 0);
    }
}

fn while_all_is_locked(
    circuit: &Arc<StateMachine>,
    work: impl FnOnce(&StateMachine) + Send + 'static,
) {
    let (done, is_done) = mpsc::channel();
    let shared = Arc::clone(circuit);
    let transitions = circuit.transitions.lock();
    circuit.waiters.while_locked(|| {
        thread::spawn(move || {
            work(&shared);
            done.send(()).unwrap();
        });
        is_done
            .recv_timeout(FOREVER)
            .expect("it waits for no lock and does not panic");
    });
    drop(transitions);
}

#[test]
fn calls_come_and_go_while_closed() {
    let circuit = circuit();
    while_all_is_locked(&circuit, |circuit| {
        for end in [SUCCESS, FAILURE, SUCCESS, End::Cancelled] {
            let call = circuit.admit(|| 0).unwrap();
            circuit.record(call, end, || 0);
        }
    });
    assert_eq!(circuit.snapshot(0).calls(), 3);
}

#[test]
fn calls_are_rejected_while_open() {
    let circuit = circuit();
    let late = circuit.admit(|| 0).unwrap();
    fail_twice(&circuit);
    while_all_is_locked(&circuit, move |circuit| {
        let refusal = circuit.admit(|| 9).unwrap_err();
        assert_eq!((refusal.state, refusal.until), (State::Open, 10));
        assert!(circuit.is_rejecting_at(9));
        circuit.record(late, FAILURE, || 9);
    });
}

#[test]
fn probes_are_let_in_and_others_rejected_while_half_open() {
    let circuit = circuit();
    fail_twice(&circuit);
    circuit.advance(10);
    while_all_is_locked(&circuit, |circuit| {
        for _ in 0..2 {
            circuit.admit(|| 10).unwrap();
        }
        assert_eq!(circuit.admit(|| 10).unwrap_err().state, State::HalfOpen);
    });
}

#[test]
fn a_share_is_let_in_and_the_others_rejected_on_a_ramp() {
    let circuit = circuit();
    fail_twice(&circuit);
    let probes = [10, 10].map(|now| circuit.admit(|| now).unwrap());
    for probe in probes {
        circuit.record(probe, SUCCESS, || 10);
    }
    while_all_is_locked(&circuit, |circuit| {
        let call = circuit.admit(|| 10).unwrap();
        let mut others = (0..100).map(|_| circuit.admit(|| 10));
        let refusal = others.find_map(Result::err).unwrap();
        assert_eq!(refusal.state, State::Ramping);
        circuit.record(call, SUCCESS, || 10);
    });
}

#[cfg(feature = "family")]
#[test]
fn a_member_that_its_family_keeps_closed_goes_on_counting() {
    let limit = Arc::new(crate::state::OpenLimit::none());
    limit.set(50);
    limit.join();
    let alone = Arc::into_inner(circuit()).unwrap().in_family(limit, None);
    let circuit = Arc::new(alone);
    while_all_is_locked(&circuit, |circuit| {
        fail_twice(circuit);
        fail_twice(circuit);
    });
    let snapshot = circuit.snapshot(0);
    assert_eq!(snapshot.state(), State::Closed);
    assert_eq!(snapshot.consecutive_failures(), 4);
    assert_eq!(snapshot.kept_closed(), 3);
}
