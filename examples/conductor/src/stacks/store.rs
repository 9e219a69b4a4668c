//! The store's stack. Twice: reads and writes fail apart (a lock that is held stops the writer and no
//! reader), have a connection each, and so have a breaker and a bulkhead each.

use maestro_bulkhead::BulkheadLayer;
use maestro_circuit_breaker::{CircuitBreakerLayer, Outcome};
use maestro_retry::RetryLayer;
use maestro_timeout::{Timeout, TimeoutLayer};
use tower::util::BoxCloneSyncService;
use tower::{ServiceBuilder, service_fn};

use crate::config::Tuning;
use crate::controls::Controls;
use crate::dependency::Dependency;
use crate::metrics::Metrics;
use crate::start::Cause;
use crate::store::{Query, Reply, Store, StoreError};

/// The stack over `client`, in its default order.
pub(crate) fn store(
    name: &'static str,
    client: impl Store,
    tuning: &Tuning,
    metrics: &Metrics,
) -> Result<Dependency<Query, Reply, StoreError>, Cause> {
    let retries = tuning.retries.build(name).map_err(Cause::config)?;
    let controls = Controls::build(name, &tuning.attempt, Some(retries.clone()))?;
    // Every query may be repeated: an insert by its id, a settlement because it happens once.
    let retry = tuning.policy()?.budget(retries).retry_if(may_pass);
    let (tried, attempted) = (controls.counts.clone(), controls.counts.clone());
    let stack = ServiceBuilder::new()
        .layer(TimeoutLayer::new(Timeout::new(tuning.whole).named(name)))
        .layer(RetryLayer::new(retry))
        .map_request(move |request| {
            tried.tried();
            request
        })
        .layer(CircuitBreakerLayer::new(controls.breaker.clone()).classify(meaning))
        .layer(TimeoutLayer::new(
            Timeout::new(tuning.attempt.timeout).named(name),
        ))
        .layer(BulkheadLayer::new(controls.bulkhead.clone()))
        .service(service_fn(move |query| {
            attempted.attempted();
            let client = client.clone();
            async move { client.run(query).await }
        }));
    Ok(Dependency::new(
        BoxCloneSyncService::new(stack),
        controls,
        metrics,
    ))
}

/// Whether another attempt may go better. An open breaker says no for longer than a retry waits, a
/// full bulkhead means that there is too much to do already, and a late answer is slow enough once.
fn may_pass(result: &Result<Reply, StoreError>) -> bool {
    matches!(result, Err(StoreError::Locked | StoreError::Sql(_)))
}

/// What an attempt says of the store. Our own bulkhead says nothing of it; neither does one stored run that
/// cannot be read: others can.
fn meaning(result: &Result<Reply, StoreError>) -> Outcome {
    match result {
        Ok(_) => Outcome::Success,
        Err(StoreError::Full(_) | StoreError::Unreadable(_)) => Outcome::Ignored,
        Err(_) => Outcome::Failure,
    }
}
