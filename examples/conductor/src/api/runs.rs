//! The handlers that take, read and list runs.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::problem::Problem;
use super::routes::RUNS;
use crate::conductor::{Accepted, Conductor, Found, NotYet};
use crate::rejection::{Fault, Layer};
use crate::run::{Run, RunId};
use crate::spec::RunSpec;

/// The largest number of runs in one response.
const MAX_LIMIT: u32 = 200;
/// The longest `Idempotency-Key`, in characters: two UUIDs and a name.
const MAX_KEY: usize = 128;

/// A run in a response.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    run: &'a Run,
    /// Why the run is still queued.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// The layer that rejected the dispatch.
    #[serde(skip_serializing_if = "Option::is_none")]
    held_back_by: Option<String>,
    /// The run is an old copy, because the store does not answer.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stale: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    limit: Option<u32>,
    cursor: Option<String>,
}

#[derive(Serialize)]
struct List {
    runs: Vec<Run>,
    next_cursor: Option<RunId>,
}

pub(super) async fn post(
    State(conductor): State<Arc<Conductor>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    json_only(&headers)?;
    let key = client_key(&headers)?;
    let spec = RunSpec::parse(&body).map_err(|invalid| {
        Problem::new(StatusCode::BAD_REQUEST, "invalid_run", invalid.to_string())
            .field(invalid.field)
    })?;
    let accepted = conductor.accept(spec, key).await;
    match accepted.map_err(|error| Problem::store(conductor.writes.name(), &error))? {
        Accepted::Dispatched(run) => Ok(shown(StatusCode::CREATED, &Shown::new(&run))),
        Accepted::Queued(run, NotYet { why, layer }) => {
            let name = conductor.dispatch.name();
            let detail =
                format!("stored, and will be dispatched as soon as that is possible: {why}");
            let held_back_by = layer.map(|layer| format!("{name} {layer}"));
            let queued = Shown {
                detail: Some(detail),
                held_back_by,
                ..Shown::new(&run)
            };
            Ok(shown(StatusCode::ACCEPTED, &queued))
        }
        Accepted::Known(run) => Ok(shown(StatusCode::OK, &Shown::new(&run))),
        Accepted::Conflict(id) => {
            let message = format!("this idempotency key belongs to another run, {id}");
            Err(Problem::new(StatusCode::CONFLICT, "key_in_use", message).field("idempotency-key"))
        }
    }
}

pub(super) async fn get(
    State(conductor): State<Arc<Conductor>>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let missing = || Problem::new(StatusCode::NOT_FOUND, "no_such_run", "there is no such run");
    // A segment that is not UTF-8 is not an id.
    let id = id.ok().and_then(|Path(id)| RunId::parse(&id));
    let id = id.ok_or_else(missing)?;
    let found = conductor.find(id).await;
    let found = found.map_err(|error| Problem::store(conductor.reads.name(), &error))?;
    let Found { run, stale } = found.ok_or_else(missing)?;
    Ok(Json(Shown {
        stale,
        ..Shown::new(&run)
    })
    .into_response())
}

pub(super) async fn list(
    State(conductor): State<Arc<Conductor>>,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Response, Problem> {
    let bad = |field: &str, message: String| {
        Problem::new(StatusCode::BAD_REQUEST, "invalid_query", message).field(field)
    };
    let Query(page) = page.map_err(|rejection| bad("query", rejection.body_text()))?;
    let limit = page.limit.unwrap_or(50);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(bad(
            "limit",
            format!("limit: must be 1 to {MAX_LIMIT}, is {limit}"),
        ));
    }
    let before = match page.cursor.as_deref().map(RunId::parse) {
        Some(None) => {
            return Err(bad(
                "cursor",
                "cursor: is no next_cursor of ours".to_owned(),
            ));
        }
        Some(before) => before,
        None => None,
    };
    let page = conductor.list(limit, before).await;
    let page = page.map_err(|error| {
        // The client chooses what a list costs, so one that is late says nothing of the service.
        let late = error.layer() == Some(Layer::Timeout);
        let problem = Problem::store(conductor.lists.name(), &error);
        if late {
            problem.uncounted(true)
        } else {
            problem
        }
    })?;
    let (runs, more) = (page.items, page.more);
    let next_cursor = runs.last().filter(|_| more).map(|run| run.id);
    Ok(Json(List { runs, next_cursor }).into_response())
}

impl<'a> Shown<'a> {
    const fn new(run: &'a Run) -> Self {
        Self {
            run,
            detail: None,
            held_back_by: None,
            stale: false,
        }
    }
}

fn shown(status: StatusCode, body: &Shown<'_>) -> Response {
    let location = [(header::LOCATION, format!("{RUNS}/{}", body.run.id))];
    (status, location, Json(body)).into_response()
}

/// Requires JSON by its content type. A web page can post a form or plain text to 127.0.0.1 without a preflight
/// request; it cannot post JSON that way.
fn json_only(headers: &HeaderMap) -> Result<(), Problem> {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let kind = kind
        .and_then(|kind| kind.split(';').next())
        .unwrap_or_default()
        .trim();
    if kind.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let message = "send it as content-type: application/json (curl: --json @FILE)";
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json", message).field("content-type"))
}

fn client_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(key) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    match key.to_str() {
        Ok(key) if (1..=MAX_KEY).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => {
            let message = format!("idempotency-key: must be 1 to {MAX_KEY} ASCII characters");
            let problem = Problem::new(StatusCode::BAD_REQUEST, "invalid_key", message);
            Err(problem.field("idempotency-key"))
        }
    }
}
