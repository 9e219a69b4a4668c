//! Clients that do not read, and connections that outlive their response, over real sockets.
//!
//! The time is tokio's, paused and moved by hand. Nothing here waits for a clock.

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderValue, Request, Response, StatusCode, header},
};
use http_body_util::channel::Channel;
use hyper_util::rt::TokioIo;
use maestro_bulkhead::{Bulkhead, BulkheadLayer};
use maestro_slo_budget::{Counts, ErrorBudget, ErrorBudgetLayer};
use maestro_timeout::{BodyTimeout, BodyTimeoutLayer};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tower::{ServiceBuilder, service_fn};

/// More than the buffers of a loopback socket hold.
const LARGE: usize = 64 << 20;

fn one_place(name: &'static str) -> Bulkhead {
    let builder = Bulkhead::builder().limit(1);
    let builder = builder.body_idle(Duration::from_secs(10));
    builder.build(name).expect("legal")
}

/// The answer to a refused call.
fn busy(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// Serves `routes` on a free port until the end of the test.
async fn serve(routes: Router) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await;
    let listener = listener.expect("loopback has a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move { axum::serve(listener, routes).await });
    address
}

/// Sends a request and reads the status of its answer, and nothing after it.
async fn ask(address: SocketAddr, headers: &str) -> (TcpStream, String) {
    let mut client = TcpStream::connect(address).await.expect("it listens");
    let request = format!("GET / HTTP/1.1\r\nhost: x\r\n{headers}\r\n");
    client.write_all(request.as_bytes()).await.expect("open");
    let mut status = [0; 12];
    client.read_exact(&mut status).await.expect("an answer");
    let status = String::from_utf8_lossy(&status[9..]).into_owned();
    (client, status)
}

#[tokio::test]
async fn a_client_that_does_not_read_loses_its_place() {
    let pool = one_place("files");
    let whole = BodyTimeout::builder().whole(Duration::from_secs(1));
    let files = ServiceBuilder::new()
        .layer(
            BulkheadLayer::new(pool.clone())
                .on_reject(|full| {
                    let mut response = busy(StatusCode::SERVICE_UNAVAILABLE);
                    if let Some(after) = full.retry_after() {
                        let after = HeaderValue::from(after.as_secs());
                        response.headers_mut().insert(header::RETRY_AFTER, after);
                    }
                    Ok(response)
                })
                .until_body_end(),
        )
        .map_response(|response: Response<_>| response.map(Body::new))
        .layer(
            BodyTimeoutLayer::new(whole.build("files"))
                .on_reject(|_| Ok(busy(StatusCode::GATEWAY_TIMEOUT))),
        )
        .service(service_fn(async |_: Request<Body>| {
            // Two frames. The server does not poll for the second one before its client has read most of the first.
            let (mut send, body) = Channel::<Bytes, Infallible>::new(2);
            for _ in 0..2 {
                let frame = http_body::Frame::data(Bytes::from(vec![0; LARGE]));
                send.try_send(frame).expect("there is room for two");
            }
            Ok::<_, Infallible>(Response::new(Body::new(body)))
        }));
    let address = serve(Router::new().fallback_service(files)).await;

    let (mut stuck, status) = ask(address, "").await;
    assert_eq!((status.as_str(), pool.in_flight()), ("200", 1));
    let (_, status) = ask(address, "").await;
    assert_eq!(status, "503");
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(2)).await;
    let (_, status) = ask(address, "").await;
    assert_eq!(
        status, "503",
        "the limit of the whole body does not end a body that is not polled"
    );

    tokio::time::advance(Duration::from_secs(13)).await;
    assert_eq!(pool.in_flight(), 1);
    let (second, status) = ask(address, "").await;
    assert_eq!((status.as_str(), pool.in_flight()), ("200", 1));

    // The first client reads on. Now its body is polled, and its limit ends it.
    let mut rest = Vec::new();
    stuck.read_to_end(&mut rest).await.ok();
    assert!(rest.len() < 2 * LARGE, "it was ended");
    assert_eq!(pool.in_flight(), 1, "the place of the second client");
    let (_, status) = ask(address, "").await;
    assert_eq!(status, "503");
    drop(second);
}

/// A file that is streamed: its length is in the head, and its body does not foresee its end.
#[tokio::test]
async fn a_download_of_an_announced_length_is_counted() {
    let budget = ErrorBudget::new("files", "99.9%".parse().expect("legal"));
    let files = ServiceBuilder::new()
        .map_response(|response: Response<_>| response.map(Body::new))
        .layer(ErrorBudgetLayer::new(budget.clone()).until_body_end())
        .service(service_fn(async |_: Request<Body>| {
            let (mut send, body) = Channel::<Bytes, Infallible>::new(1);
            let frame = http_body::Frame::data(Bytes::from_static(b"content"));
            send.try_send(frame).expect("there is room");
            let head = Response::builder().header(header::CONTENT_LENGTH, 7);
            Ok::<_, Infallible>(head.body(body).expect("legal"))
        }));
    let address = serve(Router::new().fallback_service(files)).await;
    let (mut client, _) = ask(address, "connection: close\r\n").await;
    let mut rest = String::new();
    client.read_to_string(&mut rest).await.expect("text");
    assert!(rest.ends_with("content"));
    assert_eq!(budget.counts(Duration::MAX), Counts::new(1, 0));
}

#[tokio::test]
async fn a_permit_lives_as_long_as_an_upgraded_connection() {
    let pool = one_place("sockets");
    let places = pool.clone();
    let sockets = service_fn(move |mut request: Request<Body>| {
        let response = places.try_acquire().map_or_else(
            |_| busy(StatusCode::SERVICE_UNAVAILABLE),
            |permit| {
                let upgrade = hyper::upgrade::on(&mut request);
                tokio::spawn(async move {
                    if let Ok(connection) = upgrade.await {
                        let (mut read, mut write) = tokio::io::split(TokioIo::new(connection));
                        tokio::io::copy(&mut read, &mut write).await.ok();
                        // The place is free when the client sees the end.
                        drop(permit);
                        write.shutdown().await.ok();
                    }
                });
                let mut response = busy(StatusCode::SWITCHING_PROTOCOLS);
                let headers = response.headers_mut();
                headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
                headers.insert(header::UPGRADE, HeaderValue::from_static("echo"));
                response
            },
        );
        std::future::ready(Ok::<_, Infallible>(response))
    });
    let address = serve(Router::new().fallback_service(sockets)).await;

    let upgrade = "connection: upgrade\r\nupgrade: echo\r\n";
    let (mut client, status) = ask(address, upgrade).await;
    assert_eq!(status, "101");
    let mut head = vec![0; 4];
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.expect("the rest of the head"));
    }
    client.write_all(b"ping").await.expect("open");
    let mut echo = [0; 4];
    client.read_exact(&mut echo).await.expect("an echo");
    assert_eq!((&echo, pool.in_flight()), (b"ping", 1));
    let (_, status) = ask(address, upgrade).await;
    assert_eq!(status, "503", "the upgraded connection holds the place");

    client.shutdown().await.expect("open");
    assert_eq!(client.read(&mut echo).await.expect("the end"), 0);
    assert_eq!(pool.in_flight(), 0);
    let (_, status) = ask(address, upgrade).await;
    assert_eq!(status, "101");
}
