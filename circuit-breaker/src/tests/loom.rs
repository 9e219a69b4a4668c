//! One property a model. Each is a claim of `circuit.rs`, `settle.rs`, `buckets.rs` or `places.rs`.

mod family;
mod reconfigure;
mod waiting;

use loom::{sync::Arc, thread};

use crate::{
    Builder, CircuitBreaker, Outcome, Override, Probes, State, Wait, Window,
    admission::Admission,
    bucket::Counts,
    buckets::Buckets,
    circuit::{Circuit, End, Refusal},
    measure::Ended,
    recent::Recent,
    sync::Mutex,
    word::Phase,
};
use std::time::Duration;

/// Runs `f` over every interleaving with at most `preemptions` involuntary switches.
fn explore(preemptions: Option<usize>, f: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = preemptions;
    // Loom's own limit is 1,000 steps a run; a look at the numbers of a circuit alone is sixteen.
    model.max_branches = 10_000;
    let runs = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = std::sync::Arc::clone(&runs);
    model.check(move || {
        counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        f();
    });
    // loom tries another order only where a thread that may be switched away writes.
    let runs = runs.load(std::sync::atomic::Ordering::Relaxed);
    assert!(runs > 1, "a model of one interleaving proves nothing");
}

const SUCCESS: End = End::Finished(Outcome::Success);
const FAILURE: End = End::Finished(Outcome::Failure);
const IGNORED: End = End::Finished(Outcome::Ignored);
const WAIT: u64 = 100;
const PROBE_TIME: u64 = 10;

fn builder() -> Builder {
    CircuitBreaker::builder()
        .wait_in_open(Wait::fixed(Duration::from_nanos(WAIT)))
        .probe_deadline(Duration::from_nanos(PROBE_TIME))
}

fn circuit(builder: Builder) -> Arc<Circuit> {
    Arc::new(Circuit::new(builder.settings().unwrap()))
}

fn half_open(probes: Probes) -> Arc<Circuit> {
    let circuit = circuit(builder().consecutive_failures(1).probes(probes));
    let call = circuit.admit(|| 0).unwrap();
    circuit.settle(call, FAILURE, || 0);
    assert_eq!(circuit.advance(WAIT).phase().state(), State::HalfOpen);
    circuit
}

/// Both at once, one of them here.
pub(super) fn race<T, U: Send + 'static>(
    circuit: &Arc<Circuit>,
    here: impl FnOnce(&Circuit) -> T,
    there: impl FnOnce(&Circuit) -> U + Send + 'static,
) -> (T, U) {
    let shared = Arc::clone(circuit);
    let other = thread::spawn(move || there(&shared));
    let here = here(circuit);
    (here, other.join().unwrap())
}

/// In flight, successes, failures.
fn tally(circuit: &Circuit) -> (u32, u32, u32) {
    match circuit.load().phase() {
        Phase::HalfOpen(t) => (t.in_flight, t.successes, t.failures),
        other => panic!("half-open expected, {other:?} found"),
    }
}

fn fail(circuit: &Circuit, call: Admission, now: u64) {
    circuit.settle(call, FAILURE, || now);
}

#[test]
fn two_failures_in_a_row_make_exactly_one_transition() {
    explore(None, || {
        let circuit = circuit(builder().consecutive_failures(2));
        let (a, b) = (circuit.admit(|| 0).unwrap(), circuit.admit(|| 0).unwrap());
        race(&circuit, |c| fail(c, a, 1), move |c| fail(c, b, 2));
        let word = circuit.load();
        assert_eq!((word.phase(), word.generation()), (Phase::Open, 1));
    });
}

#[test]
fn failures_that_both_reach_the_limit_make_one_transition_with_one_cause_and_one_end() {
    explore(None, || {
        let circuit = circuit(builder().consecutive_failures(1));
        let (a, b) = (circuit.admit(|| 0).unwrap(), circuit.admit(|| 0).unwrap());
        // Who looks while they do it sees the end of the wait that stays.
        let (seen, ()) = race(
            &circuit,
            |c| {
                fail(c, a, 1);
                c.refuse_at(10)
            },
            move |c| fail(c, b, 2),
        );
        assert_eq!(circuit.load().generation(), 1);
        assert_eq!(circuit.refuse_at(10), seen);
    });
}

#[test]
fn of_two_failures_on_either_side_of_an_epoch_at_least_one_sees_both() {
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
        let word = circuit.load();
        assert_eq!((word.phase(), word.generation()), (Phase::Open, 1));
    });
}

