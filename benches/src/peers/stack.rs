use tower::{
    BoxError, ServiceBuilder, limit::GlobalConcurrencyLimitLayer, load_shed::LoadShedLayer,
    retry::RetryLayer, timeout::TimeoutLayer,
};
use tower_resilience_bulkhead::BulkheadLayer;
use tower_resilience_circuitbreaker::CircuitBreakerLayer;
use tower_resilience_timelimiter::TimeLimiterLayer;

use super::{
    Comparison,
    Peer::{Tower, TowerAndRecloser, TowerResilience},
    adapt::Reclosed,
    breaker::recloser,
    bulkhead::PLACES,
    retry::Attempts,
};
use crate::{
    Request, Response, Row,
    drive::{Driven, Measurable},
    inner::{Nothing, PendingOnce},
    rows::floors::{PENDING, READY},
    timed::LIMIT,
};

pub(super) fn comparisons() -> Vec<Comparison> {
    vec![
        Comparison::new(
            "stack timeout(retry(breaker(bulkhead))), ready",
            "stack, timeout(retry(breaker(bulkhead))), ready, Arc",
            Some("stack, timeout(retry(breaker(bulkhead))), ready, static"),
        )
        .peer(
            TowerAndRecloser,
            Row::service("tower and recloser, stack, ready", READY, || both(Nothing)).timed(),
        )
        .peer(
            Tower,
            Row::service("tower, stack, ready", READY, || alone(Nothing)).timed(),
        )
        .peer(
            TowerResilience,
            Row::service("tower-resilience, stack, ready", READY, || {
                resilience(Nothing)
            })
            .timed(),
        )
        .lesser(&[Tower])
        .note(BREAKERS)
        .note(MAP_ERR),
        Comparison::new(
            "stack timeout(retry(breaker(bulkhead))), a service cloned for each request",
            "stack, timeout(retry(breaker(bulkhead))), ready, Arc, cloned",
            Some("stack, timeout(retry(breaker(bulkhead))), ready, static, cloned"),
        )
        .peer(
            TowerAndRecloser,
            Row::cloned("tower and recloser, stack, cloned", READY, || both(Nothing)).timed(),
        )
        .peer(
            Tower,
            Row::cloned("tower, stack, cloned", READY, || alone(Nothing)).timed(),
        )
        .peer(
            TowerResilience,
            Row::cloned("tower-resilience, stack, cloned", READY, || {
                resilience(Nothing)
            })
            .timed(),
        )
        .lesser(&[Tower])
        .note(BREAKERS)
        .note(MAP_ERR),
        Comparison::new(
            "stack timeout(retry(breaker(bulkhead))), pending once",
            "stack, timeout(retry(breaker(bulkhead))), pending once, Arc",
            Some("stack, timeout(retry(breaker(bulkhead))), pending once, static"),
        )
        .peer(
            TowerAndRecloser,
            Row::service("tower and recloser, stack, pending once", PENDING, || {
                both(PendingOnce)
            })
            .timed(),
        )
        .peer(
            Tower,
            Row::service("tower, stack, pending once", PENDING, || alone(PendingOnce)).timed(),
        )
        .peer(
            TowerResilience,
            Row::service("tower-resilience, stack, pending once", PENDING, || {
                resilience(PendingOnce)
            })
            .timed(),
        )
        .lesser(&[Tower])
        .note(BREAKERS)
        .note(MAP_ERR),
    ]
}

const BREAKERS: &str = "recloser has only a window of calls; ours and tower-resilience's count consecutive failures (a window of \
                        calls costs ours some 20 instructions more). tower alone has no breaker, so it does less than the \
                        others";

const MAP_ERR: &str = "tower's timeout needs an error that becomes a `BoxError`, and recloser's does not, so tower + recloser has \
                       tower's `map_err` too, which costs some instructions";

fn both<S: Measurable>(inner: S) -> impl Driven {
    let recloser = recloser();
    ServiceBuilder::new()
        .layer(TimeoutLayer::new(LIMIT))
        .layer(RetryLayer::new(Attempts::THREE))
        .map_err(closed)
        .layer(tower::layer::layer_fn(move |inner| Reclosed {
            recloser: recloser.clone(),
            inner,
        }))
        .layer(LoadShedLayer::new())
        .layer(GlobalConcurrencyLimitLayer::new(PLACES))
        .service(inner)
}

fn alone<S: Measurable>(inner: S) -> impl Driven {
    ServiceBuilder::new()
        .layer(TimeoutLayer::new(LIMIT))
        .layer(RetryLayer::new(Attempts::THREE))
        .layer(LoadShedLayer::new())
        .layer(GlobalConcurrencyLimitLayer::new(PLACES))
        .service(inner)
}

/// recloser's error has no `Error`, which tower's layers ask for.
fn closed(error: recloser::Error<BoxError>) -> BoxError {
    match error {
        recloser::Error::Inner(error) => error,
        recloser::Error::Rejected => "the circuit is open".into(),
    }
}

fn resilience<S: Measurable<Future: Send>>(inner: S) -> impl Driven {
    let bulkhead = BulkheadLayer::builder()
        .max_concurrent_calls(PLACES)
        .reject_when_full()
        .build();
    let breaker = CircuitBreakerLayer::builder().consecutive_failures(5);
    let (breaker, _) = breaker.build_with_handle().expect("the numbers are legal");
    let retry =
        tower_resilience_retry::RetryLayer::<Request, Response, _>::builder().max_attempts(3);
    ServiceBuilder::new()
        .layer(TimeLimiterLayer::builder().timeout_duration(LIMIT).build())
        .layer(retry.build())
        .layer(breaker)
        .layer(bulkhead.expect("64 is legal"))
        .service(inner)
}
