//! The wait that a server asks for.

use std::time::Duration;
#[expect(clippy::disallowed_types, reason = "a date in a header is wall time")]
use std::time::SystemTime;

use http::{
    HeaderMap, HeaderValue,
    header::{DATE, RETRY_AFTER},
};

/// The wait that a response's `Retry-After` asks for, as seconds or as a date. Feature `http`.
///
/// A fraction of a second, which some servers send, is rounded up. If the header stands there several times, the longest
/// wait counts, so that none is undercut.
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
    let values = headers.get_all(RETRY_AFTER).into_iter();
    let wait = |value: &HeaderValue| {
        let value = value.to_str().ok()?.trim();
        if let Some(secs) = seconds(value) {
            return Some(Duration::from_secs(secs));
        }
        let then = httpdate::parse_http_date(value).ok()?;
        let date = headers.get(DATE).and_then(|date| date.to_str().ok());
        let now = date
            .and_then(|date| httpdate::parse_http_date(date).ok())
            .unwrap_or(now);
        Some(then.duration_since(now).unwrap_or(Duration::ZERO))
    };
    values.filter_map(wait).max()
}

/// A number of seconds, rounded up. `None` if `value` is not one.
fn seconds(value: &str) -> Option<u64> {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, "0"));
    let is_number =
        |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let part = u64::from(fraction.bytes().any(|digit| digit != b'0'));
    // More digits than a `u64` holds are a wait without end.
    Some(whole.parse().unwrap_or(u64::MAX).saturating_add(part))
}
