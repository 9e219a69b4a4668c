//! The cache's stack: no retry and no whole deadline.
//!
//! The store is the fallback of the cache: a second attempt would cost as much as asking the store. With one attempt
//! the whole deadline and the attempt timeout are the same. The one that remains is inside the breaker, where it counts
//! as a failure.

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

/// Classifies an attempt. A full bulkhead says nothing about the cache.
fn meaning(result: &Result<Option<Copied>, CacheError>) -> Outcome {
    match result {
        Ok(_) => Outcome::Success,
        Err(CacheError::Full(_)) => Outcome::Ignored,
        Err(_) => Outcome::Failure,
    }
}
