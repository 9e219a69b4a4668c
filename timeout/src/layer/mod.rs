pub(crate) mod deadline_of;
pub mod future;
pub(crate) mod limit_of;
pub(crate) mod readiness;
pub(crate) mod reject;
pub(crate) mod service;

use std::time::Duration;

use tokio::time::Instant;
use tower_layer::Layer;

use crate::{
    Answer, DeadlineWith, Elapsed, Fixed, IntoError, LimitWith, NoDeadline, Timeout, TimeoutService,
};

/// Bounds the time of each call of a service.
///
/// Of the timeout's limit, the request's [`limit`](Self::limit) and the request's
/// [`deadline`](Self::deadline) the earliest wins.
///
/// `R` answers calls that took too long, `D` knows the deadline of a request, `L` its limit.
#[derive(Clone, Debug)]
pub struct TimeoutLayer<R = IntoError, D = NoDeadline, L = Fixed> {
    timeout: Timeout,
    reject: R,
    deadline: D,
    limit: L,
}

impl TimeoutLayer {
    /// A layer over `timeout`: a [`Timeout`], or a [`Duration`] where no name is wanted.
    #[must_use]
    pub fn new(timeout: impl Into<Timeout>) -> Self {
        Self {
            timeout: timeout.into(),
            reject: IntoError,
            deadline: NoDeadline,
            limit: Fixed,
        }
    }
}

impl<R, D, L> TimeoutLayer<R, D, L> {
    /// Answers calls that took too long with `f(elapsed)`: a 504, an error made by hand. The error type
    /// then needs no `From<Elapsed>`.
    ///
    /// The request is gone with the inner call. For an answer that needs it (a stale value by its key), or
    /// that must await, keep what you need and match on [`Elapsed::find`] around the call.
    #[must_use]
    pub fn on_reject<Res, Err, F>(self, f: F) -> TimeoutLayer<Answer<F>, D, L>
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

    /// Reads from each request the instant until which its answer is of use, so that a call deep inside
    /// does not outlive the request it serves. `None` is no deadline.
    ///
    /// A call whose deadline has passed already is **not made**: it is answered by an [`Elapsed`] with both
    /// durations zero. Whatever it returned would come too late, and starting it would only cost the
    /// inner service. A deadline of this very instant has not passed: the call is made and polled once.
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
    pub fn deadline<Req, F>(self, f: F) -> TimeoutLayer<R, DeadlineWith<F>, L>
    where
        F: Fn(&Req) -> Option<Instant> + Clone,
    {
        TimeoutLayer {
            timeout: self.timeout,
            reject: self.reject,
            deadline: DeadlineWith(f),
            limit: self.limit,
        }
    }

    /// Reads from each request how long it may take. The timeout's own limit stays the most that any
    /// request is given: with [`Duration::MAX`] there, the request alone decides.
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
    #[must_use]
    pub fn limit<Req, F>(self, f: F) -> TimeoutLayer<R, D, LimitWith<F>>
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

impl<S, R: Clone, D: Clone, L: Clone> Layer<S> for TimeoutLayer<R, D, L> {
    type Service = TimeoutService<S, R, D, L>;

    fn layer(&self, inner: S) -> Self::Service {
        TimeoutService::new(
            inner,
            self.timeout.clone(),
            self.reject.clone(),
            self.deadline.clone(),
            self.limit.clone(),
        )
    }
}
