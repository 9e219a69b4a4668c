use std::task::{Context, Poll};

use tokio::time::Instant;
use tower_service::Service;

use super::{
    DeadlineOf, Fixed, IntoError, LimitOf, NoDeadline, OnReject, Source, TimeoutLayer,
    future::ResponseFuture, readiness::Readiness, source::Found,
};
use crate::{
    race::Race,
    timeout::Timeout,
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
#[doc(alias = "TimeLimiter")]
#[derive(Clone, Debug)]
pub struct TimeoutService<S, R = IntoError, D = NoDeadline, L = Fixed, T = Timeout> {
    inner: S,
    layer: TimeoutLayer<R, D, L, T>,
    readiness: Readiness,
}

impl<S, R, D, L, T> TimeoutService<S, R, D, L, T> {
    pub(super) fn new(inner: S, layer: TimeoutLayer<R, D, L, T>) -> Self {
        Self {
            inner,
            layer,
            readiness: Readiness::default(),
        }
    }
}

impl<S, R, D, L, T, Req> Service<Req> for TimeoutService<S, R, D, L, T>
where
    S: Service<Req>,
    R: OnReject<S::Response, S::Error> + Clone,
    D: DeadlineOf<Req>,
    L: LimitOf<Req>,
    T: Source<Req>,
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
        let Self {
            inner,
            layer,
            readiness,
        } = self;
        let found = layer.timeout.find(&request);
        let allowance = layer.allowance(&found, readiness, &mut request);
        let (reject, watch) = (layer.reject.clone(), found.watch());
        // Each arm builds the whole future. A shared tail would copy it, and a future is large.
        match allowance {
            Ok(allowance) => {
                let race = Race::new(inner.call(request), allowance);
                ResponseFuture::new(race, reject, watch)
            }
            Err(elapsed) => ResponseFuture::new(Race::lost(elapsed), reject, watch),
        }
    }
}

impl<R, D, L, T> TimeoutLayer<R, D, L, T> {
    /// The time of the call, of which the request is told; `None` if nothing bounds it. The rejection if no time is
    /// left.
    #[inline]
    fn allowance<Req>(
        &self,
        found: &Found<'_>,
        readiness: &mut Readiness,
        request: &mut Req,
    ) -> Result<Option<Allowance>, Elapsed>
    where
        D: DeadlineOf<Req>,
        L: LimitOf<Req>,
    {
        let Self {
            deadline, limit, ..
        } = self;
        let limit = Nanos::from(limit.limit_of(request)).min(found.limit());
        let end = deadline.deadline_of(request);
        let waited = readiness.take();
        if limit == Nanos::UNBOUNDED && end.is_none() {
            return Ok(None);
        }
        // The clock is read before the inner `call`, not at the first poll: the caller waits from here on, and
        // the inner service may have started work (a task, a queue). The read is two thirds of the cost of a
        // call that is ready at once.
        let now = Instant::now();
        let allowance = Allowance::of_call(found.label(), now, waited, limit, end)?;
        let (started, limit) = allowance.parts();
        deadline.tell(request, started, limit);
        Ok(Some(allowance))
    }
}
