//! A client of the service.

use std::net::SocketAddr;

use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use crate::stage::PATIENCE;

/// The path of the runs.
pub(crate) const RUNS: &str = "/api/maestro/v1/runs";
/// A valid run.
pub(crate) const RUN: &str = include_str!("../../runs/minimal.json");

/// A client that opens a connection for each request.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) pool: Pool<HttpConnector, Full<axum::body::Bytes>>,
    pub(crate) service: SocketAddr,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Client {
    pub(crate) fn new(service: SocketAddr) -> Self {
        let pool = Pool::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build_http();
        Self { pool, service }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], "").await
    }

    /// `None` if the connection is refused.
    pub(crate) async fn try_get(&self, path: &str) -> Option<Answer> {
        self.try_send(Method::GET, path, &[], "").await
    }

    /// Posts a run.
    pub(crate) async fn post(&self, body: &str) -> Answer {
        self.send(
            Method::POST,
            RUNS,
            &[("content-type", "application/json")],
            body,
        )
        .await
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        self.try_send(method, path, headers, body)
            .await
            .expect("an answer")
    }

    /// `None` if the service ends before it answers.
    pub(crate) async fn try_post(&self, body: &str) -> Option<Answer> {
        self.try_send(
            Method::POST,
            RUNS,
            &[("content-type", "application/json")],
            body,
        )
        .await
    }

    /// `None` if there is no answer.
    pub(crate) async fn try_send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Option<Answer> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.service));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request
            .body(Full::from(body.to_owned()))
            .expect("a request");
        let exchange = async {
            let (parts, body) = self.pool.request(request).await.ok()?.into_parts();
            Some((parts, body.collect().await.ok()?.to_bytes()))
        };
        let (parts, body) = tokio::time::timeout(PATIENCE, exchange).await.ok()??;
        Some(Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8(body.to_vec()).expect("text"),
        })
    }
}

impl Answer {
    /// A part of the JSON body by its pointer; `null` if it is missing.
    pub(crate) fn at(&self, pointer: &str) -> Value {
        let body: Value = serde_json::from_str(&self.text).expect("JSON");
        body.pointer(pointer).cloned().unwrap_or_default()
    }

    pub(crate) fn string(&self, pointer: &str) -> String {
        self.at(pointer)
            .as_str()
            .unwrap_or_else(|| panic!("no {pointer} in {}", self.text))
            .into()
    }

    pub(crate) fn id(&self) -> String {
        self.string("/id")
    }
}
