//! One property a model. Each is a claim of `state.rs`.

use loom::{sync::Arc, thread};

use crate::{
    gate::{Reason, Reasons, state::State},
    sync::explore,
    types::Override,
};

/// Slots of ten ticks.
const RESOLUTION: u64 = 10;

fn closed(tick: u64, state: &State) {
    let decide = |was: Reasons| was.with(Reason::BudgetSpent).into();
    state.refresh(tick, RESOLUTION, decide, |_, _| {});
}

#[test]
fn a_due_probe_goes_to_one_caller() {
    explore(None, || {
        let state = Arc::new(State::new());
        closed(0, &state);
        closed(100, &state); // long after: a probe is due
        let there = Arc::clone(&state);
        let other = thread::spawn(move || there.admit_probe(1000));
        let here = state.admit_probe(1000);
        assert!(here ^ other.join().unwrap());
        assert_eq!((state.probes(), state.refused(1000)), (1, 1));
    });
}

#[test]
fn one_in_two_requests_is_a_probe() {
    explore(None, || {
        let state = Arc::new(State::new());
        closed(0, &state);
        let there = Arc::clone(&state);
        let other = thread::spawn(move || there.admit_probe(2));
        let here = state.admit_probe(2);
        assert!(here ^ other.join().unwrap());
    });
}

#[test]
fn one_caller_decides_for_a_slot() {
    explore(None, || {
        let state = Arc::new(State::new());
        let decide = |state: &State| {
            let mut asked = 0;
            let decide = |_| {
                asked += 1;
                Reasons::NONE.with(Reason::BudgetSpent).into()
            };
            state.refresh(5, RESOLUTION, decide, |_, _| {});
            asked
        };
        let there = Arc::clone(&state);
        let other = thread::spawn(move || decide(&there));
        let here = decide(&state);
        assert_eq!(here + other.join().unwrap(), 1);
        assert!(!state.reasons().is_empty());
    });
}

#[test]
fn a_decision_does_not_undo_an_override() {
    explore(None, || {
        let state = Arc::new(State::new());
        let there = Arc::clone(&state);
        let other = thread::spawn(move || closed(5, &there));
        state.force(Override::open("me", "test"), 5, |_, _| {});
        assert!(state.reasons().is_empty());
        other.join().unwrap();
        assert!(state.reasons().is_empty());
        // Decides now, if the lock was taken when the other thread tried.
        closed(10, &state);
        assert!(state.reasons().is_empty());
        state.resume("me".into(), "done".into(), |_, _| {});
        assert!(state.reasons().contains(Reason::BudgetSpent));
    });
}
