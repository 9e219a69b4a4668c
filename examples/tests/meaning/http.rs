//! Every HTTP status through every layer, by a real client and a real server.

use std::time::Duration;

use axum::{
    body::Bytes,
    http::{Request, Response},
};
use http_body_util::{BodyExt, Empty};
use maestro_bulkhead::BulkheadLayer;
use maestro_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer, Wait};
use maestro_retry::{Event, GiveUpReason, RetryLayer, RetryPolicy, RetryReason};
use maestro_slo_budget::ErrorBudgetLayer;
use tokio::sync::mpsc;
use tower::{BoxError, Service, ServiceBuilder, ServiceExt};

use crate::{
    layers::{Counted, Objects},
    server::Server,
    table::{Retry, Row, Table},
};

type Call = Request<Empty<Bytes>>;

/// reqwest with the types of the `http` crate.
fn client()
-> impl Service<Call, Response = Response<reqwest::Body>, Error = BoxError, Future: Send> + Clone {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    ServiceBuilder::new()
        .filter(|call: Call| reqwest::Request::try_from(call.map(reqwest::Body::wrap)))
        .map_response(Response::from)
        .service(client.build().expect("a client"))
}

fn get(server: &Server, path: &str) -> Call {
    let call = Request::get(server.url(path));
    call.body(Empty::new()).expect("a request")
}

/// What a policy reports.
struct Events(mpsc::UnboundedReceiver<Event>);

impl Events {
    fn of(policy: RetryPolicy) -> (RetryPolicy, Self) {
        let (send, receive) = mpsc::unbounded_channel();
        // An error is a test that has ended.
        policy
            .on_event(move |event| send.send(event.clone()).unwrap_or(()))
            .detach();
        (policy, Self(receive))
    }

    /// What the policy said of the first attempt, as the table has it.
    async fn first(&mut self) -> Retry {
        match self.0.recv().await.expect("an attempt was made") {
            Event::Done { .. } => Retry::No,
            Event::GaveUp {
                reason: GiveUpReason::Never,
                ..
            } => Retry::NoFailed,
            Event::Retry {
                reason: RetryReason::Throttled,
                ..
            } => Retry::YesThrottled,
            Event::Retry { .. } => Retry::Yes,
            event => panic!("{event:?}"),
        }
    }
}

/// What each layer alone counts for one response or error of `service`.
async fn each_layer<S, B>(service: S, call: impl Fn() -> Call) -> (Counted, Retry)
where
    S: Service<Call, Response = Response<B>, Error = BoxError> + Clone,
{
    let objects = Objects::new();
    let breaker = CircuitBreakerLayer::new(objects.breaker.clone()).http();
    let bulkhead = BulkheadLayer::new(objects.bulkhead.clone()).http();
    let budget = ErrorBudgetLayer::new(objects.budget.clone()).http();
    let (policy, mut events) = Events::of(objects.policy.clone());
    let retry = RetryLayer::new(policy.http());
    let builder = ServiceBuilder::new;
    let _ = builder()
        .layer(breaker)
        .service(service.clone())
        .oneshot(call())
        .await;
    let _ = builder()
        .layer(bulkhead)
        .service(service.clone())
        .oneshot(call())
        .await;
    let _ = builder()
        .layer(budget)
        .service(service.clone())
        .oneshot(call())
        .await;
    let _ = builder()
        .layer(retry)
        .service(service)
        .oneshot(call())
        .await;
    (objects.counted().await, events.first().await)
}

/// What each layer alone counts for a row of the table.
fn expected(row: Row) -> (Counted, Retry) {
    let retry = match row.retry {
        // Both end the call without a failure.
        Retry::NoIgnored => Retry::No,
        retry => retry,
    };
    (Counted::of(row, 1), retry)
}

#[tokio::test]
async fn each_layer_reads_each_status_as_the_table_says() {
    let (server, table, client) = (Server::hyper().await, Table::read(), client());
    for status in 200..600 {
        let call = || get(&server, &format!("/status/{status}"));
        let answer = client.clone().oneshot(call()).await.expect("an answer");
        assert_eq!(answer.status(), status);
        let counted = each_layer(client.clone(), call).await;
        assert_eq!(counted, expected(table.status(status)), "status {status}");
    }
}

