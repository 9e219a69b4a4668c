//! A breaker that opens again soon after it has closed.

use std::time::Duration;

use maestro_circuit_breaker::{
    Builder, CircuitBreaker, Outcome, Override, Probes, Ramp, State, Wait, Window,
};
use tokio::time::advance;

const NANO: Duration = Duration::from_nanos(1);

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Waits of 5, 10, 20, 40 and 60 s.
fn builder() -> Builder {
    CircuitBreaker::builder()
        .consecutive_failures(1)
        .wait_in_open(Wait::exponential(secs(5), secs(60)))
        .probes(Probes::one())
}

fn build(builder: Builder) -> CircuitBreaker {
    builder.build("flaps").expect("the numbers are legal")
}

fn call(breaker: &CircuitBreaker, outcome: Outcome) {
    let call = breaker.try_acquire();
    call.expect("it admits the call").finish(outcome);
}

/// Opens the breaker, and returns the wait.
fn open(breaker: &CircuitBreaker) -> u64 {
    while breaker.state() != State::Open {
        call(breaker, Outcome::Failure);
    }
    wait(breaker)
}

fn wait(breaker: &CircuitBreaker) -> u64 {
    let wait = breaker.snapshot().retry_after();
    wait.expect("it is open").as_secs()
}

/// Closes it by its probes at the end of the wait.
async fn close(breaker: &CircuitBreaker) {
    advance(secs(wait(breaker))).await;
    while breaker.state() != State::Closed {
        call(breaker, Outcome::Success);
    }
}

/// Opens and closes it once a second, and returns the waits.
async fn flap(breaker: &CircuitBreaker, times: u32) -> Vec<u64> {
    let mut waits = Vec::new();
    for _ in 0..times {
        waits.push(open(breaker));
        close(breaker).await;
        advance(secs(1)).await;
    }
    waits
}

#[tokio::test(start_paused = true)]
async fn a_flapping_circuit_waits_longer_by_default() {
    assert_eq!(
        flap(&CircuitBreaker::new("default"), 5).await,
        [5, 10, 20, 30, 30]
    );
}

#[tokio::test(start_paused = true)]
async fn a_circuit_that_opens_again_soon_waits_longer() {
    assert_eq!(flap(&build(builder()), 6).await, [5, 10, 20, 40, 60, 60]);
}

#[tokio::test(start_paused = true)]
async fn probes_and_flapping_climb_the_same_steps() {
    let breaker = build(builder());
    assert_eq!(open(&breaker), 5);
    advance(secs(5)).await;
    call(&breaker, Outcome::Failure); // the probe
    assert_eq!(wait(&breaker), 10);
    close(&breaker).await;
    assert_eq!(open(&breaker), 20);
}

#[tokio::test(start_paused = true)]
async fn closed_time_forgets_one_opening_after_another() {
    // The steps, from the longest: 60, 40, 20 and 10 s of closed time.
    for (closed, expected) in [
        (secs(60).saturating_sub(NANO), 60),
        (secs(60), 40),
        (secs(100).saturating_sub(NANO), 40),
        (secs(100), 20),
        (secs(120), 10),
        (secs(130).saturating_sub(NANO), 10),
        (secs(130), 5),
        (secs(100_000), 5),
    ] {
        let breaker = build(builder());
        for _ in 0..5 {
            open(&breaker);
            close(&breaker).await;
        }
        advance(closed).await;
        assert_eq!(open(&breaker), expected, "after {closed:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_outage_is_remembered_no_longer_than_its_last_wait() {
    let breaker = build(builder());
    open(&breaker);
    for _ in 0..1_000 {
        advance(secs(wait(&breaker))).await;
        call(&breaker, Outcome::Failure); // the probe
    }
    close(&breaker).await;
    advance(secs(60 + 40 + 20 + 10)).await;
    assert_eq!(open(&breaker), 5);
}

#[tokio::test(start_paused = true)]
async fn an_opening_is_remembered_for_a_window_at_least() {
    // A backend that still fails, at two calls a second: it takes 50 s until the window holds a hundred calls.
    let builder = CircuitBreaker::builder()
        .failure_ratio(0.5)
        .window(Window::time(secs(60)))
        .minimum_calls(100)
        .wait_in_open(Wait::exponential(secs(1), secs(8)))
        .probes(Probes::one());
    for (closed, expected) in [(secs(60).saturating_sub(NANO), 2), (secs(60), 1)] {
        let breaker = build(builder);
        open(&breaker);
        close(&breaker).await;
        advance(closed).await;
        assert_eq!(open(&breaker), expected, "after {closed:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_on_a_ramp_is_no_closed_time() {
    let ramp = Ramp::new(secs(1_000)).percent(&[99]);
    let breaker = build(builder().ramp(ramp));
    open(&breaker);
    advance(secs(5)).await;
    call(&breaker, Outcome::Success);
    assert_eq!(breaker.state(), State::Ramping);
    advance(secs(1_009)).await;
    assert_eq!(open(&breaker), 10, "9 s after the ramp");
}

#[tokio::test(start_paused = true)]
async fn a_reset_and_an_override_forget_all_openings() {
    let by = || Override::new("alice", "a new backend");
    let forgets: [fn(&CircuitBreaker, Override); 4] = [
        |breaker, _| breaker.reset(Override::new("test", "reset")),
        CircuitBreaker::force_open,
        CircuitBreaker::disable,
        CircuitBreaker::metrics_only,
    ];
    for forget in forgets {
        let breaker = build(builder());
        flap(&breaker, 3).await;
        forget(&breaker, by());
        breaker.resume(by());
        assert_eq!(open(&breaker), 5);
    }
}

#[tokio::test(start_paused = true)]
async fn a_trip_is_an_opening_like_any_other() {
    let breaker = build(builder());
    breaker.trip(Override::new("alice", "old rows"));
    assert_eq!(wait(&breaker), 5);
    close(&breaker).await;
    assert_eq!(open(&breaker), 10);
}

#[tokio::test(start_paused = true)]
async fn a_change_of_numbers_keeps_what_is_remembered() {
    let breaker = build(builder());
    flap(&breaker, 2).await; // and closed for 1 s
    // The second opening is remembered for 20 s by the old numbers, and for 10 s by the new ones.
    advance(secs(10)).await;
    let shorter = Wait::exponential(secs(1), secs(60));
    breaker
        .reconfigure(builder().wait_in_open(shorter))
        .expect("legal numbers");
    assert_eq!(open(&breaker), 2);
}
