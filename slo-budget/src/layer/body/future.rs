use std::{
    borrow::Borrow,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::Response;
use http_body::Body;
use pin_project::pin_project;
use tokio::time::Instant;

use crate::{
    layer::{Classify, ErrIsBad, ObservedBody},
    observation::Observation,
    record::Core,
    types::Event,
};

/// The response of a [`BodyService`](crate::BodyService): the inner call with its observation, which then goes into the body.
///
/// # Cancel safety
///
/// Dropped before it is ready, the call was cancelled and counts as
/// [`Builder::on_cancel`](crate::Builder::on_cancel) has it.
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct BodyFuture<F, C = ErrIsBad, P: Borrow<Core> = Arc<Core>> {
    #[pin]
    call: F,
    observation: Option<Observation<P>>,
    classifier: C,
    started: Option<Instant>,
    slow_after: Duration,
}

impl<F, C, P: Borrow<Core>> BodyFuture<F, C, P> {
    pub(crate) const fn new(
        call: F,
        observation: Observation<P>,
        classifier: C,
        started: Option<Instant>,
        slow_after: Duration,
    ) -> Self {
        Self {
            call,
            observation: Some(observation),
            classifier,
            started,
            slow_after,
        }
    }
}

impl<F, C, P, B, E> Future for BodyFuture<F, C, P>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
    C: Classify<Response<B>, E>,
    P: Borrow<Core>,
{
    type Output = Result<Response<ObservedBody<B, P>>, E>;

    /// # Panics
    ///
    /// Where the inner future does when it is polled again after it was ready.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        // Held here while others' code runs, as in `ErrorBudgetFuture`.
        let observation = this.observation.take();
        let Poll::Ready(result) = this.call.poll(cx) else {
            *this.observation = observation;
            return Poll::Pending;
        };
        let now = Instant::now();
        let latency = this.started.map_or(Duration::ZERO, |started| {
            now.saturating_duration_since(started)
        });
        let event = this.classifier.classify(&result, latency);
        // A head that is too late is bad already; the body is watched on behalf of what is still good.
        let is_good = event == Event::Good && latency <= *this.slow_after;
        let observation = match observation {
            Some(observation) if is_good && result.is_ok() => Some(observation),
            Some(observation) => {
                let late = event == Event::Good && latency > *this.slow_after;
                observation.finish_at(if late { Event::Bad } else { event }, now);
                None
            }
            None => None,
        };
        // By when the body has to end; `None` where there is no such time.
        let deadline = this
            .started
            .and_then(|started| started.checked_add(*this.slow_after));
        Poll::Ready(
            result.map(|head| head.map(|body| ObservedBody::new(body, observation, deadline))),
        )
    }
}

impl<F, C, P: Borrow<Core>> fmt::Debug for BodyFuture<F, C, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyFuture").finish_non_exhaustive()
    }
}
