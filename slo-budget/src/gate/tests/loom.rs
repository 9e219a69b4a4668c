//! One property a model. Each is a claim of `state.rs`.

use std::time::Duration;

use loom::{sync::Arc, thread};

use super::{SECOND, policy};
use crate::{
    gate::{
        Change, Reason, Reasons,
        law::WHOLE,
        order,
        rules::Rules,
        standing::Standing,
        state::{Sample, State},
    },
    sync::explore,
    types::{Counts, Override},
};

fn rules() -> Rules {
    policy("99.9%", |gate| gate).rules
}

fn sample(strict: Reasons) -> Sample {
    Sample {
        rules: rules(),
        counts: Counts::default(),
        pace: 1000,
        strict,
        period_until: u64::MAX,
    }
}

fn spent(tick: u64, state: &State) {
    let sample = |was: Reasons| sample(was.with(Reason::BudgetSpent));
    state.refresh(tick, sample, |_, _| {});
}

#[test]
fn each_request_takes_a_place_of_its_own() {
    // A share that admits one of the first two.
    let half = (1..WHOLE)
        .step_by(1000)
        .find(|share| order::is_admitted(0, *share) != order::is_admitted(1, *share))
        .unwrap();
    explore(None, move || {
        let state = Arc::new(State::new(&rules(), 0, Counts::default()));
        let there = Arc::clone(&state);
        let other = thread::spawn(move || there.demand().admit(half));
        let here = state.demand().admit(half);
        assert!(here ^ other.join().unwrap());
        assert_eq!(state.demand().refused(), 1);
    });
}

#[test]
fn one_caller_decides_for_a_second() {
    explore(None, || {
        let state = Arc::new(State::new(&rules(), 0, Counts::default()));
        let decide = |state: &State| {
            let mut asked = 0;
            let sample = |_| {
                asked += 1;
                sample(Reasons::NONE.with(Reason::BudgetSpent))
            };
            state.refresh(SECOND, sample, |_, _| {});
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
fn the_end_of_an_override_is_told_once() {
    explore(None, || {
        let state = Arc::new(State::new(&rules(), 0, Counts::default()));
        let short = Override::new("me", "test").lasting(Duration::from_nanos(5));
        state.force(false, short, 0, |_, _| {});
        let look = |state: &State| {
            let mut told = 0;
            let tell = |change, is_open: bool| {
                assert!(is_open);
                told += u32::from(matches!(change, Change::OverrideOver(_)));
            };
            state.refresh(5, |_| sample(Reasons::NONE), tell);
            told
        };
        let there = Arc::clone(&state);
        let other = thread::spawn(move || look(&there));
        let here = look(&state);
        assert_eq!(here + other.join().unwrap(), 1);
        assert!(state.standing() == Standing::OPEN);
    });
}

/// A check decides while `look` runs in another thread: the end of an override is told once, by either.
fn the_end_is_told_beside_a_check(
    look: impl Fn(&State, &mut Vec<Change>) + Copy + Send + Sync + 'static,
) {
    explore(None, move || {
        let state = Arc::new(State::new(&rules(), 0, Counts::default()));
        let short = Override::new("me", "test").lasting(Duration::from_nanos(5));
        state.force(false, short, 0, |_, _| {});
        let there = Arc::clone(&state);
        let other = thread::spawn(move || {
            let mut told = Vec::new();
            there.refresh(5, |_| sample(Reasons::NONE), |change, _| told.push(change));
            told
        });
        let mut told = Vec::new();
        look(&state, &mut told);
        told.extend(other.join().unwrap());
        let ends = told
            .iter()
            .filter(|change| matches!(change, Change::OverrideOver(_)));
        assert_eq!(ends.count(), 1);
    });
}

#[test]
fn an_override_that_has_ended_is_not_resumed() {
    the_end_is_told_beside_a_check(|state, told| {
        let by = Override::new("me", "done");
        assert!(!state.resume(by, 5, |change, _| told.push(change)));
    });
}

#[test]
fn an_override_that_has_ended_is_not_viewed() {
    the_end_is_told_beside_a_check(|state, told| {
        let view = state.view(5, |change, _| told.push(change));
        assert!(view.forced.is_none() && state.standing() == Standing::OPEN);
    });
}

#[test]
fn an_override_that_has_ended_is_not_replaced() {
    the_end_is_told_beside_a_check(|state, told| {
        let by = Override::new("me", "more");
        state.force(false, by, 5, |change, _| told.push(change));
        assert!(state.standing() != Standing::OPEN);
    });
}

#[test]
fn a_decision_does_not_undo_an_override() {
    explore(None, || {
        let state = Arc::new(State::new(&rules(), 0, Counts::default()));
        let there = Arc::clone(&state);
        let other = thread::spawn(move || spent(SECOND / 2, &there));
        state.force(true, Override::new("me", "test"), 5, |_, _| {});
        assert!(state.standing() == Standing::OPEN);
        other.join().unwrap();
        assert!(state.standing() == Standing::OPEN);
        // Decides now, if the lock was taken when the other thread tried.
        spent(SECOND, &state);
        assert!(state.standing() == Standing::OPEN);
        assert!(state.resume(Override::new("me", "done"), SECOND, |_, _| {}));
        assert!(state.reasons().contains(Reason::BudgetSpent));
    });
}
