//! Common clients beneath our layers, over real sockets: two HTTP clients, a gRPC channel, a cache, a database. Their
//! error types are foreign and have no variant for our rejections. Each test shows one way to add one: an enum, a box,
//! or an answer.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::{Router, http::StatusCode, routing::get};
use maestro_bulkhead::{Bulkhead, BulkheadLayer, Full};
use maestro_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer, Open, Outcome, State};
use maestro_retry::{Backoff, RetryLayer, RetryPolicy};
use maestro_timeout::{Elapsed, TimeoutLayer};
use tokio::net::TcpListener;
use tower::{BoxError, Service, ServiceBuilder, ServiceExt, service_fn};

/// Longer than any response on loopback takes, also on a busy machine.
const LONG: Duration = Duration::from_secs(30);

/// A breaker that opens at the second failure and stays open for the rest of a test.
fn breaker(name: &'static str) -> CircuitBreaker {
    CircuitBreaker::builder()
        .consecutive_failures(2)
        .wait_in_open(maestro_circuit_breaker::Wait::fixed(LONG))
        .build(name)
        .expect("two failures are legal")
}

fn bulkhead(name: &'static str) -> Bulkhead {
    let builder = Bulkhead::builder().limit(8);
    builder.build(name).expect("eight places are legal")
}

fn attempts(n: u32) -> RetryPolicy {
    let builder = RetryPolicy::builder().attempts(n);
    builder.backoff(Backoff::none()).build().expect("legal")
}

/// A server on a free port that answers `503` to the first two requests and then `200`, and its number of requests.
async fn server() -> (SocketAddr, Arc<AtomicU32>) {
    let seen = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&seen);
    let answer = move || {
        let nth = count.fetch_add(1, Relaxed);
        async move {
            if nth < 2 {
                (StatusCode::SERVICE_UNAVAILABLE, "not yet")
            } else {
                (StatusCode::OK, "here")
            }
        }
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let listener = listener.expect("loopback has a free port");
    let address = listener.local_addr().expect("it is bound");
    let routes = Router::new().route("/", get(answer));
    // The task ends with the runtime of its test.
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (address, seen)
}

/// A port that refuses connections. It stays bound, so that no other process gets it.
fn refusing() -> (SocketAddr, tokio::net::TcpSocket) {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket can be made");
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    socket.bind(any).expect("loopback has a free port");
    (socket.local_addr().expect("it is bound"), socket)
}

