//! The endpoints of operators: breakers, the error budget, metrics. Do not show them to the world.

use std::time::Duration;

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    routing::{get, post},
};
use http::StatusCode;
use maestro_circuit_breaker::{CircuitBreaker, Override};
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::handles::{Handles, Key};

pub(crate) fn routes(handles: Handles, metrics: PrometheusHandle) -> Router {
    let server = handles.server.clone();
    let scrape = async move || {
        server.budget.publish_metrics();
        server.gate.publish_metrics();
        metrics.render()
    };
    Router::new()
        .route("/admin", get(list))
        .route("/admin/{name}/{action}", post(control))
        .with_state(handles)
        .route("/metrics", get(scrape))
}

impl Handles {
    /// All breakers; those of a family with their key.
    fn breakers(&self) -> impl Iterator<Item = (Option<Key>, CircuitBreaker)> {
        let single = [&self.shipping, &self.cache, &self.store];
        let single = single.map(|of| (None, of.breaker.clone()));
        let hosts = self.payments.breakers.iter();
        single
            .into_iter()
            .chain(hosts.map(|(host, breaker)| (Some(host), breaker)))
    }
}

async fn list(State(handles): State<Handles>) -> Json<Value> {
    let breakers = handles
        .breakers()
        .map(|(key, breaker)| json!({ "key": key.as_deref(), "breaker": breaker.snapshot() }));
    let breakers: Vec<_> = breakers.collect();
    let (gate, budget) = (&handles.server.gate, handles.server.budget.report());
    let deploy = gate.deploy().is_allowed();
    Json(json!({ "breakers": breakers, "budget": budget, "deploy": deploy }))
}

/// Who decides, why, and for how long.
#[derive(Deserialize)]
struct Decision {
    key: Option<String>,
    actor: String,
    reason: String,
    minutes: u32,
}

async fn control(
    State(handles): State<Handles>,
    Path((name, action)): Path<(String, String)>,
    Query(decision): Query<Decision>,
) -> Result<(), (StatusCode, &'static str)> {
    let key = decision.key.as_deref();
    let mut found = handles
        .breakers()
        .filter(|(of, breaker)| breaker.name() == name && of.as_deref() == key);
    let (_, breaker) = found
        .next()
        .ok_or((StatusCode::NOT_FOUND, "no such breaker\n"))?;
    let by = Override::new(decision.actor, decision.reason);
    let by = by.lasting(Duration::from_mins(decision.minutes.into()));
    match &*action {
        "force_open" => breaker.force_open(by),
        "disable" => breaker.disable(by),
        "resume" => _ = breaker.resume(by),
        _ => return Err((StatusCode::NOT_FOUND, "force_open, disable or resume\n")),
    }
    Ok(())
}
