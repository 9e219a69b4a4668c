//! Claims of `waiting.rs`: whoever waits is woken. A waiter that is not deadlocks the model.

use std::{
    future::poll_fn,
    task::{Context, Poll},
};

use loom::{future::block_on, sync::Arc, thread};

use super::{IGNORED, SUCCESS, WAIT, builder, circuit, explore, fail, half_open};
use crate::{
    Override, Probes, State, admission::Admission, circuit::Circuit, waiters::Ticket, word::Phase,
};

/// Waits until it is let in, with no timer.
fn wait(circuit: &Circuit, now: u64) -> Admission {
    let mut ticket = None;
    block_on(poll_fn(|cx| poll(circuit, &mut ticket, cx, now)))
}

fn poll(
    circuit: &Circuit,
    ticket: &mut Option<Ticket>,
    cx: &mut Context<'_>,
    now: u64,
) -> Poll<Admission> {
    let admitted = circuit.admit_or_sleep(ticket, cx.waker(), || now);
    admitted.map_or(Poll::Pending, Poll::Ready)
}

fn open() -> Arc<Circuit> {
    let circuit = circuit(builder().consecutive_failures(1));
    fail(&circuit, circuit.admit(|| 0).unwrap(), 0);
    circuit
}

#[test]
fn a_reset_wakes_who_was_about_to_wait() {
    explore(None, || {
        let circuit = open();
        let other = Arc::clone(&circuit);
        let waiter = thread::spawn(move || wait(&other, 1));
        circuit.reset(1);
        waiter.join().unwrap();
        assert_eq!(circuit.waiters.len(), 0);
    });
}

#[test]
fn an_operator_that_lets_everything_through_wakes_all_who_wait() {
    explore(Some(2), || {
        let circuit = open();
        let waiters: Vec<_> = (0..2)
            .map(|_| {
                let other = Arc::clone(&circuit);
                thread::spawn(move || wait(&other, 1))
            })
            .collect();
        circuit.steer(Phase::Disabled, Override::new("op", "model"), 1);
        for waiter in waiters {
            waiter.join().unwrap();
        }
        assert_eq!(circuit.waiters.len(), 0);
    });
}

#[test]
fn a_probe_that_gives_its_place_back_wakes_who_was_about_to_wait() {
    explore(None, || {
        let circuit = half_open(Probes::results(2).in_flight(1));
        let probe = circuit.admit(|| WAIT).unwrap();
        let other = Arc::clone(&circuit);
        let waiter = thread::spawn(move || wait(&other, WAIT));
        circuit.settle(probe, IGNORED, || WAIT);
        let probe = waiter.join().unwrap();
        circuit.settle(probe, IGNORED, || WAIT);
    });
}

#[test]
fn who_wait_for_one_place_get_it_in_turn_until_the_circuit_closes() {
    explore(Some(1), || {
        let circuit = half_open(Probes::results(2).in_flight(1));
        let probe = circuit.admit(|| WAIT).unwrap();
        let probe_on = |circuit: &Circuit| {
            let call = wait(circuit, WAIT);
            circuit.settle(call, SUCCESS, || WAIT);
        };
        let other = Arc::clone(&circuit);
        let waiter = thread::spawn(move || probe_on(&other));
        circuit.settle(probe, SUCCESS, || WAIT);
        probe_on(&circuit);
        waiter.join().unwrap();
        assert_eq!(circuit.advance(WAIT).phase().state(), State::Closed);
        assert_eq!(circuit.waiters.len(), 0);
    });
}

#[test]
fn a_waiter_that_leaves_as_it_is_woken_passes_the_place_on() {
    explore(Some(2), || {
        let circuit = half_open(Probes::results(2).in_flight(1));
        let probe = circuit.admit(|| WAIT).unwrap();
        let mut leaver = None;
        // First in the line: it is woken for the place, and leaves without it.
        block_on(poll_fn(|cx| {
            assert!(poll(&circuit, &mut leaver, cx, WAIT).is_pending());
            Poll::Ready(())
        }));
        let (second, third) = (Arc::clone(&circuit), Arc::clone(&circuit));
        let waiter = thread::spawn(move || wait(&second, WAIT));
        let prober = thread::spawn(move || third.settle(probe, IGNORED, || WAIT));
        circuit.leave(&leaver.unwrap());
        waiter.join().unwrap();
        prober.join().unwrap();
        assert_eq!(circuit.waiters.len(), 0);
    });
}
