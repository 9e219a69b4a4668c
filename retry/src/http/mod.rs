//! Requests and responses of the `http` crate (feature `http`): the policies in one word and the pushback of gRPC here,
//! verdicts in `classify`, copies of requests in `replay`, failures before the first message in `first_frame`.

mod classify;
mod first_frame;
mod replay;
#[cfg(all(test, not(loom)))]
mod tests;

use std::time::Duration;

use http::{HeaderMap, HeaderName};

pub use self::{
    classify::{RetryChosen, RetryHttp},
    first_frame::{FirstFrameBody, FirstFrameFuture, FirstFrameLayer, FirstFrameService},
    replay::{AttemptNumber, HttpReplay},
};
use crate::{policy::RetryPolicy, types::Verdict};

const PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");

impl<V, Q, D, B> RetryPolicy<V, Q, D, B> {
    /// Retries HTTP requests: [`RetryHttp`] decides what to retry, and [`HttpReplay`] what may be repeated. Feature
    /// `http`.
    ///
    /// Requests with an idempotent method and a body in memory of up to 64 KiB are repeated. For a gRPC client use
    /// [`grpc`](Self::grpc).
    ///
    /// The request is an [`http::Request`] with a body that is `Clone`, such as `http_body_util::Full<Bytes>`. For others,
    /// such as those of axum and reqwest, say after this how to copy one: [`replay`](Self::replay).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::{convert::Infallible, sync::atomic::{AtomicU32, Ordering::Relaxed}};
    /// use http::{Request, Response};
    /// use http_body_util::Empty;
    /// use maestro_retry::{Backoff, RetryLayer, RetryPolicy};
    /// use tower::{Layer, ServiceExt, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// static ATTEMPTS: AtomicU32 = AtomicU32::new(0);
    /// let policy = RetryPolicy::builder().backoff(Backoff::none()).build()?.http();
    /// let client = RetryLayer::new(policy).layer(service_fn(async |_| {
    ///     ATTEMPTS.fetch_add(1, Relaxed);
    ///     Ok::<_, Infallible>(Response::builder().status(503).body("down").unwrap())
    /// }));
    ///
    /// client.clone().oneshot(Request::get("/items").body(Empty::<&[u8]>::new())?).await?;
    /// assert_eq!(ATTEMPTS.swap(0, Relaxed), 3);
    /// client.oneshot(Request::post("/items").body(Empty::<&[u8]>::new())?).await?;
    /// assert_eq!(ATTEMPTS.swap(0, Relaxed), 1, "a POST may not run twice");
    /// # Ok(())
    /// # }
    /// ```
    pub fn http(self) -> RetryPolicy<RetryHttp, HttpReplay, D, B> {
        self.classifier(RetryHttp).replayer(HttpReplay::new())
    }

    /// Retries gRPC calls whose path is one of those for which `may_repeat` returns true. Feature `http`.
    ///
    /// **A call that is retried may run twice.** Its first attempt may have been executed although its answer was lost.
    /// gRPC sends every call as a POST, so the layer cannot know which calls bear that: only you can, and say it here, for
    /// each method by its path `/package.Service/Method`. `|_| true` says it of all methods.
    ///
    /// [`RetryHttp`] retries code 14 (unavailable), [`RetryHttp::codes`] others. In gRPC the configuration of the service
    /// has both, the methods and the codes
    /// ([A6](https://github.com/grpc/proposal/blob/master/A6-client-retries.md#validation-of-retrypolicy)). It has no
    /// default codes.
    ///
    /// Calls with a body in memory of up to 64 KiB are repeated. A call that streams its requests is sent once.
    ///
    /// The code of a response is often in trailers behind its head:
    /// [`RetryLayer::until_first_frame`](crate::RetryLayer::until_first_frame) shows it to the policy.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::Request;
    /// use http_body_util::Full;
    /// use maestro_retry::{Replay, RetryHttp, RetryLayer, RetryPolicy};
    ///
    /// let policy = RetryPolicy::builder()
    ///     .build()?
    ///     .grpc(|path| matches!(path, "/shop.Items/Get" | "/shop.Items/Put"))
    ///     .classifier(RetryHttp::codes(|code| matches!(code, 8 | 14))); // resource exhausted too
    /// let layer = RetryLayer::new(policy).until_first_frame();
    /// # let service = tower::Layer::layer(&layer, tower::service_fn(async |_: Request<Full<&[u8]>>| {
    /// #     Ok::<_, std::io::Error>(http::Response::new(Full::new(b"".as_slice())))
    /// # }));
    /// # let _ = tower::util::Oneshot::new(service, Request::new(Full::new(b"".as_slice())));
    /// # Ok::<(), maestro_retry::InvalidConfig>(())
    /// ```
    pub fn grpc(self, may_repeat: fn(&str) -> bool) -> RetryPolicy<RetryHttp, HttpReplay, D, B> {
        let replay = HttpReplay::new().paths(may_repeat);
        self.classifier(RetryHttp).replayer(replay)
    }
}

/// The wait that a gRPC server asks for in `grpc-retry-pushback-ms`, as [`retry_after`](crate::retry_after) reads it from
/// `Retry-After`. Feature `http`.
///
/// `None` if the header is missing, and if the server asks for no retry, by a value that is negative or not a number, or by
/// several. [`grpc_pushback`] tells the two apart. For code at the edge, such as that of a tonic `Status`, whose metadata is a
/// `HeaderMap` by `MetadataMap::into_headers`.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use http::HeaderMap;
/// use maestro_retry::grpc_retry_after;
///
/// let mut metadata = HeaderMap::new();
/// assert_eq!(grpc_retry_after(&metadata), None);
/// metadata.insert("grpc-retry-pushback-ms", "1500".parse()?);
/// assert_eq!(grpc_retry_after(&metadata), Some(Duration::from_millis(1_500)));
/// # Ok::<(), http::header::InvalidHeaderValue>(())
/// ```
#[must_use]
pub fn grpc_retry_after(headers: &HeaderMap) -> Option<Duration> {
    match grpc_pushback(headers)? {
        Verdict::RetryAfter(wait) => Some(wait),
        _ => None,
    }
}

/// The verdict of a gRPC server in `grpc-retry-pushback-ms`: [`Verdict::RetryAfter`], or [`Verdict::Never`] if the value
/// is negative or not a number, or if there are several, as in grpc-go. `None` if the header is missing. Feature
/// `http`.
///
/// See [proposal A6](https://github.com/grpc/proposal/blob/master/A6-client-retries.md#pushback). gRPC sends it among
/// the trailers. A response without messages has it in its head if it has only trailers, or by
/// [`FirstFrameLayer`](crate::FirstFrameLayer).
#[must_use]
pub fn grpc_pushback(headers: &HeaderMap) -> Option<Verdict> {
    let mut values = headers.get_all(PUSHBACK).into_iter();
    let value = values.next()?.to_str().unwrap_or_default();
    if values.next().is_some() {
        return Some(Verdict::Never);
    }
    Some(match value.trim().parse() {
        Ok(millis) => Verdict::RetryAfter(Duration::from_millis(millis)),
        Err(_) => Verdict::Never,
    })
}
