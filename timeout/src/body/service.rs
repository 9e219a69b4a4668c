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

use super::{BodyTimeoutLayer, Limits, TimeoutBody};
use crate::{
    layer::{DeadlineOf, IntoError, NoDeadline, OnReject},
    observe::Watch,
    race::Race,
    types::{Allowance, Label, Nanos, Phase},
};

/// An HTTP service whose responses are bounded in time. Created by [`BodyTimeoutLayer`].
///
/// `poll_ready` is that of the inner service and is not bounded: the clock starts at `call`.
#[derive(Clone, Debug)]
pub struct BodyTimeoutService<S, R = IntoError, D = NoDeadline> {
    inner: S,
    layer: BodyTimeoutLayer<R, D>,
}

/// The response of a [`BodyTimeoutService`]: the head, bounded in time.
///
/// # Panics
///
/// If it must wait and there is no tokio runtime with its time driver enabled, or if it is polled after a
/// rejection.
///
/// # Cancel safety
///
/// Dropping it drops the inner future and then the timer. Nothing else remains.
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct BodyResponseFuture<F, R = IntoError> {
    #[pin]
    race: Race<F>,
    reject: R,
    limits: Limits,
    deadline: Option<Instant>,
    timeout: Label,
    watch: Watch,
}

// === impl BodyTimeoutService ===

impl<S, R, D> BodyTimeoutService<S, R, D> {
    pub(super) const fn new(inner: S, layer: BodyTimeoutLayer<R, D>) -> Self {
        Self { inner, layer }
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
        let BodyTimeoutLayer {
            timeout,
            reject,
            deadline,
        } = &self.layer;
        let limits = timeout.limits();
        let [headers, ..] = limits;
        let deadline = deadline.deadline_of(&request);
        let (label, reject, watch) = (timeout.label(), reject.clone(), timeout.watch().clone());
        let allowance = if headers == Nanos::UNBOUNDED && deadline.is_none() {
            Ok(None)
        } else {
            // Before the inner `call`, whose time counts.
            Allowance::of_call(label, Instant::now(), None, headers, deadline).map(Some)
        };
        let race = match allowance {
            Ok(allowance) => Race::new(self.inner.call(request), allowance),
            Err(elapsed) => Race::lost(elapsed),
        };
        BodyResponseFuture {
            race,
            reject,
            limits,
            deadline,
            timeout: label,
            watch,
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
                this.watch.elapsed("body_timeout", &elapsed);
                let answer = this.reject.on_reject(elapsed);
                answer.map(|response| response.map(TimeoutBody::unbounded))
            }
        })
    }
}

impl<F, R> fmt::Debug for BodyResponseFuture<F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyResponseFuture").finish_non_exhaustive()
    }
}