#[test]
fn a_call_that_fails_and_one_that_is_slow_leave_one_opening_with_one_cause() {
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
            move |c| c.settle(b, SUCCESS, || 9),
        );
        let counters = circuit.counters(10);
        // The failure saw both calls, or the slow one did.
        assert_eq!(counters.word.generation(), 1);
        assert!(counters.cause.is_some());
    });
}

#[test]
fn no_count_is_lost_or_doubled_when_a_bucket_changes_epoch() {
    explore(None, || {
        let buckets = Arc::new(Buckets::new());
        // What the ring's first bucket held a lap ago.
        assert!(buckets.record(0, true, || true));
        let other = Arc::clone(&buckets);
        let there = thread::spawn(move || other.record(2, true, || true));
        assert!(buckets.record(2, false, || true));
        assert!(there.join().unwrap());
        let both = Counts { calls: 2, bad: 1 };
        assert_eq!(buckets.sum(2), both);
    });
}

#[test]
fn a_late_result_never_counts_in_the_window_of_a_newer_generation() {
    explore(None, || {
        let circuit = circuit(builder().failure_ratio(1.0).minimum_calls(9));
        let late = circuit.admit(|| 0).unwrap();
        race(
            &circuit,
            |c| {
                c.reset(0);
                let call = c.admit(|| 0).unwrap();
                c.settle(call, SUCCESS, || 0);
            },
            move |c| fail(c, late, 0),
        );
        let counts = circuit.counters(0).window.failed;
        assert_eq!((counts.calls, counts.bad), (1, 0));
    });
}

const GOOD: Ended = Ended {
    failed: false,
    slow: false,
};
const FAILED: Ended = Ended {
    failed: true,
    slow: false,
};

/// Records into a window of the last `size` calls.
fn push(recent: &Recent, size: u32, ended: Ended) -> u32 {
    let head = recent.record(size, 0, ended, || true);
    head.expect("nothing else begins").failures()
}

#[test]
fn whoever_records_at_once_the_last_calls_are_counted_and_leave_again() {
    explore(None, || {
        let recent = Arc::new(Recent::new());
        push(&recent, 2, FAILED);
        let other = Arc::clone(&recent);
        let there = thread::spawn(move || push(&other, 2, FAILED));
        push(&recent, 2, GOOD);
        there.join().unwrap();
        let head = recent.read(0).unwrap();
        assert_eq!((head.calls(2), head.failures()), (2, 1));
        // Each leaves as it came.
        push(&recent, 2, GOOD);
        assert_eq!(push(&recent, 2, GOOD), 0);
    });
}

#[test]
fn who_was_held_up_for_more_than_a_lap_overwrites_nothing() {
    explore(Some(2), || {
        let recent = Arc::new(Recent::new());
        push(&recent, 2, GOOD);
        let other = Arc::clone(&recent);
        let there = thread::spawn(move || {
            for ended in [GOOD, FAILED, GOOD] {
                push(&other, 2, ended);
            }
        });
        push(&recent, 2, GOOD);
        there.join().unwrap();
        // Two more calls, and nothing of before is left.
        push(&recent, 2, GOOD);
        assert_eq!(push(&recent, 2, GOOD), 0);
    });
}

#[test]
fn a_late_result_never_counts_in_the_last_calls_of_a_newer_generation() {
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
                c.reset(0);
                let call = c.admit(|| 0).unwrap();
                fail(c, call, 0);
            },
            move |c| fail(c, late, 0),
        );
        let counts = circuit.counters(0).window.failed;
        assert_eq!((counts.calls, counts.bad), (1, 1));
    });
}

fn lasting(ticks: u64) -> Override {
    Override::new("operator", "test").lasting(Duration::from_nanos(ticks))
}

#[test]
fn a_forced_state_wins_over_a_probe_that_ends_at_once_and_keeps_no_place() {
    explore(None, || {
        let circuit = half_open(Probes::results(1));
        let probe = circuit.admit(|| WAIT).unwrap();
        race(
            &circuit,
            |c| c.steer(Phase::ForcedOpen, lasting(50), WAIT),
            move |c| c.settle(probe, SUCCESS, || WAIT),
        );
        let refusal = circuit.admit(|| WAIT).unwrap_err();
        assert_eq!(
            (refusal.state, refusal.until),
            (State::ForcedOpen, WAIT + 50)
        );
        let generation = circuit.load().generation();
        assert_eq!(circuit.places.earliest(generation - 1), None);
    });
}

