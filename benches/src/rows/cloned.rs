//! The rows whose service is cloned for each request, as servers clone theirs: hyper-util for each request of a
//! connection, axum for each call of a route. The floors are those of the other rows: a clone of the inner service costs
//! nothing.

use maestro_bulkhead::{Bulkhead, BulkheadLayer, StaticBulkhead};
use maestro_circuit_breaker::{CircuitBreakerLayer, StaticCircuitBreaker};
use maestro_retry::{RetryBudget, RetryLayer, StaticRetryBudget};
use maestro_slo_budget::{ErrorBudgetLayer, Gate, GateLayer};
use maestro_timeout::TimeoutLayer;
use tower::Layer;

use super::{
    breaker::{IN_A_ROW, OVER_CALLS, OVER_TIME, shared},
    bulkhead::{QUEUE, roomy},
    floors::{PENDING, READY},
    retry::policy,
    slo, stack,
};
use crate::{
    Row,
    inner::{Apart, Nothing, PendingOnce},
    timed::LIMIT,
};

static CONSECUTIVE: StaticCircuitBreaker = IN_A_ROW.build_static("consecutive, cloned");
static CALLS: StaticCircuitBreaker = OVER_CALLS.build_static("calls, cloned");
static TIME: StaticCircuitBreaker = OVER_TIME.build_static("time, cloned");
static ROOMY: StaticBulkhead = Bulkhead::builder().limit(64).build_static("roomy, cloned");
static BUDGET: StaticRetryBudget = RetryBudget::builder().build_static("cloned");

pub(super) fn rows() -> Vec<Row> {
    (breaker().into_iter())
        .chain(retry())
        .chain(bulkhead())
        .chain(timeout())
        .chain(slo())
        .chain(stacks())
        .collect()
}

fn breaker() -> [Row; 6] {
    [
        Row::cloned(
            "breaker, closed, consecutive failures, Arc, cloned",
            READY,
            || CircuitBreakerLayer::new(shared(IN_A_ROW)).layer(Apart(Nothing)),
        ),
        Row::cloned(
            "breaker, closed, consecutive failures, static, cloned",
            READY,
            || CircuitBreakerLayer::new(&CONSECUTIVE).layer(Apart(Nothing)),
        ),
        Row::cloned(
            "breaker, closed, window of 100 calls, Arc, cloned",
            READY,
            || CircuitBreakerLayer::new(shared(OVER_CALLS)).layer(Apart(Nothing)),
        ),
        Row::cloned(
            "breaker, closed, window of 100 calls, static, cloned",
            READY,
            || CircuitBreakerLayer::new(&CALLS).layer(Apart(Nothing)),
        ),
        Row::cloned("breaker, closed, time window, Arc, cloned", READY, || {
            CircuitBreakerLayer::new(shared(OVER_TIME)).layer(Apart(Nothing))
        }),
        Row::cloned(
            "breaker, closed, time window, static, cloned",
            READY,
            || CircuitBreakerLayer::new(&TIME).layer(Apart(Nothing)),
        ),
    ]
}

fn retry() -> [Row; 4] {
    [
        Row::cloned("retry, none needed, cloned", READY, || {
            RetryLayer::new(policy()).layer(Apart(Nothing))
        }),
        Row::cloned("retry, none needed, leaked, cloned", READY, || {
            RetryLayer::new(policy().leak()).layer(Apart(Nothing))
        }),
        Row::cloned(
            "retry, none needed, with a budget, Arc, cloned",
            READY,
            || RetryLayer::new(policy().budget(RetryBudget::new("cloned"))).layer(Apart(Nothing)),
        ),
        Row::cloned(
            "retry, none needed, with a budget, static, cloned",
            READY,
            || RetryLayer::new(policy().budget(&BUDGET).leak()).layer(Apart(Nothing)),
        ),
    ]
}

