//! The dispatch API's stack, in the default order.

use std::sync::Arc;

use maestro_bulkhead::BulkheadLayer;
use maestro_circuit_breaker::{CircuitBreakerLayer, Outcome};
use maestro_retry::RetryLayer;
use maestro_timeout::{Timeout, TimeoutLayer};
use tower::util::BoxCloneSyncService;
use tower::{ServiceBuilder, service_fn};

use crate::config::Tuning;
use crate::controls::Controls;
use crate::dependency::Dependency;
use crate::dispatch::{Dispatch, DispatchError};
use crate::metrics::Metrics;
use crate::run::Run;
use crate::start::Cause;

pub(crate) fn dispatch(
    client: impl Dispatch,
    tuning: &Tuning,
    metrics: &Metrics,
) -> Result<Dependency<Arc<Run>, (), DispatchError>, Cause> {
    let retries = tuning.retries.build("dispatch").map_err(Cause::config)?;
    let controls = Controls::build("dispatch", &tuning.attempt, Some(retries.clone()))?;
    // A run may be sent twice: its id is the idempotency key.
    let retry = tuning.policy()?.budget(retries).retry_if(may_pass);
    let (tried, attempted) = (controls.counts.clone(), controls.counts.clone());
    let stack = ServiceBuilder::new()
        .layer(TimeoutLayer::new(
            Timeout::new(tuning.whole).named("dispatch"),
        ))
        .layer(RetryLayer::new(retry))
        .map_request(move |request| {
            tried.tried();
            request
        })
        .layer(CircuitBreakerLayer::new(controls.breaker.clone()).classify(meaning))
        .layer(TimeoutLayer::new(
            Timeout::new(tuning.attempt.timeout).named("dispatch attempt"),
        ))
        .layer(BulkheadLayer::new(controls.bulkhead.clone()))
        .service(service_fn(move |run| {
            attempted.attempted();
            let client = client.clone();
            async move { client.dispatch(run).await }
        }));
    Ok(Dependency::new(
        BoxCloneSyncService::new(stack),
        controls,
        metrics,
    ))
}

/// Whether another attempt may succeed. Rejections of the breaker and the bulkhead are not retried: the outbox tries
/// again later, and a retry now would only spend the budget.
fn may_pass(result: &Result<(), DispatchError>) -> bool {
    use DispatchError::{Elapsed, Failed, Unreachable};
    matches!(result, Err(Failed(_) | Unreachable(_) | Elapsed(_)))
}

/// Classifies an attempt. A refused run is a success: the API works. A full bulkhead says nothing about the API.
fn meaning(result: &Result<(), DispatchError>) -> Outcome {
    match result {
        Ok(()) | Err(DispatchError::Refused(_)) => Outcome::Success,
        Err(DispatchError::Full(_)) => Outcome::Ignored,
        Err(_) => Outcome::Failure,
    }
}
