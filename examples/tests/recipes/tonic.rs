//! All layers over a tonic channel. A generated client takes the result: `LedgerClient::new(ledger(…))`.

use std::time::Duration;

use axum::{
    body::Bytes,
    http::{Request, Response},
};
use http_body_util::{BodyExt, Full as InMemory};
use maestro_bulkhead::{Bulkhead, BulkheadLayer, Full};
use maestro_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer, Open, State};
use maestro_retry::{FirstFrameBody, RetryBudget, RetryLayer, RetryPolicy};
use maestro_timeout::{BodyTimeout, BodyTimeoutLayer, Elapsed, TimeoutLayer};
use tonic::{Code, Status, body::Body, client::GrpcService, transport::Channel};
use tower::{BoxError, ServiceBuilder};

use crate::{
    client::{self, Client},
    ending::Ending,
    server::Server,
};

const CALL: Duration = Duration::from_secs(20);
const ATTEMPT: Duration = Duration::from_secs(8);

/// The stack. Each layer answers a rejection with a gRPC status. `may_repeat` says of the path of a method whether it may
/// run twice.
fn ledger(
    channel: Channel,
    breaker: CircuitBreaker,
    may_repeat: fn(&str) -> bool,
) -> Result<impl GrpcService<Body, ResponseBody = FirstFrameBody<Body>> + Clone, BoxError> {
    let policy = RetryPolicy::builder().attempts(3).build()?;
    let policy = policy.budget(RetryBudget::new("ledger")).grpc(may_repeat);
    let attempt = BodyTimeout::builder().headers(ATTEMPT).whole(ATTEMPT);
    let attempt = BodyTimeoutLayer::new(attempt.build("ledger"));
    let bulkhead = BulkheadLayer::new(Bulkhead::builder().limit(64).build("ledger")?);
    let breaker = CircuitBreakerLayer::new(breaker);
    Ok(ServiceBuilder::new()
        .layer(TimeoutLayer::new(CALL).on_reject(Elapsed::grpc_response))
        // Its errors are boxes. Map them to an enum outside of it if a handler of axum calls the stack.
        .filter_async(in_memory)
        .layer(RetryLayer::new(policy).until_first_frame())
        // The layer above moves a body after its first frame.
        .map_response(|response: Response<_>| response.map(Body::new))
        .layer(breaker.grpc().on_reject(Open::grpc_response))
        .layer(attempt.on_reject(Elapsed::grpc_response))
        .layer(bulkhead.grpc().on_reject(Full::grpc_response))
        .map_request(|request: Request<InMemory<Bytes>>| request.map(Body::new))
        .service(channel))
}

/// A request of tonic is a stream, which cannot be repeated. This one can.
async fn in_memory(request: Request<Body>) -> Result<Request<InMemory<Bytes>>, Status> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    Ok(Request::from_parts(head, InMemory::new(body)))
}

/// A client of `server`, and its breaker.
fn client(
    server: &Server,
) -> (
    Client<impl GrpcService<Body, ResponseBody = FirstFrameBody<Body>>>,
    CircuitBreaker,
) {
    let breaker = CircuitBreaker::builder().consecutive_failures(5);
    let breaker = breaker.build("ledger").expect("five is legal");
    let stack = ledger(client::channel(server), breaker.clone(), |_| true);
    (Client::new(stack.expect("all of it is legal")), breaker)
}

/// Checks that the breaker is open after `calls` calls that end like this, and that it answers the next one.
async fn opens(server: &Server, ending: Ending, code: u16, calls: u32, attempts: u32) {
    let (mut client, breaker) = client(server);
    for _ in 0..calls {
        assert_eq!(breaker.state(), State::Closed);
        client.unary(ending, code).await.expect_err("it fails");
    }
    assert_eq!(breaker.state(), State::Open);
    let seen = server.seen();
    assert!(seen <= attempts, "{seen} attempts");
    let refused = client.unary(ending, code).await;
    assert_eq!(refused.expect_err("it is open").code(), Code::Unavailable);
    assert_eq!(server.seen(), seen, "the server was asked");
}

// The paused clock passes a limit at once while nothing else happens.
#[tokio::test(start_paused = true)]
async fn the_tonic_recipe_opens_on_a_server_that_hangs() {
    opens(&Server::hyper().await, Ending::Hangs, 0, 5, 5).await;
}

#[tokio::test(start_paused = true)]
async fn the_tonic_recipe_opens_on_a_server_that_hangs_after_its_head() {
    // Two attempts of eight seconds. The third does not end before the call does, and is cancelled.
    opens(&Server::hyper().await, Ending::ResetAfterHead, 0, 3, 7).await;
}

#[tokio::test]
async fn the_tonic_recipe_opens_on_a_server_that_fails() {
    for server in [Server::hyper().await, Server::tonic().await] {
        opens(&server, Ending::TrailersOnly, 13, 5, 5).await;
    }
}

#[tokio::test]
async fn the_tonic_recipe_opens_on_a_server_that_is_unavailable() {
    // Two attempts of the second call, and its third is rejected.
    opens(&Server::tonic().await, Ending::TrailersOnly, 14, 2, 5).await;
    opens(&Server::hyper().await, Ending::ClosedAtOnce, 0, 2, 5).await;
    opens(&Server::refusing(), Ending::TrailersOnly, 0, 2, 0).await;
}

#[tokio::test]
async fn the_tonic_recipe_opens_on_errors_in_trailers() {
    for server in [Server::hyper().await, Server::tonic().await] {
        opens(&server, Ending::TrailersAfterData, 13, 5, 5).await;
    }
}

#[tokio::test]
async fn the_tonic_recipe_stays_closed_on_a_server_that_answers() {
    let server = Server::tonic().await;
    let (mut client, breaker) = client(&server);
    for code in [0, 3, 5, 7, 16].repeat(4) {
        let answer = client.unary(Ending::TrailersAfterData, code).await;
        let seen = answer.map_or_else(|status| status.code(), |()| Code::Ok);
        assert_eq!(seen, Code::from_i32(code.into()));
    }
    assert_eq!(breaker.state(), State::Closed);
    assert_eq!(breaker.snapshot().failures(), 0);
}
