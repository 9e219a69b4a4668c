use std::{
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::Instant;
use tower_service::Service;

use crate::{
    DeadlineOf, Elapsed, Fixed, IntoError, LimitOf, NoDeadline, OnReject, Timeout,
    allowance::Allowance, future::ResponseFuture,
};

/// A service whose calls are bounded in time, made by [`TimeoutLayer`](crate::TimeoutLayer).
///
/// `poll_ready` is the inner service's and is not bounded: the clock starts at `call`. A service that may
/// be unready for long (a pool, a queue) wants a timeout around what waits for it, or a
/// [`Deadline::run`](crate::Deadline::run).
///
/// `call` reads the clock once, and not at all where nothing bounds the request. Where the request's
/// deadline has passed it does not call the inner service, which then stays ready for the next call.
#[derive(Clone, Debug)]
pub struct TimeoutService<S, R = IntoError, D = NoDeadline, L = Fixed> {
    inner: S,
    timeout: Timeout,
    reject: R,
    deadline: D,
    limit: L,
}

impl<S, R, D, L> TimeoutService<S, R, D, L> {
    pub(crate) const fn new(inner: S, timeout: Timeout, reject: R, deadline: D, limit: L) -> Self {
        Self {
            inner,
            timeout,
            reject,
            deadline,
            limit,
        }
    }
}

impl<S, R, D, L, Req> Service<Req> for TimeoutService<S, R, D, L>
where
    S: Service<Req>,
    R: OnReject<S::Response, S::Error> + Clone,
    D: DeadlineOf<Req>,
    L: LimitOf<Req>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let name = self.timeout.name();
        let limit = self.timeout.limit().min(self.limit.limit_of(&request));
        let deadline = self.deadline.deadline_of(&request);
        let reject = self.reject.clone();
        if limit == Duration::MAX && deadline.is_none() {
            return ResponseFuture::calling(self.inner.call(request), None, reject);
        }
        // Before the inner `call`: what it does there, and however long its future then waits for its
        // first poll, is time of this call.
        let now = Instant::now();
        if deadline.is_some_and(|deadline| deadline < now) {
            let elapsed = Elapsed::new(name, Duration::ZERO, Duration::ZERO);
            return ResponseFuture::too_late(elapsed, reject);
        }
        let allowance = Allowance::new(name, now, limit, deadline);
        ResponseFuture::calling(self.inner.call(request), Some(allowance), reject)
    }
}
