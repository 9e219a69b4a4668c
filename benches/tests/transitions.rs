//! A circuit breaker keeps no memory of its transitions, also with a listener and a watcher.

use std::{hint::black_box, time::Duration};

use maestro_circuit_breaker::{
    Builder, CircuitBreaker, Outcome, Override, Probes, Ramp, State, Wait, Window,
};
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);
const ROUNDS: usize = 1_000;

const BUILDER: Builder = CircuitBreaker::builder()
    .consecutive_failures(1)
    .failure_ratio(0.5)
    .const_wait_in_open(Wait::fixed(SECOND))
    .const_probes(Probes::successes(1, 2))
    .const_ramp(Ramp::new(SECOND));

/// Takes the breaker through every state, override, reset and change of its configuration.
fn once_through_all(breaker: &CircuitBreaker, now: &mut Instant) {
    let call = |now, outcome| {
        let call = breaker.try_acquire_at(now).expect("it lets calls in");
        call.finish_at(outcome, now);
    };
    call(*now, Outcome::Failure);
    assert!(breaker.try_acquire_at(*now).is_err());
    *now += SECOND;
    call(*now, Outcome::Failure);
    call(*now, Outcome::Failure);
    *now += SECOND;
    let forgotten = breaker.try_acquire_at(*now).expect("a probe");
    call(*now, Outcome::Success);
    assert_eq!(breaker.state_at(*now), State::Ramping);
    drop(forgotten);
    *now += 3 * SECOND;
    breaker.force_open_at(Override::new("alice", "migration").lasting(SECOND), *now);
    *now += SECOND;
    breaker.metrics_only_at(Override::new("bob", "a look"), *now);
    call(*now, Outcome::Failure);
    breaker.resume_at(Override::new("bob", "seen"), *now);
    for window in [Window::calls(50), Window::time(SECOND)] {
        let to = BUILDER.window(window);
        breaker
            .reconfigure_at(to, *now)
            .expect("its numbers are valid");
    }
    breaker.reset_at(Override::new("test", "reset"), *now);
}

#[test]
fn a_thousand_rounds_of_transitions_leak_nothing() {
    let breaker = BUILDER.build("all").expect("its numbers are valid");
    let _listener = breaker.on_transition(|transition| {
        black_box(transition.to_string());
    });
    let mut latest = breaker.watch();
    let mut now = Instant::now();
    let mut round = || {
        once_through_all(&breaker, &mut now);
        black_box(latest.borrow_and_update().clone());
    };
    // After two rounds everything that is created once exists.
    round();
    round();
    let counted = allocation_counter::measure(|| (0..ROUNDS).for_each(|_| round()));
    assert!(
        counted.count_total > 0,
        "nothing was made, so nothing is shown"
    );
    assert_eq!(counted.bytes_current, 0);
    assert_eq!(counted.count_current, 0);
    assert!(breaker.snapshot_at(now).generation() > 10 * ROUNDS as u64);
}
