//! One property a model: the claims of `admit.rs`, `record.rs`, `transitions.rs`, `probes.rs` and
//! `overrides.rs`.

#[cfg(feature = "family")]
mod open_limit;
mod reconfigure;
mod waiting;

use loom::{sync::Arc, thread};

use crate::{
    config::{Builder, Probes, Wait, Window},
    state::{Admission, StateMachine, word::Phase},
    sync::Mutex,
    tests::explore,
    types::{End, Outcome, Override, Refusal, State, remember},
};
use std::time::Duration;

const SUCCESS: End = End::Finished(Outcome::Success);
const FAILURE: End = End::Finished(Outcome::Failure);
const IGNORED: End = End::Finished(Outcome::Ignored);
const WAIT: u64 = 100;
const PROBE_TIME: u64 = 10;

fn builder() -> Builder {
    Builder::new()
        .wait_in_open(Wait::fixed(Duration::from_nanos(WAIT)))
        .probe_deadline(Duration::from_nanos(PROBE_TIME))
}

fn circuit(builder: Builder) -> Arc<StateMachine> {
    let circuit = StateMachine::new("tested", builder.validate().unwrap());
    // As `build` does: `window/tests.rs` has the models of windows that are made by calls.
    circuit.allocate();
    Arc::new(circuit)
}

/// As in a `static`: its windows are made by calls and transitions.
fn unallocated(builder: Builder) -> Arc<StateMachine> {
    Arc::new(StateMachine::new("tested", builder.validate().unwrap()))
}

fn half_open(probes: Probes) -> Arc<StateMachine> {
    let circuit = circuit(builder().consecutive_failures(1).probes(probes));
    let call = circuit.admit(|| 0).unwrap();
    circuit.record(call, FAILURE, || 0);
    assert_eq!(circuit.advance(WAIT).phase().state(), State::HalfOpen);
    circuit
}

/// Both at once, one of them here.
pub(super) fn race<T, U: Send + 'static>(
    circuit: &Arc<StateMachine>,
    here: impl FnOnce(&StateMachine) -> T,
    there: impl FnOnce(&StateMachine) -> U + Send + 'static,
) -> (T, U) {
    let shared = Arc::clone(circuit);
    let other = thread::spawn(move || there(&shared));
    let here = here(circuit);
    (here, other.join().unwrap())
}

/// In flight, successes, failures.
fn counts(circuit: &StateMachine) -> (u32, u32, u32) {
    match circuit.state.load().phase() {
        Phase::HalfOpen(t) => (t.in_flight, t.successes, t.failures),
        other => panic!("half-open expected, {other:?} found"),
    }
}

fn fail(circuit: &StateMachine, call: Admission, now: u64) {
    circuit.record(call, FAILURE, || now);
}

#[test]
fn two_failures_in_a_row_make_exactly_one_transition() {
    explore(None, || {
        let circuit = circuit(builder().consecutive_failures(2));
        let (a, b) = (circuit.admit(|| 0).unwrap(), circuit.admit(|| 0).unwrap());
        race(&circuit, |c| fail(c, a, 1), move |c| fail(c, b, 2));
        let word = circuit.state.load();
        assert_eq!((word.phase(), word.generation()), (Phase::Open, 1));
    });
}

#[test]
fn two_failures_after_a_forgotten_row_begin_one() {
    explore(None, || {
        let circuit = circuit(
            builder()
                .consecutive_failures(3)
                .forget_failures_after(Duration::from_nanos(10)),
        );
        let [old, a, b] = [0; 3].map(|now| circuit.admit(|| now).unwrap());
        fail(&circuit, old, 0);
        // With the old one they would be three, and open it. They may count as one.
        race(&circuit, |c| fail(c, a, 20), move |c| fail(c, b, 21));
        let row = circuit.state.load().phase().in_a_row();
        assert!(matches!(row, Some(1..=2)), "{row:?}");
        let c = circuit.admit(|| 0).unwrap();
        fail(&circuit, c, 31);
        assert_eq!(circuit.state(), State::Closed, "it is forgotten again");
    });
}

#[test]
fn concurrent_failures_open_the_circuit_once() {
    explore(None, || {
        let circuit = circuit(builder().consecutive_failures(1));
        let (a, b) = (circuit.admit(|| 0).unwrap(), circuit.admit(|| 0).unwrap());
        // A reader that looks meanwhile sees the end of the wait that stays.
        let (seen, ()) = race(
            &circuit,
            |c| {
                fail(c, a, 1);
                c.refuse_at(10)
            },
            move |c| fail(c, b, 2),
        );
        assert_eq!(circuit.state.load().generation(), 1);
        assert_eq!(circuit.refuse_at(10), seen);
    });
}

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

fn lasting(ticks: u64) -> Override {
    Override::new("operator", "test").lasting(Duration::from_nanos(ticks))
}

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
fn listeners_hear_of_every_transition_once_and_in_order() {
    explore(Some(3), || {
        let circuit = circuit(builder().consecutive_failures(1));
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hears = Arc::clone(&heard);
        circuit
            .observers
            .listen(move |change| hears.lock().push(change.generation))
            .detach();
        race(
            &circuit,
            |c| c.reset(Override::new("test", "reset"), 0),
            |c| c.force(Phase::Disabled, lasting(50), 0),
        );
        assert_eq!(*heard.lock(), [1, 2]);
    });
}

#[test]
fn a_late_failure_never_opens_a_newer_generation() {
    explore(None, || {
        let circuit = circuit(builder().consecutive_failures(1));
        let late = circuit.admit(|| 0).unwrap();
        race(
            &circuit,
            |c| c.reset(Override::new("test", "reset"), 0),
            move |c| fail(c, late, 0),
        );
        // Before the reset it opened and was reset, after it nothing happened.
        assert_eq!(circuit.state.load().phase(), Phase::Closed { in_a_row: 0 });
    });
}

#[test]
fn a_success_and_a_failure_count_in_either_order() {
    explore(None, || {
        let circuit = circuit(builder().consecutive_failures(3));
        let calls: Vec<_> = (0..3).map(|_| circuit.admit(|| 0).unwrap()).collect();
        let (first, second, success) = (calls[0], calls[1], calls[2]);
        fail(&circuit, first, 0);
        race(
            &circuit,
            |c| c.record(success, SUCCESS, || 0),
            move |c| fail(c, second, 0),
        );
        assert!(matches!(
            circuit.state.load().phase(),
            Phase::Closed { in_a_row: 0 | 1 }
        ));
    });
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
fn a_reader_sees_one_of_two_openings_whole() {
    // In one pass, and step by step, as a reader that finds a change.
    opens_anew_while(|c| c.refuse_open().unwrap_or_else(|| c.refuse_at(60)));
    opens_anew_while(|c| {
        loop {
            if let Some(refusal) = c.refusal(c.advance(60), 60) {
                return refusal;
            }
        }
    });
}

fn opens_anew_while(look: fn(&StateMachine) -> Refusal) {
    explore(None, move || {
        let circuit = circuit(builder().consecutive_failures(1));
        let call = circuit.admit(|| 0).unwrap();
        fail(&circuit, call, 0);
        let (seen, ()) = race(&circuit, look, |c| {
            c.reset(Override::new("test", "reset"), 50);
            let call = c.admit(|| 50).unwrap();
            fail(c, call, 50);
        });
        let expected = match seen.state {
            State::Closed => [60, 60],
            _ => [WAIT, WAIT + 50],
        };
        assert!(expected.contains(&seen.until), "{seen:?}");
        assert!(seen.state == State::Closed || seen.cause != 0, "{seen:?}");
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
