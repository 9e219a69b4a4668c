//! The HTTP server: the layers in front of the handlers, and the handlers.

use std::time::Duration;

use axum::{
    Json, Router,
    body::Body,
    extract::{Path, State},
    response::IntoResponse,
    routing::{get, post},
};
use http::{HeaderName, Request, StatusCode, request::Parts};
use maestro_bulkhead::{BulkheadLayer, Full, Queue};
use maestro_slo_budget::{Class, ErrorBudgetLayer, GateLayer, Spent};
use maestro_timeout::{
    BodyTimeoutLayer, Deadline, Elapsed, ReadDeadlineLayer, TimeHeader, TimeoutLayer, in_extensions,
};
use serde::Deserialize;
use tower::{ServiceBuilder, ServiceExt};

use crate::{
    error::CallError,
    handles::{Key, Server},
    parcels,
    stacks::{Grpc, Http, HttpRequest, Query, Store},
};

/// The header with the milliseconds that a caller waits.
pub(crate) const DEADLINE: HeaderName = HeaderName::from_static("request-timeout-ms");

/// Reads are essential. Everything else may be refused while the error budget burns.
fn class<B>(request: &Request<B>) -> Class {
    if request.method().is_safe() {
        Class::Essential
    } else {
        Class::Optional
    }
}

fn tenant<B>(request: &Request<B>) -> Key {
    let name = request.headers().get("x-tenant");
    name.and_then(|name| name.to_str().ok())
        .unwrap_or_default()
        .into()
}

/// How much earlier than the layers inside the layer outside of the error budget enforces the deadline of a caller.
const EARLIER: Duration = Duration::from_millis(10);

/// Puts the layers in front of the routes. The limit of one tenant and the deadline of a caller stand outside of the error
/// budget: neither is a fault of ours.
pub(crate) fn protect(routes: Router, by: &Server) -> Router {
    let read = ReadDeadlineLayer::new(TimeHeader::millis(DEADLINE));
    let read = read.refuse(|bad| Ok((StatusCode::BAD_REQUEST, bad.to_string()).into_response()));
    let tenants = BulkheadLayer::new(by.tenants.by(tenant)).on_reject(Full::too_many_requests);
    let gate = GateLayer::new(by.gate.clone()).class(class);
    let caller = TimeoutLayer::new(Duration::MAX).deadline(|request: &Request<Body>| {
        let deadline = Deadline::from_extensions(request.extensions());
        deadline.reserve(EARLIER).at()
    });
    let timeout = TimeoutLayer::new(by.timeout.clone())
        .deadline(in_extensions)
        .stamp();
    let bulkhead = BulkheadLayer::new(by.bulkhead.clone())
        .http()
        .on_reject(Full::http_response);
    let body = BodyTimeoutLayer::new(by.body.clone()).deadline(in_extensions);
    routes.layer(
        ServiceBuilder::new()
            .layer(read)
            .layer(tenants)
            .layer(gate.on_reject(Spent::http_response))
            .layer(caller.on_reject(Elapsed::http_response))
            .layer(ErrorBudgetLayer::new(by.budget.clone()).http())
            .layer(timeout.on_reject(Elapsed::http_response))
            .layer(bulkhead.queue(Queue::of_bulkhead()).deadline(in_extensions))
            .map_response(IntoResponse::into_response) // the layers above answer with axum's body
            .layer(body.on_reject(Elapsed::http_response)),
    )
}

/// The stacks that the handlers call.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) payments: Http,
    pub(crate) payments_url: String,
    pub(crate) shipping: Grpc,
    pub(crate) cache: Store,
    pub(crate) store: Store,
}

#[derive(Deserialize)]
struct Order {
    id: i64,
    item: String,
}

pub(crate) fn routes(app: App) -> Router {
    Router::new()
        .route("/orders", post(create))
        .route("/orders/{id}", get(find))
        .with_state(app)
}

async fn find(
    State(app): State<App>,
    Path(id): Path<i64>,
    head: Parts,
) -> Result<impl IntoResponse, CallError> {
    let deadline = Deadline::from_extensions(&head.extensions);
    let save = None;
    let item = app.cache.oneshot(Query { id, save, deadline }).await?;
    Ok(item.ok_or(StatusCode::NOT_FOUND))
}

/// Pays, saves the order, and announces the parcel.
async fn create(
    State(app): State<App>,
    head: Parts,
    Json(Order { id, item }): Json<Order>,
) -> Result<StatusCode, CallError> {
    let deadline = Deadline::from_extensions(&head.extensions);

    let payment = Request::put(format!("{}/payments/{id}", app.payments_url));
    let payment: Result<HttpRequest, _> = payment.body(item.clone().into());
    let mut payment = payment.map_err(|error| CallError::Other(error.into()))?;
    deadline.insert_into(payment.extensions_mut());
    let paid = app.payments.oneshot(payment).await?.status();
    if !paid.is_success() {
        return Err(CallError::Unpaid(paid));
    }

    let save = Some(item);
    app.store.oneshot(Query { id, save, deadline }).await?;

    parcels::announce(app.shipping, deadline).await?;
    Ok(StatusCode::CREATED)
}
