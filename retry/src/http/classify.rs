use http::{HeaderMap, HeaderName, Response, StatusCode};

use crate::{
    http::{grpc_pushback, retry_after},
    policy::{Classify, MayReject},
    types::{Attempt, Verdict},
};

/// Retries failures that HTTP calls temporary, and no earlier than the server asks. Feature `http`.
///
/// - An `Err` is retried, unless it is a [rejection](crate::is_rejection) by another layer.
/// - A response with the header `x-envoy-overloaded`, whatever its value, is a rejection too, and is not retried. Envoy
///   [sets it](https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter#x-envoy-overloaded-set)
///   on requests that it dropped itself, and does not retry such responses. Set it where a layer inside answers with a
///   response (`on_reject`).
/// - The statuses 408, 425, 429, 502, 503 and 504 are retried, after the wait of [`retry_after`] if there is one.
///   [`statuses`](Self::statuses) chooses others.
/// - The wait after a 429 is [`Builder::throttle_backoff`](crate::Builder::throttle_backoff), if there is one.
/// - A `grpc-status` of 14 (unavailable) is retried likewise.
/// - The hint of [`grpc_pushback`] decides before the statuses, whatever the status, unless the response is a success: a
///   status of 2xx, and no `grpc-status` but 0.
/// - What is not retried and is a fault of the service is a failure for the budget ([`Verdict::Never`]): a status of 5xx,
///   one of those above, and a `grpc-status` of 2, 4, 8, 12, 13 or 15.
/// - Every other response is [`Verdict::Done`], "not found" among them.
///
/// gRPC sends its status among the trailers. This classifier sees it if the response has only trailers, as an error has
/// that occurred before any message was sent. A response with messages to come counts as a success.
///
/// [`HttpReplay`](crate::HttpReplay) decides which requests may be repeated.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), maestro_retry::InvalidConfig> {
/// use std::{convert::Infallible, time::Duration};
/// use http::{Request, Response};
/// use http_body_util::Empty;
/// use maestro_retry::{AttemptNumber, HttpReplay, RetryHttp, RetryLayer, RetryPolicy};
/// use tower::{Layer, ServiceExt, service_fn};
///
/// let policy = RetryPolicy::builder().build()?.classifier(RetryHttp).replayer(HttpReplay::new());
/// let server = service_fn(async |request: Request<Empty<&[u8]>>| {
///     let response = Response::builder();
///     Ok::<_, Infallible>(match AttemptNumber::of(&request).get() {
///         1 => response.status(503).header("retry-after", "7").body(()).unwrap(),
///         _ => response.body(()).unwrap(),
///     })
/// });
/// let start = tokio::time::Instant::now();
/// let client = RetryLayer::new(policy).layer(server);
/// assert_eq!(client.oneshot(Request::default()).await.unwrap().status(), 200);
/// assert!(start.elapsed() >= Duration::from_secs(7));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a unit that users may name and make"
)]
pub struct RetryHttp;

/// [`RetryHttp`] with statuses of your choice. Made by [`RetryHttp::statuses`]. Feature `http`.
#[derive(Clone, Copy, Debug)]
#[must_use = "it judges nothing until a policy uses it"]
pub struct RetryStatuses {
    are_retried: fn(StatusCode) -> bool,
}

const OVERLOADED: HeaderName = HeaderName::from_static("x-envoy-overloaded");
const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const UNAVAILABLE: u32 = 14;

// === impl RetryHttp ===

impl RetryHttp {
    /// Retries the statuses for which `are_retried` returns true, instead of the default ones. All else is judged as
    /// `RetryHttp` does.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_retry::{HttpReplay, RetryHttp, RetryPolicy};
    ///
    /// let policy = RetryPolicy::builder()
    ///     .build()?
    ///     .classifier(RetryHttp::statuses(|status| status.as_u16() == 429 || status.is_server_error()))
    ///     .replayer(HttpReplay::new());
    /// # let _ = policy;
    /// # Ok::<(), maestro_retry::InvalidConfig>(())
    /// ```
    pub const fn statuses(are_retried: fn(StatusCode) -> bool) -> RetryStatuses {
        RetryStatuses { are_retried }
    }
}

impl<Req, B, Err: MayReject<M>, M> Classify<Req, Response<B>, Err, M> for RetryHttp {
    const TIMED: bool = false;

    fn classify(&self, _: &Attempt<'_, Req>, result: &Result<Response<B>, Err>) -> Verdict {
        judge(result, is_temporary)
    }
}

// === impl RetryStatuses ===

impl<Req, B, Err: MayReject<M>, M> Classify<Req, Response<B>, Err, M> for RetryStatuses {
    const TIMED: bool = false;

    fn classify(&self, _: &Attempt<'_, Req>, result: &Result<Response<B>, Err>) -> Verdict {
        judge(result, self.are_retried)
    }
}

fn judge<B, Err: MayReject<M>, M>(
    result: &Result<Response<B>, Err>,
    is_retried: impl Fn(StatusCode) -> bool,
) -> Verdict {
    let response = match result {
        Ok(response) => response,
        Err(error) if error.is_rejection() => return Verdict::Ignored,
        Err(_) => return Verdict::Retry,
    };
    let (status, headers) = (response.status(), response.headers());
    if headers.contains_key(OVERLOADED) {
        return Verdict::Ignored;
    }
    let grpc = grpc_status(headers);
    let failed = !status.is_success() || grpc.is_some_and(|code| code != 0);
    if let Some(verdict) = grpc_pushback(headers).filter(|_| failed) {
        return verdict;
    }
    if is_retried(status) || grpc == Some(UNAVAILABLE) {
        let verdict = retry_after(headers).map_or(Verdict::Retry, Verdict::RetryAfter);
        return if status == StatusCode::TOO_MANY_REQUESTS {
            verdict.throttled()
        } else {
            verdict
        };
    }
    let is_fault = status.is_server_error() || is_temporary(status);
    if is_fault || grpc.is_some_and(is_grpc_fault) {
        Verdict::Never
    } else {
        Verdict::Done
    }
}

/// The code of a response that consists of trailers, 2 (unknown) if it is not a number. A response without a
/// `grpc-status` has messages to come.
fn grpc_status(headers: &HeaderMap) -> Option<u32> {
    let status = headers.get(STATUS)?.to_str().unwrap_or_default();
    Some(status.trim().parse().unwrap_or(2))
}

/// Whether a code is a fault of the service. Those are the codes that OpenTelemetry calls errors of a server, and
/// "resource exhausted". The others are faults of the caller, or answers.
const fn is_grpc_fault(code: u32) -> bool {
    // Unknown, deadline exceeded, resource exhausted, unimplemented, internal, unavailable, data loss. No code above
    // 16 is defined.
    matches!(code, 2 | 4 | 8 | 12..=15 | 17..)
}

const fn is_temporary(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 425 | 429 | 502 | 503 | 504)
}
