//! A client of hyper-util. Its error is foreign: a box beneath the layers has room for rejections.

use std::time::Duration;

use axum::http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use maestro_bulkhead::{Bulkhead, BulkheadLayer};
use maestro_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer, Open, State};
use maestro_retry::{RetryBudget, RetryLayer, RetryPolicy};
use maestro_timeout::TimeoutLayer;
use tower::{BoxError, Service, ServiceBuilder, ServiceExt};

use crate::refusing::{LONG, breaker, refusing};

/// The stack.
fn peer<B>(
    client: Client<HttpConnector, B>,
    breaker: CircuitBreaker,
    attempt: Duration,
) -> Result<
    impl Service<Request<B>, Response = Response<Incoming>, Error = BoxError> + Clone,
    BoxError,
>
where
    B: Body<Data: Send, Error: Into<BoxError>> + Clone + Send + Unpin + 'static,
{
    let policy = RetryPolicy::builder().attempts(5).build()?;
    let policy = policy.budget(RetryBudget::new("peer")).http();
    let bulkhead = Bulkhead::builder().limit(8).build("peer")?;
    Ok(ServiceBuilder::new()
        .layer(RetryLayer::new(policy))
        .layer(CircuitBreakerLayer::new(breaker).http())
        .layer(TimeoutLayer::new(attempt))
        .layer(BulkheadLayer::new(bulkhead).http())
        .map_err(BoxError::from)
        .service(client))
}

#[tokio::test]
async fn hyper_opens_the_circuit_over_a_boxed_error() {
    use http_body_util::Empty;
    use hyper_util::rt::TokioExecutor;

    let (address, _bound) = refusing();
    let client: Client<HttpConnector, Empty<&'static [u8]>> =
        Client::builder(TokioExecutor::new()).build_http();
    let breaker = breaker("peer");
    let mut peer = peer(client, breaker.clone(), LONG).expect("all of it is legal");
    let request = Request::get(format!("http://{address}/"));
    let request = request.body(Empty::new()).expect("a request");
    let error = peer.ready().await.expect("ready").call(request).await;
    let error = error.expect_err("nobody listens");
    let open = Open::find(error.as_ref()).expect("the third attempt met the open circuit");
    assert_eq!((open.name(), breaker.state()), ("peer", State::Open));
}
