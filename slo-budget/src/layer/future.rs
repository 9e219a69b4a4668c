//! The futures of the services.

use std::{
    borrow::Borrow,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use pin_project::pin_project;
use tokio::time::Instant;

use crate::{
    layer::{Classify, ErrIsBad},
    observation::Observation,
    record::Core,
    types::Event,
};

/// The response of an [`ErrorBudgetService`](crate::ErrorBudgetService): the inner call and its observation.
///
/// # Cancel safety
///
/// Dropped before it is ready, the call was cancelled and counts as
/// [`Builder::on_cancel`](crate::Builder::on_cancel) has it.
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct ErrorBudgetFuture<F, C = ErrIsBad, P: Borrow<Core> = Arc<Core>> {
    #[pin]
    call: F,
    observation: Option<Observation<P>>,
    classifier: C,
    started: Option<Instant>,
    slow_after: Duration,
}

impl<F, C, P: Borrow<Core>> ErrorBudgetFuture<F, C, P> {
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

impl<F, C, P, Res, Err> Future for ErrorBudgetFuture<F, C, P>
where
    F: Future<Output = Result<Res, Err>>,
    C: Classify<Res, Err>,
    P: Borrow<Core>,
{
    type Output = Result<Res, Err>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        // Held here while others' code runs: if that panics, it is dropped on the way out and is bad, also
        // where the panic is caught further out and this future is dropped only later.
        let observation = this.observation.take();
        let Poll::Ready(result) = this.call.poll(cx) else {
            *this.observation = observation;
            return Poll::Pending;
        };
        let now = Instant::now();
        let latency = this.started.map_or(Duration::ZERO, |started| {
            now.saturating_duration_since(started)
        });
        let event = match this.classifier.classify(&result, latency) {
            Event::Good if latency > *this.slow_after => Event::Bad,
            event => event,
        };
        if let Some(observation) = observation {
            observation.finish_at(event, now);
        }
        Poll::Ready(result)
    }
}

impl<F, C, P: Borrow<Core>> fmt::Debug for ErrorBudgetFuture<F, C, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ErrorBudgetFuture").finish_non_exhaustive()
    }
}

/// The response of a [`GateService`](crate::GateService): the inner call, or the answer to a refusal.
///
/// # Cancel safety
///
/// Dropping it drops the inner call. Nothing else remains.
// `F: Future` stands on the struct because a refusal is answered in `call` and kept as `F::Output`.
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct GateFuture<F: Future> {
    #[pin]
    state: GateState<F>,
}

#[pin_project(project = GateProjection)]
enum GateState<F: Future> {
    Calling(#[pin] F),
    /// `None` once it was given.
    Answered(Option<F::Output>),
}

impl<F: Future> GateFuture<F> {
    pub(crate) const fn calling(call: F) -> Self {
        Self {
            state: GateState::Calling(call),
        }
    }

    pub(crate) const fn answered(answer: F::Output) -> Self {
        Self {
            state: GateState::Answered(Some(answer)),
        }
    }
}

impl<F: Future> Future for GateFuture<F> {
    type Output = F::Output;

    /// # Panics
    ///
    /// When the answer to a refusal is polled again after it was ready.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            GateProjection::Calling(call) => call.poll(cx),
            GateProjection::Answered(answer) => {
                Poll::Ready(answer.take().expect("polled after it was ready"))
            }
        }
    }
}

impl<F: Future> fmt::Debug for GateFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GateFuture").finish_non_exhaustive()
    }
}
