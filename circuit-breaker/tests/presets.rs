//! What the starting points of the builder promise.

use std::time::Duration;

use maestro_circuit_breaker::{
    Builder, Call, Cause, CircuitBreaker, Outcome, State, StaticCircuitBreaker,
};
use tokio::time::{Instant, advance};

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn build(builder: Builder) -> CircuitBreaker {
    builder.build("preset").expect("legal numbers")
}

fn fail(breaker: &CircuitBreaker, times: usize) {
    for _ in 0..times {
        breaker.try_acquire().expect("it is closed").failure();
    }
}

#[tokio::test(start_paused = true)]
async fn each_preset_draws_its_waits() {
    let presets = [
        (Builder::database(), secs(2)),
        (Builder::http_api(), secs(5)),
        (Builder::cache(), secs(1)),
        (Builder::queue(), secs(5)),
    ];
    for (builder, longest) in presets {
        let waits = [(); 8].map(|()| {
            let breaker = build(builder);
            let failing = std::iter::repeat_with(|| breaker.try_acquire());
            let until = failing
                .take(21)
                .find_map(|call| call.map(Call::failure).err());
            let wait = until.expect("it opens within 20 calls").retry_at() - Instant::now();
            assert!(longest / 2 <= wait && wait <= longest, "{wait:?}");
            wait
        });
        assert!(waits.iter().any(|wait| *wait != waits[0]), "{waits:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_database_gets_one_probe_at_a_time_and_then_a_ramp() {
    let breaker = build(Builder::database());
    fail(&breaker, 10);
    assert_eq!(breaker.state(), State::Open);
    advance(secs(2)).await;
    for _ in 0..3 {
        let probe = breaker.try_acquire().expect("a probe");
        assert!(breaker.try_acquire().is_err());
        probe.success();
    }
    assert_eq!(breaker.state(), State::Ramping);
}

#[tokio::test(start_paused = true)]
async fn an_api_with_some_failures_stays_closed() {
    let breaker = build(Builder::http_api());
    for _ in 0..10 {
        breaker.try_acquire().unwrap().success();
    }
    fail(&breaker, 9);
    advance(secs(20)).await;
    assert_eq!(breaker.state(), State::Closed);
    fail(&breaker, 1);
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn a_slow_cache_opens() {
    let breaker = build(Builder::cache());
    for _ in 0..20 {
        let call = breaker.try_acquire().unwrap();
        advance(Duration::from_millis(50)).await;
        call.success();
    }
    assert_eq!(breaker.state(), State::Open);
    let cause = breaker.snapshot().cause();
    assert!(matches!(cause, Some(Cause::SlowRatio { .. })), "{cause:?}");
}

#[tokio::test(start_paused = true)]
async fn a_queue_remembers_its_calls_after_a_quiet_hour() {
    let breaker = build(Builder::queue());
    for _ in 0..10 {
        breaker.try_acquire().unwrap().success();
    }
    fail(&breaker, 9);
    advance(secs(3_600)).await;
    fail(&breaker, 1);
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn a_preset_configures_a_static() {
    static BREAKER: StaticCircuitBreaker = Builder::database().build_static("orders");
    BREAKER.try_acquire().unwrap().finish(Outcome::Success);
    assert_eq!(BREAKER.snapshot().calls(), 1);
}
