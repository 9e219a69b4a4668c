//! Liveness, readiness, the state of the dependencies, and the metrics.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::problem::Problem;
use crate::conductor::Conductor;

/// Liveness: the process answers. It does not check the dependencies, because a restart does not heal them.
pub(super) async fn alive() -> Response {
    Json(json!({ "status": "alive" })).into_response()
}

/// Readiness: runs can be stored.
///
/// The query writes and deletes a run of the largest size, and commits. A lock that is taken and given back says
/// nothing: it is given by a malformed database and on a full disk as well.
///
/// Sends the query through the writer's stack instead of reading the breaker's state. A breaker closes by traffic:
/// if readiness only read the state, a load balancer that withdraws all traffic would keep the breaker open for
/// ever. An open breaker rejects the query at once; when its wait is over, the query is the probe. The dispatch
/// API is not checked, because runs are queued without it.
pub(super) async fn ready(State(conductor): State<Arc<Conductor>>) -> Result<Response, Problem> {
    let written = conductor.readiness.ask(&conductor.writes).await;
    written.map_err(|error| Problem::store(conductor.writes.name(), &error))?;
    Ok(Json(json!({ "status": "ready" })).into_response())
}

/// Each dependency: the state of its breaker, the use of its bulkhead, its last error.
pub(super) async fn dependencies(State(conductor): State<Arc<Conductor>>) -> Response {
    let Conductor {
        writes,
        reads,
        lists,
        cache,
        dispatch,
        ..
    } = &*conductor;
    let body = json!({
        "dependencies": {
            writes.name(): writes.health(),
            reads.name(): reads.health(),
            lists.name(): lists.health(),
            cache.name(): cache.health(),
            dispatch.name(): dispatch.health(),
        }
    });
    Json(body).into_response()
}

/// The metrics as Prometheus text. Gauges are set by this request.
pub(super) async fn metrics(State(conductor): State<Arc<Conductor>>) -> Response {
    conductor.report();
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
    (StatusCode::OK, kind, conductor.metrics.render()).into_response()
}
