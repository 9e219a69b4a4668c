use std::time::Duration;

use maestro_bulkhead::{Bulkhead, BulkheadLayer, StaticBulkhead};
use maestro_circuit_breaker::{CircuitBreakerLayer, Outcome, StaticCircuitBreaker};
use maestro_retry::{RetryBudget, RetryLayer, StaticRetryBudget};
use maestro_slo_budget::{ErrorBudgetLayer, Gate, GateLayer};
use maestro_timeout::TimeoutLayer;
use tower::ServiceBuilder;

use super::{
    breaker::{IN_A_ROW, OVER_TIME, shared},
    bulkhead::roomy,
    floors::{PENDING, READY},
    retry::policy,
    slo::{budget, leak},
};
use crate::{
    Response, Row, Trouble,
    drive::Measurable,
    inner::{Nothing, PendingOnce},
    timed::LIMIT,
};

static POOL: StaticBulkhead = Bulkhead::builder().limit(64).build_static("pool");
static BREAKER: StaticCircuitBreaker = IN_A_ROW.build_static("breaker");
static BREAKER_OVER_TIME: StaticCircuitBreaker = OVER_TIME.build_static("breaker over time");
static BUDGET: StaticRetryBudget = RetryBudget::builder().build_static("budget");

/// The limit of an attempt: before the whole deadline, and never within a measurement.
const ATTEMPT: Duration = Duration::from_mins(90);

pub(super) fn rows() -> Vec<Row> {
    (compared().into_iter())
        .chain(recommended())
        .chain(complete())
        .collect()
}

/// The stack that is compared with other crates: retry without a budget, a breaker that only reads while all is well.
fn compared() -> [Row; 4] {
    [
        Row::service(
            "stack, timeout(retry(breaker(bulkhead))), ready, Arc",
            READY,
            || compared_shared(Nothing),
        )
        .target(450.0, 10.0),
        Row::service(
            "stack, timeout(retry(breaker(bulkhead))), ready, static",
            READY,
            || compared_static(Nothing),
        )
        .target(380.0, 2.0),
        Row::service(
            "stack, timeout(retry(breaker(bulkhead))), pending once, Arc",
            PENDING,
            || compared_shared(PendingOnce),
        )
        .timed()
        .target(1_050.0, 22.0),
        Row::service(
            "stack, timeout(retry(breaker(bulkhead))), pending once, static",
            PENDING,
            || compared_static(PendingOnce),
        )
        .timed()
        .target(950.0, 14.0),
    ]
}

/// The recommended stack of a dependency: whole deadline, retry within a budget, a breaker over a window of time that ignores the
/// rejections of our layers, a timeout for each attempt, the bulkhead.
fn recommended() -> [Row; 4] {
    [
        Row::service("stack, recommended order, ready, Arc", READY, || {
            recommended_shared(Nothing)
        })
        .target(700.0, 16.0),
        Row::service("stack, recommended order, ready, static", READY, || {
            recommended_static(Nothing)
        })
        .target(600.0, 6.0),
        Row::service(
            "stack, recommended order, pending once, Arc",
            PENDING,
            || recommended_shared(PendingOnce),
        )
        .timed(),
        Row::service(
            "stack, recommended order, pending once, static",
            PENDING,
            || recommended_static(PendingOnce),
        )
        .timed(),
    ]
}

/// The recommended stack with the two layers of the service that is offered around it: the gate and the error budget.
fn complete() -> [Row; 4] {
    [
        Row::service("stack, all seven layers, ready, Arc", READY, || {
            complete_shared(Nothing)
        }),
        Row::service("stack, all seven layers, ready, static", READY, || {
            complete_static(Nothing)
        }),
        Row::service(
            "stack, all seven layers, pending once, Arc",
            PENDING,
            || complete_shared(PendingOnce),
        )
        .timed(),
        Row::service(
            "stack, all seven layers, pending once, static",
            PENDING,
            || complete_static(PendingOnce),
        )
        .timed(),
    ]
}

pub(super) fn compared_shared<S: Measurable>(inner: S) -> impl Measurable {
    ServiceBuilder::new()
        .layer(TimeoutLayer::new(LIMIT))
        .layer(RetryLayer::new(policy().unlimited()))
        .layer(CircuitBreakerLayer::new(shared(IN_A_ROW)))
        .layer(BulkheadLayer::new(roomy()))
        .service(inner)
}

pub(super) fn compared_static<S: Measurable>(inner: S) -> impl Measurable {
    ServiceBuilder::new()
        .layer(TimeoutLayer::new(LIMIT))
        .layer(RetryLayer::new(policy().unlimited().leak()))
        .layer(CircuitBreakerLayer::new(&BREAKER))
        .layer(BulkheadLayer::new(&POOL))
        .service(inner)
}

pub(super) fn recommended_shared<S: Measurable>(inner: S) -> impl Measurable {
    ServiceBuilder::new()
        .layer(TimeoutLayer::new(LIMIT))
        .layer(RetryLayer::new(
            policy()
                .budget(RetryBudget::new("budget"))
                .retry_if(is_worth_a_retry),
        ))
        .layer(CircuitBreakerLayer::new(shared(OVER_TIME)).classify(outcome))
        .layer(TimeoutLayer::new(ATTEMPT))
        .layer(BulkheadLayer::new(roomy()))
        .service(inner)
}

pub(super) fn recommended_static<S: Measurable>(inner: S) -> impl Measurable {
    ServiceBuilder::new()
        .layer(TimeoutLayer::new(LIMIT))
        .layer(RetryLayer::new(
            policy().budget(&BUDGET).retry_if(is_worth_a_retry).leak(),
        ))
        .layer(CircuitBreakerLayer::new(&BREAKER_OVER_TIME).classify(outcome))
        .layer(TimeoutLayer::new(ATTEMPT))
        .layer(BulkheadLayer::new(&POOL))
        .service(inner)
}

pub(super) fn complete_shared<S: Measurable>(inner: S) -> impl Measurable {
    let budget = budget();
    ServiceBuilder::new()
        .layer(GateLayer::new(Gate::new(budget.clone())))
        .layer(ErrorBudgetLayer::new(budget))
        .service(recommended_shared(inner))
}

/// The budget and its gate are leaked, because only their handles are static.
pub(super) fn complete_static<S: Measurable>(inner: S) -> impl Measurable {
    let budget = leak(budget());
    ServiceBuilder::new()
        .layer(GateLayer::new(leak(Gate::new(budget.clone()))))
        .layer(ErrorBudgetLayer::new(budget))
        .service(recommended_static(inner))
}

fn is_worth_a_retry(result: &Result<Response, Trouble>) -> bool {
    matches!(
        result,
        Err(Trouble::Failed | Trouble::Full(_) | Trouble::Elapsed(_))
    )
}

fn outcome(result: &Result<Response, Trouble>) -> Outcome {
    match result {
        Ok(_) => Outcome::Success,
        Err(Trouble::Failed | Trouble::Elapsed(_)) => Outcome::Failure,
        Err(Trouble::Open(_) | Trouble::Full(_) | Trouble::Spent(_)) => Outcome::Ignored,
    }
}
