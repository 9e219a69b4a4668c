use std::task::{Context, Poll};

use tokio::time::Instant;
use tower_service::Service;

use crate::{
    DeadlineOf, Elapsed, Fixed, IntoError, LimitOf, NoDeadline, OnReject, Phase, Timeout,
    allowance::Allowance, future::ResponseFuture, nanos::Nanos, race::Race, readiness::Readiness,
};

/// A service whose calls are bounded in time, made by [`TimeoutLayer`](crate::TimeoutLayer).
///
/// `poll_ready` is the inner service's and is not bounded: the clock starts at `call`. A service that may
/// be unready for long (a pool, a queue) wants a timeout around what waits for it, or a
/// [`Deadline::run`](crate::Deadline::run); or [`Builder::count_readiness`](crate::Builder::count_readiness),
/// which takes that time off the limit.
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
    readiness: Readiness,
}

impl<S, R, D, L> TimeoutService<S, R, D, L> {
    pub(crate) fn new(inner: S, timeout: Timeout, reject: R, deadline: D, limit: L) -> Self {
        Self {
            inner,
            timeout,
            reject,
            deadline,
            limit,
            readiness: Readiness::default(),
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
        let ready = self.inner.poll_ready(cx);
        if ready.is_ready() {
            self.readiness.ended();
        } else if self.timeout.counts_readiness() {
            self.readiness.pending();
        }
        ready
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let race = self.race(request);
        ResponseFuture::new(race, self.reject.clone(), self.timeout.watch().clone())
    }
}

impl<S, R, D, L> TimeoutService<S, R, D, L> {
    #[inline]
    fn race<Req>(&mut self, request: Req) -> Race<S::Future>
    where
        S: Service<Req>,
        D: DeadlineOf<Req>,
        L: LimitOf<Req>,
    {
        let name = self.timeout.name();
        let limit = Nanos::new(self.limit.limit_of(&request)).min(self.timeout.limit_in_nanos());
        let deadline = self.deadline.deadline_of(&request);
        let waited = self.readiness.take();
        if limit.is_unbounded() && deadline.is_none() {
            return Race::new(self.inner.call(request), None);
        }
        // Before the inner `call`: what it does there, and however long its future then waits for its
        // first poll, is time of this call.
        let now = Instant::now();
        if deadline.is_some_and(|deadline| deadline < now) {
            return Race::lost(Elapsed::before(name));
        }
        // The wait lies before the call, and what is left of the limit after it.
        let mut started = now;
        if let Some(waited) = waited {
            let waited_for = Nanos::new(waited);
            if waited_for > limit {
                return Race::lost(Elapsed::new(name, Phase::Before, waited_for, limit));
            }
            started = now.checked_sub(waited).unwrap_or(now);
        }
        let allowance = Allowance::new(name, started, limit, deadline);
        Race::new(self.inner.call(request), Some(allowance))
    }
}
