//! The store's stack, built three times: for writes, for reads of one run, and for lists.
//!
//! Reads and writes fail independently. SQLite has one writer; in WAL mode a held lock stops the writer and no
//! reader. With one breaker for both, a lock would also stop all reads. Each has its connection and its thread, and so
//! its breaker and its bulkhead. A primary and its replicas need the same separation.
//!
//! A write and the read of one run cost the same whatever a client asks for. A list costs what the client asks for and
//! what the clients have stored. Were it in the stack of the reads, a few costly lists would fill the queue of its
//! thread, and their timeouts would open the breaker that all reads and the outbox share.

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

/// The stack of writes or of reads of one run.
pub(crate) fn store(
    name: &'static str,
    client: impl Store,
    tuning: &Tuning,
    metrics: &Metrics,
) -> Result<Dependency<Query, Reply, StoreError>, Cause> {
    stack(name, client, tuning, metrics, meaning)
}

/// The stack of lists.
pub(crate) fn lists(
    name: &'static str,
    client: impl Store,
    tuning: &Tuning,
    metrics: &Metrics,
) -> Result<Dependency<Query, Reply, StoreError>, Cause> {
    stack(name, client, tuning, metrics, meaning_of_a_list)
}

/// The stack over `client`, in the default order.
fn stack(
    name: &'static str,
    client: impl Store,
    tuning: &Tuning,
    metrics: &Metrics,
    meaning: fn(&Result<Reply, StoreError>) -> Outcome,
) -> Result<Dependency<Query, Reply, StoreError>, Cause> {
    let retries = tuning.retries.build(name).map_err(Cause::config)?;
    let controls = Controls::build(name, &tuning.attempt, Some(retries.clone()))?;
    // Every query may be repeated: an insert is found by its id, and a run is settled once.
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

/// Whether another attempt may succeed. An open breaker stays open for longer than a retry waits, a full bulkhead
/// needs less load, and a local disk that was too slow once is not asked again.
fn may_pass(result: &Result<Reply, StoreError>) -> bool {
    matches!(result, Err(StoreError::Locked | StoreError::Sql(_)))
}

/// Classifies an attempt. A full bulkhead says nothing about the store. Neither does a stored run that cannot be
/// read: others can.
fn meaning(result: &Result<Reply, StoreError>) -> Outcome {
    match result {
        Ok(_) => Outcome::Success,
        Err(StoreError::Full(_) | StoreError::Unreadable(_)) => Outcome::Ignored,
        Err(_) => Outcome::Failure,
    }
}

/// Classifies an attempt at a list. One that is late says nothing about the store, because its cost is the client's
/// choice: otherwise any client could keep the lists from all others.
fn meaning_of_a_list(result: &Result<Reply, StoreError>) -> Outcome {
    match result {
        Err(StoreError::Elapsed(_)) => Outcome::Ignored,
        other => meaning(other),
    }
}
