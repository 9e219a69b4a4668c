//! Claims of `cell.rs` and `reconfigure.rs`: numbers change as a whole, and what was counted stays
//! counted.

use std::time::Duration;

use loom::{sync::Arc, thread};

use super::{SUCCESS, WAIT, builder, circuit, fail, half_open, race};
use crate::{
    config::{Builder, Config, Probes, Ramp, Wait, Window},
    state::{config_cell::ConfigCell, word::Phase},
    tests::explore,
    types::State,
};

fn numbers(builder: Builder) -> Config {
    builder.validate().unwrap()
}

/// The same number in two words.
fn both(number: u32) -> Config {
    numbers(
        builder()
            .probes(Probes::results(number).in_flight(1))
            .probe_deadline(Duration::from_nanos(number.into())),
    )
}

#[test]
fn a_reader_of_changing_numbers_sees_one_revision() {
    // Of three words: each may be read as it was at several times, and loom tries all of them
    // together.
    explore(Some(2), || {
        let cell = Arc::new(ConfigCell::new(both(1)));
        let shared = Arc::clone(&cell);
        let other = thread::spawn(move || {
            shared.change(&both(2), false);
            shared.change(&both(3), false);
        });
        let (_, seen) = cell.trial();
        assert_eq!(u64::from(seen.results), seen.time);
        other.join().unwrap();
        assert_eq!(cell.trial().1.results, 3);
    });
}

fn over(nanos: u64) -> Builder {
    builder()
        .failure_ratio(1.0)
        .minimum_calls(9)
        .window(Window::time(Duration::from_nanos(nanos)))
}

fn calls(n: u32) -> Builder {
    over(1).window(Window::calls(n)).minimum_calls(2)
}

/// Of a failure before a change and one during it, those in the window afterwards.
fn failures_after(from: Builder, to: Builder) -> u32 {
    let circuit = circuit(from);
    let (first, second) = (circuit.admit(|| 0).unwrap(), circuit.admit(|| 0).unwrap());
    fail(&circuit, first, 1);
    race(
        &circuit,
        |c| c.reconfigure(numbers(to), 2),
        move |c| fail(c, second, 2),
    );
    let snapshot = circuit.snapshot(2);
    assert_eq!(snapshot.calls(), snapshot.failures());
    snapshot.failures()
}

#[test]
fn numbers_that_change_in_place_lose_no_failure() {
    explore(Some(3), || {
        assert_eq!(failures_after(over(16), over(16).minimum_calls(8)), 2);
    });
    explore(Some(3), || {
        let from = calls(3).minimum_calls(3);
        assert_eq!(failures_after(from, from.probes(Probes::one())), 2);
    });
}

#[test]
fn a_failure_counts_in_the_new_window_or_in_none() {
    explore(Some(3), || {
        // The one before is gone with its window.
        assert!(failures_after(over(16), over(32)) <= 1);
    });
    explore(Some(3), || {
        let from = calls(3).minimum_calls(3);
        assert!(failures_after(from, calls(4).minimum_calls(3)) <= 1);
    });
    explore(Some(2), || {
        assert!(failures_after(over(16), calls(4).minimum_calls(3)) <= 1);
    });
}

#[test]
fn a_failure_uses_the_old_numbers_or_the_new_ones() {
    explore(None, || {
        // By the old numbers the second failure opens for one wait, by the new ones not before the
        // third and for two.
        let circuit = circuit(builder().consecutive_failures(2));
        let new = builder()
            .consecutive_failures(3)
            .wait_in_open(Wait::fixed(Duration::from_nanos(2 * WAIT)));
        let (first, second) = (circuit.admit(|| 0).unwrap(), circuit.admit(|| 0).unwrap());
        fail(&circuit, first, 1);
        race(
            &circuit,
            |c| c.reconfigure(numbers(new), 1),
            move |c| fail(c, second, 1),
        );
        match circuit.state.load().phase() {
            Phase::Open => assert_eq!(circuit.refuse_at(1).until, 1 + WAIT),
            other => assert_eq!(other, Phase::Closed { in_a_row: 2 }),
        }
    });
}

