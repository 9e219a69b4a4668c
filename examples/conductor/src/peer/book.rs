//! The peer's handler: it records the idempotency key of a request.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use parking_lot::Mutex;
use serde_json::json;
use tokio::sync::watch;

use super::Fault;

/// Deliveries by idempotency key. The lock is never held across an await. The map only grows: the peer is a
/// stand-in for development and ends with its process.
#[derive(Debug, Default)]
pub(super) struct Book {
    deliveries: Mutex<HashMap<String, u32>>,
}

impl Book {
    pub(super) fn keys(&self) -> usize {
        self.deliveries.lock().len()
    }

    pub(super) fn deliveries(&self, key: &str) -> u32 {
        self.deliveries.lock().get(key).copied().unwrap_or(0)
    }

    /// Records a delivery; `true` if it is the first one of this key.
    fn take(&self, key: &str) -> bool {
        let mut deliveries = self.deliveries.lock();
        let count = deliveries.entry(key.to_owned()).or_default();
        *count += 1;
        *count == 1
    }
}

type Desk = (Arc<Book>, watch::Receiver<Fault>);

pub(super) fn routes(book: Arc<Book>, fault: watch::Receiver<Fault>) -> Router {
    Router::new()
        .route("/v1/dispatches", post(take))
        .with_state((book, fault))
}

async fn take(State((book, mut fault)): State<Desk>, headers: HeaderMap) -> Response {
    // Does not answer while the peer is stalled. Clients that still wait afterwards are served.
    let fault = fault
        .wait_for(|fault| *fault != Fault::Stalled)
        .await
        .map(|fault| *fault);
    if !matches!(fault, Ok(Fault::None)) {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let Some(key) = headers
        .get("idempotency-key")
        .and_then(|key| key.to_str().ok())
    else {
        return (StatusCode::BAD_REQUEST, "an idempotency-key is needed").into_response();
    };
    let first = book.take(key);
    (
        StatusCode::ACCEPTED,
        Json(json!({ "taken": true, "repeat": !first })),
    )
        .into_response()
}
