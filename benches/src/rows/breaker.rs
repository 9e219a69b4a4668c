use std::{borrow::Borrow, time::Duration};

use maestro_circuit_breaker::{
    Builder, Call, CircuitBreaker, CircuitBreakerLayer, Core, Open, StaticCircuitBreaker, Wait,
    Window,
};
use tower::Layer;

use super::floors::{FAILS_1_IN_16, READY, REFUSED};
use crate::{
    Request, Row,
    inner::{FailsOneIn, Nothing},
};

/// Consecutive failures. These rows have at most one.
pub(crate) const IN_A_ROW: Builder = CircuitBreaker::builder().consecutive_failures(5);

/// The failure ratio over a window so long that nothing expires during a measurement.
pub(crate) const OVER_TIME: Builder = CircuitBreaker::builder()
    .failure_ratio(0.5)
    .const_window(Window::time(Duration::from_hours(1)));

/// The failure ratio over the last hundred calls.
pub(super) const OVER_CALLS: Builder = CircuitBreaker::builder()
    .failure_ratio(0.5)
    .const_window(Window::calls(100));

/// The failure ratio over the longest window of calls.
const LARGEST: Builder = OVER_CALLS.const_window(Window::calls(1_024));

/// Opens at the first failure and stays open.
const OPENS: Builder = CircuitBreaker::builder()
    .consecutive_failures(1)
    .const_wait_in_open(Wait::fixed(Duration::from_hours(24)));

static CONSECUTIVE: StaticCircuitBreaker = IN_A_ROW.build_static("consecutive");
static CONSECUTIVE_1_IN_16: StaticCircuitBreaker = IN_A_ROW.build_static("consecutive, 1 in 16");
static HUNDRED: StaticCircuitBreaker = OVER_TIME.build_static("hundred");
static THOUSAND: StaticCircuitBreaker = OVER_TIME.build_static("thousand");
static MANY: StaticCircuitBreaker = OVER_TIME.build_static("many");
static TIME_1_IN_16: StaticCircuitBreaker = OVER_TIME.build_static("time, 1 in 16");
static CALLS: StaticCircuitBreaker = OVER_CALLS.build_static("calls");
static CALLS_1_IN_16: StaticCircuitBreaker = OVER_CALLS.build_static("calls, 1 in 16");
static LARGE: StaticCircuitBreaker = LARGEST.build_static("large");
static OPEN: StaticCircuitBreaker = OPENS.build_static("open");

pub(super) fn rows() -> Vec<Row> {
    consecutive()
        .into_iter()
        .chain(over_time())
        .chain(over_calls())
        .chain(open())
        .chain(edges())
        .collect()
}

fn consecutive() -> [Row; 5] {
    [
        Row::service("breaker, closed, consecutive failures, Arc", READY, || {
            CircuitBreakerLayer::new(shared(IN_A_ROW)).layer(Nothing)
        })
        .target(51.0, 2.0),
        Row::service(
            "breaker, closed, consecutive failures, static",
            READY,
            || CircuitBreakerLayer::new(&CONSECUTIVE).layer(Nothing),
        )
        .target(39.0, 0.0),
        Row::service(
            "breaker, closed, consecutive failures, one failure in 16, Arc",
            FAILS_1_IN_16,
            || CircuitBreakerLayer::new(shared(IN_A_ROW)).layer(FailsOneIn::<16>),
        )
        .bad_in_16(1),
        Row::service(
            "breaker, closed, consecutive failures, one failure in 16, static",
            FAILS_1_IN_16,
            || CircuitBreakerLayer::new(&CONSECUTIVE_1_IN_16).layer(FailsOneIn::<16>),
        )
        .bad_in_16(1),
        Row::service("breaker, closed, rejections ignored, static", READY, || {
            CircuitBreakerLayer::new(&CONSECUTIVE)
                .ignore_rejections()
                .layer(Nothing)
        }),
    ]
}

