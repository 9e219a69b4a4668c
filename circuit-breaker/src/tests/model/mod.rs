//! The circuit breaker against a naive one, which keeps every call in a list and does what is due
//! at the moment it is due.

mod both;
mod calls;
mod config;
mod exact;
mod naive;
mod step;

use std::{collections::VecDeque, time::Duration};

use proptest::prelude::*;
use tokio::time::Instant;

use self::{
    both::Both,
    config::config,
    step::{Step, step},
};
use crate::{CircuitBreaker, Outcome, Override, Probes, Ramp, State, Wait, Window};

proptest! {
    #[test]
    fn any_history_agrees_with_a_naive_breaker(
        config in config(),
        steps in prop::collection::vec(step(), 0..150),
    ) {
        let mut both = Both::new(&config);
        for step in steps {
            both.take(step)?;
        }
        both.compare()?;
    }

    #[test]
    fn a_healthy_backend_closes_it_from_any_state(
        mut config in config(),
        steps in prop::collection::vec(step(), 0..80),
    ) {
        config.wait = config.wait.min(1_000);
        config.wait_cap = config.wait_cap.clamp(config.wait, 1_000);
        config.probe_time = config.probe_time.min(1_000);
        config.ramp = config.ramp.map(|(step, shares)| (step.min(100), shares));
        let mut both = Both::new(&config);
        for step in steps {
            // Near the end of time nothing elapses; and a backend that asks not to be called at all
            // is not.
            if !matches!(step, Step::Advance(u64::MAX) | Step::Reconfigure(_) | Step::Settle(_, Some(Outcome::FailureFor(_)))) {
                both.take(step)?;
            }
        }
        both.take(Step::Resume)?;
        // The calls in flight hang. One step for its time to be over, one for the wait that may
        // follow, and a probe for each result.
        for _ in 0..2 + config.results + if config.evaluate_every_call { 30 } else { 0 } {
            both.take(Step::Advance(1_000))?;
            if let Ok(call) = both.breaker.try_acquire_at(both.now()) {
                call.finish_at(Outcome::Success, both.now());
            }
        }
        // And the ramp, where there is one.
        both.take(Step::Advance(1_000))?;
        prop_assert_eq!(both.breaker.state_at(both.now()), State::Closed);
    }
}

#[test]
fn a_window_of_calls_is_that_of_a_deque_for_many_laps() {
    for size in [1_u32, 2, 8, 9, 16, 1_023, 1_024] {
        let breaker = CircuitBreaker::builder()
            .failure_ratio(1.0)
            .slow_ratio(1.0)
            .slow_after(Duration::from_nanos(5))
            .window(Window::calls(size))
            .build("laps")
            .unwrap();
        let start = Instant::now();
        let mut held = VecDeque::new();
        // Multiplicative, so that no pattern fits the laps. Failures come in waves, with clean laps
        // between. Long enough that the numbers of calls begin anew, which in tests is after 4,095.
        for n in 0..u64::from(size) + 5_000 {
            let random = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
            let wave = n / (2 * u64::from(size)) % 2 == 0;
            let (failed, slow) = (wave && random % 3 == 0, wave && random % 5 == 0);
            // Never all of them, which would open it.
            let (failed, slow) = (
                failed && n % 2 == 0 && size > 1,
                slow && n % 2 == 0 && size > 1,
            );
            let now = start + Duration::from_nanos(if slow { 5 } else { 4 });
            let outcome = if failed {
                Outcome::Failure
            } else {
                Outcome::Success
            };
            breaker
                .try_acquire_at(start)
                .unwrap()
                .finish_at(outcome, now);
            held.push_back((failed, slow));
            if held.len() > size as usize {
                held.pop_front();
            }
            let snapshot = breaker.snapshot_at(now);
            let count = |f: fn(&(bool, bool)) -> bool| held.iter().filter(|h| f(h)).count();
            assert_eq!(snapshot.calls() as usize, held.len());
            assert_eq!(
                snapshot.failures() as usize,
                count(|h| h.0),
                "{n} of {size}"
            );
            assert_eq!(
                snapshot.slow_calls() as usize,
                count(|h| h.1),
                "{n} of {size}"
            );
        }
    }
}

