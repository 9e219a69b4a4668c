//! Feature `http`: what HTTP statuses and gRPC codes mean to a breaker.

use std::{fmt, marker::PhantomData};

use http::{Response, StatusCode};

use super::classify::Classify;
#[cfg(feature = "http-body")]
use crate::types::BodyEnd;
use crate::types::{MayReject, Meaning, Outcome, retry_after};

/// Classifies HTTP and gRPC responses by the [table](crate::guide::meaning) that the sibling crates share. Zero-sized.
/// Feature `http`.
///
/// - A failure is a status of 5xx, 408 or 429, and a `grpc-status` of 2, 4, 8, 12, 13, 14 or 15, or one that is not
///   defined.
/// - A failure with a `Retry-After` is an [`Outcome::FailureFor`].
/// - The status 499 and the `grpc-status` 1 say that the caller gave up, and are ignored.
/// - An `Err` is a failure, unless it is a rejection by a layer further in, which is ignored. So is a response that a
///   rejection was turned into, by [`Open::http_response`](crate::Open::http_response) and its like.
/// - Everything else is a success, "not found" among them.
///
/// Made by [`CircuitBreakerLayer::http`](crate::CircuitBreakerLayer::http) and
/// [`grpc`](crate::CircuitBreakerLayer::grpc). [`statuses`](Self::statuses) and [`codes`](Self::codes) choose what is a
/// failure instead. The compiler infers `M`, see [`MayReject`].
#[derive(Clone, Copy, Debug, Default)]
pub struct ClassifyHttp<M = ()>(PhantomData<fn() -> M>);

/// [`ClassifyHttp`] with failures of your choice. Made by [`ClassifyHttp::statuses`] and [`ClassifyHttp::codes`]. Feature
/// `http`.
#[derive(Clone, Copy)]
#[must_use = "it judges nothing until a layer uses it"]
pub struct ClassifyChosen<M = ()> {
    statuses: fn(StatusCode) -> bool,
    codes: fn(u32) -> bool,
    mark: PhantomData<fn() -> M>,
}

// === impl ClassifyHttp ===

impl<M> ClassifyHttp<M> {
    pub(super) const NEW: Self = Self(PhantomData);

    /// Makes a failure of the statuses for which `are_failures` returns true, and of no others. Codes, errors and rejections
    /// count as `ClassifyHttp` has them.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::Response;
    /// use maestro_circuit_breaker::{Classify, ClassifyHttp, Outcome};
    ///
    /// // A limit of one tenant says nothing about the service.
    /// let classifier = ClassifyHttp::statuses(|status| status.is_server_error());
    /// let response = Response::builder().status(429).body(())?;
    /// assert_eq!(classifier.classify(&Ok::<_, std::io::Error>(response)), Outcome::Success);
    /// # Ok::<(), http::Error>(())
    /// ```
    pub const fn statuses(are_failures: fn(StatusCode) -> bool) -> ClassifyChosen<M> {
        ClassifyChosen {
            statuses: are_failures,
            ..ClassifyChosen::TABLE
        }
    }

    /// Makes a failure of the gRPC codes for which `are_failures` returns true, and of no others, in the head and in
    /// trailers. It is not asked about 0, which is a success. Statuses, errors and rejections count as `ClassifyHttp` has
    /// them.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::Response;
    /// use maestro_circuit_breaker::{Classify, ClassifyHttp, Outcome};
    ///
    /// // A service that does not know the method (12) is well.
    /// let classifier = ClassifyHttp::codes(|code| matches!(code, 2 | 4 | 8 | 13..=15));
    /// let response = Response::builder().header("grpc-status", 12).body(())?;
    /// assert_eq!(classifier.classify(&Ok::<_, std::io::Error>(response)), Outcome::Success);
    /// # Ok::<(), http::Error>(())
    /// ```
    pub const fn codes(are_failures: fn(u32) -> bool) -> ClassifyChosen<M> {
        ClassifyChosen {
            codes: are_failures,
            ..ClassifyChosen::TABLE
        }
    }
}

impl<B, Err: MayReject<M>, M> Classify<Response<B>, Err> for ClassifyHttp<M> {
    fn classify(&self, result: &Result<Response<B>, Err>) -> Outcome {
        match result {
            Ok(response) => of_response(response, Meaning::of_head(response).0),
            Err(error) => Outcome::of_error(error),
        }
    }
}

// === impl ClassifyChosen ===

impl<M> ClassifyChosen<M> {
    const TABLE: Self = Self {
        statuses: |status| is_failure(Meaning::of_status(status)),
        codes: |code| is_failure(Meaning::of_code(code)),
        mark: PhantomData,
    };

    /// As [`ClassifyHttp::statuses`].
    pub const fn statuses(self, are_failures: fn(StatusCode) -> bool) -> Self {
        Self {
            statuses: are_failures,
            ..self
        }
    }

    /// As [`ClassifyHttp::codes`].
    pub const fn codes(self, are_failures: fn(u32) -> bool) -> Self {
        Self {
            codes: are_failures,
            ..self
        }
    }

    fn is_failure(&self, code: u32) -> bool {
        code != 0 && (self.codes)(code)
    }
}

impl<B, Err: MayReject<M>, M> Classify<Response<B>, Err> for ClassifyChosen<M> {
    fn classify(&self, result: &Result<Response<B>, Err>) -> Outcome {
        let response = match result {
            Ok(response) => response,
            Err(error) => return Outcome::of_error(error),
        };
        let (meaning, code) = Meaning::of_head(response);
        let failed = match code {
            Some(code) => self.is_failure(code),
            None => (self.statuses)(response.status()),
        };
        of_response(response, chosen(meaning, failed))
    }

    #[cfg(feature = "http-body")]
    fn classify_end(&self, end: BodyEnd<'_>) -> Outcome {
        let failed = end.grpc_code().is_some_and(|code| self.is_failure(code));
        outcome(chosen(end.meaning(), failed))
    }
}

impl<M> fmt::Debug for ClassifyChosen<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClassifyChosen").finish_non_exhaustive()
    }
}

// === meanings ===

/// The meaning for a breaker whose user has `failed` in place of the table.
const fn chosen(table: Meaning, failed: bool) -> Meaning {
    match table {
        Meaning::Rejected => Meaning::Rejected,
        _ if failed => Meaning::Fault,
        Meaning::Cancelled => Meaning::Cancelled,
        _ => Meaning::Done,
    }
}

fn of_response<B>(response: &Response<B>, meaning: Meaning) -> Outcome {
    match outcome(meaning) {
        Outcome::Failure => {
            let asked = retry_after(response.headers());
            asked.map_or(Outcome::Failure, Outcome::FailureFor)
        }
        outcome => outcome,
    }
}

pub(super) const fn outcome(meaning: Meaning) -> Outcome {
    match meaning {
        Meaning::Done => Outcome::Success,
        Meaning::Cancelled | Meaning::Rejected => Outcome::Ignored,
        Meaning::Stalled
        | Meaning::Throttled
        | Meaning::Unavailable
        | Meaning::Late
        | Meaning::Fault => Outcome::Failure,
    }
}

const fn is_failure(meaning: Meaning) -> bool {
    matches!(outcome(meaning), Outcome::Failure)
}
