//! What responses say about the service that made them: HTTP statuses, and gRPC codes in headers and trailers.
//!
//! The crates that classify results share this file, so that a status means the same to all of them. Each maps a
//! [`Meaning`] to its own outcomes. `meaning.md` has the table.

use std::{error::Error, sync::Arc};

use http::{Extensions, HeaderMap, HeaderName, Response, StatusCode};

use super::rejection::is_rejection;

/// What a response says about the service that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The service did its work. Telling a caller that its request was wrong is work too.
    Done,
    /// The caller gave up.
    Cancelled,
    /// A layer inside this process rejected the call. The service was not asked.
    Rejected,
    /// The request did not arrive in time.
    Stalled,
    /// The caller asks for more than its share.
    Throttled,
    /// The service has too much to do, or cannot be reached.
    Unavailable,
    /// The answer did not come in time.
    Late,
    /// The service failed.
    Fault,
}

/// The error for which a response stands, in its extensions. A type of the standard library, so that crates that do not
/// depend on each other find it. Extensions do not leave the process: a peer cannot set it.
pub(crate) type Cause = Arc<dyn Error + Send + Sync>;

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// The code of a value that is not a number: unknown.
const UNKNOWN: u32 = 2;

impl Meaning {
    /// What the head of a response means. A gRPC response without messages and with its code in the head ("trailers
    /// only") means what its code means, and the code is returned as well.
    pub(crate) fn of_head<B>(response: &Response<B>) -> (Self, Option<u32>) {
        if is_answer_to_a_rejection(response.extensions()) {
            return (Self::Rejected, None);
        }
        let status = response.status();
        if status.is_success() {
            if let Some(code) = grpc_code(response.headers()) {
                return (Self::of_code(code), Some(code));
            }
        }
        (Self::of_status(status), None)
    }

    pub(crate) const fn of_status(status: StatusCode) -> Self {
        match status.as_u16() {
            408 => Self::Stalled,
            429 => Self::Throttled,
            // nginx: the client closed the connection.
            499 => Self::Cancelled,
            502 | 503 => Self::Unavailable,
            504 => Self::Late,
            500.. => Self::Fault,
            _ => Self::Done,
        }
    }

    /// The codes are those of <https://grpc.io/docs/guides/status-codes/>. The codes of a fault, and 4 and 14, are what
    /// OpenTelemetry calls errors of a server (<https://opentelemetry.io/docs/specs/semconv/rpc/grpc/>). A code that is
    /// not defined is a fault too.
    pub(crate) const fn of_code(code: u32) -> Self {
        match code {
            // OK; invalid argument, not found, already exists, permission denied; failed precondition, aborted, out of
            // range; unauthenticated.
            0 | 3 | 5..=7 | 9..=11 | 16 => Self::Done,
            1 => Self::Cancelled,
            4 => Self::Late,
            8 => Self::Throttled,
            14 => Self::Unavailable,
            // Unknown, unimplemented, internal, data loss.
            2 | 12 | 13 | 15 | 17.. => Self::Fault,
        }
    }
}

/// The `grpc-status` in headers or trailers. A value that is not a number is 2 (unknown), as in grpc-go.
pub(crate) fn grpc_code(headers: &HeaderMap) -> Option<u32> {
    let status = headers.get(GRPC_STATUS)?.to_str().unwrap_or_default();
    Some(status.parse().unwrap_or(UNKNOWN))
}

fn is_answer_to_a_rejection(extensions: &Extensions) -> bool {
    extensions
        .get::<Cause>()
        .is_some_and(|cause| is_rejection(cause.as_ref()))
}
