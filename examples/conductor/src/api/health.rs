//! Is it alive, is it ready, what of its dependencies, and the figures.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::problem::Problem;
use crate::conductor::Conductor;
use crate::store::Query;

/// The process answers. Nothing else is asked: a restart heals no dependency.
pub(super) async fn alive() -> Response {
    Json(json!({ "status": "alive" })).into_response()
}

/// Runs can be kept. Asked of the writer itself, through its stack: an open breaker answers at once,
/// and once its wait is over this very question is the probe, so that a service without traffic
/// becomes ready again. The dispatch API is not asked for: without it runs are queued.
pub(super) async fn ready(State(conductor): State<Arc<Conductor>>) -> Result<Response, Problem> {
    let name = conductor.writes.name();
    let written = conductor.writes.call(Query::PingWrite).await;
    written.map_err(|error| Problem::store(name, &error))?;
    Ok(Json(json!({ "status": "ready" })).into_response())
}

/// Each dependency: the state of its breaker, how full its bulkhead is, its last error.
pub(super) async fn dependencies(State(conductor): State<Arc<Conductor>>) -> Response {
    let Conductor {
        writes,
        reads,
        cache,
        dispatch,
        ..
    } = &*conductor;
    let body = json!({
        "dependencies": {
            writes.name(): writes.health(),
            reads.name(): reads.health(),
            cache.name(): cache.health(),
            dispatch.name(): dispatch.health(),
        }
    });
    Json(body).into_response()
}

/// The Prometheus text. Gauges are set as it is asked for.
pub(super) async fn metrics(State(conductor): State<Arc<Conductor>>) -> Response {
    conductor.report();
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
    (StatusCode::OK, kind, conductor.metrics.render()).into_response()
}
