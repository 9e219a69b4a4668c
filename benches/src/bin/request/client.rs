//! The client: that of hyper-util, bare or beneath the layers that the guide recommends.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::Full as InMemory;
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use maestro_bulkhead::{Bulkhead, BulkheadLayer};
use maestro_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer};
use maestro_retry::{RetryBudget, RetryLayer, RetryPolicy};
use maestro_slo_budget::{ErrorBudget, ErrorBudgetLayer, Gate, GateLayer};
use maestro_timeout::{
    BodyTimeout, BodyTimeoutLayer, TimeHeader, Timeout, TimeoutLayer, WriteDeadlineLayer,
    in_extensions,
};
use tower::{BoxError, Service, ServiceBuilder};

use crate::server::DEADLINE;

/// A request whose body is in memory, so that it can be sent again.
pub(crate) type Outgoing = Request<InMemory<Bytes>>;

/// Far longer than a request takes.
const CALL: Duration = Duration::from_secs(20);
const ATTEMPT: Duration = Duration::from_secs(8);

/// The objects of the layers.
pub(crate) struct Client {
    pub(crate) gate: Gate,
    pub(crate) budget: ErrorBudget,
    pub(crate) call: Timeout,
    pub(crate) retry_budget: RetryBudget,
    pub(crate) breaker: CircuitBreaker,
    pub(crate) attempt: Timeout,
    pub(crate) body: BodyTimeout,
    pub(crate) bulkhead: Bulkhead,
}

/// A client with its layers.
pub(crate) trait Stack:
    Service<Outgoing, Response = Response<Self::Body>, Error = BoxError, Future: Send>
    + Clone
    + Send
    + 'static
{
    type Body: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static;
}

impl<S, B> Stack for S
where
    S: Service<Outgoing, Response = Response<B>, Error = BoxError, Future: Send>,
    S: Clone + Send + 'static,
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Body = B;
}

/// A client without layers, with its own connections. Its errors are boxes, as the layers need them.
pub(crate) fn bare() -> impl Stack {
    let client: legacy::Client<HttpConnector, InMemory<Bytes>> =
        legacy::Client::builder(TokioExecutor::new()).build_http();
    ServiceBuilder::new()
        .map_err(BoxError::from)
        .service(client)
}

/// A client with a timeout of tower, which arms a timer for each request.
pub(crate) fn timed() -> impl Stack {
    ServiceBuilder::new().timeout(CALL).service(bare())
}

// === impl Client ===

impl Client {
    pub(crate) fn new() -> Result<Self, BoxError> {
        let budget = ErrorBudget::new("client", "99.9%".parse()?);
        Ok(Self {
            gate: Gate::new(budget.clone()),
            budget,
            call: Timeout::new(CALL).named("client"),
            retry_budget: RetryBudget::new("client"),
            breaker: CircuitBreaker::new("client"),
            attempt: Timeout::new(ATTEMPT).named("attempt"),
            body: BodyTimeout::builder()
                .headers(ATTEMPT)
                .idle(ATTEMPT)
                .build("attempt"),
            bulkhead: Bulkhead::new("client", 64)?,
        })
    }

    /// The seven layers, each until the head of the response. An error is a failure, and a response is not.
    pub(crate) fn until_head(&self) -> Result<impl Stack + use<>, BoxError> {
        let policy = RetryPolicy::builder().build()?;
        let policy = policy.budget(self.retry_budget.clone());
        Ok(ServiceBuilder::new()
            .layer(GateLayer::new(self.gate.clone()))
            .layer(ErrorBudgetLayer::new(self.budget.clone()))
            .layer(TimeoutLayer::new(self.call.clone()))
            .layer(RetryLayer::new(policy))
            .layer(CircuitBreakerLayer::new(self.breaker.clone()))
            .layer(TimeoutLayer::new(self.attempt.clone()))
            .layer(BulkheadLayer::new(self.bulkhead.clone()))
            .service(bare()))
    }

    /// The seven layers, with the meaning of HTTP statuses. Those that can hold until the end of the body. The request carries
    /// the deadline of the call to the server.
    pub(crate) fn until_body_end(&self) -> Result<impl Stack + use<>, BoxError> {
        let policy = RetryPolicy::builder().build()?;
        let policy = policy.budget(self.retry_budget.clone()).http();
        Ok(ServiceBuilder::new()
            .layer(GateLayer::new(self.gate.clone()))
            .layer(
                ErrorBudgetLayer::new(self.budget.clone())
                    .http()
                    .until_body_end(),
            )
            .layer(
                TimeoutLayer::new(self.call.clone())
                    .deadline(in_extensions)
                    .stamp(),
            )
            .layer(RetryLayer::new(policy.deadline(in_extensions)))
            .layer(
                CircuitBreakerLayer::new(self.breaker.clone())
                    .http()
                    .until_body_end(),
            )
            .layer(BodyTimeoutLayer::new(self.body.clone()).deadline(in_extensions))
            .layer(
                BulkheadLayer::new(self.bulkhead.clone())
                    .http()
                    .until_body_end(),
            )
            .layer(WriteDeadlineLayer::new(TimeHeader::millis(DEADLINE)))
            .service(bare()))
    }
}
