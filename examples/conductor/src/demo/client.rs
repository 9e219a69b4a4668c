//! The demo's HTTP client: it sends one request and interprets the response.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use maestro_timeout::Deadline;
use serde_json::Value;

/// The body that is posted: a sample of the repository.
const RUN: &str = include_str!("../../runs/nightly-report.json");
/// The timeout of a request. It is above the service's own limit, so that the service answers first.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection pool to the service.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pool: Pool<HttpConnector, Full<Bytes>>,
    runs: String,
}

/// What a response means to the client.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    /// A run was read, or stored and dispatched.
    Done(Option<String>),
    /// A run was stored and will be dispatched later: its id, and what held it back.
    Queued(String, String),
    /// A layer rejected the request: its name.
    Rejected(String),
    /// Anything else.
    Failed(String),
}

impl Client {
    pub(super) fn new(service: SocketAddr) -> Self {
        let pool = Pool::builder(TokioExecutor::new()).build_http();
        Self {
            pool,
            runs: format!("http://{service}/api/maestro/v1/runs"),
        }
    }

    pub(super) async fn post(&self) -> Answer {
        self.send(Method::POST, self.runs.clone(), RUN).await
    }

    pub(super) async fn get(&self, id: &str) -> Answer {
        self.send(Method::GET, format!("{}/{id}", self.runs), "")
            .await
    }

    async fn send(&self, method: Method, uri: String, body: &'static str) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::from(body))
            .expect("an address and an id make a request");
        let exchange = async {
            let answer = self
                .pool
                .request(request)
                .await
                .map_err(|error| error.to_string())?;
            let status = answer.status();
            let body = answer
                .into_body()
                .collect()
                .await
                .map_err(|error| error.to_string())?;
            let body = serde_json::from_slice(&body.to_bytes()).map_err(|error| error.to_string());
            Ok::<_, String>((status, body?))
        };
        match Deadline::after(PATIENCE)
            .run(exchange)
            .await
            .unwrap_or(Err("no answer".to_owned()))
        {
            Ok((status, body)) => Answer::read(status, &body),
            Err(error) => Answer::Failed(error),
        }
    }
}

impl Answer {
    fn read(status: StatusCode, body: &Value) -> Self {
        let text = |pointer| {
            body.pointer(pointer)
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        match (status, text("/id")) {
            (StatusCode::ACCEPTED, Some(id)) => Self::Queued(
                id,
                text("/held_back_by").unwrap_or_else(|| "the peer".to_owned()),
            ),
            (StatusCode::CREATED, id) => Self::Done(id),
            (StatusCode::OK, _) => Self::Done(None),
            _ => text("/error/rejected_by").map_or_else(
                || Self::Failed(text("/error/code").unwrap_or_else(|| status.to_string())),
                Self::Rejected,
            ),
        }
    }
}
