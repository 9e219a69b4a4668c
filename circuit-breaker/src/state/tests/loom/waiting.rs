//! Claims of `waiters.rs`: every waiting call is woken. One that is not deadlocks the model.

use std::{
    future::poll_fn,
    task::{Context, Poll},
    time::Duration,
};

use loom::{future::block_on, sync::Arc, thread};

use super::{IGNORED, SUCCESS, WAIT, builder, circuit, fail, half_open};
use crate::{
    config::Probes,
    state::{Admission, StateMachine, Ticket, word::Phase},
    tests::explore,
    types::{Override, State},
};

/// Waits until the call is admitted, with no timer.
fn wait(circuit: &StateMachine, now: u64) -> Admission {
    let mut ticket = None;
    block_on(poll_fn(|cx| poll(circuit, &mut ticket, cx, now)))
}

fn poll(
    circuit: &StateMachine,
    ticket: &mut Option<Ticket>,
    cx: &mut Context<'_>,
    now: u64,
) -> Poll<Admission> {
    let admitted = circuit.admit_or_sleep(ticket, cx.waker(), || now);
    admitted.map_or(Poll::Pending, Poll::Ready)
}

fn open() -> Arc<StateMachine> {
    let circuit = circuit(builder().consecutive_failures(1));
    fail(&circuit, circuit.admit(|| 0).unwrap(), 0);
    circuit
}

#[test]
fn a_reset_wakes_a_call_about_to_wait() {
    explore(None, || {
        let circuit = open();
        let other = Arc::clone(&circuit);
        let waiter = thread::spawn(move || wait(&other, 1));
        circuit.reset(Override::new("test", "reset"), 1);
        waiter.join().unwrap();
        assert_eq!(circuit.waiting(), 0);
    });
}

#[test]
fn disabling_wakes_all_waiting_calls() {
    explore(Some(2), || {
        let circuit = open();
        let waiters: Vec<_> = (0..2)
            .map(|_| {
                let other = Arc::clone(&circuit);
                thread::spawn(move || wait(&other, 1))
            })
            .collect();
        circuit.force(Phase::Disabled, Override::new("op", "model"), 1);
        for waiter in waiters {
            waiter.join().unwrap();
        }
        assert_eq!(circuit.waiting(), 0);
    });
}

#[test]
fn a_returned_slot_wakes_a_call_about_to_wait() {
    explore(None, || {
        let circuit = half_open(Probes::results(2).in_flight(1));
        let probe = circuit.admit(|| WAIT).unwrap();
        let other = Arc::clone(&circuit);
        let waiter = thread::spawn(move || wait(&other, WAIT));
        circuit.record(probe, IGNORED, || WAIT);
        let probe = waiter.join().unwrap();
        circuit.record(probe, IGNORED, || WAIT);
    });
}

#[test]
fn waiting_calls_take_one_slot_in_turn() {
    explore(Some(1), || {
        let circuit = half_open(Probes::results(2).in_flight(1));
        let probe = circuit.admit(|| WAIT).unwrap();
        let probe_on = |circuit: &StateMachine| {
            let call = wait(circuit, WAIT);
            circuit.record(call, SUCCESS, || WAIT);
        };
        let other = Arc::clone(&circuit);
        let waiter = thread::spawn(move || probe_on(&other));
        circuit.record(probe, SUCCESS, || WAIT);
        probe_on(&circuit);
        waiter.join().unwrap();
        assert_eq!(circuit.advance(WAIT).phase().state(), State::Closed);
        assert_eq!(circuit.waiting(), 0);
    });
}

#[test]
fn a_woken_call_that_leaves_passes_its_slot_on() {
    explore(Some(2), || {
        let circuit = half_open(Probes::results(2).in_flight(1));
        let probe = circuit.admit(|| WAIT).unwrap();
        let mut leaver = None;
        // First in the queue: it is woken for the slot, and leaves without it.
        block_on(poll_fn(|cx| {
            assert!(poll(&circuit, &mut leaver, cx, WAIT).is_pending());
            Poll::Ready(())
        }));
        let (second, third) = (Arc::clone(&circuit), Arc::clone(&circuit));
        let waiter = thread::spawn(move || wait(&second, WAIT));
        let prober = thread::spawn(move || third.record(probe, IGNORED, || WAIT));
        circuit.leave(&leaver.unwrap());
        waiter.join().unwrap();
        prober.join().unwrap();
        assert_eq!(circuit.waiting(), 0);
    });
}

#[test]
fn a_woken_call_that_leaves_passes_the_alarm_on() {
    explore(Some(2), || {
        let circuit = open();
        let mut leaver = None;
        // First in the queue: a transition wakes it alone, and it leaves without a poll.
        block_on(poll_fn(|cx| {
            assert!(poll(&circuit, &mut leaver, cx, 1).is_pending());
            Poll::Ready(())
        }));
        let (second, third) = (Arc::clone(&circuit), Arc::clone(&circuit));
        let waiter = thread::spawn(move || wait(&second, 1));
        let operator =
            thread::spawn(move || third.force(Phase::Disabled, Override::new("op", "model"), 1));
        circuit.leave(&leaver.unwrap());
        waiter.join().unwrap();
        operator.join().unwrap();
        assert_eq!(circuit.waiting(), 0);
    });
}

#[test]
fn two_free_slots_wake_a_call_behind_one_not_polled() {
    explore(Some(2), || {
        let circuit = half_open(Probes::results(3).in_flight(2));
        let [first, second] = [0, 1].map(|_| circuit.admit(|| WAIT).unwrap());
        let mut held = None;
        block_on(poll_fn(|cx| {
            assert!(poll(&circuit, &mut held, cx, WAIT).is_pending());
            Poll::Ready(())
        }));
        let (other, third) = (Arc::clone(&circuit), Arc::clone(&circuit));
        let waiter = thread::spawn(move || wait(&other, WAIT));
        let prober = thread::spawn(move || third.record(first, IGNORED, || WAIT));
        circuit.record(second, IGNORED, || WAIT);
        waiter.join().unwrap();
        prober.join().unwrap();
        assert_eq!(circuit.waiting(), 1);
    });
}

#[test]
fn a_shorter_override_moves_the_timer_of_a_call_about_to_wait() {
    explore(None, || {
        let circuit = open();
        let other = Arc::clone(&circuit);
        let forcing = thread::spawn(move || {
            let by = Override::new("op", "model").lasting(Duration::from_nanos(5));
            other.force(Phase::ForcedOpen, by, 1);
        });
        let mut ticket = None;
        // Polled until its timer is set for the end of the override, by what it saw or by being woken.
        block_on(poll_fn(|cx| {
            let timer = circuit.admit_or_sleep(&mut ticket, cx.waker(), || 1);
            match timer.unwrap_err() {
                Some(6) => Poll::Ready(()),
                _ => Poll::Pending,
            }
        }));
        forcing.join().unwrap();
    });
}
