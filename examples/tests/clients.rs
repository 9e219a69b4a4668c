//! Common clients beneath our layers, over real sockets: an HTTP client, a cache, a database. Their error types are
//! foreign and have no variant for our rejections: an enum or a box adds one. `meaning/recipes` has tonic, whose rejections
//! are answers, and reqwest.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use maestro_bulkhead::{Bulkhead, BulkheadLayer, Full};
use maestro_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer, Open, State};
use maestro_retry::{Backoff, RetryLayer, RetryPolicy};
use maestro_timeout::{Elapsed, TimeoutLayer};
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

/// A port that refuses connections. It stays bound, so that no other process gets it.
fn refusing() -> (SocketAddr, tokio::net::TcpSocket) {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket can be made");
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    socket.bind(any).expect("loopback has a free port");
    (socket.local_addr().expect("it is bound"), socket)
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
        .layer(RetryLayer::new(attempts(5).http()))
        .layer(CircuitBreakerLayer::new(breaker.clone()).http())
        .layer(TimeoutLayer::new(LONG))
        .layer(BulkheadLayer::new(bulkhead("peer")).http())
        .map_err(BoxError::from)
        .service(client);

    let request = axum::http::Request::get(format!("http://{address}/"));
    let request = request.body(Empty::new()).expect("a request");
    let error = peer.ready().await.expect("ready").call(request).await;
    let error = error.expect_err("nobody listens");
    let open = Open::find(error.as_ref()).expect("the third attempt met the open circuit");
    assert_eq!((open.name(), breaker.state()), ("peer", State::Open));
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
    let layer = CircuitBreakerLayer::new(breaker.clone())
        .ignore_rejections()
        .fallback(|_open, _key| Ok(None));
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

#[tokio::test]
async fn postgres_fails_fast_in_the_default_order() {
    let (address, _bound) = refusing();
    let breaker = breaker("store");
    let mut store = ServiceBuilder::new()
        .layer(TimeoutLayer::new(LONG))
        .layer(RetryLayer::new(attempts(4)))
        .layer(CircuitBreakerLayer::new(breaker.clone()).ignore_rejections())
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