fn bulkhead() -> [Row; 4] {
    [
        Row::cloned("bulkhead, in and out, Arc, cloned", READY, || {
            BulkheadLayer::new(roomy()).layer(Apart(Nothing))
        }),
        Row::cloned("bulkhead, in and out, static, cloned", READY, || {
            BulkheadLayer::new(&ROOMY).layer(Apart(Nothing))
        }),
        Row::cloned("bulkhead, queue, in and out, Arc, cloned", READY, || {
            BulkheadLayer::new(roomy())
                .queue(QUEUE)
                .layer(Apart(Nothing))
        }),
        Row::cloned("bulkhead, queue, in and out, static, cloned", READY, || {
            BulkheadLayer::new(&ROOMY)
                .queue(QUEUE)
                .layer(Apart(Nothing))
        }),
    ]
}

fn timeout() -> [Row; 2] {
    [
        Row::cloned("timeout, inner ready, cloned", READY, || {
            TimeoutLayer::new(LIMIT).layer(Apart(Nothing))
        }),
        Row::cloned("timeout, inner pending once, cloned", PENDING, || {
            TimeoutLayer::new(LIMIT).layer(Apart(PendingOnce))
        })
        .timed(),
    ]
}

fn slo() -> [Row; 4] {
    [
        Row::cloned("slo, recording layer, Arc, cloned", READY, || {
            ErrorBudgetLayer::new(slo::budget()).layer(Apart(Nothing))
        }),
        Row::cloned("slo, recording layer, static, cloned", READY, || {
            ErrorBudgetLayer::new(slo::leak(slo::budget())).layer(Apart(Nothing))
        }),
        Row::cloned("slo, gate open, layer, Arc, cloned", READY, || {
            GateLayer::new(Gate::new(slo::budget())).layer(Apart(Nothing))
        }),
        Row::cloned("slo, gate open, layer, static, cloned", READY, || {
            GateLayer::new(slo::leak(Gate::new(slo::budget()))).layer(Apart(Nothing))
        }),
    ]
}

fn stacks() -> [Row; 12] {
    [
        Row::cloned(
            "stack, timeout(retry(breaker(bulkhead))), ready, Arc, cloned",
            READY,
            || stack::compared_shared(Apart(Nothing)),
        )
        .target(490.0, 14.0),
        Row::cloned(
            "stack, timeout(retry(breaker(bulkhead))), ready, static, cloned",
            READY,
            || stack::compared_static(Apart(Nothing)),
        )
        .target(400.0, 4.0),
        Row::cloned(
            "stack, timeout(retry(breaker(bulkhead))), pending once, Arc, cloned",
            PENDING,
            || stack::compared_shared(Apart(PendingOnce)),
        )
        .timed(),
        Row::cloned(
            "stack, timeout(retry(breaker(bulkhead))), pending once, static, cloned",
            PENDING,
            || stack::compared_static(Apart(PendingOnce)),
        )
        .timed(),
        Row::cloned(
            "stack, recommended order, ready, Arc, cloned",
            READY,
            || stack::recommended_shared(Apart(Nothing)),
        ),
        Row::cloned(
            "stack, recommended order, ready, static, cloned",
            READY,
            || stack::recommended_static(Apart(Nothing)),
        ),
        Row::cloned(
            "stack, recommended order, pending once, Arc, cloned",
            PENDING,
            || stack::recommended_shared(Apart(PendingOnce)),
        )
        .timed(),
        Row::cloned(
            "stack, recommended order, pending once, static, cloned",
            PENDING,
            || stack::recommended_static(Apart(PendingOnce)),
        )
        .timed(),
        Row::cloned("stack, all seven layers, ready, Arc, cloned", READY, || {
            stack::complete_shared(Apart(Nothing))
        }),
        Row::cloned(
            "stack, all seven layers, ready, static, cloned",
            READY,
            || stack::complete_static(Apart(Nothing)),
        ),
        Row::cloned(
            "stack, all seven layers, pending once, Arc, cloned",
            PENDING,
            || stack::complete_shared(Apart(PendingOnce)),
        )
        .timed(),
        Row::cloned(
            "stack, all seven layers, pending once, static, cloned",
            PENDING,
            || stack::complete_static(Apart(PendingOnce)),
        )
        .timed(),
    ]
}
