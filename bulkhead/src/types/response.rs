//! HTTP responses that stand for a rejection.

use std::{error::Error, sync::Arc, time::Duration};

use http::{
    HeaderName, HeaderValue, Response, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
};

/// The error for which a response stands, in its extensions. A type of the standard library, so that the layers of crates
/// that do not depend on each other find it.
type Cause = Arc<dyn Error + Send + Sync>;

/// Tells an Envoy proxy, and each client that follows its convention, that this call is not worth a retry:
/// <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter#x-envoy-overloaded-set>
const OVERLOADED: HeaderName = HeaderName::from_static("x-envoy-overloaded");
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
/// <https://github.com/grpc/proposal/blob/master/A6-client-retries.md#pushback>
const PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");

/// The parts of a response that stands for an error.
pub(crate) struct Answer<E> {
    pub(crate) status: StatusCode,
    pub(crate) grpc_code: u16,
    /// For the caller of a gRPC method: printable ASCII without `%`. Without the text of the error, which names what is
    /// behind the service.
    pub(crate) message: &'static str,
    /// When the call may be tried again, if that is known.
    pub(crate) retry_after: Option<Duration>,
    /// Whether the call was rejected for want of capacity, so that a retry makes it worse.
    pub(crate) is_overload: bool,
    pub(crate) error: E,
}

impl<E: Error + Send + Sync + 'static> Answer<E> {
    /// The HTTP response: the status, `Retry-After` in whole seconds (rounded up), and an empty body.
    pub(crate) fn http<B: Default>(self) -> Response<B> {
        let mut response = Response::new(B::default());
        *response.status_mut() = self.status;
        if let Some(wait) = self.retry_after {
            let part = u64::from(wait.subsec_nanos() > 0);
            let seconds = wait.as_secs().saturating_add(part);
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        self.finish(response)
    }

    /// The gRPC response, which has only trailers: `grpc-status`, `grpc-message`, and `grpc-retry-pushback-ms` (rounded
    /// up).
    pub(crate) fn grpc<B: Default>(self) -> Response<B> {
        let mut response = Response::new(B::default());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert(GRPC_STATUS, self.grpc_code.into());
        headers.insert(GRPC_MESSAGE, HeaderValue::from_static(self.message));
        if let Some(wait) = self.retry_after {
            let millis = wait.as_nanos().div_ceil(1_000_000);
            let millis = u64::try_from(millis).unwrap_or(u64::MAX);
            headers.insert(PUSHBACK, millis.into());
        }
        self.finish(response)
    }

    fn finish<B>(self, mut response: Response<B>) -> Response<B> {
        if self.is_overload {
            let value = HeaderValue::from_static("true");
            response.headers_mut().insert(OVERLOADED, value);
        }
        let cause: Cause = Arc::new(self.error);
        response.extensions_mut().insert(cause);
        response
    }
}
