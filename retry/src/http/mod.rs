//! Requests and responses of the `http` crate (feature `http`): the server's hints here, copies of requests in `replay`.

mod replay;

use std::time::Duration;
#[expect(clippy::disallowed_types, reason = "a date in a header is wall time")]
use std::time::SystemTime;

use http::{
    HeaderMap, HeaderName, Response, StatusCode,
    header::{DATE, RETRY_AFTER},
};

pub use self::replay::{AttemptNumber, HttpReplay};
use crate::{
    policy::Classify,
    types::{Attempt, Verdict},
};

/// Retries failures that HTTP calls temporary, and no earlier than the server asks. Feature `http`.
///
/// - An `Err` is retried.
/// - The statuses 408, 425, 429, 502, 503 and 504 are retried, after the wait of [`retry_after`] if there is one.
/// - The hint of [`grpc_pushback`] decides before both, whatever the status, unless the response is a success: a status
///   of 2xx, and no `grpc-status` but 0.
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

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");

/// The wait that a response's `Retry-After` asks for, as seconds or as a date. Feature `http`.
///
/// A date counts from the response's `Date`, because the server computed one from the other and its clock may differ
/// from this machine's. Without a `Date` it counts from this machine's clock. A date in the past is zero. `None` if the
/// header is missing or has neither form ([RFC 9110](https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3)).
#[expect(clippy::disallowed_types, reason = "a date in a header is wall time")]
#[must_use]
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    retry_after_at(headers, SystemTime::now())
}

/// [`retry_after`] at a time that the caller has read.
#[expect(clippy::disallowed_types, reason = "a date in a header is wall time")]
#[must_use]
pub fn retry_after_at(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a `u64` holds are a wait without end.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let then = httpdate::parse_http_date(value).ok()?;
    let date = headers.get(DATE).and_then(|date| date.to_str().ok());
    let now = date
        .and_then(|date| httpdate::parse_http_date(date).ok())
        .unwrap_or(now);
    Some(then.duration_since(now).unwrap_or(Duration::ZERO))
}

/// The verdict of a gRPC server in `grpc-retry-pushback-ms`: [`Verdict::RetryAfter`], or [`Verdict::Never`] if the value
/// is negative or not a number. `None` if the header is missing. Feature `http`.
///
/// See [proposal A6](https://github.com/grpc/proposal/blob/master/A6-client-retries.md#pushback). gRPC sends it among
/// the trailers. This function sees it if the response has only trailers, as an error has that occurred before any
/// message was sent.
#[must_use]
pub fn grpc_pushback(headers: &HeaderMap) -> Option<Verdict> {
    let value = headers.get(PUSHBACK)?.to_str().unwrap_or_default();
    Some(match value.trim().parse() {
        Ok(millis) => Verdict::RetryAfter(Duration::from_millis(millis)),
        Err(_) => Verdict::Never,
    })
}

impl<Req, B, Err> Classify<Req, Response<B>, Err> for RetryHttp {
    const TIMED: bool = false;

    fn classify(&self, _: &Attempt<'_, Req>, result: &Result<Response<B>, Err>) -> Verdict {
        let Ok(response) = result else {
            return Verdict::Retry;
        };
        let failed = !response.status().is_success() || grpc_failed(response.headers());
        if let Some(verdict) = grpc_pushback(response.headers()).filter(|_| failed) {
            return verdict;
        }
        if !is_temporary(response.status()) {
            return Verdict::Done;
        }
        retry_after(response.headers()).map_or(Verdict::Retry, Verdict::RetryAfter)
    }
}

/// Whether a response consists of trailers with an error. A response without a `grpc-status` has messages to come, and
/// is not repeated for a hint in its headers.
fn grpc_failed(headers: &HeaderMap) -> bool {
    headers.get(STATUS).is_some_and(|status| status != "0")
}

fn is_temporary(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::REQUEST_TIMEOUT
            | StatusCode::TOO_EARLY
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}
