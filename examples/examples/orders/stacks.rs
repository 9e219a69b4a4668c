//! A stack of layers for each dependency, around a client.

use axum::body::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full as InMemory};
use maestro_bulkhead::BulkheadLayer;
use maestro_circuit_breaker::{CircuitBreakerLayer, MayReject, Outcome};
use maestro_retry::{FallbackLayer, RetryLayer};
use maestro_timeout::{Deadline, TimeHeader, TimeoutLayer, WriteDeadlineLayer, in_extensions};
use tokio::time::Instant;
use tonic::{Status, body::Body};
use tower::{Layer, ServiceBuilder, ServiceExt, util::BoxCloneSyncService};

use crate::{
    error::CallError,
    handles::{Hosts, Key, Single},
    parcels::ANNOUNCE,
    server::DEADLINE,
};

pub(crate) type HttpRequest = Request<InMemory<Bytes>>;
/// The clients and the stacks around them are boxes, so that tests replace either.
pub(crate) type Http = BoxCloneSyncService<HttpRequest, Response<Bytes>, CallError>;
pub(crate) type Store = BoxCloneSyncService<Query, Option<String>, CallError>;
pub(crate) type Grpc = BoxCloneSyncService<Request<Body>, Response<Body>, CallError>;

/// What the store and the cache are asked: to find an order, or to save it.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    pub(crate) id: i64,
    pub(crate) save: Option<String>,
    pub(crate) deadline: Deadline,
}

impl Query {
    /// A copy of a query that may run twice.
    fn again(&self) -> Option<Self> {
        self.save.is_none().then(|| self.clone())
    }

    fn ends(&self) -> Option<Instant> {
        self.deadline.at()
    }
}

/// The host and the port of a request. A user and a password in the URL are no part of it.
fn host<B>(request: &Request<B>) -> Key {
    let uri = request.uri();
    let (host, port) = (uri.host().unwrap_or_default(), uri.port_u16());
    port.map_or_else(|| host.into(), |port| format!("{host}:{port}").into())
}

/// The hosts that take payments.
pub(crate) fn payments(to: &Hosts, client: Http) -> Http {
    let policy = to.retry.clone().budget(to.retry_budgets.by(host)).http();
    let attempt = TimeoutLayer::new(to.attempts.by(host));
    BoxCloneSyncService::new(
        ServiceBuilder::new()
            .layer(
                TimeoutLayer::new(to.call.clone())
                    .deadline(in_extensions)
                    .stamp(),
            )
            .layer(RetryLayer::new(policy.deadline(in_extensions)))
            .layer(CircuitBreakerLayer::new(to.breakers.by(host)).http())
            .layer(attempt.deadline(in_extensions))
            .layer(BulkheadLayer::new(to.bulkheads.by(host)).http())
            .layer(WriteDeadlineLayer::new(TimeHeader::millis(DEADLINE)))
            .service(client),
    )
}

/// The server for shipping, which speaks gRPC.
pub(crate) fn shipping(to: &Single, client: Grpc) -> Grpc {
    let policy = to.retry.clone().budget(to.retry_budget.clone());
    let policy = policy.grpc(|path| path == ANNOUNCE).deadline(in_extensions);
    BoxCloneSyncService::new(
        ServiceBuilder::new()
            // The filter makes a box of every error. Outside of it the error is that of the other stacks again; with the box,
            // a handler of axum does not compile ("implementation of `From` is not general enough").
            .map_err(CallError::Other)
            .filter_async(in_memory)
            .map_response(|response: Response<_>| response.map(Body::new))
            .layer(
                TimeoutLayer::new(to.call.clone())
                    .deadline(in_extensions)
                    .stamp(),
            )
            .layer(RetryLayer::new(policy).until_first_frame())
            .layer(CircuitBreakerLayer::new(to.breaker.clone()).grpc())
            .layer(TimeoutLayer::new(to.attempt.clone()).deadline(in_extensions))
            .layer(BulkheadLayer::new(to.bulkhead.clone()).grpc())
            .layer(WriteDeadlineLayer::new(TimeHeader::grpc_timeout()))
            .map_request(|request: HttpRequest| request.map(Body::new))
            .service(client),
    )
}

/// A request of tonic is a stream, which cannot be sent twice. This one can.
async fn in_memory(request: Request<Body>) -> Result<HttpRequest, Status> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    Ok(Request::from_parts(head, InMemory::new(body)))
}

/// PostgreSQL or Redis. A query that saves is sent once.
pub(crate) fn store(to: &Single, client: Store) -> Store {
    let policy = to.retry.clone().budget(to.retry_budget.clone());
    let policy = policy.replay(Query::again).retry_if(is_failure);
    BoxCloneSyncService::new(
        ServiceBuilder::new()
            .layer(TimeoutLayer::new(to.call.clone()).deadline(Query::ends))
            .layer(RetryLayer::new(policy.deadline(Query::ends)))
            .layer(CircuitBreakerLayer::new(to.breaker.clone()).classify(outcome))
            .layer(TimeoutLayer::new(to.attempt.clone()).deadline(Query::ends))
            .layer(BulkheadLayer::new(to.bulkhead.clone()))
            .service(client),
    )
}

/// What `cache` lacks or cannot answer, `store` answers.
pub(crate) fn cached(cache: Store, store: Store) -> Store {
    let keep = cache.clone();
    let fallback = FallbackLayer::new(move |query: Query, _missed| {
        let (keep, store) = (keep.clone(), store.clone());
        async move {
            let item = store.oneshot(query.clone()).await?;
            if item.is_some() {
                let save = item.clone();
                if let Err(error) = keep.oneshot(Query { save, ..query }).await {
                    tracing::debug!(%error, "not kept in the cache");
                }
            }
            Ok(item)
        }
    });
    let fallback = fallback.only_if(|found| !matches!(found, Ok(Some(_))));
    BoxCloneSyncService::new(fallback.replay(Query::again).named("cache").layer(cache))
}

/// What a call says about the server. A rejection by a layer further in and the deadline of a caller say nothing: counted as
/// successes they would keep the circuit closed, counted as failures they would open it for all.
fn outcome(result: &Result<Option<String>, CallError>) -> Outcome {
    match result {
        Err(error) if error.is_rejection() => Outcome::Ignored,
        result if is_failure(result) => Outcome::Failure,
        _ => Outcome::Success,
    }
}

/// Whether the server has failed. Most errors with an SQLSTATE are answers, such as a constraint; not those of the connection,
/// of resources, of an operator and of the system.
fn is_failure(result: &Result<Option<String>, CallError>) -> bool {
    match result {
        Err(CallError::Postgres(error)) => error
            .code()
            .is_none_or(|code| ["08", "53", "57", "58"].contains(&&code.code()[..2])),
        Err(CallError::Redis(_) | CallError::Elapsed(_)) => true,
        _ => false,
    }
}
