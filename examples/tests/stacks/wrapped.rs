//! tower's middleware around and beneath ours: a buffer, boxes, its retry.

use maestro_bulkhead::{Bulkhead, BulkheadLayer, Full, Queue};
use maestro_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer};
use maestro_retry::{Backoff, RetryPolicy};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};
use tower::{
    BoxError, Service, ServiceBuilder, ServiceExt, service_fn,
    util::{BoxCloneSyncService, BoxService},
};

fn pool() -> Bulkhead {
    Bulkhead::builder().limit(1).build("pool").expect("legal")
}

fn dependency()
-> impl Service<u32, Response = u32, Error = BoxError, Future: Send> + Clone + Send + Sync + 'static
{
    service_fn(async |n: u32| Ok::<_, BoxError>(n + 1))
}

#[tokio::test]
async fn a_buffer_outside_and_a_buffer_inside() {
    let pool = pool();
    let outside = ServiceBuilder::new()
        .buffer(8)
        .layer(CircuitBreakerLayer::new(CircuitBreaker::new("store")))
        .layer(BulkheadLayer::new(pool.clone()))
        .service(dependency());
    let inside = ServiceBuilder::new()
        .layer(CircuitBreakerLayer::new(CircuitBreaker::new("store")))
        .layer(BulkheadLayer::new(pool.clone()))
        .buffer(8)
        .service(dependency());
    assert_eq!(outside.clone().oneshot(1).await.expect("an answer"), 2);
    assert_eq!(inside.clone().oneshot(1).await.expect("an answer"), 2);
    let _held = pool.try_acquire().expect("there is room");
    for refused in [outside.oneshot(1).await, inside.oneshot(1).await] {
        let error = refused.expect_err("it is full");
        assert_eq!(Full::find(error.as_ref()).map(Full::name), Some("pool"));
    }
}

#[tokio::test(start_paused = true)]
async fn boxes_outside_and_inside_also_of_waiting_layers() {
    let inside = BoxCloneSyncService::new(dependency());
    let waits = BulkheadLayer::new(pool()).queue(Queue::new(4, Duration::from_secs(1)));
    let stack = ServiceBuilder::new()
        .layer(CircuitBreakerLayer::new(CircuitBreaker::new("store")).wait())
        .layer(waits)
        .service(inside);
    let outside = BoxCloneSyncService::new(stack);
    let calls = (0..4).map(|n| tokio::spawn(outside.clone().oneshot(n)));
    for (n, call) in (0..).zip(calls.collect::<Vec<_>>()) {
        assert_eq!(call.await.expect("no panic").expect("an answer"), n + 1);
    }
}

#[tokio::test]
async fn a_box_that_is_not_clone_inside_layers_that_fail_fast() {
    let mut service = ServiceBuilder::new()
        .layer(CircuitBreakerLayer::new(CircuitBreaker::new("store")))
        .layer(BulkheadLayer::new(pool()))
        .service(BoxService::new(dependency()));
    let answer = service.ready().await.expect("ready").call(1).await;
    assert_eq!(answer.expect("an answer"), 2);
}

#[tokio::test]
async fn towers_retry_with_our_policy() {
    let attempts = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&attempts);
    let policy = RetryPolicy::builder().attempts(3).backoff(Backoff::none());
    let service = ServiceBuilder::new()
        .retry(policy.build().expect("legal").into_tower())
        .layer(BulkheadLayer::new(pool()))
        .service(service_fn(move |n: u32| {
            let nth = counted.fetch_add(1, Relaxed);
            let answer = if nth < 2 {
                Err("not yet".into())
            } else {
                Ok(n + 1)
            };
            std::future::ready::<Result<u32, BoxError>>(answer)
        }));
    assert_eq!(service.oneshot(1).await.expect("the third answers"), 2);
    assert_eq!(attempts.load(Relaxed), 3);
}
