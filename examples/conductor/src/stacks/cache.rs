//! The cache's stack: no retry and no whole deadline. A miss is as good as an answer, and the store is
//! the fallback: a second attempt would cost what asking the store costs. With one attempt the whole
//! and the attempt are the same, so one timeout stands, inside the breaker, where it counts as failure.

use maestro_bulkhead::BulkheadLayer;
use maestro_circuit_breaker::{CircuitBreakerLayer, Outcome};
use maestro_timeout::{Timeout, TimeoutLayer};
use tower::util::BoxCloneSyncService;
use tower::{ServiceBuilder, service_fn};

use crate::cache::{Cache, CacheError, CacheQuery, Copied};
use crate::config::Attempt;
use crate::controls::Controls;
use crate::dependency::Dependency;
use crate::metrics::Metrics;
use crate::start::Cause;

pub(crate) fn cache(
    client: impl Cache,
    attempt: &Attempt,
    metrics: &Metrics,
) -> Result<Dependency<CacheQuery, Option<Copied>, CacheError>, Cause> {
    let controls = Controls::build("cache", attempt, None)?;
    let counts = controls.counts.clone();
    let stack = ServiceBuilder::new()
        .layer(CircuitBreakerLayer::new(controls.breaker.clone()).classify(meaning))
        .layer(TimeoutLayer::new(
            Timeout::new(attempt.timeout).named("cache"),
        ))
        .layer(BulkheadLayer::new(controls.bulkhead.clone()))
        .service(service_fn(move |query| {
            counts.attempted();
            let client = client.clone();
            async move { client.run(query).await }
        }));
    Ok(Dependency::new(
        BoxCloneSyncService::new(stack),
        controls,
        metrics,
    ))
}

/// Our own bulkhead says nothing of the cache.
fn meaning(result: &Result<Option<Copied>, CacheError>) -> Outcome {
    match result {
        Ok(_) => Outcome::Success,
        Err(CacheError::Full(_)) => Outcome::Ignored,
        Err(_) => Outcome::Failure,
    }
}
