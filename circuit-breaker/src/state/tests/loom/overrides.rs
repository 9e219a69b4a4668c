//! What an operator does while calls and probes end: the claims of `overrides.rs`.

use super::{SUCCESS, WAIT, builder, circuit, fail, half_open, lasting, race};
use crate::{
    config::Probes,
    state::word::Phase,
    tests::explore,
    types::{Override, State, remember},
};

#[test]
fn a_forced_state_wins_over_a_concurrent_probe() {
    explore(None, || {
        let circuit = half_open(Probes::results(1));
        let probe = circuit.admit(|| WAIT).unwrap();
        race(
            &circuit,
            |c| c.force(Phase::ForcedOpen, lasting(50), WAIT),
            move |c| c.record(probe, SUCCESS, || WAIT),
        );
        let refusal = circuit.admit(|| WAIT).unwrap_err();
        assert_eq!(
            (refusal.state, refusal.until),
            (State::ForcedOpen, WAIT + 50)
        );
        let generation = circuit.state.load().generation();
        assert_eq!(circuit.probes.earliest(generation - 1), None);
    });
}

#[test]
fn a_reader_sees_one_of_two_overrides_whole() {
    explore(None, || {
        let circuit = circuit(builder().consecutive_failures(1));
        circuit.force(Phase::ForcedOpen, lasting(10), 0);
        // In this order: where the thread that is here only reads, loom explores one interleaving.
        let ((), seen) = race(
            &circuit,
            |c| c.force(Phase::Disabled, lasting(30), 0),
            |c| c.refuse_at(4),
        );
        let seen = (seen.state, seen.until);
        assert!(
            [(State::ForcedOpen, 10), (State::Disabled, 4)].contains(&seen),
            "{seen:?}"
        );
    });
}

#[test]
fn a_rejection_names_the_override_of_its_end() {
    explore(None, || {
        let circuit = circuit(builder().consecutive_failures(1));
        let by = |time| lasting(10 * time);
        let numbers = [1, 2, 3].map(|time| (remember(&by(time)), 10 * time));
        circuit.force(Phase::ForcedOpen, by(1), 0);
        let ((), seen) = race(
            &circuit,
            |c| {
                c.force(Phase::ForcedOpen, by(2), 0);
                c.force(Phase::ForcedOpen, by(3), 0);
            },
            |c| c.refuse_at(4),
        );
        assert!(numbers.contains(&(seen.cause, seen.until)), "{seen:?}");
    });
}

#[test]
fn an_ending_override_leaves_a_new_one_alone() {
    explore(None, || {
        let circuit = circuit(builder().consecutive_failures(1));
        circuit.force(Phase::Disabled, lasting(10), 0);
        race(
            &circuit,
            |c| c.advance(10),
            |c| c.force(Phase::ForcedOpen, lasting(30), 9),
        );
        assert_eq!(circuit.refuse_at(10).until, 39);
    });
}

#[test]
fn concurrent_failures_count_one_would_be_opening() {
    explore(None, || {
        let circuit = circuit(builder().consecutive_failures(2));
        circuit.force(Phase::MetricsOnly { in_a_row: 0 }, lasting(50), 0);
        let (a, b) = (circuit.admit(|| 0).unwrap(), circuit.admit(|| 0).unwrap());
        race(&circuit, |c| fail(c, a, 1), move |c| fail(c, b, 2));
        let counters = circuit.snapshot(3);
        assert_eq!(counters.would_have_opened(), 1);
        assert_eq!(counters.state(), State::MetricsOnly);
        assert_eq!(circuit.snapshot(50).state(), State::Closed);
    });
}

#[test]
fn a_probe_admitted_during_a_trip_leaves_no_lease() {
    explore(Some(3), || {
        let circuit = half_open(Probes::results(2));
        let generation = circuit.state.load().generation();
        race(
            &circuit,
            |c| c.admit(|| WAIT).ok(),
            |c| assert!(c.trip(Override::new("operator", "test"), WAIT)),
        );
        let word = circuit.state.load();
        assert_eq!((word.phase(), word.generation()), (Phase::Open, 3));
        assert_eq!(circuit.probes.earliest(generation), None);
    });
}