#[test]
fn who_looks_while_one_override_replaces_another_sees_the_one_or_the_other_whole() {
    explore(None, || {
        let circuit = circuit(builder().consecutive_failures(1));
        circuit.steer(Phase::ForcedOpen, lasting(10), 0);
        // In this order: where the thread that is here only reads, loom explores one interleaving.
        let ((), seen) = race(
            &circuit,
            |c| c.steer(Phase::Disabled, lasting(30), 0),
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
fn an_override_that_ends_while_another_begins_takes_nothing_of_it_away() {
    explore(None, || {
        let circuit = circuit(builder().consecutive_failures(1));
        circuit.steer(Phase::Disabled, lasting(10), 0);
        race(
            &circuit,
            |c| c.advance(10),
            |c| c.steer(Phase::ForcedOpen, lasting(30), 9),
        );
        assert_eq!(circuit.refuse_at(10).until, 39);
    });
}

#[test]
fn what_would_have_opened_it_is_counted_once_however_many_fail() {
    explore(None, || {
        let circuit = circuit(builder().consecutive_failures(2));
        circuit.steer(Phase::MetricsOnly { in_a_row: 0 }, lasting(50), 0);
        let (a, b) = (circuit.admit(|| 0).unwrap(), circuit.admit(|| 0).unwrap());
        race(&circuit, |c| fail(c, a, 1), move |c| fail(c, b, 2));
        let counters = circuit.counters(3);
        assert_eq!(counters.steering.would_have_opened, 1);
        assert_eq!(counters.word.phase(), Phase::MetricsOnly { in_a_row: 0 });
        assert_eq!(circuit.counters(50).word.phase().state(), State::Closed);
    });
}

#[test]
fn listeners_hear_of_every_transition_once_and_in_order() {
    explore(Some(3), || {
        let circuit = circuit(builder().consecutive_failures(1));
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hears = Arc::clone(&heard);
        circuit
            .outbox()
            .listen(move |change| hears.lock().push(change.generation))
            .detach();
        race(
            &circuit,
            |c| c.reset(0),
            |c| c.steer(Phase::Disabled, lasting(50), 0),
        );
        assert_eq!(*heard.lock(), [1, 2]);
    });
}

#[test]
fn a_late_failure_never_opens_a_newer_generation() {
    explore(None, || {
        let circuit = circuit(builder().consecutive_failures(1));
        let late = circuit.admit(|| 0).unwrap();
        race(&circuit, |c| c.reset(0), move |c| fail(c, late, 0));
        // Before the reset it opened and was reset, after it nothing happened.
        assert_eq!(circuit.load().phase(), Phase::Closed { in_a_row: 0 });
    });
}

#[test]
fn a_success_and_a_failure_leave_the_count_of_one_order_or_the_other() {
    explore(None, || {
        let circuit = circuit(builder().consecutive_failures(3));
        let calls: Vec<_> = (0..3).map(|_| circuit.admit(|| 0).unwrap()).collect();
        let (first, second, success) = (calls[0], calls[1], calls[2]);
        fail(&circuit, first, 0);
        race(
            &circuit,
            |c| c.settle(success, SUCCESS, || 0),
            move |c| fail(c, second, 0),
        );
        assert!(matches!(
            circuit.load().phase(),
            Phase::Closed { in_a_row: 0 | 1 }
        ));
    });
}

#[test]
fn the_step_to_half_open_happens_once_and_lets_in_no_more_probes_than_allowed() {
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
            (circuit.load().generation(), tally(&circuit)),
            (2, (1, 0, 0))
        );
    });
}

#[test]
fn two_who_enter_at_once_get_a_place_each() {
    explore(None, || {
        let circuit = half_open(Probes::results(2));
        let (a, b) = race(&circuit, |c| c.admit(|| WAIT), |c| c.admit(|| WAIT));
        for probe in [a.unwrap(), b.unwrap()] {
            circuit.settle(probe, SUCCESS, || WAIT);
        }
        assert_eq!(circuit.load().phase(), Phase::Closed { in_a_row: 0 });
    });
}

#[test]
fn a_place_that_is_given_back_is_not_lost_and_not_given_twice() {
    explore(None, || {
        let circuit = half_open(Probes::results(2).in_flight(1));
        let first = circuit.admit(|| WAIT).unwrap();
        // In this order: where the thread that is here only reads, loom explores one interleaving.
        let ((), second) = race(
            &circuit,
            move |c| c.settle(first, IGNORED, || WAIT),
            |c| c.admit(|| WAIT),
        );
        let inside = u32::from(second.is_ok());
        assert_eq!(tally(&circuit), (inside, 0, 0));
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
            |c| c.settle(a, SUCCESS, || WAIT),
            move |c| c.settle(b, SUCCESS, || WAIT),
        );
        let word = circuit.load();
        assert_eq!(
            (word.phase().state(), word.generation()),
            (State::Closed, 3)
        );
    });
}

