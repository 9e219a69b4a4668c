//! Under axum a service's error is `Infallible`: rejections are answered, or the error becomes a box.

use std::{convert::Infallible, error::Error, future::pending, time::Duration};

use axum::{
    Router,
    body::Body,
    error_handling::HandleErrorLayer,
    extract::Request,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use http_body_util::BodyExt;
use maestro_bulkhead::{Bulkhead, BulkheadLayer, Full, Queue};
use maestro_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer, Override};
use maestro_slo_budget::{ErrorBudget, Gate, GateLayer, Objective, Override as GateOverride};
use maestro_timeout::TimeoutLayer;
use tower::{BoxError, ServiceBuilder, ServiceExt};

const SECOND: Duration = Duration::from_secs(1);

/// One answer for every kind of rejection.
#[expect(clippy::unnecessary_wraps, reason = "what `on_reject` asks for")]
fn busy<E: Error>(rejection: E) -> Result<Response, Infallible> {
    Ok((StatusCode::SERVICE_UNAVAILABLE, rejection.to_string()).into_response())
}

fn one_place(name: &'static str) -> Bulkhead {
    let builder = Bulkhead::builder().limit(1);
    builder.build(name).expect("one place is legal")
}

/// `/` answers; `/hangs` never does.
fn routes() -> Router {
    Router::new()
        .route("/", get(async || "here"))
        .route("/hangs", get(pending::<&'static str>))
}

async fn ask(router: &Router, path: &str) -> (StatusCode, String) {
    let request = Request::get(path).body(Body::empty()).expect("a request");
    let answer = router.clone().oneshot(request).await;
    let (head, body) = answer.unwrap_or_else(|never| match never {}).into_parts();
    let body = body.collect().await.expect("a body in memory").to_bytes();
    let text = String::from_utf8_lossy(&body).into_owned();
    (head.status, text)
}

#[tokio::test(start_paused = true)]
async fn one_generic_function_answers_all_four_rejections() {
    let gate = Gate::new(ErrorBudget::new(
        "the budget",
        Objective::new(999, 1000).expect("an objective"),
    ));
    let breaker = CircuitBreaker::new("the breaker");
    let pool = one_place("the pool");
    let router = routes().layer(
        ServiceBuilder::new()
            .layer(GateLayer::new(gate.clone()).on_reject(busy))
            .layer(TimeoutLayer::new(SECOND).on_reject(busy))
            .layer(CircuitBreakerLayer::new(breaker.clone()).on_reject(busy))
            .layer(BulkheadLayer::new(pool.clone()).on_reject(busy)),
    );
    assert_eq!(ask(&router, "/").await, (StatusCode::OK, "here".to_owned()));
    let refused = async |path, by: &str| {
        let (status, text) = ask(&router, path).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(text.contains(by), "{text}");
    };
    refused("/hangs", "1s").await;
    let held = pool.try_acquire().expect("there is room");
    refused("/", "the pool").await;
    drop(held);
    breaker.force_open(Override::new("a test", "to see"));
    refused("/", "the breaker").await;
    gate.force_closed(GateOverride::new("a test", "to see"));
    refused("/", "the budget").await;
}

#[tokio::test(start_paused = true)]
async fn handle_error_layer_sees_every_boxed_rejection() {
    let pool = one_place("pool");
    let router = routes().layer(
        ServiceBuilder::new()
            .layer(HandleErrorLayer::new(
                async |error: BoxError| match Full::find(error.as_ref()) {
                    Some(full) => (StatusCode::TOO_MANY_REQUESTS, full.to_string()),
                    None => (StatusCode::GATEWAY_TIMEOUT, error.to_string()),
                },
            ))
            .layer(TimeoutLayer::new(SECOND))
            .layer(CircuitBreakerLayer::new(CircuitBreaker::new("store")))
            .layer(BulkheadLayer::new(pool.clone()))
            .map_err(BoxError::from), // innermost: `Infallible` has no variant for a rejection
    );
    assert_eq!(ask(&router, "/").await.0, StatusCode::OK);
    assert_eq!(ask(&router, "/hangs").await.0, StatusCode::GATEWAY_TIMEOUT);
    let _held = pool.try_acquire().expect("there is room");
    assert_eq!(ask(&router, "/").await.0, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn each_path_has_its_own_bulkhead() {
    let builder = Bulkhead::builder().limit(1);
    let paths = builder.build_family("paths", 8).expect("legal numbers");
    let by_path = paths.by(|request: &Request| request.uri().path().to_owned());
    let router = routes().layer(BulkheadLayer::new(by_path).on_reject(busy));
    let hanging = tokio::spawn({
        let router = router.clone();
        async move { ask(&router, "/hangs").await }
    });
    tokio::task::yield_now().await;
    assert_eq!(
        ask(&router, "/hangs").await.0,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(ask(&router, "/").await.0, StatusCode::OK);
    hanging.abort();
}

#[tokio::test]
async fn a_fallback_receives_the_request() {
    let pool = one_place("pool");
    let router = routes().layer(BulkheadLayer::new(pool.clone()).fallback(
        |_, request: Request| {
            Ok(format!("{} from the cache", request.uri().path()).into_response())
        },
    ));
    let _held = pool.try_acquire().expect("there is room");
    assert_eq!(ask(&router, "/").await.1, "/ from the cache");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_too_long_for_a_place_is_answered() {
    let pool = one_place("pool");
    let router = routes().layer(
        BulkheadLayer::new(pool.clone())
            .on_reject(busy)
            .queue(Queue::new(4, SECOND)),
    );
    let held = pool.try_acquire().expect("there is room");
    let (status, text) = ask(&router, "/").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(text.contains("within 1s"), "{text}");
    let waits = tokio::spawn({
        let router = router.clone();
        async move { ask(&router, "/").await }
    });
    tokio::task::yield_now().await;
    drop(held);
    assert_eq!(waits.await.expect("no panic").0, StatusCode::OK);
}
