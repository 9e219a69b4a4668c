//! An axum server: a gate, an error budget, a limit for each request and one for all requests. Each layer answers what it
//! rejects, because the error of a router is `Infallible`.

use std::time::Duration;

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{Response, StatusCode},
    routing::get,
};
use maestro_bulkhead::{Bulkhead, BulkheadLayer, Full};
use maestro_slo_budget::{Class, ErrorBudget, ErrorBudgetLayer, Gate, GateLayer, Spent};
use maestro_timeout::{Elapsed, TimeoutLayer};
use tower::{BoxError, ServiceBuilder, ServiceExt};

const REQUEST: Duration = Duration::from_secs(5);

/// The stack. A layer of a router runs after routing, also for paths that do not exist.
fn protected(routes: Router, gate: Gate, budget: ErrorBudget, bulkhead: Bulkhead) -> Router {
    let gate = GateLayer::new(gate).class(class);
    let budget = ErrorBudgetLayer::new(budget).http().until_body_end();
    let timeout = TimeoutLayer::new(REQUEST);
    let bulkhead = BulkheadLayer::new(bulkhead);
    routes.layer(
        ServiceBuilder::new()
            .layer(gate.on_reject(Spent::http_response))
            .map_response(|response: Response<_>| response.map(Body::new))
            .layer(budget)
            .layer(timeout.on_reject(Elapsed::http_response))
            .layer(bulkhead.on_reject(Full::http_response)),
    )
}

/// What the gate may refuse while the budget burns.
fn class(request: &Request) -> Class {
    match request.uri().path() {
        "/healthz" => Class::Essential,
        _ => Class::Optional,
    }
}

/// The objects of the server, and its routes behind them.
struct Server {
    router: Router,
    gate: Gate,
    budget: ErrorBudget,
    bulkhead: Bulkhead,
}

impl Server {
    fn new() -> Result<Self, BoxError> {
        let objective = "99.9%".parse()?;
        let budget = ErrorBudget::builder().objective(objective).build("api")?;
        let gate = Gate::builder().build(budget.clone())?;
        let bulkhead = Bulkhead::builder().limit(2).build("api")?;
        let routes = Router::new()
            .route("/healthz", get(async || "well"))
            .route("/runs", get(async || "no runs"))
            .route("/broken", get(async || StatusCode::INTERNAL_SERVER_ERROR))
            .route("/hangs", get(std::future::pending::<&'static str>));
        Ok(Self {
            router: protected(routes, gate.clone(), budget.clone(), bulkhead.clone()),
            gate,
            budget,
            bulkhead,
        })
    }

    /// The answer, after its body.
    async fn get(&self, path: &str) -> (StatusCode, bool) {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        let answer = self.router.clone().oneshot(request).await;
        let (head, body) = answer.unwrap_or_else(|never| match never {}).into_parts();
        axum::body::to_bytes(body, usize::MAX)
            .await
            .expect("in memory");
        (head.status, head.headers.contains_key("retry-after"))
    }

    /// The good and the bad events.
    fn counts(&self) -> (u64, u64) {
        let counts = self.budget.counts(self.budget.period());
        (counts.good(), counts.bad())
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_hangs_is_answered_and_counted() {
    let server = Server::new().expect("all of it is legal");
    assert_eq!(server.get("/runs").await, (StatusCode::OK, false));
    assert_eq!(
        server.get("/hangs").await,
        (StatusCode::GATEWAY_TIMEOUT, false)
    );
    assert_eq!(server.counts(), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_full_server_says_when_to_come_back() {
    let server = Server::new().expect("all of it is legal");
    let held = [(); 2].map(|()| server.bulkhead.try_acquire().expect("there is room"));
    assert_eq!(
        server.get("/runs").await,
        (StatusCode::SERVICE_UNAVAILABLE, true)
    );
    drop(held);
    assert_eq!(server.get("/runs").await, (StatusCode::OK, false));
}

#[tokio::test(start_paused = true)]
async fn a_burning_budget_sheds_optional_requests_only() {
    let server = Server::new().expect("all of it is legal");
    for n in 0..1000 {
        server
            .get(if n % 4 == 0 { "/broken" } else { "/runs" })
            .await;
    }
    tokio::time::advance(Duration::from_secs(1)).await;
    let (_, bad) = server.counts();
    let mut refused = 0;
    for _ in 0..100 {
        let (status, has_hint) = server.get("/runs").await;
        refused += u32::from(status == StatusCode::SERVICE_UNAVAILABLE && has_hint);
        assert_eq!(server.get("/healthz").await, (StatusCode::OK, false));
    }
    assert!(refused > 0, "{:?}", server.gate);
    assert_eq!(server.counts().1, bad, "a refusal is no bad event");
}
