//! Claims of `live.rs` and `reconfigure.rs`: numbers change as a whole, and what was counted stays counted.

use std::time::Duration;

use loom::{sync::Arc, thread};

use super::{SUCCESS, WAIT, builder, circuit, explore, fail, half_open, race};
use crate::{
    Builder, Probes, Ramp, State, Wait, Window, live::Live, settings::Settings, word::Phase,
};

fn numbers(builder: Builder) -> Settings {
    builder.settings().unwrap()
}

/// The same number in two words.
fn both(number: u32) -> Settings {
    numbers(
        builder()
            .probes(Probes::results(number).in_flight(1))
            .probe_deadline(Duration::from_nanos(number.into())),
    )
}

#[test]
fn who_reads_numbers_while_they_change_twice_reads_those_of_one_time() {
    // Of three words: each may be read as it was at several times, and loom tries all of them together.
    explore(Some(2), || {
        let live = Arc::new(Live::new(both(1)));
        let shared = Arc::clone(&live);
        let other = thread::spawn(move || {
            shared.change(&both(2));
            shared.change(&both(3));
        });
        let (_, seen) = live.trial();
        assert_eq!(u64::from(seen.results), seen.time);
        other.join().unwrap();
        assert_eq!(live.trial().1.results, 3);
    });
}

fn over(nanos: u64) -> Builder {
    builder()
        .failure_ratio(1.0)
        .minimum_calls(9)
        .window(Window::time(Duration::from_nanos(nanos)))
}

#[test]
fn no_failure_is_lost_or_doubled_when_the_window_is_cut_anew_meanwhile() {
    explore(None, || {
        let circuit = circuit(over(16));
        let (first, second) = (circuit.admit(|| 0).unwrap(), circuit.admit(|| 0).unwrap());
        fail(&circuit, first, 1);
        race(
            &circuit,
            |c| c.reconfigure(numbers(over(32)), 2),
            move |c| fail(c, second, 2),
        );
        let counts = circuit.counters(2).window.failed;
        assert_eq!((counts.calls, counts.bad), (2, 2));
    });
}

#[test]
fn a_failure_that_ends_while_the_numbers_change_goes_by_the_old_or_the_new() {
    explore(None, || {
        // By the old numbers the second failure opens for one wait, by the new ones not before the third and for
        // two.
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
        match circuit.load().phase() {
            Phase::Open => assert_eq!(circuit.refuse_at(1).until, 1 + WAIT),
            other => assert_eq!(other, Phase::Closed { in_a_row: 2 }),
        }
    });
}

#[test]
fn what_the_last_calls_were_stays_when_their_number_changes_meanwhile() {
    explore(Some(2), || {
        let calls = |n| {
            builder()
                .failure_ratio(1.0)
                .minimum_calls(n)
                .window(Window::calls(n))
        };
        let circuit = circuit(calls(3));
        let (first, second) = (circuit.admit(|| 0).unwrap(), circuit.admit(|| 0).unwrap());
        fail(&circuit, first, 1);
        race(
            &circuit,
            |c| c.reconfigure(numbers(calls(4)), 1),
            move |c| fail(c, second, 1),
        );
        let counts = circuit.counters(1).window.failed;
        assert_eq!((counts.calls, counts.bad), (2, 2));
    });
}

/// One failure and one success, and another failure while the window is changed: too few to open by the old
/// numbers and by the new.
fn one_fails_while_the_window_changes(from: Builder, to: Builder) {
    let circuit = circuit(from);
    let calls = [0, 0, 0].map(|now| circuit.admit(|| now).unwrap());
    fail(&circuit, calls[0], 1);
    circuit.settle(calls[1], SUCCESS, || 9);
    race(
        &circuit,
        |c| c.reconfigure(numbers(to), 10),
        move |c| fail(c, calls[2], 10),
    );
    assert_eq!(circuit.load().phase().state(), State::Closed);
    let counts = circuit.counters(10).window.failed;
    assert_eq!((counts.calls, counts.bad), (3, 2));
}

#[test]
fn a_part_of_a_window_that_is_cut_anew_opens_nothing() {
    explore(Some(3), || {
        one_fails_while_the_window_changes(over(16).minimum_calls(2), over(32).minimum_calls(2));
    });
}

#[test]
fn a_failure_too_many_opens_though_the_window_is_cut_anew_meanwhile() {
    explore(Some(3), || {
        let circuit = circuit(over(16).minimum_calls(2));
        let (first, second) = (circuit.admit(|| 0).unwrap(), circuit.admit(|| 0).unwrap());
        fail(&circuit, first, 1);
        race(
            &circuit,
            |c| c.reconfigure(numbers(over(32).minimum_calls(2)), 2),
            move |c| fail(c, second, 2),
        );
        assert_eq!(circuit.load().phase(), Phase::Open);
    });
}

#[test]
fn a_part_of_the_last_calls_whose_number_changes_opens_nothing() {
    explore(Some(3), || {
        let calls = |n| over(1).window(Window::calls(n)).minimum_calls(2);
        one_fails_while_the_window_changes(calls(4), calls(3));
    });
}

#[test]
fn a_call_that_ends_while_the_numbers_change_is_slow_by_those_that_it_counts_by() {
    explore(Some(3), || {
        // Slow by the old numbers, which want more calls; one is enough by the new, and it was not slow.
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
            move |c| c.settle(call, SUCCESS, || 10),
        );
        assert_eq!(circuit.load().phase().state(), State::Closed);
    });
}

#[test]
fn probes_that_are_enough_by_new_numbers_decide_however_late_they_end() {
    explore(Some(3), || {
        let three = builder().consecutive_failures(1).probes(Probes::results(2));
        let circuit = half_open(Probes::results(2));
        let probe = circuit.admit(|| 100).unwrap();
        let one = three.probes(Probes::one());
        race(
            &circuit,
            |c| c.reconfigure(numbers(one), 100),
            move |c| c.settle(probe, SUCCESS, || 100),
        );
        assert_eq!(circuit.advance(100).phase().state(), State::Closed);
    });
}

#[test]
fn a_ramp_lets_in_its_share_and_no_call_more_whoever_comes_at_once() {
    explore(None, || {
        let ramp = Ramp::new(Duration::from_nanos(10)).percent(&[50]);
        let circuit = circuit(
            builder()
                .consecutive_failures(1)
                .probes(Probes::one())
                .ramp(ramp),
        );
        let call = circuit.admit(|| 0).unwrap();
        fail(&circuit, call, 0);
        let probe = circuit.admit(|| 100).unwrap();
        circuit.settle(probe, SUCCESS, || 100);
        let (a, b) = race(&circuit, |c| c.admit(|| 100), |c| c.admit(|| 100));
        assert!(a.is_ok() != b.is_ok(), "one of two is let in");
        assert_eq!(circuit.advance(109).phase().state(), State::Ramping);
        assert_eq!(circuit.advance(110).phase().state(), State::Closed);
    });
}