#[test]
fn a_probe_that_ends_while_another_decides_is_late_and_leaves_no_place() {
    explore(None, || {
        let circuit = half_open(Probes::successes(1, 2));
        let generation = circuit.load().generation();
        let (a, b) = (
            circuit.admit(|| WAIT).unwrap(),
            circuit.admit(|| WAIT).unwrap(),
        );
        race(
            &circuit,
            |c| c.settle(a, SUCCESS, || WAIT),
            move |c| c.settle(b, FAILURE, || WAIT),
        );
        let word = circuit.load();
        assert_eq!(
            (word.phase().state(), word.generation()),
            (State::Closed, 3)
        );
        assert_eq!(circuit.places.earliest(generation), None);
    });
}

#[test]
fn of_a_probes_end_and_the_end_of_its_time_exactly_one_counts() {
    explore(None, || {
        let circuit = half_open(Probes::results(3).in_flight(1));
        let probe = circuit.admit(|| WAIT).unwrap();
        race(
            &circuit,
            // Its own clock reading is from just before the deadline.
            |c| c.settle(probe, SUCCESS, || WAIT + PROBE_TIME - 1),
            |c| c.advance(WAIT + PROBE_TIME),
        );
        let (in_flight, successes, failures) = tally(&circuit);
        assert_eq!((in_flight, successes + failures), (0, 1));
        assert!(
            circuit.admit(|| WAIT + PROBE_TIME).is_ok(),
            "its place is free"
        );
    });
}

#[test]
fn three_who_enter_end_and_cancel_never_exceed_two_places_and_lose_none() {
    explore(Some(2), || {
        let circuit = half_open(Probes::results(4).in_flight(2));
        let ends = circuit.admit(|| WAIT).unwrap();
        let cancelled = circuit.admit(|| WAIT).unwrap();
        let other = Arc::clone(&circuit);
        let third = thread::spawn(move || other.settle(cancelled, IGNORED, || WAIT));
        let (entered, ()) = race(
            &circuit,
            |c| c.admit(|| WAIT),
            move |c| c.settle(ends, SUCCESS, || WAIT),
        );
        third.join().unwrap();
        let inside = u32::from(entered.is_ok());
        assert_eq!(tally(&circuit), (inside, 1, 0));
        // Every place can be taken, and each by one probe.
        for _ in inside..2 {
            circuit.admit(|| WAIT).unwrap();
        }
        circuit.admit(|| WAIT).unwrap_err();
    });
}

#[test]
fn who_looks_while_it_opens_anew_sees_one_opening_or_the_other() {
    // In one pass, and step by step, as who finds that something changes.
    opens_anew_while(|c| c.refuse_at(60));
    opens_anew_while(|c| {
        loop {
            if let Some(refusal) = c.refusal(c.advance(60), 60) {
                return refusal;
            }
        }
    });
}

fn opens_anew_while(look: fn(&Circuit) -> Refusal) {
    explore(None, move || {
        let circuit = circuit(builder().consecutive_failures(1));
        let call = circuit.admit(|| 0).unwrap();
        fail(&circuit, call, 0);
        let (seen, ()) = race(&circuit, look, |c| {
            c.reset(50);
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
fn a_reset_forgets_the_probes_of_its_time_and_their_places() {
    explore(None, || {
        let circuit = half_open(Probes::results(1));
        let generation = circuit.load().generation();
        let _ = race(&circuit, |c| c.admit(|| WAIT), |c| c.reset(WAIT));
        assert_eq!(circuit.load().phase(), Phase::Closed { in_a_row: 0 });
        assert_eq!(circuit.places.earliest(generation), None);
    });
}

#[test]
fn a_probe_let_in_while_another_decides_leaves_no_lease_behind() {
    explore(None, || {
        // One success is enough, though there is room for another probe.
        let circuit = half_open(Probes::successes(1, 2));
        let probe = circuit.admit(|| WAIT).unwrap();
        let generation = circuit.load().generation();
        race(
            &circuit,
            |c| c.admit(|| WAIT).unwrap(),
            move |c| c.settle(probe, SUCCESS, || WAIT),
        );
        assert_eq!(circuit.load().phase(), Phase::Closed { in_a_row: 0 });
        assert_eq!(circuit.places.earliest(generation), None);
    });
}
