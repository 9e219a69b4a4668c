//! The dispatch API: the trait, its errors, and the HTTP client that implements it.

use std::sync::Arc;
use std::time::Duration;

use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full as Body, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use maestro_bulkhead::Full;
use maestro_circuit_breaker::Open;
use maestro_timeout::{Deadline, Elapsed};
use thiserror::Error;
use tokio::sync::Semaphore;
use tower::ServiceExt;

use crate::rejection::{Fault, Layer};
use crate::run::Run;

/// The number of bytes that are read of a response body: a receipt is short.
const MAX_ANSWER: usize = 16 * 1024;
/// The largest number of receipts that are read at once. A call does not wait for its receipt, so the bulkhead does not
/// bound them.
const RECEIPTS: usize = 16;

/// A service that takes runs. Taking a run twice must have the effect of taking it once: the run's id is the
/// idempotency key.
pub(crate) trait Dispatch: Clone + Send + Sync + 'static {
    fn dispatch(&self, run: Arc<Run>) -> impl Future<Output = Result<(), DispatchError>> + Send;
}

/// Why a run was not taken.
#[derive(Debug, Error)]
pub(crate) enum DispatchError {
    #[error(transparent)]
    Open(#[from] Open),
    #[error(transparent)]
    Full(#[from] Full),
    #[error(transparent)]
    Elapsed(#[from] Elapsed),
    /// The API will never take this run.
    #[error("the dispatch API refused the run with {0}")]
    Refused(StatusCode),
    #[error("the dispatch API answered {0}")]
    Failed(StatusCode),
    #[error("the dispatch API cannot be reached: {0}")]
    Unreachable(String),
}

/// A dispatch API that speaks HTTP/1.1.
#[derive(Clone, Debug)]
pub(crate) struct HttpDispatch {
    client: Client<HttpConnector, Body<axum::body::Bytes>>,
    target: Uri,
    /// The time limit of connecting, and of a receipt.
    patience: Duration,
    /// Places for receipts that are being read.
    receipts: Arc<Semaphore>,
}

// === impl HttpDispatch ===

impl HttpDispatch {
    /// `base` is `http://host:port`, without a path.
    pub(crate) fn new(base: &Uri, patience: Duration) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(patience));
        connector.set_nodelay(true);
        let authority = base
            .authority()
            .expect("the configuration holds a whole address");
        let target = Uri::builder()
            .scheme("http")
            .authority(authority.clone())
            .path_and_query("/v1/dispatches")
            .build()
            .expect("three valid parts make a valid address");
        Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            target,
            patience,
            receipts: Arc::new(Semaphore::new(RECEIPTS)),
        }
    }

    /// Reads a receipt in the background, so that its connection can be reused. Without a place, or if the receipt is
    /// long or late, the connection is closed instead.
    fn discard(&self, receipt: Incoming) {
        let Ok(place) = self.receipts.clone().try_acquire_owned() else {
            return;
        };
        let deadline = Deadline::after(self.patience);
        tokio::spawn(async move {
            let receipt = Limited::new(receipt, MAX_ANSWER).collect();
            let _ = deadline.run(receipt).await;
            drop(place);
        });
    }

    fn request(&self, run: &Run) -> Request<Body<axum::body::Bytes>> {
        let body = serde_json::to_vec(run).expect("a run is made of what JSON has");
        Request::post(self.target.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", run.id.to_string())
            .body(Body::from(body))
            .expect("an id is a valid header")
    }
}

impl Dispatch for HttpDispatch {
    async fn dispatch(&self, run: Arc<Run>) -> Result<(), DispatchError> {
        let answer = self.client.clone().oneshot(self.request(&run)).await;
        let answer = answer.map_err(|error| DispatchError::Unreachable(innermost(&error)))?;
        let status = answer.status();
        // Only the head decides: a run is taken even if the receipt is long, broken or never ends. An earlier version
        // waited for the receipt, and delivered a run again for as long as its receipt trickled.
        self.discard(answer.into_body());
        match status {
            taken if taken.is_success() => Ok(()),
            // These four are about the document, which does not change, so they settle the run for good. Any
            // other 4xx (a wrong path, a missing permission, a quota) is a disagreement between the services:
            // if it settled runs, every run accepted meanwhile would be lost although its client got a 201. Such
            // runs stay queued, the breaker opens, and they are dispatched when the services agree again.
            StatusCode::BAD_REQUEST
            | StatusCode::CONFLICT
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::UNPROCESSABLE_ENTITY => Err(DispatchError::Refused(status)),
            _ => Err(DispatchError::Failed(status)),
        }
    }
}

/// The last error of the chain. hyper's own text is "client error (Connect)"; the useful cause is at the end.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

// === impl DispatchError ===

impl Fault for DispatchError {
    fn layer(&self) -> Option<Layer> {
        match self {
            Self::Open(_) => Some(Layer::Breaker),
            Self::Full(_) => Some(Layer::Bulkhead),
            Self::Elapsed(_) => Some(Layer::Timeout),
            _ => None,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Open(open) => Some(open.retry_after()),
            _ => None,
        }
    }
}
