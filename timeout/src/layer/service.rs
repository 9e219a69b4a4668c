use std::task::{Context, Poll};

use tokio::time::Instant;
use tower_service::Service;

use crate::{
    DeadlineOf, Elapsed, Fixed, IntoError, LimitOf, NoDeadline, OnReject, Phase, Timeout,
    layer::future::ResponseFuture, layer::readiness::Readiness, race::Race,
    types::allowance::Allowance, types::nanos::Nanos,
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

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        let ready = self.inner.poll_ready(cx);
        if ready.is_ready() {
            self.readiness.ended();
        } else if self.timeout.counts_readiness() {
            self.readiness.pending();
        }
        ready
    }

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "in one piece with its caller the future is made where it is to lie, and is not copied layer by layer"
    )]
    fn call(&mut self, request: Req) -> Self::Future {
        let allowance = self.allowance(&request);
        let (reject, watch) = (self.reject.clone(), self.timeout.watch().clone());
        // Each built where it is to lie: a future is long, and moved it would be copied.
        match allowance {
            Ok(allowance) => {
                let race = Race::new(self.inner.call(request), allowance);
                ResponseFuture::new(race, reject, watch)
            }
            Err(elapsed) => ResponseFuture::new(Race::lost(elapsed), reject, watch),
        }
    }
}

impl<S, R, D, L> TimeoutService<S, R, D, L> {
    /// The time the call has, if anything bounds it; or what there is to say as it has none left.
    #[inline]
    fn allowance<Req>(&mut self, request: &Req) -> Result<Option<Allowance>, Elapsed>
    where
        D: DeadlineOf<Req>,
        L: LimitOf<Req>,
    {
        let name = self.timeout.name();
        let limit = Nanos::new(self.limit.limit_of(request)).min(self.timeout.limit_in_nanos());
        let deadline = self.deadline.deadline_of(request);
        let waited = self.readiness.take();
        if limit.is_unbounded() && deadline.is_none() {
            return Ok(None);
        }
        // Before the inner `call`: what it does there, and however long its future then waits for its
        // first poll, is time of this call.
        let now = Instant::now();
        if deadline.is_some_and(|deadline| deadline < now) {
            return Err(Elapsed::before(name));
        }
        // The wait lies before the call, and what is left of the limit after it.
        let mut started = now;
        if let Some(waited) = waited {
            let waited_for = Nanos::new(waited);
            if waited_for > limit {
                return Err(Elapsed::new(name, Phase::Before, waited_for, limit));
            }
            started = now.checked_sub(waited).unwrap_or(now);
        }
        Ok(Some(Allowance::new(name, started, limit, deadline)))
    }
}
