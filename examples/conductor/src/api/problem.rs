//! The body of an error response: what is wrong, in which field, which layer rejected, and when to retry.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::rejection::{Fault, Layer};
use crate::store::StoreError;

/// The body of every response with a status of 400 or above.
#[derive(Debug, Serialize)]
pub(super) struct Problem {
    #[serde(skip)]
    status: StatusCode,
    code: &'static str,
    message: String,
    /// The field of the document that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    /// The layer that rejected the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected_by: Option<String>,
    #[serde(skip)]
    retry_after: Option<Duration>,
    #[serde(skip)]
    uncounted: bool,
}

/// Marks a response that says nothing about the service although its status is 500 or above: a client alone can cause
/// it. The error budget does not count it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Uncounted;

#[derive(Serialize)]
struct Body {
    error: Problem,
}

// === impl Problem ===

impl Problem {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            status,
            code,
            message,
            field: None,
            rejected_by: None,
            retry_after: None,
            uncounted: false,
        }
    }

    pub(super) fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    pub(super) fn rejected_by(mut self, layer: impl Into<String>) -> Self {
        self.rejected_by = Some(layer.into());
        self
    }

    /// Sets `Retry-After`, in whole seconds, rounded up: a request that comes earlier is rejected again.
    pub(super) fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Leaves the response out of the error budget if `uncounted` is true.
    pub(super) fn uncounted(mut self, uncounted: bool) -> Self {
        self.uncounted = uncounted;
        self
    }

    /// The store did not answer. The run was not accepted.
    ///
    /// A full bulkhead is our load and not a fault: one client that sends enough requests at once fills it.
    pub(super) fn store(name: &str, error: &StoreError) -> Self {
        if let StoreError::Unreadable(_) = error {
            // No retry-after: the next request will find the same row. Uncounted: one client that asks for it again and
            // again would make the gate refuse the runs of all.
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            return Self::new(status, "unreadable_run", error.to_string()).uncounted(true);
        }
        let message = format!("the store is unavailable: {error}");
        let problem = Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "store_unavailable",
            message,
        );
        let problem = problem.retry_after(error.retry_after().unwrap_or_default());
        match error.layer() {
            Some(layer) => problem
                .uncounted(layer == Layer::Bulkhead)
                .rejected_by(format!("{name} {layer}")),
            None => problem,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status;
        let wait = self
            .retry_after
            .map(|wait| wait.as_millis().div_ceil(1000).max(1));
        let uncounted = self.uncounted;
        let mut response = (status, Json(Body { error: self })).into_response();
        if uncounted {
            response.extensions_mut().insert(Uncounted);
        }
        if let Some(wait) = wait {
            let seconds = HeaderValue::from(u64::try_from(wait).unwrap_or(u64::MAX));
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}
