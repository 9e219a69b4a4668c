//! The routes, and the layers in front of the API.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use maestro_bulkhead::{BulkheadLayer, Cause, Full};
use maestro_slo_budget::{ErrorBudgetLayer, Event, GateLayer, Spent};
use maestro_timeout::{Timeout, TimeoutLayer};
use tokio::time::Instant;

use super::problem::{Problem, Uncounted};
use super::{arrival, health, host, runs, slo};
use crate::conductor::Conductor;
use crate::config::Config;

pub(super) const RUNS: &str = "/api/maestro/v1/runs";
const ONE_RUN: &str = "/api/maestro/v1/runs/{id}";

/// The whole service.
pub(crate) fn routes(conductor: Arc<Conductor>, config: &Config) -> Router {
    let reads = Router::new()
        .route(RUNS, get(runs::list))
        .route(ONE_RUN, get(runs::get));
    // Outside in: admission, gate, error budget, timeout. A run that is refused costs its bytes: it is not parsed.
    // Admission comes first, so that an overload is refused as what it is and the gate sees only what could be
    // served. Both are outside the budget, so that what they refuse is not recorded. The timeout is inside the
    // budget, so that a 504 counts as bad.
    let posts = counted(
        Router::new().route(RUNS, post(runs::post)),
        &conductor,
        config,
    )
    // New runs can wait until the budget has recovered. Reads cannot, so they pass no gate.
    .layer(GateLayer::new(conductor.gate.clone()).on_reject(|spent| Ok(refused(&spent))))
    .layer(
        BulkheadLayer::new(conductor.admission.clone())
            .on_reject(|full| Ok(crowded(&full)))
            .queue(config.queue)
            .deadline(arrival::until),
    );
    // Health, metrics and the SLO are outside of all of these: they must answer when nothing else does, and the
    // objective does not cover them.
    let api = counted(reads, &conductor, config)
        .merge(posts)
        .layer(middleware::from_fn(arrival::arrive));
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
        .layer(middleware::from_fn_with_state(
            Arc::<[String]>::from(config.hosts.as_slice()),
            host::check,
        ))
        .layer(middleware::from_fn_with_state(conductor.clone(), count))
        .with_state(conductor)
}

/// The routes inside the timeout of a request and the error budget.
fn counted(
    routes: Router<Arc<Conductor>>,
    conductor: &Conductor,
    config: &Config,
) -> Router<Arc<Conductor>> {
    let limit = config.request;
    routes
        .layer(
            TimeoutLayer::new(Timeout::new(limit).named("request"))
                .deadline(arrival::until)
                .on_reject(move |elapsed| {
                    let chosen = elapsed.limit() < limit;
                    Ok(late(&elapsed.to_string(), chosen))
                }),
        )
        .layer(ErrorBudgetLayer::new(conductor.budget.clone()).classify(event))
}

/// What a response counts as.
///
/// A 4xx is excluded. As good, a client that sends nonsense fast would dilute a real fault; as bad, any client could
/// make the gate refuse the runs of others. For the same reason a deadline that the client chose, our own full bulkhead, a
/// late list and a run that cannot be read are excluded, see [`Uncounted`]: three requests that give the service no time
/// say nothing of it. A 202 is good: the service promises to take runs and to show them, and it did. Failures of the
/// dispatch API concern its breaker; if they burnt this budget, our gate would refuse runs in an outage there although we
/// can still store every run.
fn event(result: &Result<Response, Infallible>) -> Event {
    match result {
        Ok(response) if response.status().is_client_error() => Event::Excluded,
        Ok(response) if response.extensions().get::<Uncounted>().is_some() => Event::Excluded,
        Ok(response) if !response.status().is_server_error() => Event::Good,
        _ => Event::Bad,
    }
}

/// The response to a request whose time is over. `chosen` is true if the client's deadline was shorter than ours.
fn late(why: &str, chosen: bool) -> Response {
    let message = format!("{why}; a run that was stored by then will be dispatched");
    let problem = Problem::new(StatusCode::GATEWAY_TIMEOUT, "too_late", message);
    problem
        .uncounted(chosen)
        .rejected_by("request timeout")
        .into_response()
}

/// The response to a run for which there is no place, or none until the client's deadline.
fn crowded(full: &Full) -> Response {
    if full.cause() == Cause::DeadlineTooNear {
        return late("the client's deadline has passed", true);
    }
    let message = format!("too many runs at once: {full}");
    let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_runs", message);
    problem
        .rejected_by("admission")
        .retry_after(Duration::ZERO)
        .into_response()
}

/// The response to a run that the gate refuses.
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

/// The method as a label. Clients can invent methods, and each would be another label value.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::HEAD => "HEAD",
        _ => "other",
    }
}