#[test]
fn a_probe_that_succeeds_slowly_has_failed() {
    let breaker = CircuitBreaker::builder()
        .consecutive_failures(1)
        .slow_after(Duration::from_nanos(5))
        .wait_in_open(Wait::fixed(Duration::from_nanos(1)))
        .probes(Probes::one())
        .build("slow")
        .unwrap();
    let start = Instant::now();
    let call = breaker.try_acquire_at(start).unwrap();
    call.finish_at(Outcome::Failure, start);
    let half_open = start + Duration::from_nanos(1);
    let probe = breaker.try_acquire_at(half_open).unwrap();
    let end = half_open + Duration::from_nanos(5);
    probe.finish_at(Outcome::Success, end);
    assert_eq!(breaker.state_at(end), State::Open);
}

#[test]
fn a_call_that_ends_after_an_override_is_late() {
    let breaker = CircuitBreaker::builder()
        .consecutive_failures(1)
        .build("measured")
        .unwrap();
    let start = Instant::now();
    let end = start + Duration::from_nanos(5);
    let by = Override::new("operator", "test").lasting(Duration::from_nanos(5));
    breaker.metrics_only_at(by, start);
    let call = breaker.try_acquire_at(start).unwrap();
    call.finish_at(Outcome::Failure, end);
    let snapshot = breaker.snapshot_at(end);
    assert_eq!(
        (snapshot.state(), snapshot.would_have_opened()),
        (State::Closed, 0)
    );
    assert_eq!(snapshot.generation(), 2);
}

#[test]
fn a_late_probe_leaves_a_reused_slot_alone() {
    let breaker = CircuitBreaker::builder()
        .consecutive_failures(1)
        .wait_in_open(Wait::fixed(Duration::from_nanos(1)))
        .probes(Probes::results(1))
        .probe_deadline(Duration::MAX)
        .build("late")
        .unwrap();
    let start = Instant::now();
    breaker.state_at(start);
    // So late that all of these probes end with time itself, and their leases are equal.
    let half_open = |at: u64| {
        let fails = start + Duration::from_nanos(1_000 + at);
        breaker
            .try_acquire_at(fails)
            .unwrap()
            .finish_at(Outcome::Failure, fails);
        let now = fails + Duration::from_nanos(1);
        (breaker.try_acquire_at(now).unwrap(), now)
    };
    let (late, now) = half_open(0);
    // Eight generations on a lease has the same tag.
    for _ in 0..6 {
        breaker.reset_at(Override::new("test", "reset"), now);
    }
    let (probe, now) = half_open(10);
    assert_eq!(breaker.snapshot_at(now).generation(), 2 + 8);
    late.finish_at(Outcome::Failure, now);
    probe.finish_at(Outcome::Success, now);
    assert_eq!(breaker.state_at(now), State::Closed);
}

#[test]
fn a_success_opens_where_every_call_is_evaluated() {
    let builder = CircuitBreaker::builder()
        .failure_ratio(0.5)
        .minimum_calls(3)
        .window(Window::calls(10));
    let now = Instant::now();
    for (builder, state) in [
        (builder, State::Closed),
        (builder.evaluate_every_call(), State::Open),
    ] {
        let breaker = builder.build("test").unwrap();
        for outcome in [Outcome::Failure, Outcome::Failure, Outcome::Success] {
            breaker.try_acquire_at(now).unwrap().finish_at(outcome, now);
        }
        assert_eq!(breaker.snapshot_at(now).state(), state);
    }
}

#[test]
fn an_opening_on_a_ramp_waits_longer_than_the_first() {
    let secs = Duration::from_secs;
    let breaker = CircuitBreaker::builder()
        .consecutive_failures(1)
        .wait_in_open(Wait::exponential(secs(1), secs(100)))
        .probes(Probes::one())
        .ramp(Ramp::new(secs(60)).percent(&[99]))
        .build("ramp")
        .unwrap();
    let start = Instant::now();
    let call = |at, outcome| {
        let now = start + secs(at);
        let call = breaker.try_acquire_at(now).unwrap();
        call.finish_at(outcome, now);
        breaker.snapshot_at(now).retry_after()
    };
    assert_eq!(call(0, Outcome::Failure), Some(secs(1)));
    assert_eq!(call(1, Outcome::Success), None);
    assert_eq!(call(60, Outcome::Failure), Some(secs(2)), "on the ramp");
    assert_eq!(call(62, Outcome::Success), None);
    // The ramp ends at 122 s. Two openings are remembered, each for 10 s.
    assert_eq!(call(131, Outcome::Failure), Some(secs(4)), "soon after it");
    assert_eq!(call(135, Outcome::Success), None);
    assert_eq!(call(225, Outcome::Failure), Some(secs(1)), "long after it");
}
