//! One property a model. Here those of failures and transitions: the claims of `admit.rs` and `transitions.rs`.

#[cfg(feature = "family")]
mod open_limit;
mod overrides;
mod probes;
mod reconfigure;
mod waiting;
mod windows;

use loom::{sync::Arc, thread};

use crate::{
    config::{Builder, Probes, Wait},
    state::{Admission, StateMachine, word::Phase},
    sync::Mutex,
    tests::explore,
    types::{End, Outcome, Override, Refusal, State},
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

fn lasting(ticks: u64) -> Override {
    Override::new("operator", "test").lasting(Duration::from_nanos(ticks))
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
