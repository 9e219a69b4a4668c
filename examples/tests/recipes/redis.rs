//! A cache in Redis. A miss answers for the cache while its circuit is open. The error is an enum with a variant for each
//! rejection.

use std::time::Duration;

use maestro_bulkhead::{Bulkhead, BulkheadLayer, Full};
use maestro_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer, Open, State};
use maestro_timeout::{Elapsed, TimeoutLayer};
use tower::{BoxError, Service, ServiceBuilder, ServiceExt, service_fn};

use crate::refusing::{LONG, breaker, refusing};

type Key = &'static str;

#[derive(Debug, thiserror::Error)]
enum CacheError {
    #[error("circuit open")]
    Open(#[from] Open),
    #[error("no room")]
    Full(#[from] Full),
    #[error("too late")]
    Elapsed(#[from] Elapsed),
    #[error("redis")]
    Redis(#[from] redis::RedisError),
}

/// The stack. There is no retry: a miss costs less than a second attempt.
fn cache(
    client: redis::Client,
    breaker: CircuitBreaker,
    attempt: Duration,
) -> Result<impl Service<Key, Response = Option<String>, Error = CacheError> + Clone, BoxError> {
    let bulkhead = Bulkhead::builder().limit(8).build("cache")?;
    let breaker = CircuitBreakerLayer::new(breaker).ignore_rejections();
    Ok(ServiceBuilder::new()
        .layer(breaker.fallback(|_open, _key| Ok(None)))
        .layer(TimeoutLayer::new(attempt))
        .layer(BulkheadLayer::new(bulkhead))
        .service(service_fn(move |key| get(client.clone(), key))))
}

async fn get(client: redis::Client, key: Key) -> Result<Option<String>, CacheError> {
    let mut connection = client.get_multiplexed_async_connection().await?;
    let mut get = redis::cmd("GET");
    Ok(get.arg(key).query_async(&mut connection).await?)
}

#[tokio::test]
async fn redis_falls_back_to_a_miss_while_its_circuit_is_open() {
    let (address, _bound) = refusing();
    let client = redis::Client::open(format!("redis://{address}/")).expect("a URL");
    let breaker = breaker("cache");
    let mut cache = cache(client, breaker.clone(), LONG).expect("all of it is legal");
    for _ in 0..2 {
        let error = cache.ready().await.expect("ready").call("run:1").await;
        assert!(matches!(error, Err(CacheError::Redis(_))), "{error:?}");
    }
    let missed = cache.ready().await.expect("ready").call("run:1").await;
    assert_eq!(missed.expect("a fallback"), None);
    assert_eq!(breaker.state(), State::Open);
}
