//! The server: a router of axum, bare or behind the layers that the guide recommends.

use std::{
    future::pending,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    thread,
    time::Duration,
};

use axum::{Router, body::Body, response::IntoResponse, routing::get};
use http::{HeaderName, Request, Response};
use maestro_bulkhead::{Bulkhead, BulkheadLayer, Bulkheads, Full, Queue};
use maestro_slo_budget::{Class, ErrorBudget, ErrorBudgetLayer, Gate, GateLayer, Spent};
use maestro_timeout::{
    BodyTimeout, BodyTimeoutLayer, Deadline, Elapsed, ReadDeadlineLayer, TimeHeader, Timeout,
    TimeoutLayer, in_extensions,
};
use tokio::{
    net::TcpListener,
    runtime::{Builder, Handle},
    time::Instant,
};
use tower::{BoxError, ServiceBuilder};

/// The answer of the handler.
pub(crate) const ANSWER: &str = r#"{"id": 7, "item": "tea"}"#;
/// The header with the milliseconds that a caller waits.
pub(crate) const DEADLINE: HeaderName = HeaderName::from_static("request-timeout-ms");
/// The header with the key of the bulkheads.
pub(crate) const TENANT: HeaderName = HeaderName::from_static("x-tenant");

/// Far longer than a request takes.
const LIMIT: Duration = Duration::from_secs(20);
/// How much earlier than the layers inside the layer outside of the error budget enforces the deadline of a caller.
const EARLIER: Duration = Duration::from_millis(10);

/// The objects of the layers.
pub(crate) struct Server {
    tenants: Bulkheads<Arc<str>>,
    gate: Gate,
    pub(crate) budget: ErrorBudget,
    timeout: Timeout,
    bulkhead: Bulkhead,
    body: BodyTimeout,
}

// === impl Server ===

impl Server {
    pub(crate) fn new() -> Result<Self, BoxError> {
        let budget = ErrorBudget::new("server", "99.9%".parse()?);
        Ok(Self {
            tenants: Bulkhead::builder().build_family("tenants", 1_000)?,
            gate: Gate::new(budget.clone()),
            budget,
            timeout: Timeout::new(LIMIT).named("server"),
            bulkhead: Bulkhead::builder()
                .max_queued(128)
                .max_wait(LIMIT / 2)
                .build("server")?,
            body: BodyTimeout::builder()
                .idle(LIMIT)
                .whole(LIMIT)
                .build("server"),
        })
    }

    /// The layers of the guide, each until the head of the response.
    pub(crate) fn until_head(&self, routes: Router) -> Router {
        routes.layer(
            ServiceBuilder::new()
                .layer(read())
                .layer(
                    BulkheadLayer::new(self.tenants.by(tenant)).on_reject(Full::too_many_requests),
                )
                .layer(
                    GateLayer::new(self.gate.clone())
                        .class(class)
                        .on_reject(Spent::http_response),
                )
                .layer(
                    TimeoutLayer::new(Duration::MAX)
                        .deadline(of_caller)
                        .on_reject(Elapsed::http_response),
                )
                .layer(ErrorBudgetLayer::new(self.budget.clone()).http())
                .layer(
                    TimeoutLayer::new(self.timeout.clone())
                        .deadline(in_extensions)
                        .stamp()
                        .on_reject(Elapsed::http_response),
                )
                .layer(
                    BulkheadLayer::new(self.bulkhead.clone())
                        .http()
                        .on_reject(Full::http_response)
                        .queue(Queue::of_bulkhead())
                        .deadline(in_extensions),
                )
                .map_response(IntoResponse::into_response) // the layers above answer with axum's body
                .layer(
                    BodyTimeoutLayer::new(self.body.clone())
                        .deadline(in_extensions)
                        .on_reject(Elapsed::http_response),
                ),
        )
    }

    /// The same layers. Those that can hold until the end of the body.
    pub(crate) fn until_body_end(&self, routes: Router) -> Router {
        routes.layer(
            ServiceBuilder::new()
                .layer(read())
                .layer(
                    BulkheadLayer::new(self.tenants.by(tenant)).on_reject(Full::too_many_requests),
                )
                .layer(
                    GateLayer::new(self.gate.clone())
                        .class(class)
                        .on_reject(Spent::http_response),
                )
                .layer(
                    TimeoutLayer::new(Duration::MAX)
                        .deadline(of_caller)
                        .on_reject(Elapsed::http_response),
                )
                .map_response(|response: Response<_>| response.map(Body::new))
                .layer(
                    ErrorBudgetLayer::new(self.budget.clone())
                        .http()
                        .until_body_end(),
                )
                .layer(
                    TimeoutLayer::new(self.timeout.clone())
                        .deadline(in_extensions)
                        .stamp()
                        .on_reject(Elapsed::http_response),
                )
                .layer(
                    BulkheadLayer::new(self.bulkhead.clone())
                        .http()
                        .until_body_end()
                        .on_reject(Full::http_response)
                        .queue(Queue::of_bulkhead())
                        .deadline(in_extensions),
                )
                .layer(
                    BodyTimeoutLayer::new(self.body.clone())
                        .deadline(in_extensions)
                        .on_reject(Elapsed::http_response),
                ),
        )
    }
}

fn read() -> ReadDeadlineLayer {
    ReadDeadlineLayer::new(TimeHeader::millis(DEADLINE))
}

fn tenant<B>(request: &Request<B>) -> Arc<str> {
    let name = request.headers().get(TENANT);
    name.and_then(|name| name.to_str().ok())
        .unwrap_or_default()
        .into()
}

fn class<B>(request: &Request<B>) -> Class {
    if request.method().is_safe() {
        Class::Essential
    } else {
        Class::Optional
    }
}

fn of_caller<B>(request: &Request<B>) -> Option<Instant> {
    let deadline = Deadline::from_extensions(request.extensions());
    deadline.reserve(EARLIER).at()
}

pub(crate) fn routes() -> Router {
    Router::new().route("/orders/{id}", get(async || ANSWER))
}

/// Starts the thread of all servers, which ends with the process.
pub(crate) fn start() -> io::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    thread::Builder::new()
        .name("server".to_owned())
        .spawn(move || runtime.block_on(pending::<()>()))?;
    Ok(handle)
}

/// Serves the routes at a free port of loopback.
pub(crate) fn serve(on: &Handle, routes: Router) -> io::Result<SocketAddr> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let _guard = on.enter();
    let listener = TcpListener::from_std(listener)?;
    on.spawn(axum::serve(listener, routes).into_future());
    Ok(address)
}
