//! What a server says about coming back, in the headers of its response.

use std::time::Duration;
#[expect(clippy::disallowed_types, reason = "a date in a header is wall time")]
use std::time::SystemTime;

use http::{
    HeaderMap, HeaderName, Response, StatusCode,
    header::{DATE, RETRY_AFTER},
};

use crate::{
    policy::Classify,
    types::{Attempt, Verdict},
};

/// Retries what HTTP says may pass, and no earlier than the server asks. Feature `http`.
///
/// Every `Err`, and the statuses 408, 425, 429, 502, 503 and 504; with the hint of [`retry_after`] if there is
/// one, and before all with that of [`grpc_pushback`], whatever the status, unless the response is a success: a status
/// of 2xx, and no `grpc-status` but 0. What may be repeated at all is for
/// [`HttpReplay`](crate::HttpReplay) to say.
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

/// How long a response's `Retry-After` asks to stay away, in either of its forms: seconds, or a date. Feature
/// `http`.
///
/// A date is taken relative to the response's own `Date`, so that it does not matter how the two clocks differ;
/// without one, to this machine's clock. One that has passed is zero. `None` where there is no such header
/// or it says neither ([RFC 9110](https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3)).
#[expect(clippy::disallowed_types, reason = "a date in a header is wall time")]
#[must_use]
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    retry_after_at(headers, SystemTime::now())
}

/// [`retry_after`] at a moment that the caller has read.
#[expect(clippy::disallowed_types, reason = "a date in a header is wall time")]
#[must_use]
pub fn retry_after_at(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a number holds are longer than anybody waits.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let then = httpdate::parse_http_date(value).ok()?;
    let date = headers.get(DATE).and_then(|date| date.to_str().ok());
    let now = date
        .and_then(|date| httpdate::parse_http_date(date).ok())
        .unwrap_or(now);
    Some(then.duration_since(now).unwrap_or(Duration::ZERO))
}

/// What a gRPC server says with `grpc-retry-pushback-ms`: [`Verdict::RetryAfter`], or [`Verdict::Never`] where the
/// number is negative or none at all. `None` where the header is missing. Feature `http`.
///
/// As in [proposal A6](https://github.com/grpc/proposal/blob/master/A6-client-retries.md#pushback). gRPC sends it
/// among the trailers; it is seen here when the response has nothing but those ("trailers only"), as
/// an error has that was known before any message was sent.
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
        if !may_pass(response.status()) {
            return Verdict::Done;
        }
        retry_after(response.headers()).map_or(Verdict::Retry, Verdict::RetryAfter)
    }
}

/// Whether a response has only trailers, which say that the call failed. One without a status has more to say, and
/// is not made again for what its headers hint at.
fn grpc_failed(headers: &HeaderMap) -> bool {
    headers.get(STATUS).is_some_and(|status| status != "0")
}

fn may_pass(status: StatusCode) -> bool {
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