/// One failure and one success, and another failure while the shape of the window changes: too few
/// to open by the old numbers and by the new.
fn one_fails_while_the_window_changes(from: Builder, to: Builder) {
    let circuit = circuit(from);
    let calls = [0, 0, 0].map(|now| circuit.admit(|| now).unwrap());
    fail(&circuit, calls[0], 1);
    circuit.record(calls[1], SUCCESS, || 9);
    race(
        &circuit,
        |c| c.reconfigure(numbers(to), 10),
        move |c| fail(c, calls[2], 10),
    );
    assert_eq!(circuit.state(), State::Closed);
    assert!(circuit.snapshot(10).calls() <= 1);
}

#[test]
fn a_window_that_begins_anew_opens_nothing() {
    explore(Some(3), || {
        one_fails_while_the_window_changes(over(16).minimum_calls(2), over(32).minimum_calls(2));
    });
    explore(Some(3), || {
        one_fails_while_the_window_changes(calls(4), calls(3))
    });
}

#[test]
fn a_failure_too_many_opens_while_numbers_change() {
    explore(Some(3), || {
        let circuit = circuit(over(16).minimum_calls(2));
        let (first, second) = (circuit.admit(|| 0).unwrap(), circuit.admit(|| 0).unwrap());
        fail(&circuit, first, 1);
        let to = over(16).minimum_calls(2).probes(Probes::one());
        race(
            &circuit,
            |c| c.reconfigure(numbers(to), 2),
            move |c| fail(c, second, 2),
        );
        assert_eq!(circuit.state(), State::Open);
    });
}

#[test]
fn a_call_is_slow_by_the_numbers_that_evaluate_it() {
    explore(Some(3), || {
        // Slow by the old numbers, which want more calls; one is enough by the new, and it was not
        // slow.
        let slow = |nanos, minimum| {
            builder()
                .slow_ratio(1.0)
                .slow_after(Duration::from_nanos(nanos))
                .window(Window::time(Duration::from_nanos(16)))
                .minimum_calls(minimum)
        };
        let circuit = circuit(slow(5, 9));
        let call = circuit.admit(|| 0).unwrap();
        race(
            &circuit,
            |c| c.reconfigure(numbers(slow(50, 1)), 10),
            move |c| c.record(call, SUCCESS, || 10),
        );
        assert_eq!(circuit.state.load().phase().state(), State::Closed);
    });
}

#[test]
fn probes_that_suffice_by_new_numbers_decide() {
    explore(Some(3), || {
        let three = builder().consecutive_failures(1).probes(Probes::results(2));
        let circuit = half_open(Probes::results(2));
        let probe = circuit.admit(|| 100).unwrap();
        let one = three.probes(Probes::one());
        race(
            &circuit,
            |c| c.reconfigure(numbers(one), 100),
            move |c| c.record(probe, SUCCESS, || 100),
        );
        assert_eq!(circuit.advance(100).phase().state(), State::Closed);
    });
}

#[test]
fn a_ramp_admits_its_share_of_concurrent_calls() {
    explore(None, || {
        // One of a hundred, and that is the first.
        let ramp = Ramp::new(Duration::from_nanos(10)).percent(&[1]);
        let circuit = circuit(
            builder()
                .consecutive_failures(1)
                .probes(Probes::one())
                .ramp(ramp),
        );
        let call = circuit.admit(|| 0).unwrap();
        fail(&circuit, call, 0);
        let probe = circuit.admit(|| 100).unwrap();
        circuit.record(probe, SUCCESS, || 100);
        let (a, b) = race(&circuit, |c| c.admit(|| 100), |c| c.admit(|| 100));
        assert!(a.is_ok() != b.is_ok(), "one of two is let in");
        assert_eq!(circuit.advance(109).phase().state(), State::Ramping);
        assert_eq!(circuit.advance(110).phase().state(), State::Closed);
    });
}