#[tokio::test]
async fn each_layer_reads_each_status_also_until_the_body_ends() {
    let (server, table) = (Server::hyper().await, Table::read());
    for status in 200..600 {
        let objects = Objects::new();
        let budget = ErrorBudgetLayer::new(objects.budget.clone()).grpc();
        let breaker = CircuitBreakerLayer::new(objects.breaker.clone()).grpc();
        let bulkhead = BulkheadLayer::new(objects.bulkhead.clone()).grpc();
        let layers = ServiceBuilder::new()
            .layer(budget)
            .layer(breaker)
            .layer(bulkhead);
        let service = layers.service(client());
        let response = service
            .oneshot(get(&server, &format!("/status/{status}")))
            .await;
        let body = response.expect("an answer").into_body();
        body.collect().await.expect("an end");
        let counted = Counted::of(table.status(status), 1);
        assert_eq!(objects.counted().await, counted, "status {status}");
    }
}

#[tokio::test]
async fn each_layer_reads_a_lost_connection_as_an_error() {
    let (server, table) = (Server::hyper().await, Table::read());
    let counted = each_layer(client(), || get(&server, "/ClosedAtOnce/0")).await;
    assert_eq!(counted, expected(table.error()));
}

/// What a breaker, a bulkhead and a budget count of a body that breaks off, or that its reader drops before that.
async fn body_that_breaks_off(is_read: bool) -> Counted {
    let (server, objects) = (Server::hyper().await, Objects::new());
    let budget = ErrorBudgetLayer::new(objects.budget.clone()).http();
    let breaker = CircuitBreakerLayer::new(objects.breaker.clone()).http();
    let bulkhead = BulkheadLayer::new(objects.bulkhead.clone()).http();
    let service = ServiceBuilder::new()
        .layer(budget.until_body_end())
        .layer(breaker.until_body_end())
        .layer(bulkhead.until_body_end())
        .service(client());
    let response = service.oneshot(get(&server, "/breaks-off")).await;
    let body = response.expect("a head").into_body();
    if is_read {
        server.cut();
        assert!(body.collect().await.is_err());
    } else {
        drop(body);
    }
    objects.counted().await
}

/// A response that is not of gRPC is an answer to a bulkhead when its head comes.
const ANSWERED: (u64, u64) = (1, 0);

#[tokio::test]
async fn each_layer_reads_a_body_that_breaks_off_as_an_error() {
    let error = Counted {
        bulkhead: ANSWERED,
        ..Counted::of(Table::read().error(), 1)
    };
    assert_eq!(body_that_breaks_off(true).await, error);
}

#[tokio::test]
async fn no_layer_counts_a_body_that_its_reader_drops() {
    let dropped = Counted {
        bulkhead: ANSWERED,
        ..Counted::default()
    };
    assert_eq!(body_that_breaks_off(false).await, dropped);
}

#[tokio::test]
async fn a_breaker_stays_open_for_the_retry_after() {
    let server = Server::hyper().await;
    for status in [408, 429, 500, 503, 504] {
        let builder = CircuitBreaker::builder().consecutive_failures(1);
        let builder = builder.wait_in_open(Wait::fixed(Duration::from_secs(1)));
        let builder = builder.max_retry_after(Duration::from_secs(10_000));
        let breaker = builder.build("api").expect("legal");
        let layer = CircuitBreakerLayer::new(breaker.clone()).http();
        let service = ServiceBuilder::new().layer(layer).service(client());
        let call = get(&server, &format!("/status/{status}?9000"));
        let answer = service.oneshot(call).await.expect("an answer");
        assert_eq!(answer.status(), status);
        let wait = breaker.snapshot().retry_after().expect("it is open");
        assert!(wait > Duration::from_secs(5_000), "{status}: {wait:?}");
    }
}

#[tokio::test]
async fn a_retry_waits_for_the_retry_after() {
    let server = Server::hyper().await;
    for status in [408, 425, 429, 502, 503, 504] {
        let policy = RetryPolicy::builder().max_hint(Duration::from_secs(10_000));
        let (policy, mut events) = Events::of(policy.build().expect("legal"));
        let retry = RetryLayer::new(policy.http());
        let service = ServiceBuilder::new().layer(retry).service(client());
        let before = server.seen();
        let call = get(&server, &format!("/status/{status}?9000"));
        let call = tokio::spawn(service.oneshot(call));
        let Some(Event::Retry { wait, .. }) = events.0.recv().await else {
            panic!("no retry of {status}")
        };
        call.abort();
        assert!(wait >= Duration::from_mins(150), "{status}: {wait:?}");
        assert_eq!(server.seen(), before + 1);
    }
}