#[derive(Debug, thiserror::Error)]
enum ApiError {
    #[error("circuit open")]
    Open(#[from] Open),
    #[error("no room")]
    Full(#[from] Full),
    #[error("too late")]
    Elapsed(#[from] Elapsed),
    #[error("http")]
    Http(#[from] reqwest::Error),
}

#[tokio::test]
async fn reqwest_retries_a_copy_and_wraps_its_error_in_an_enum() {
    let (address, seen) = server().await;
    let broken = |r: &Result<reqwest::Response, ApiError>| match r {
        Ok(response) => response.status().is_server_error(),
        Err(error) => matches!(error, ApiError::Http(_) | ApiError::Elapsed(_)),
    };
    let breaker = CircuitBreaker::new("api");
    let mut api = ServiceBuilder::new()
        .layer(TimeoutLayer::new(LONG))
        .layer(RetryLayer::new(
            // `reqwest::Request` is not `Clone`, because a body may be a stream.
            attempts(3)
                .replay(reqwest::Request::try_clone)
                .retry_if(broken),
        ))
        .layer(CircuitBreakerLayer::new(breaker.clone()).classify(
            move |r: &Result<reqwest::Response, ApiError>| match r {
                Err(ApiError::Open(_) | ApiError::Full(_)) => Outcome::Ignored,
                r if broken(r) => Outcome::Failure,
                _ => Outcome::Success,
            },
        ))
        .layer(TimeoutLayer::new(LONG))
        .layer(BulkheadLayer::new(bulkhead("api")))
        .map_err(ApiError::from)
        .service(reqwest::Client::new());

    let url = format!("http://{address}/").parse().expect("a URL");
    let request = reqwest::Request::new(reqwest::Method::GET, url);
    let response = api.ready().await.expect("ready").call(request).await;
    let response = response.expect("the third attempt is answered");
    assert_eq!(response.text().await.expect("a text"), "here");
    assert_eq!(seen.load(Relaxed), 3);
    assert_eq!(breaker.snapshot().failures(), 2);
}

#[tokio::test]
async fn hyper_opens_the_circuit_over_a_boxed_error() {
    use http_body_util::Empty;
    use hyper_util::{
        client::legacy::{Client, connect::HttpConnector},
        rt::TokioExecutor,
    };

    let (address, _bound) = refusing();
    let client: Client<HttpConnector, Empty<&'static [u8]>> =
        Client::builder(TokioExecutor::new()).build_http();
    let breaker = breaker("peer");
    let mut peer = ServiceBuilder::new()
        .layer(RetryLayer::new(attempts(5).retry_if(
            |r| matches!(r, Err::<_, BoxError>(e) if Open::find(e.as_ref()).is_none()),
        )))
        .layer(CircuitBreakerLayer::new(breaker.clone()))
        .layer(TimeoutLayer::new(LONG))
        .layer(BulkheadLayer::new(bulkhead("peer")))
        .map_err(BoxError::from)
        .service(client);

    let request = axum::http::Request::get(format!("http://{address}/"));
    let request = request.body(Empty::new()).expect("a request");
    let error = peer.ready().await.expect("ready").call(request).await;
    let error = error.expect_err("nobody listens");
    let open = Open::find(error.as_ref()).expect("the third attempt met the open circuit");
    assert_eq!((open.name(), breaker.state()), ("peer", State::Open));
}

#[tokio::test]
async fn a_tonic_channel_answers_rejections_with_a_status() {
    use tonic::{Status, body::Body, transport::Endpoint};

    fn generated_client<S: tonic::client::GrpcService<Body>>(channel: S) -> S {
        channel // the bounds of `FooClient::new`
    }

    let (address, _bound) = refusing();
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("a URL");
    let breaker = breaker("ledger");
    let unavailable =
        |e: &dyn std::error::Error| Ok(Status::unavailable(e.to_string()).into_http());
    let mut channel = generated_client(
        ServiceBuilder::new()
            .layer(
                CircuitBreakerLayer::new(breaker.clone()).on_reject(move |open| unavailable(&open)),
            )
            .layer(TimeoutLayer::new(LONG).on_reject(move |elapsed| unavailable(&elapsed)))
            .layer(BulkheadLayer::new(bulkhead("ledger")).on_reject(move |full| unavailable(&full)))
            .service(endpoint.connect_lazy()),
    );
    for _ in 0..2 {
        let request = axum::http::Request::new(Body::empty());
        // The channel reports the refused connection in `call`, or already in `poll_ready`.
        let failed = match channel.ready().await {
            Ok(channel) => channel.call(request).await.is_err(),
            Err(_) => true,
        };
        assert!(failed);
    }
    assert_eq!(breaker.state(), State::Open);
    let request = axum::http::Request::new(Body::empty());
    let answer = channel
        .ready()
        .await
        .expect("open is ready")
        .call(request)
        .await;
    let answer = answer.expect("the circuit answers");
    let status = Status::from_header_map(answer.headers()).expect("a status");
    assert_eq!(status.code(), tonic::Code::Unavailable);
    assert!(status.message().starts_with("circuit `ledger` is open"));
}

#[derive(Debug, thiserror::Error)]
enum CacheError {
    #[error("circuit open")]
    Open(#[from] Open),
    #[error("no room")]
    Full(#[from] Full),
    #[error("too late")]
    Elapsed(#[from] Elapsed),
    #[error("redis")]
    Redis(#[from] redis::RedisError),
}

#[tokio::test]
async fn redis_falls_back_to_a_miss_while_its_circuit_is_open() {
    let (address, _bound) = refusing();
    let client = redis::Client::open(format!("redis://{address}/")).expect("a URL");
    let breaker = breaker("cache");
    // The fallback is a miss, so callers do not see that the cache is down.
    let layer = CircuitBreakerLayer::new(breaker.clone()).fallback(|_open, _key| Ok(None));
    let mut cache = ServiceBuilder::new()
        .layer(layer)
        .layer(TimeoutLayer::new(LONG))
        .layer(BulkheadLayer::new(bulkhead("cache")))
        .service(service_fn(move |key: &'static str| {
            let client = client.clone();
            async move {
                let mut connection = client.get_multiplexed_async_connection().await?;
                let value: Option<String> = redis::cmd("GET")
                    .arg(key)
                    .query_async(&mut connection)
                    .await?;
                Ok::<_, CacheError>(value)
            }
        }));
    for _ in 0..2 {
        let error = cache.ready().await.expect("ready").call("run:1").await;
        assert!(matches!(error, Err(CacheError::Redis(_))), "{error:?}");
    }
    let missed = cache.ready().await.expect("ready").call("run:1").await;
    assert_eq!(missed.expect("a fallback"), None);
    assert_eq!(breaker.state(), State::Open);
}

#[derive(Debug, thiserror::Error)]
enum StoreError {
    #[error("circuit open")]
    Open(#[from] Open),
    #[error("no room")]
    Full(#[from] Full),
    #[error("too late")]
    Elapsed(#[from] Elapsed),
    #[error("sql")]
    Sql(#[from] tokio_postgres::Error),
}

/// The documented classifier: a full bulkhead says nothing about the store.
fn meaning<T>(result: &Result<T, StoreError>) -> Outcome {
    match result {
        Ok(_) => Outcome::Success,
        Err(StoreError::Open(_) | StoreError::Full(_)) => Outcome::Ignored,
        Err(StoreError::Elapsed(_) | StoreError::Sql(_)) => Outcome::Failure,
    }
}

#[tokio::test]
async fn postgres_fails_fast_in_the_default_order() {
    let (address, _bound) = refusing();
    let breaker = breaker("store");
    let may_pass = |r: &Result<u64, StoreError>| {
        matches!(
            r,
            Err(StoreError::Full(_) | StoreError::Elapsed(_) | StoreError::Sql(_))
        )
    };
    let mut store = ServiceBuilder::new()
        .layer(TimeoutLayer::new(LONG))
        .layer(RetryLayer::new(attempts(4).retry_if(may_pass)))
        .layer(CircuitBreakerLayer::new(breaker.clone()).classify(meaning))
        .layer(TimeoutLayer::new(LONG))
        .layer(BulkheadLayer::new(bulkhead("store")))
        .service(service_fn(move |sql: &'static str| async move {
            let mut config = tokio_postgres::Config::new();
            config
                .host("127.0.0.1")
                .port(address.port())
                .user("maestro");
            let (client, connection) = config.connect(tokio_postgres::NoTls).await?;
            let driver = tokio::spawn(connection);
            let rows = client.execute(sql, &[]).await;
            driver.abort();
            Ok::<_, StoreError>(rows?)
        }));
    let error = store.ready().await.expect("ready").call("SELECT 1").await;
    let error = error.expect_err("nobody listens");
    // Two attempts failed. The third was rejected by the open circuit and was not repeated.
    let open = Open::find(&error).expect("the circuit is open");
    assert!(open.retry_after() > Duration::ZERO);
    assert_eq!(breaker.state(), State::Open);
}
