use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use http::Response;
use pin_project::pin_project;
use tokio::time::Instant;
use tower_service::Service;

use super::{BodyTimeout, Limits, TimeoutBody};
use crate::{
    DeadlineOf, Elapsed, IntoError, NoDeadline, OnReject, Phase, observe::metrics::Watch,
    observe::trace, race::Race, types::allowance::Allowance,
};

/// An HTTP service whose responses are bounded in time, made by
/// [`BodyTimeoutLayer`](super::BodyTimeoutLayer).
///
/// `poll_ready` is the inner service's and is not bounded: the clock starts at `call`.
#[derive(Clone, Debug)]
pub struct BodyTimeoutService<S, R = IntoError, D = NoDeadline> {
    inner: S,
    timeout: BodyTimeout,
    reject: R,
    deadline: D,
}

/// The response of a [`BodyTimeoutService`]: the head, bounded in time.
///
/// # Panics
///
/// When it has to wait and there is no tokio runtime with its time driver enabled, and when it is polled
/// again after it was answered by a rejection.
///
/// # Cancel safety
///
/// Dropping it drops the inner call and then the timer. Nothing else remains.
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct BodyResponseFuture<F, R = IntoError> {
    #[pin]
    race: Race<F>,
    reject: R,
    limits: Limits,
    deadline: Option<Instant>,
    timeout: &'static str,
    watch: Watch,
}

// === impl BodyTimeoutService ===

impl<S, R, D> BodyTimeoutService<S, R, D> {
    pub(super) const fn new(inner: S, timeout: BodyTimeout, reject: R, deadline: D) -> Self {
        Self {
            inner,
            timeout,
            reject,
            deadline,
        }
    }
}

impl<S, R, D, Req, B> Service<Req> for BodyTimeoutService<S, R, D>
where
    S: Service<Req, Response = Response<B>>,
    R: OnReject<Response<B>, S::Error> + Clone,
    D: DeadlineOf<Req>,
{
    type Response = Response<TimeoutBody<B>>;
    type Error = S::Error;
    type Future = BodyResponseFuture<S::Future, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let timeout = self.timeout.name();
        let limits = self.timeout.limits();
        let deadline = self.deadline.deadline_of(&request);
        let race = if limits.headers.is_unbounded() && deadline.is_none() {
            Race::new(self.inner.call(request), None)
        } else {
            // Before the inner `call`, whose time counts.
            let now = Instant::now();
            if deadline.is_some_and(|deadline| deadline < now) {
                Race::lost(Elapsed::before(timeout))
            } else {
                let allowance = Allowance::new(timeout, now, limits.headers, deadline);
                Race::new(self.inner.call(request), Some(allowance))
            }
        };
        BodyResponseFuture {
            race,
            reject: self.reject.clone(),
            limits,
            deadline,
            timeout,
            watch: self.timeout.watch().clone(),
        }
    }
}

// === impl BodyResponseFuture ===

impl<F, R, B, Err> Future for BodyResponseFuture<F, R>
where
    F: Future<Output = Result<Response<B>, Err>>,
    R: OnReject<Response<B>, Err>,
{
    type Output = Result<Response<TimeoutBody<B>>, Err>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        Poll::Ready(match this.race.as_mut().poll(Phase::Headers, cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(result)) => {
                this.watch.finished(Phase::Headers, this.race.allowance());
                result.map(|response| {
                    let (timeout, limits, deadline) = (*this.timeout, *this.limits, *this.deadline);
                    response.map(|body| {
                        TimeoutBody::new(body, timeout, limits, deadline, this.watch.clone())
                    })
                })
            }
            Poll::Ready(Err(elapsed)) => {
                this.watch.elapsed(&elapsed);
                trace::elapsed(&elapsed);
                let answer = this.reject.on_reject(elapsed);
                answer.map(|response| {
                    response.map(|body| TimeoutBody::unbounded(body, this.watch.clone()))
                })
            }
        })
    }
}

impl<F, R> fmt::Debug for BodyResponseFuture<F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyResponseFuture").finish_non_exhaustive()
    }
}
