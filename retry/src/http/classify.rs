use http::{HeaderName, Response, StatusCode};

use crate::{
    http::{first_frame::NoMessage, grpc_pushback},
    policy::Classify,
    types::{Attempt, BodyEnd, MayReject, Meaning, Verdict, retry_after},
};

/// Retries failures that HTTP and gRPC call temporary, and no earlier than the server asks. Feature `http`.
///
/// [The table](crate::guide::meaning) has what every status and code means. In short:
///
/// - An `Err` is retried, unless it is a [rejection](crate::is_rejection) by another layer.
/// - The statuses 408, 425, 429, 502, 503 and 504 are retried, after the wait of [`retry_after`] if there is one.
///   [`statuses`](Self::statuses) chooses others.
/// - A `grpc-status` of 14 (unavailable) is retried likewise. [`codes`](Self::codes) chooses others.
/// - The wait after a 429 is [`Builder::throttle_backoff`](crate::Builder::throttle_backoff), if there is one.
/// - The hint of [`grpc_pushback`] decides before the statuses and codes, unless the response is a success: a status of
///   2xx, and no `grpc-status` but 0.
/// - What is not retried and is a fault of the service is a failure for the budget ([`Verdict::Never`]): the statuses 408,
///   429 and 5xx, and a `grpc-status` of 2, 4, 8, 12, 13, 14 or 15.
/// - A response that another layer made of its rejection is [`Verdict::Ignored`], as are the status 499 and the code 1:
///   the caller gave up.
/// - So is a response with the header `x-envoy-overloaded`, whatever its value. Envoy
///   [sets it](https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter#x-envoy-overloaded-set)
///   on requests that it dropped itself, and does not retry such responses.
/// - Every other response is [`Verdict::Done`], "not found" among them.
///
/// gRPC sends its code among the trailers. This classifier sees it if the response has only trailers. With
/// [`RetryLayer::until_first_frame`](crate::RetryLayer::until_first_frame) it sees it in every response without messages,
/// and a body that fails before its first message is retried. A response with messages counts as a success.
///
/// [`RetryPolicy::http`](crate::RetryPolicy::http) and [`grpc`](crate::RetryPolicy::grpc) add what decides which requests
/// may be repeated.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), maestro_retry::InvalidConfig> {
/// use std::{convert::Infallible, time::Duration};
/// use http::{Request, Response};
/// use http_body_util::Empty;
/// use maestro_retry::{AttemptNumber, RetryLayer, RetryPolicy};
/// use tower::{Layer, ServiceExt, service_fn};
///
/// let policy = RetryPolicy::builder().build()?.http();
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

/// [`RetryHttp`] with statuses or gRPC codes of your choice. Made by [`RetryHttp::statuses`] and [`RetryHttp::codes`].
/// Feature `http`.
#[derive(Clone, Copy, Debug)]
#[must_use = "it judges nothing until a policy uses it"]
pub struct RetryChosen {
    statuses: fn(StatusCode) -> bool,
    codes: fn(u32) -> bool,
}

const OVERLOADED: HeaderName = HeaderName::from_static("x-envoy-overloaded");

// === impl RetryHttp ===

impl RetryHttp {
    const TABLE: RetryChosen = RetryChosen {
        statuses: is_temporary,
        codes: is_unavailable,
    };

    /// Retries the statuses for which `are_retried` returns true, instead of the default ones. All else is judged as
    /// `RetryHttp` does.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_retry::{RetryHttp, RetryPolicy};
    ///
    /// let policy = RetryPolicy::builder()
    ///     .build()?
    ///     .http()
    ///     .classifier(RetryHttp::statuses(|status| status.as_u16() == 429 || status.is_server_error()));
    /// # let _ = policy;
    /// # Ok::<(), maestro_retry::InvalidConfig>(())
    /// ```
    pub const fn statuses(are_retried: fn(StatusCode) -> bool) -> RetryChosen {
        Self::TABLE.statuses(are_retried)
    }

    /// Retries the gRPC codes for which `are_retried` returns true, instead of 14 (unavailable). All else is judged as
    /// `RetryHttp` does. It is not asked about 0, which is a success.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_retry::{RetryHttp, RetryPolicy};
    ///
    /// let policy = RetryPolicy::builder()
    ///     .build()?
    ///     .grpc(|_| true)
    ///     .classifier(RetryHttp::codes(|code| matches!(code, 10 | 14))); // aborted, unavailable
    /// # let _ = policy;
    /// # Ok::<(), maestro_retry::InvalidConfig>(())
    /// ```
    pub const fn codes(are_retried: fn(u32) -> bool) -> RetryChosen {
        Self::TABLE.codes(are_retried)
    }
}

impl<Req, B, Err: MayReject<M>, M> Classify<Req, Response<B>, Err, M> for RetryHttp {
    const TIMED: bool = false;

    fn classify(&self, _: &Attempt<'_, Req>, result: &Result<Response<B>, Err>) -> Verdict {
        Self::TABLE.judge(result)
    }
}

// === impl RetryChosen ===

impl RetryChosen {
    /// As [`RetryHttp::statuses`].
    pub const fn statuses(mut self, are_retried: fn(StatusCode) -> bool) -> Self {
        self.statuses = are_retried;
        self
    }

    /// As [`RetryHttp::codes`].
    pub const fn codes(mut self, are_retried: fn(u32) -> bool) -> Self {
        self.codes = are_retried;
        self
    }

    fn judge<B, Err: MayReject<M>, M>(&self, result: &Result<Response<B>, Err>) -> Verdict {
        let response = match result {
            Ok(response) => response,
            Err(error) if error.is_rejection() => return Verdict::Ignored,
            Err(_) => return Verdict::Retry,
        };
        let (status, headers) = (response.status(), response.headers());
        let (meaning, code) = match NoMessage::of(response) {
            None => Meaning::of_head(response),
            Some(NoMessage::NoCode) => {
                let end = BodyEnd::new(true, None);
                (end.meaning(), end.grpc_code())
            }
            Some(NoMessage::Rejected) => (Meaning::Rejected, None),
            Some(NoMessage::Failed) => return Verdict::Retry,
        };
        if meaning == Meaning::Rejected || headers.contains_key(OVERLOADED) {
            return Verdict::Ignored;
        }
        let is_retried = match code {
            Some(code) => code != 0 && (self.codes)(code),
            None => (self.statuses)(status),
        };
        if meaning == Meaning::Cancelled && !is_retried {
            return Verdict::Ignored;
        }
        let is_failure = !status.is_success() || code.is_some_and(|code| code != 0);
        // A healthy answer is not searched for the hint.
        if is_failure {
            if let Some(verdict) = grpc_pushback(headers) {
                return verdict;
            }
        }
        let retry = || retry_after(headers).map_or(Verdict::Retry, Verdict::RetryAfter);
        match meaning {
            Meaning::Throttled if is_retried => retry().throttled(),
            _ if is_retried => retry(),
            Meaning::Done => Verdict::Done,
            _ => Verdict::Never,
        }
    }
}

impl<Req, B, Err: MayReject<M>, M> Classify<Req, Response<B>, Err, M> for RetryChosen {
    const TIMED: bool = false;

    fn classify(&self, _: &Attempt<'_, Req>, result: &Result<Response<B>, Err>) -> Verdict {
        self.judge(result)
    }
}

const fn is_temporary(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 425 | 429 | 502 | 503 | 504)
}

const fn is_unavailable(code: u32) -> bool {
    code == 14
}
