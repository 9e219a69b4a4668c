//! The window of the calls: the claims of `record.rs`.

use std::time::Duration;

use super::{SUCCESS, builder, circuit, fail, race, unallocated};
use crate::{
    config::Window,
    state::word::Phase,
    tests::explore,
    types::{Override, State},
};

#[test]
fn one_of_two_failures_across_a_step_sees_both() {
    explore(None, || {
        // Buckets of 8 ticks: 7 and 8 are in two of them.
        let circuit = circuit(
            builder()
                .failure_ratio(1.0)
                .minimum_calls(2)
                .window(Window::time(Duration::from_nanos(16))),
        );
        let (a, b) = (circuit.admit(|| 0).unwrap(), circuit.admit(|| 0).unwrap());
        race(&circuit, |c| fail(c, a, 7), move |c| fail(c, b, 8));
        let word = circuit.state.load();
        assert_eq!((word.phase(), word.generation()), (Phase::Open, 1));
    });
}

#[test]
fn a_late_failure_and_a_transition_make_one_window() {
    explore(Some(2), || {
        let circuit = unallocated(builder().failure_ratio(1.0).minimum_calls(1).window(2));
        let late = circuit.admit(|| 0).unwrap();
        race(
            &circuit,
            |c| c.reset(Override::new("op", "model"), 1),
            move |c| fail(c, late, 1),
        );
        // It opened the circuit before the reset, or is late: the new window is without it.
        assert_eq!(circuit.state(), State::Closed);
        assert_eq!(circuit.snapshot(2).calls(), 0);
    });
}

#[test]
fn a_failure_and_a_slow_call_open_the_breaker_once() {
    explore(None, || {
        let circuit = circuit(
            builder()
                .failure_ratio(0.5)
                .slow_ratio(0.5)
                .slow_after(Duration::from_nanos(9))
                .minimum_calls(2),
        );
        let (a, b) = (circuit.admit(|| 0).unwrap(), circuit.admit(|| 0).unwrap());
        race(
            &circuit,
            |c| fail(c, a, 1),
            move |c| c.record(b, SUCCESS, || 9),
        );
        let counters = circuit.snapshot(10);
        // The failure saw both calls, or the slow one did.
        assert_eq!(counters.generation(), 1);
        assert!(counters.cause().is_some());
    });
}

#[test]
fn a_late_result_never_enters_a_newer_time_window() {
    explore(None, || {
        let circuit = circuit(builder().failure_ratio(1.0).minimum_calls(9));
        let late = circuit.admit(|| 0).unwrap();
        race(
            &circuit,
            |c| {
                c.reset(Override::new("test", "reset"), 0);
                let call = c.admit(|| 0).unwrap();
                c.record(call, SUCCESS, || 0);
            },
            move |c| fail(c, late, 0),
        );
        let snapshot = circuit.snapshot(0);
        assert_eq!((snapshot.calls(), snapshot.failures()), (1, 0));
    });
}

#[test]
fn a_late_result_never_enters_newer_last_calls() {
    explore(None, || {
        let circuit = circuit(
            builder()
                .failure_ratio(1.0)
                .minimum_calls(2)
                .window(Window::calls(2)),
        );
        let late = circuit.admit(|| 0).unwrap();
        race(
            &circuit,
            |c| {
                c.reset(Override::new("test", "reset"), 0);
                let call = c.admit(|| 0).unwrap();
                fail(c, call, 0);
            },
            move |c| fail(c, late, 0),
        );
        let snapshot = circuit.snapshot(0);
        assert_eq!((snapshot.calls(), snapshot.failures()), (1, 1));
    });
}
