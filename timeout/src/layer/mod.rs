//! The tower layer of a timeout.

mod future;
mod readiness;
mod reject;
mod request;
mod service;
mod source;

use std::time::Duration;

use tokio::time::Instant;
use tower_layer::Layer;

#[cfg(feature = "family")]
pub(crate) use self::source::{Found, Sealed};
pub use self::{
    future::{CallOrAnswer, ResponseFuture},
    reject::{Answer, IntoError, OnReject},
    request::{DeadlineOf, DeadlineWith, Fixed, LimitOf, LimitWith, NoDeadline},
    service::TimeoutService,
    source::{IntoSource, Source},
};
use crate::{timeout::Timeout, types::Elapsed};

/// Bounds the time of each call of a service.
///
/// A call ends at the earliest of the timeout's limit, the request's [`limit`](Self::limit) and the request's
/// [`deadline`](Self::deadline).
///
/// `R` answers calls that elapsed, `D` reads the deadline of a request, `L` its limit, and `T` is or finds its timeout.
#[doc(alias = "AddTimeout")]
#[doc(alias = "TimeLimiterLayer")]
#[derive(Clone, Debug)]
pub struct TimeoutLayer<R = IntoError, D = NoDeadline, L = Fixed, T = Timeout> {
    timeout: T,
    reject: R,
    deadline: D,
    limit: L,
}

impl<T> TimeoutLayer<IntoError, NoDeadline, Fixed, T> {
    /// Creates a layer from a [`Timeout`], from a [`Duration`] if no name is needed, or from a family with the key of a request
    /// (`Timeouts::by`, feature `family`).
    #[must_use]
    pub fn new(timeout: impl IntoSource<Source = T>) -> Self {
        Self {
            timeout: timeout.into_source(),
            reject: IntoError,
            deadline: NoDeadline,
            limit: Fixed,
        }
    }
}

impl<R, D, L, T> TimeoutLayer<R, D, L, T> {
    /// Answers elapsed calls with `f(elapsed)`: a 504, or an error of another type. The error type of the
    /// service then needs no `From<Elapsed>`.
    ///
    /// For HTTP, `Elapsed::http_response` and `Elapsed::grpc_response` (feature `http`) are such answers, in one word. **An
    /// answer is an `Ok`**: to a layer further out whose classifier does not read responses it is a success of the
    /// service. There use `.http()` or `.grpc()`, which read these answers.
    ///
    /// The request was consumed by the inner call. For an answer that needs the request (a stale value by its
    /// key) or that must await, see `FallbackLayer` of the crate `maestro-retry`.
    #[doc(alias = "OnTimeout")]
    #[doc(alias = "on_timeout")]
    #[must_use]
    pub fn on_reject<Res, Err, F>(self, f: F) -> TimeoutLayer<Answer<F>, D, L, T>
    where
        F: Fn(Elapsed) -> Result<Res, Err> + Clone,
    {
        TimeoutLayer {
            timeout: self.timeout,
            reject: Answer(f),
            deadline: self.deadline,
            limit: self.limit,
        }
    }

    /// Reads the deadline of each request, so that a nested call does not outlive the request that it serves.
    /// `None` is no deadline.
    ///
    /// A call whose deadline has passed is **not made**. The answer is an [`Elapsed`] in which both durations
    /// are zero. Its result would be late, and starting it costs the inner service. A deadline of the current
    /// instant has not passed: the call is made and polled once.
    ///
    /// A call that the deadline ends is no failure of the service to a circuit breaker outside. So let the limit of an attempt
    /// be well below the time that callers leave, or a service that hangs never opens the circuit: see
    /// [the guide](crate::guide#attempts-and-the-whole-request).
    ///
    /// The layers inside do not learn the limit of this layer. For HTTP requests, `stamp` (feature `http`) tells
    /// them; call it after this method, which replaces it.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_timeout::{Deadline, TimeoutLayer};
    /// use std::time::Duration;
    ///
    /// struct Query { sql: &'static str, deadline: Deadline }
    ///
    /// let layer = TimeoutLayer::new(Duration::from_millis(250))
    ///     .deadline(|query: &Query| query.deadline.at());
    /// # let _ = (layer, |q: Query| q.sql);
    /// ```
    #[must_use]
    pub fn deadline<Req, F>(self, f: F) -> TimeoutLayer<R, DeadlineWith<F>, L, T>
    where
        F: Fn(&Req) -> Option<Instant> + Clone,
    {
        self.map_deadline(|_| DeadlineWith(f))
    }

    pub(crate) fn map_deadline<E>(self, f: impl FnOnce(D) -> E) -> TimeoutLayer<R, E, L, T> {
        TimeoutLayer {
            timeout: self.timeout,
            reject: self.reject,
            deadline: f(self.deadline),
            limit: self.limit,
        }
    }

    /// Reads the limit of each request. The limit of the timeout stays the maximum, also when the figure comes
    /// from outside. With [`Duration::MAX`] there, the request alone decides.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_timeout::TimeoutLayer;
    /// use std::time::Duration;
    ///
    /// struct Query { sql: &'static str, is_report: bool }
    ///
    /// let layer = TimeoutLayer::new(Duration::from_secs(5))
    ///     .limit(|query: &Query| Duration::from_secs(if query.is_report { 5 } else { 1 }));
    /// # let _ = (layer, |q: Query| q.sql);
    /// ```
    #[doc(alias = "TimeoutGenerator")]
    #[must_use]
    pub fn limit<Req, F>(self, f: F) -> TimeoutLayer<R, D, LimitWith<F>, T>
    where
        F: Fn(&Req) -> Duration + Clone,
    {
        TimeoutLayer {
            timeout: self.timeout,
            reject: self.reject,
            deadline: self.deadline,
            limit: LimitWith(f),
        }
    }
}

impl<S, R: Clone, D: Clone, L: Clone, T: Clone> Layer<S> for TimeoutLayer<R, D, L, T> {
    type Service = TimeoutService<S, R, D, L, T>;

    fn layer(&self, inner: S) -> Self::Service {
        TimeoutService::new(inner, self.clone())
    }
}
