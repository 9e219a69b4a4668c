//! A breaker that stays closed although the calls fail.
//!
//! Each failure does the work of one that may open the circuit: it is counted, and the threshold is compared. What keeps
//! the circuit closed is the threshold alone: more failures in a row than a measurement makes; a ratio of 1.0 over a
//! time in which one call succeeded before; a ratio of 1.0 over the last calls, of which one in a hundred succeeds. The
//! override `metrics_only` keeps it closed too, but its calls take another path.

use std::time::Duration;

use maestro_circuit_breaker::{
    Builder, CircuitBreaker, CircuitBreakerLayer, StaticCircuitBreaker, Window,
};
use tower::Layer;

use super::{
    breaker::shared,
    floors::{FAILS, SUCCEEDS_1_IN_100},
};
use crate::{
    Row,
    inner::{FailsOneIn, SucceedsOneIn},
};

const IN_A_ROW: Builder = CircuitBreaker::builder().consecutive_failures(500_000_000);

const OVER_TIME: Builder = CircuitBreaker::builder()
    .failure_ratio(1.0)
    .const_window(Window::time(Duration::from_hours(1)));

const OVER_CALLS: Builder = CircuitBreaker::builder()
    .failure_ratio(1.0)
    .const_window(Window::calls(1_024));

static CONSECUTIVE: StaticCircuitBreaker = IN_A_ROW.build_static("consecutive, failing");
static TIME: StaticCircuitBreaker = OVER_TIME.build_static("time, failing");
static CALLS: StaticCircuitBreaker = OVER_CALLS.build_static("calls, failing");

pub(super) fn rows() -> Vec<Row> {
    all_fail()
        .map(|row| row.bad_in_16(16))
        .into_iter()
        .chain(nearly_all_fail().map(|row| row.bad_in_1600(1_584)))
        .collect()
}

fn all_fail() -> [Row; 4] {
    [
        Row::service(
            "breaker, closed, consecutive failures, every call fails, Arc",
            FAILS,
            || CircuitBreakerLayer::new(shared(IN_A_ROW)).layer(FailsOneIn::<1>),
        ),
        Row::service(
            "breaker, closed, consecutive failures, every call fails, static",
            FAILS,
            || CircuitBreakerLayer::new(&CONSECUTIVE).layer(FailsOneIn::<1>),
        ),
        Row::service(
            "breaker, closed, time window, every call fails, Arc",
            FAILS,
            || {
                let breaker = shared(OVER_TIME);
                breaker.try_acquire().expect("it is new").success();
                CircuitBreakerLayer::new(breaker).layer(FailsOneIn::<1>)
            },
        )
        .target(460.0, 4.0),
        Row::service(
            "breaker, closed, time window, every call fails, static",
            FAILS,
            || {
                TIME.try_acquire().expect("it never opens").success();
                CircuitBreakerLayer::new(&TIME).layer(FailsOneIn::<1>)
            },
        )
        .target(450.0, 2.0),
    ]
}

fn nearly_all_fail() -> [Row; 2] {
    [
        Row::service(
            "breaker, closed, window of 1,024 calls, 99 of 100 calls fail, Arc",
            SUCCEEDS_1_IN_100,
            || {
                let breaker = shared(OVER_CALLS);
                breaker.try_acquire().expect("it is new").success();
                CircuitBreakerLayer::new(breaker).layer(SucceedsOneIn::<100>)
            },
        ),
        Row::service(
            "breaker, closed, window of 1,024 calls, 99 of 100 calls fail, static",
            SUCCEEDS_1_IN_100,
            || {
                CALLS.try_acquire().expect("it never opens").success();
                CircuitBreakerLayer::new(&CALLS).layer(SucceedsOneIn::<100>)
            },
        ),
    ]
}
