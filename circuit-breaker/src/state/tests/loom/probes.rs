//! Probes and their slots: the claims of `probes.rs` and `slots.rs`.

use loom::{sync::Arc, thread};

use super::{FAILURE, IGNORED, PROBE_TIME, SUCCESS, WAIT, builder, circuit, fail, half_open, race};
use crate::{
    config::Probes,
    state::{StateMachine, word::Phase},
    tests::explore,
    types::{Override, State},
};

/// In flight, successes, failures.
fn counts(circuit: &StateMachine) -> (u32, u32, u32) {
    match circuit.state.load().phase() {
        Phase::HalfOpen(t) => (t.in_flight, t.successes, t.failures),
        other => panic!("half-open expected, {other:?} found"),
    }
}

#[test]
fn concurrent_calls_enter_half_open_once() {
    explore(None, || {
        let circuit = circuit(builder().consecutive_failures(1).probes(Probes::results(1)));
        let call = circuit.admit(|| 0).unwrap();
        fail(&circuit, call, 0);
        let (a, b) = race(&circuit, |c| c.admit(|| WAIT), |c| c.admit(|| WAIT));
        assert!(
            a.is_ok() != b.is_ok(),
            "one place, two callers: one gets in"
        );
        assert_eq!(
            (circuit.state.load().generation(), counts(&circuit)),
            (2, (1, 0, 0))
        );
    });
}

#[test]
fn two_concurrent_probes_get_a_slot_each() {
    explore(None, || {
        let circuit = half_open(Probes::results(2));
        let (a, b) = race(&circuit, |c| c.admit(|| WAIT), |c| c.admit(|| WAIT));
        for probe in [a.unwrap(), b.unwrap()] {
            circuit.record(probe, SUCCESS, || WAIT);
        }
        assert_eq!(circuit.state.load().phase(), Phase::Closed { in_a_row: 0 });
    });
}

#[test]
fn a_returned_slot_is_given_out_once() {
    explore(None, || {
        let circuit = half_open(Probes::results(2).in_flight(1));
        let first = circuit.admit(|| WAIT).unwrap();
        // In this order: where the thread that is here only reads, loom explores one interleaving.
        let ((), second) = race(
            &circuit,
            move |c| c.record(first, IGNORED, || WAIT),
            |c| c.admit(|| WAIT),
        );
        let inside = u32::from(second.is_ok());
        assert_eq!(counts(&circuit), (inside, 0, 0));
        assert_eq!(circuit.admit(|| WAIT).is_ok(), second.is_err());
    });
}

#[test]
fn two_probes_that_end_at_once_both_count_and_decide_once() {
    explore(None, || {
        let circuit = half_open(Probes::results(2));
        let (a, b) = (
            circuit.admit(|| WAIT).unwrap(),
            circuit.admit(|| WAIT).unwrap(),
        );
        race(
            &circuit,
            |c| c.record(a, SUCCESS, || WAIT),
            move |c| c.record(b, SUCCESS, || WAIT),
        );
        let word = circuit.state.load();
        assert_eq!(
            (word.phase().state(), word.generation()),
            (State::Closed, 3)
        );
    });
}

#[test]
fn a_probe_that_ends_during_a_decision_leaves_no_lease() {
    explore(None, || {
        let circuit = half_open(Probes::successes(1, 2));
        let generation = circuit.state.load().generation();
        let (a, b) = (
            circuit.admit(|| WAIT).unwrap(),
            circuit.admit(|| WAIT).unwrap(),
        );
        race(
            &circuit,
            |c| c.record(a, SUCCESS, || WAIT),
            move |c| c.record(b, FAILURE, || WAIT),
        );
        let word = circuit.state.load();
        assert_eq!(
            (word.phase().state(), word.generation()),
            (State::Closed, 3)
        );
        assert_eq!(circuit.probes.earliest(generation), None);
    });
}

#[test]
fn the_end_of_a_probe_or_of_its_time_counts_once() {
    explore(None, || {
        let circuit = half_open(Probes::results(3).in_flight(1));
        let probe = circuit.admit(|| WAIT).unwrap();
        race(
            &circuit,
            // Its own clock reading is from just before the deadline.
            |c| c.record(probe, SUCCESS, || WAIT + PROBE_TIME - 1),
            |c| c.advance(WAIT + PROBE_TIME),
        );
        let (in_flight, successes, failures) = counts(&circuit);
        assert_eq!((in_flight, successes + failures), (0, 1));
        assert!(
            circuit.admit(|| WAIT + PROBE_TIME).is_ok(),
            "its place is free"
        );
    });
}

#[test]
fn a_probe_answered_at_its_deadline_counts_once() {
    explore(None, || {
        let circuit = half_open(Probes::results(3).in_flight(1));
        let generation = circuit.state.load().generation();
        let probe = circuit.admit(|| WAIT).unwrap();
        race(
            &circuit,
            |c| {
                let now = || WAIT + PROBE_TIME - 1;
                if let Some(answered) = c.answer_probe(probe, now) {
                    c.record(answered, FAILURE, now);
                }
            },
            |c| c.advance(WAIT + PROBE_TIME),
        );
        let (in_flight, successes, failures) = counts(&circuit);
        assert_eq!((in_flight, successes + failures), (0, 1));
        assert_eq!(
            circuit.probes.earliest(generation),
            None,
            "no lease is left"
        );
    });
}

#[test]
fn three_concurrent_probes_share_two_slots() {
    explore(Some(2), || {
        let circuit = half_open(Probes::results(4).in_flight(2));
        let ends = circuit.admit(|| WAIT).unwrap();
        let cancelled = circuit.admit(|| WAIT).unwrap();
        let other = Arc::clone(&circuit);
        let third = thread::spawn(move || other.record(cancelled, IGNORED, || WAIT));
        let (entered, ()) = race(
            &circuit,
            |c| c.admit(|| WAIT),
            move |c| c.record(ends, SUCCESS, || WAIT),
        );
        third.join().unwrap();
        let inside = u32::from(entered.is_ok());
        assert_eq!(counts(&circuit), (inside, 1, 0));
        // Every place can be taken, and each by one probe.
        for _ in inside..2 {
            circuit.admit(|| WAIT).unwrap();
        }
        circuit.admit(|| WAIT).unwrap_err();
    });
}

#[test]
fn a_reset_forgets_probes_and_their_slots() {
    explore(None, || {
        let circuit = half_open(Probes::results(1));
        let generation = circuit.state.load().generation();
        let _ = race(
            &circuit,
            |c| c.admit(|| WAIT),
            |c| c.reset(Override::new("test", "reset"), WAIT),
        );
        assert_eq!(circuit.state.load().phase(), Phase::Closed { in_a_row: 0 });
        assert_eq!(circuit.probes.earliest(generation), None);
    });
}

#[test]
fn a_probe_admitted_during_a_decision_leaves_no_lease() {
    explore(None, || {
        // One success is enough, though there is room for another probe.
        let circuit = half_open(Probes::successes(1, 2));
        let probe = circuit.admit(|| WAIT).unwrap();
        let generation = circuit.state.load().generation();
        race(
            &circuit,
            |c| c.admit(|| WAIT).unwrap(),
            move |c| c.record(probe, SUCCESS, || WAIT),
        );
        assert_eq!(circuit.state.load().phase(), Phase::Closed { in_a_row: 0 });
        assert_eq!(circuit.probes.earliest(generation), None);
    });
}
