use std::task::{Context, Poll};

use tokio::time::Instant;
use tower_service::Service;

use super::{
    DeadlineOf, Fixed, IntoError, LimitOf, NoDeadline, OnReject, TimeoutLayer,
    future::ResponseFuture, readiness::Readiness,
};
use crate::{
    race::Race,
    types::{Allowance, Elapsed, Nanos},
};

/// A service whose calls are bounded in time. Created by [`TimeoutLayer`].
///
/// `poll_ready` is that of the inner service and is not bounded. For a service that may be unready for long (a
/// pool, a queue), put a timeout around the wait, use [`Deadline::run`](crate::Deadline::run), or count the wait
/// towards the limit with [`Builder::count_readiness`](crate::Builder::count_readiness).
///
/// `call` reads the clock once, or not at all if nothing bounds the request. If the deadline of the request has
/// passed, the inner service is not called and stays ready.
#[derive(Clone, Debug)]
pub struct TimeoutService<S, R = IntoError, D = NoDeadline, L = Fixed> {
    inner: S,
    layer: TimeoutLayer<R, D, L>,
    readiness: Readiness,
}

impl<S, R, D, L> TimeoutService<S, R, D, L> {
    pub(super) fn new(inner: S, layer: TimeoutLayer<R, D, L>) -> Self {
        Self {
            inner,
            layer,
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
        } else if self.layer.timeout.counts_readiness() {
            self.readiness.pending();
        }
        ready
    }

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "inlined, the future is built in its final place; otherwise each layer copies it"
    )]
    fn call(&mut self, mut request: Req) -> Self::Future {
        let allowance = self.allowance(&mut request);
        let (reject, watch) = (
            self.layer.reject.clone(),
            self.layer.timeout.watch().clone(),
        );
        // Each arm builds the whole future. A shared tail would copy it, and a future is large.
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
    /// The time of the call, of which the request is told; `None` if nothing bounds it. The rejection if no time is
    /// left.
    #[inline]
    fn allowance<Req>(&mut self, request: &mut Req) -> Result<Option<Allowance>, Elapsed>
    where
        D: DeadlineOf<Req>,
        L: LimitOf<Req>,
    {
        let TimeoutLayer {
            timeout,
            deadline,
            limit,
            ..
        } = &self.layer;
        let limit = Nanos::from(limit.limit_of(request)).min(timeout.limit_in_nanos());
        let end = deadline.deadline_of(request);
        let waited = self.readiness.take();
        if limit == Nanos::UNBOUNDED && end.is_none() {
            return Ok(None);
        }
        // The clock is read before the inner `call`, not at the first poll: the caller waits from here on, and
        // the inner service may have started work (a task, a queue). The read is two thirds of the cost of a
        // call that is ready at once.
        let now = Instant::now();
        let allowance = Allowance::of_call(timeout.label(), now, waited, limit, end)?;
        let (started, limit) = allowance.parts();
        deadline.tell(request, started, limit);
        Ok(Some(allowance))
    }
}
