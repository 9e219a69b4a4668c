//! The error of a call to a dependency, and the answer that a caller of the service gets for it.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use maestro_bulkhead::Full;
use maestro_circuit_breaker::Open;
use maestro_timeout::Elapsed;
use tower::BoxError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    #[error("not called: {0}")]
    Open(#[from] Open),
    #[error("no room: {0}")]
    Full(#[from] Full),
    #[error("too late: {0}")]
    Elapsed(#[from] Elapsed),
    #[error("postgres: {0}")]
    Postgres(#[from] tokio_postgres::Error),
    #[error("redis: {0}")]
    Redis(#[from] redis::RedisError),
    #[error("grpc: {0}")]
    Grpc(#[from] tonic::Status),
    #[error("http: {0}")]
    Http(#[from] reqwest::Error),
    #[error("the payment was answered with {0}")]
    Unpaid(StatusCode),
    #[error("{0}")]
    Other(#[source] BoxError),
}

impl IntoResponse for CallError {
    /// A rejection says when to try again. It may lie beneath an error of tonic.
    fn into_response(self) -> Response {
        if let Some(open) = Open::find(&self) {
            open.to_http_response()
        } else if let Some(full) = Full::find(&self) {
            full.to_http_response()
        } else if let Some(elapsed) = Elapsed::find(&self) {
            elapsed.to_http_response()
        } else {
            tracing::warn!(error = %self, "a dependency failed");
            StatusCode::BAD_GATEWAY.into_response()
        }
    }
}