fn over_time() -> [Row; 7] {
    [
        Row::service(
            "breaker, closed, time window of 100 calls, Arc",
            READY,
            || {
                let breaker = shared(OVER_TIME);
                fill(100, || breaker.try_acquire());
                CircuitBreakerLayer::new(breaker).layer(Nothing)
            },
        )
        .target(220.0, 3.0),
        Row::service(
            "breaker, closed, time window of 100 calls, static",
            READY,
            || {
                fill(100, || HUNDRED.try_acquire());
                CircuitBreakerLayer::new(&HUNDRED).layer(Nothing)
            },
        )
        .target(190.0, 1.0),
        Row::service(
            "breaker, closed, time window of 1,000 calls, static",
            READY,
            || {
                fill(1_000, || THOUSAND.try_acquire());
                CircuitBreakerLayer::new(&THOUSAND).layer(Nothing)
            },
        )
        .target(190.0, 1.0),
        Row::service(
            "breaker, closed, time window of 100,000 calls, Arc",
            READY,
            || {
                let breaker = shared(OVER_TIME);
                fill(100_000, || breaker.try_acquire());
                CircuitBreakerLayer::new(breaker).layer(Nothing)
            },
        )
        .target(220.0, 3.0),
        Row::service(
            "breaker, closed, time window of 100,000 calls, static",
            READY,
            || {
                fill(100_000, || MANY.try_acquire());
                CircuitBreakerLayer::new(&MANY).layer(Nothing)
            },
        )
        .target(190.0, 1.0),
        Row::service(
            "breaker, closed, time window, one failure in 16, Arc",
            FAILS_1_IN_16,
            || CircuitBreakerLayer::new(shared(OVER_TIME)).layer(FailsOneIn::<16>),
        )
        .bad_in_16(1),
        Row::service(
            "breaker, closed, time window, one failure in 16, static",
            FAILS_1_IN_16,
            || CircuitBreakerLayer::new(&TIME_1_IN_16).layer(FailsOneIn::<16>),
        )
        .bad_in_16(1),
    ]
}

fn over_calls() -> [Row; 6] {
    [
        Row::service("breaker, closed, window of 100 calls, Arc", READY, || {
            let breaker = shared(OVER_CALLS);
            fill(100, || breaker.try_acquire());
            CircuitBreakerLayer::new(breaker).layer(Nothing)
        })
        .target(70.0, 2.0),
        Row::service(
            "breaker, closed, window of 100 calls, static",
            READY,
            || {
                fill(100, || CALLS.try_acquire());
                CircuitBreakerLayer::new(&CALLS).layer(Nothing)
            },
        )
        .target(60.0, 0.0),
        Row::service("breaker, closed, window of 1,024 calls, Arc", READY, || {
            let breaker = shared(LARGEST);
            fill(1_024, || breaker.try_acquire());
            CircuitBreakerLayer::new(breaker).layer(Nothing)
        })
        .target(70.0, 2.0),
        Row::service(
            "breaker, closed, window of 1,024 calls, static",
            READY,
            || {
                fill(1_024, || LARGE.try_acquire());
                CircuitBreakerLayer::new(&LARGE).layer(Nothing)
            },
        )
        .target(60.0, 0.0),
        Row::service(
            "breaker, closed, window of 100 calls, one failure in 16, Arc",
            FAILS_1_IN_16,
            || CircuitBreakerLayer::new(shared(OVER_CALLS)).layer(FailsOneIn::<16>),
        )
        .bad_in_16(1),
        Row::service(
            "breaker, closed, window of 100 calls, one failure in 16, static",
            FAILS_1_IN_16,
            || CircuitBreakerLayer::new(&CALLS_1_IN_16).layer(FailsOneIn::<16>),
        )
        .bad_in_16(1),
    ]
}

fn open() -> [Row; 2] {
    [
        Row::service("breaker, open, Arc", REFUSED, || {
            let breaker = shared(OPENS);
            trip(breaker.try_acquire());
            CircuitBreakerLayer::new(breaker).layer(Nothing)
        })
        .bad_in_16(16)
        .target(150.0, 0.0),
        Row::service("breaker, open, static", REFUSED, || {
            // The circuit is open already if the row was created before.
            trip(OPEN.try_acquire());
            CircuitBreakerLayer::new(&OPEN).layer(Nothing)
        })
        .bad_in_16(16)
        .target(150.0, 0.0),
    ]
}

/// The cost of a layer that can wait, while no call waits, and of a family by key.
fn edges() -> [Row; 3] {
    [
        Row::service("breaker, waiting, closed, Arc", READY, || {
            CircuitBreakerLayer::new(shared(IN_A_ROW))
                .wait()
                .layer(Nothing)
        }),
        Row::service("breaker, waiting, closed, static", READY, || {
            CircuitBreakerLayer::new(&CONSECUTIVE).wait().layer(Nothing)
        }),
        Row::service("breaker, by key, closed", READY, || {
            let hosts = IN_A_ROW.build_family("hosts", 16);
            let hosts = hosts.expect("these numbers are legal");
            CircuitBreakerLayer::new(hosts.by(|request: &Request| request % 8)).layer(Nothing)
        }),
    ]
}

pub(crate) fn shared(builder: Builder) -> CircuitBreaker {
    builder.build("shared").expect("these numbers are legal")
}

pub(crate) fn fill<P: Borrow<Core>>(calls: u32, acquire: impl Fn() -> Result<Call<P>, Open>) {
    for _ in 0..calls {
        acquire().expect("nothing has failed").success();
    }
}

fn trip<P: Borrow<Core>>(call: Result<Call<P>, Open>) {
    if let Ok(call) = call {
        call.failure();
    }
}
