//! Requests and responses of the `http` crate (feature `http`): the server's hints here, verdicts in `classify`, copies
//! of requests in `replay`.

mod classify;
mod replay;

use std::time::Duration;
#[expect(clippy::disallowed_types, reason = "a date in a header is wall time")]
use std::time::SystemTime;

use http::{
    HeaderMap, HeaderName,
    header::{DATE, RETRY_AFTER},
};

pub use self::{
    classify::{RetryHttp, RetryStatuses},
    replay::{AttemptNumber, HttpReplay},
};
use crate::types::Verdict;

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
