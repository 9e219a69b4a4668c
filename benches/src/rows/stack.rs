use std::time::Duration;

use maestro_bulkhead::{Bulkhead, BulkheadLayer, StaticBulkhead};
use maestro_circuit_breaker::{CircuitBreakerLayer, Outcome, StaticCircuitBreaker};
use maestro_retry::{RetryBudget, RetryLayer, StaticRetryBudget};
use maestro_timeout::TimeoutLayer;
use tower::{Service, ServiceBuilder};

use super::{
    breaker::{IN_A_ROW, OVER_TIME, shared},
    bulkhead::roomy,
    floors::{PENDING, READY},
    retry::policy,
};
use crate::{
    Request, Response, Row, Trouble,
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
    [compared(), recommended()].into_iter().flatten().collect()
}

/// The stack that is compared with other crates: retry without a budget, a breaker that only reads while all is well.
fn compared() -> [Row; 4] {
    [
        Row::service(
            "stack, timeout(retry(breaker(bulkhead))), ready, Arc",
            READY,
            || compared_shared(Nothing),
        )
        .target(250.0, 10.0),
        Row::service(
            "stack, timeout(retry(breaker(bulkhead))), ready, static",
            READY,
            || compared_static(Nothing),
        )
        .target(170.0, 2.0),
        Row::service(
            "stack, timeout(retry(breaker(bulkhead))), pending once, Arc",
            PENDING,
            || compared_shared(PendingOnce),
        )
        .timed()
        .target(900.0, 20.0),
        Row::service(
            "stack, timeout(retry(breaker(bulkhead))), pending once, static",
            PENDING,
            || compared_static(PendingOnce),
        )
        .timed()
        .target(850.0, 14.0),
    ]
}

/// The recommended stack: whole deadline, retry within a budget, a breaker over a window of time that ignores the
/// rejections of our layers, a timeout for each attempt, the bulkhead.
fn recommended() -> [Row; 4] {
    [
        Row::service("stack, recommended order, ready, Arc", READY, || {
            recommended_shared(Nothing)
        }),
        Row::service("stack, recommended order, ready, static", READY, || {
            recommended_static(Nothing)
        }),
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

fn compared_shared<S>(inner: S) -> impl Service<Request, Response = Response, Error = Trouble>
where
    S: Service<Request, Response = Response, Error = Trouble> + Clone,
{
    ServiceBuilder::new()
        .layer(TimeoutLayer::new(LIMIT))
        .layer(RetryLayer::new(policy().unlimited()))
        .layer(CircuitBreakerLayer::new(shared(IN_A_ROW)))
        .layer(BulkheadLayer::new(roomy()))
        .service(inner)
}

fn compared_static<S>(inner: S) -> impl Service<Request, Response = Response, Error = Trouble>
where
    S: Service<Request, Response = Response, Error = Trouble> + Clone,
{
    ServiceBuilder::new()
        .layer(TimeoutLayer::new(LIMIT))
        .layer(RetryLayer::new(policy().unlimited().leak()))
        .layer(CircuitBreakerLayer::new(&BREAKER))
        .layer(BulkheadLayer::new(&POOL))
        .service(inner)
}

fn recommended_shared<S>(inner: S) -> impl Service<Request, Response = Response, Error = Trouble>
where
    S: Service<Request, Response = Response, Error = Trouble> + Clone,
{
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

fn recommended_static<S>(inner: S) -> impl Service<Request, Response = Response, Error = Trouble>
where
    S: Service<Request, Response = Response, Error = Trouble> + Clone,
{
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
