//! All layers over a reqwest client, with a breaker for each host. A request is a `reqwest::Request` and a response a
//! `reqwest::Response`, as before.

use std::time::Duration;

use axum::http::Response;
use maestro_bulkhead::{Bulkhead, BulkheadLayer};
use maestro_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer, CircuitBreakers, Open, State};
use maestro_retry::{RetryBudget, RetryLayer, RetryPolicy};
use maestro_timeout::{BodyTimeout, BodyTimeoutLayer, TimeoutLayer};
use reqwest::{Body, Client, Method, Request};
use tower::{BoxError, Service, ServiceBuilder, ServiceExt};

use crate::server::Server;

const CALL: Duration = Duration::from_secs(20);
const ATTEMPT: Duration = Duration::from_secs(8);

/// The stack.
fn api(
    client: Client,
    hosts: &CircuitBreakers<String>,
) -> Result<
    impl Service<Request, Response = reqwest::Response, Error = BoxError> + Clone + use<>,
    BoxError,
> {
    let policy = RetryPolicy::builder().attempts(3).build()?;
    let policy = policy.budget(RetryBudget::new("api")).http().replay(copy);
    let by_host = hosts.by(host);
    let attempt = BodyTimeout::builder().headers(ATTEMPT).idle(ATTEMPT);
    let bulkhead = Bulkhead::builder().limit(64).build("api")?;
    Ok(ServiceBuilder::new()
        .layer(TimeoutLayer::new(CALL))
        // A `reqwest::Response` is not one of `http`, but can be turned into one and back.
        .map_response(|response: Response<_>| response.map(Body::wrap).into())
        .layer(RetryLayer::new(policy))
        .layer(CircuitBreakerLayer::new(by_host).http().until_body_end())
        .layer(BodyTimeoutLayer::new(attempt.build("api")))
        .layer(BulkheadLayer::new(bulkhead).http().until_body_end())
        .map_response(Response::<Body>::from)
        .map_err(BoxError::from)
        .service(client))
}

/// The scheme, host and port. A user and a password in the URL are no part of it.
fn host(request: &Request) -> String {
    request.url().origin().ascii_serialization()
}

/// A copy of a request that may run twice. There is none of a body that streams.
fn copy(request: &Request) -> Option<Request> {
    let may_run_twice = request.method().is_idempotent();
    may_run_twice.then(|| request.try_clone())?
}

struct Api<S> {
    service: S,
    server: Server,
    breaker: CircuitBreaker,
}

/// A client of `server`.
fn client(
    server: Server,
) -> Api<impl Service<Request, Response = reqwest::Response, Error = BoxError>> {
    let hosts = CircuitBreaker::builder().consecutive_failures(5);
    let hosts = hosts.build_family("api", 100).expect("five is legal");
    let breaker = hosts.get(&server.url(""));
    let service = api(Client::new(), &hosts);
    Api {
        service: service.expect("all of it is legal"),
        server,
        breaker,
    }
}

impl<S> Api<S>
where
    S: Service<Request, Response = reqwest::Response, Error = BoxError>,
{
    /// The status and the text of the answer.
    async fn call(&mut self, method: Method, path: &str) -> Result<(u16, String), BoxError> {
        let url = self.server.url(path).parse().expect("a URL");
        let service = self.service.ready().await?;
        let response = service.call(Request::new(method, url)).await?;
        if path == "/breaks-off" {
            self.server.cut();
        }
        Ok((response.status().as_u16(), response.text().await?))
    }

    /// Checks that the breaker is open after `calls` calls, and that it rejects the next one.
    async fn opens(mut self, path: &str, calls: u32) {
        for _ in 0..calls {
            assert_eq!(self.breaker.state(), State::Closed);
            let answer = self.call(Method::GET, path).await;
            assert!(!matches!(answer, Ok((200, _))), "{answer:?}");
        }
        assert_eq!(self.breaker.state(), State::Open);
        let seen = self.server.seen();
        let refused = self.call(Method::GET, path).await;
        let refused = refused.expect_err("it is open");
        assert!(Open::find(refused.as_ref()).is_some(), "{refused}");
        assert_eq!(self.server.seen(), seen, "the server was asked");
    }
}

// The paused clock passes a limit at once while nothing else happens.
#[tokio::test(start_paused = true)]
async fn the_reqwest_recipe_opens_on_a_server_that_hangs() {
    // Three attempts of eight seconds do not fit into a call of twenty. The third is cancelled, and says nothing.
    client(Server::hyper().await).opens("/hangs", 3).await;
}

#[tokio::test]
async fn the_reqwest_recipe_opens_on_a_server_that_fails() {
    client(Server::hyper().await).opens("/status/500", 5).await;
    // This is retried: the third attempt of the second call is rejected.
    client(Server::hyper().await).opens("/status/503", 2).await;
    client(Server::hyper().await).opens("/status/429", 2).await;
    client(Server::refusing()).opens("/", 2).await;
}

#[tokio::test]
async fn the_reqwest_recipe_opens_on_bodies_that_break_off() {
    client(Server::hyper().await).opens("/breaks-off", 5).await;
}

#[tokio::test]
async fn the_reqwest_recipe_does_not_repeat_a_post() {
    let mut api = client(Server::hyper().await);
    let answer = api.call(Method::POST, "/status/503").await;
    assert_eq!(answer.expect("an answer").0, 503);
    assert_eq!(api.server.seen(), 1);
}

#[tokio::test]
async fn the_reqwest_recipe_stays_closed_on_a_server_that_answers() {
    let mut api = client(Server::hyper().await);
    for status in [200, 204, 301, 400, 401, 404, 409, 422].repeat(4) {
        let answer = api.call(Method::GET, &format!("/status/{status}")).await;
        assert_eq!(answer.expect("an answer").0, status);
    }
    assert_eq!(api.breaker.state(), State::Closed);
    assert_eq!(api.breaker.snapshot().failures(), 0);
}

#[tokio::test]
async fn the_reqwest_recipe_opens_for_one_host_only() {
    let hosts = CircuitBreaker::builder().consecutive_failures(1);
    let hosts = hosts.build_family("api", 100).expect("one is legal");
    let mut api = api(Client::new(), &hosts).expect("all of it is legal");
    let (down, well) = (Server::refusing(), Server::hyper().await);
    let mut get = async |url: String| {
        let request = Request::new(Method::GET, url.parse().expect("a URL"));
        api.ready().await?.call(request).await
    };
    let refused = get(down.url("/")).await.expect_err("nobody listens");
    assert!(Open::find(refused.as_ref()).is_some(), "{refused}");
    let answer = get(well.url("/status/200")).await.expect("an answer");
    assert_eq!(answer.status(), 200);
}
