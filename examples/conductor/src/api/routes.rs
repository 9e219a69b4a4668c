//! Which path leads where, and what stands before the API.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use maestro_slo_budget::{Class, ErrorBudgetLayer, Event, GateLayer, Spent};
use maestro_timeout::{Timeout, TimeoutLayer};
use tokio::time::Instant;

use super::problem::Problem;
use super::{health, runs, slo};
use crate::conductor::Conductor;
use crate::spec::MAX_BODY;

pub(super) const RUNS: &str = "/api/maestro/v1/runs";
const ONE_RUN: &str = "/api/maestro/v1/runs/{id}";

/// The whole service. `request` bounds every request to the API.
pub(crate) fn routes(conductor: Arc<Conductor>, request: Duration) -> Router {
    // Outside in: the gate (what it refuses is never recorded), the record, the timeout (what it
    // answers is a failure of ours). Health, metrics and the SLO itself stand outside of all three:
    // they must answer when nothing else does, and are no part of what is promised.
    let api = Router::new()
        .route(RUNS, get(runs::list).post(runs::post))
        .route(ONE_RUN, get(runs::get))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(
            TimeoutLayer::new(Timeout::new(request).named("request"))
                .limit(move |headers: &Request| asked(headers).unwrap_or(request).min(request))
                .on_reject(|elapsed| Ok(late(&elapsed.to_string()))),
        )
        .layer(ErrorBudgetLayer::new(conductor.budget.clone()).classify(event))
        .layer(
            GateLayer::new(conductor.gate.clone())
                .class(class)
                .on_reject(|spent| Ok(refused(&spent))),
        );
    Router::new()
        .merge(api)
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/slo", get(slo::get))
        .route("/api/maestro/v1/health", get(health::dependencies))
        .fallback(|| async { Problem::new(StatusCode::NOT_FOUND, "no_such_path", "no such path") })
        .method_not_allowed_fallback(|| async {
            let message = "this path has no such method; see the allow header";
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "no_such_method", message)
        })
        .layer(middleware::from_fn_with_state(conductor.clone(), count))
        .with_state(conductor)
}

/// New work can wait for better days; reading cannot.
fn class(request: &Request) -> Class {
    if request.method() == Method::POST {
        Class::Optional
    } else {
        Class::Essential
    }
}

/// A client's mistake says nothing about the service, neither good nor bad.
fn event(result: &Result<Response, Infallible>, _latency: Duration) -> Event {
    match result {
        Ok(response) if response.status().is_client_error() => Event::Excluded,
        Ok(response) if !response.status().is_server_error() => Event::Good,
        _ => Event::Bad,
    }
}

/// `request-timeout-ms`: how long the client waits at most. More than the service allows is less.
fn asked(request: &Request) -> Option<Duration> {
    let text = request.headers().get("request-timeout-ms")?.to_str().ok()?;
    Some(Duration::from_millis(text.parse().ok()?))
}

fn late(why: &str) -> Response {
    let message = format!("{why}; a run that was stored by then will be dispatched");
    let problem = Problem::new(StatusCode::GATEWAY_TIMEOUT, "too_late", message);
    problem.rejected_by("request timeout").into_response()
}

/// Refused by the gate: the error budget is too low to take new work.
fn refused(spent: &Spent) -> Response {
    let message = format!("no new runs for now: {spent}");
    let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "budget_spent", message);
    problem
        .rejected_by("gate")
        .retry_after(spent.retry_after())
        .into_response()
}

async fn count(State(conductor): State<Arc<Conductor>>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = known(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    let status = response.status().as_u16();
    conductor
        .metrics
        .answered(method, route, status, begun.elapsed());
    response
}

/// A client may make methods up; a label per fancy would never end.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::HEAD => "HEAD",
        _ => "other",
    }
}
