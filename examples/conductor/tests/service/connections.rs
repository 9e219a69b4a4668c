//! axum calls a layer once a connection. A breaker that is created there is a new one for each connection and never
//! opens. Ours is created once, and all services of the layer share it.

use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use maestro_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer, State};
use tokio::net::TcpListener;

use crate::client::Client;

#[tokio::test]
async fn all_connections_share_one_breaker() {
    let breaker = CircuitBreaker::builder()
        .consecutive_failures(3)
        .build("api")
        .expect("valid");
    let layer = CircuitBreakerLayer::new(breaker.clone())
        .failure_if(|r: &Result<Response, _>| matches!(r, Ok(r) if r.status().is_server_error()))
        .on_reject(|open| Ok((StatusCode::SERVICE_UNAVAILABLE, open.to_string()).into_response()));
    let routes = Router::new()
        .route("/", get(|| async { StatusCode::INTERNAL_SERVER_ERROR }))
        .layer(layer);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let client = Client::new(listener.local_addr().expect("an address"));
    let serving = tokio::spawn(async move { axum::serve(listener, routes).await });

    let mut statuses = Vec::new();
    for _ in 0..5 {
        // The client opens a connection for each request.
        statuses.push(client.get("/").await.status);
    }
    assert_eq!(statuses, [500, 500, 500, 503, 503]);
    assert_eq!(breaker.state(), State::Open);
    serving.abort();
}
