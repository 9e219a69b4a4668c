//! Rejections beneath layers that read responses, as errors and as responses (`on_reject`): they are not the service's.

use std::{future::pending, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{Request, Response},
};
use http_body_util::Full as Whole;
use maestro_bulkhead::{Bulkhead, BulkheadLayer, Full};
use maestro_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer, Open};
use maestro_retry::RetryLayer;
use maestro_slo_budget::{ErrorBudget, ErrorBudgetLayer, Gate, GateLayer, Override, Spent};
use maestro_timeout::{Elapsed, TimeoutLayer};
use tokio::{sync::watch, time::Instant};
use tower::{
    BoxError, Layer, Service, ServiceBuilder, ServiceExt, service_fn, util::BoxCloneService,
};

use crate::{
    layers::{Counted, Objects},
    table::Table,
};

type Call = Request<Whole<Bytes>>;
type Answers = BoxCloneService<Call, Response<Body>, BoxError>;

/// A layer over a service that never answers.
fn over_a_hung_service<L>(layer: L) -> Answers
where
    L: Layer<
            Answers,
            Service: Service<Call, Response = Response<Body>, Error = BoxError, Future: Send>
                         + Clone
                         + Send
                         + 'static,
        >,
{
    let hung = service_fn(|_: Call| pending::<Result<Response<Body>, BoxError>>());
    BoxCloneService::new(layer.layer(BoxCloneService::new(hung)))
}

/// What the layers count in the default order over `beneath`, and how often they call it.
async fn counted(beneath: Answers) -> (Counted, u32) {
    let objects = Objects::new();
    let attempts = watch::Sender::new(0);
    let attempt = attempts.clone();
    let service = ServiceBuilder::new()
        .layer(ErrorBudgetLayer::new(objects.budget.clone()).http())
        .layer(RetryLayer::new(objects.policy.clone().grpc(|_| true)))
        .layer(CircuitBreakerLayer::new(objects.breaker.clone()).http())
        .layer(BulkheadLayer::new(objects.bulkhead.clone()).http())
        .map_request(move |call: Call| {
            attempt.send_modify(|attempts| *attempts += 1);
            call
        })
        .service(beneath);
    tokio::time::pause();
    let _ = service.oneshot(Request::default()).await;
    tokio::time::resume();
    let attempts = *attempts.borrow();
    (objects.counted().await, attempts)
}

/// What the layers count of a call that was not made, which is not retried.
fn rejected() -> (Counted, u32) {
    (Counted::of(Table::read().rejection(), 1), 1)
}

#[tokio::test]
async fn no_layer_takes_a_rejection_of_a_full_bulkhead_for_a_result() {
    let full = Bulkhead::builder().limit(1).build("inner").expect("legal");
    let _held = full.try_acquire().expect("one place is free");
    let layer = || BulkheadLayer::new(full.clone());
    for answers in [
        over_a_hung_service(layer()),
        over_a_hung_service(layer().on_reject(Full::http_response)),
        over_a_hung_service(layer().on_reject(Full::grpc_response)),
        over_a_hung_service(layer().on_reject(Full::too_many_requests)),
        over_a_hung_service(layer().on_reject(Full::resource_exhausted)),
    ] {
        assert_eq!(counted(answers).await, rejected());
    }
}

#[tokio::test]
async fn no_layer_takes_a_rejection_of_an_open_breaker_for_a_result() {
    let open = CircuitBreaker::new("inner");
    open.force_open(maestro_circuit_breaker::Override::new(
        "a test",
        "to reject",
    ));
    let layer = || CircuitBreakerLayer::new(open.clone());
    for answers in [
        over_a_hung_service(layer()),
        over_a_hung_service(layer().on_reject(Open::http_response)),
        over_a_hung_service(layer().on_reject(Open::grpc_response)),
    ] {
        assert_eq!(counted(answers).await, rejected());
    }
}

#[tokio::test]
async fn no_layer_takes_a_rejection_of_a_closed_gate_for_a_result() {
    let gate = Gate::new(ErrorBudget::new(
        "inner",
        "99%".parse().expect("an objective"),
    ));
    gate.force_closed(Override::new("a test", "to reject"));
    let layer = || GateLayer::new(gate.clone());
    for answers in [
        over_a_hung_service(layer()),
        over_a_hung_service(layer().on_reject(Spent::http_response)),
        over_a_hung_service(layer().on_reject(Spent::grpc_response)),
    ] {
        assert_eq!(counted(answers).await, rejected());
    }
}

#[tokio::test]
async fn no_layer_takes_a_rejection_of_a_late_caller_for_a_result() {
    let layer = || TimeoutLayer::new(Duration::MAX).deadline(|_: &Call| Some(Instant::now()));
    for answers in [
        over_a_hung_service(layer()),
        over_a_hung_service(layer().on_reject(Elapsed::http_response)),
        over_a_hung_service(layer().on_reject(Elapsed::grpc_response)),
    ] {
        assert_eq!(counted(answers).await, rejected());
    }
}

#[tokio::test]
async fn an_attempt_that_takes_too_long_is_a_failure() {
    let layer = || TimeoutLayer::new(Duration::from_secs(1));
    let table = Table::read();
    let error = over_a_hung_service(layer());
    assert_eq!(counted(error).await, (Counted::of(table.error(), 2), 2));
    let http = over_a_hung_service(layer().on_reject(Elapsed::http_response));
    assert_eq!(counted(http).await, (Counted::of(table.status(504), 2), 2));
    let grpc = over_a_hung_service(layer().on_reject(Elapsed::grpc_response));
    assert_eq!(counted(grpc).await, (Counted::of(table.code(4), 1), 1));
}
