//! How the body of a response ended.

use http::{HeaderMap, HeaderValue, Response, header::CONTENT_TYPE};

use super::meaning::{Meaning, grpc_code};

/// The end of a response body that did not fail: what a classifier sees of it. Feature `http-body`.
#[derive(Clone, Copy, Debug)]
pub struct BodyEnd<'a> {
    awaits_code: bool,
    trailers: Option<&'a HeaderMap>,
}

/// Whether the head begins a gRPC response whose code comes in the trailers.
pub(crate) fn awaits_code<B>(response: &Response<B>) -> bool {
    let headers = response.headers();
    // Followed by nothing, `+proto` or a parameter. The code of `application/grpc-web` is in its data.
    let is_grpc = |value: &HeaderValue| {
        let rest = value.as_bytes().strip_prefix(b"application/grpc");
        rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
    };
    headers.get(CONTENT_TYPE).is_some_and(is_grpc) && grpc_code(headers).is_none()
}

impl<'a> BodyEnd<'a> {
    /// `awaits_code` is what [`awaits_code`] said of the head.
    pub(crate) const fn new(awaits_code: bool, trailers: Option<&'a HeaderMap>) -> Self {
        Self {
            awaits_code,
            trailers,
        }
    }

    /// The trailers, if the body ended with some.
    #[must_use]
    pub const fn trailers(&self) -> Option<&'a HeaderMap> {
        self.trailers
    }

    /// The gRPC code in the trailers, 0 to 16 if the server keeps to the standard.
    ///
    /// 2 (unknown) if it is not a number, or if a gRPC response ended without a code: its end is missing. `None` if the
    /// response is not one of gRPC, or had its code in the head.
    #[must_use]
    pub fn grpc_code(&self) -> Option<u32> {
        const UNKNOWN: u32 = 2;
        let code = self.trailers.and_then(grpc_code);
        code.or_else(|| self.awaits_code.then_some(UNKNOWN))
    }

    /// What the end means, for a head that meant that the service did its work.
    pub(crate) fn meaning(&self) -> Meaning {
        self.grpc_code().map_or(Meaning::Done, Meaning::of_code)
    }
}
