//! The futures: that of the service, and that of a deadline without tower.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use pin_project::pin_project;

use crate::{
    Elapsed, IntoError, OnReject, Phase, observe::metrics::Watch, observe::trace, race::Race,
    types::allowance::Allowance,
};

/// The response of a [`TimeoutService`](crate::TimeoutService): the inner call, bounded in time.
///
/// When the time is up the inner call is dropped, with all that it holds, before the answer is made.
///
/// # Panics
///
/// When it has to wait and there is no tokio runtime with its time driver enabled (`enable_time`). A call
/// that is ready at the first poll, or that nothing bounds, needs no runtime. Also when it is polled again
/// after it was answered by a rejection. A panic of the inner call stays a panic.
///
/// # Cancel safety
///
/// Dropping it drops the inner call and then the timer. Nothing else remains.
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct ResponseFuture<F, R = IntoError> {
    #[pin]
    race: Race<F>,
    reject: R,
    watch: Watch,
}

/// The future of [`Deadline::run`](crate::Deadline::run).
///
/// # Panics
///
/// When it has to wait and there is no tokio runtime with its time driver enabled (`enable_time`), and
/// when it is polled again after it elapsed.
///
/// # Cancel safety
///
/// Dropping it drops the future it was made of and then the timer. Nothing else remains.
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct Run<F> {
    #[pin]
    race: Race<F>,
}

/// The response of a service that either calls the inner one or has its answer at once:
/// [`DeadlineFilterService`](crate::DeadlineFilterService) and others.
///
/// # Panics
///
/// When it is polled again after it gave an answer of its own.
///
/// # Cancel safety
///
/// Dropping it drops the inner call. Nothing else remains.
// `F: Future` stands on the struct because an answer is made in `call` and kept as `F::Output`.
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct CallOrAnswer<F: Future> {
    #[pin]
    state: State<F>,
}

#[pin_project(project = StateProjection)]
enum State<F: Future> {
    Calling(#[pin] F),
    /// `None` once it was given.
    Answered(Option<F::Output>),
}

// === impl ResponseFuture ===

impl<F, R> ResponseFuture<F, R> {
    pub(crate) const fn new(race: Race<F>, reject: R, watch: Watch) -> Self {
        Self {
            race,
            reject,
            watch,
        }
    }
}

impl<F, R, Res, Err> Future for ResponseFuture<F, R>
where
    F: Future<Output = Result<Res, Err>>,
    R: OnReject<Res, Err>,
{
    type Output = Result<Res, Err>;

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "a function's frame costs as much as all that it does"
    )]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        match this.race.as_mut().poll(Phase::Call, cx) {
            Poll::Ready(Ok(result)) => {
                this.watch.finished(Phase::Call, this.race.allowance());
                Poll::Ready(result)
            }
            Poll::Ready(Err(elapsed)) => {
                this.watch.elapsed(&elapsed);
                trace::elapsed(&elapsed);
                Poll::Ready(this.reject.on_reject(elapsed))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<F, R> fmt::Debug for ResponseFuture<F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

// === impl Run ===

impl<F> Run<F> {
    pub(crate) const fn new(future: F, allowance: Option<Allowance>) -> Self {
        Self {
            race: Race::new(future, allowance),
        }
    }
}

impl<F: Future> Future for Run<F> {
    type Output = Result<F::Output, Elapsed>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let result = self.project().race.poll(Phase::Call, cx);
        if let Poll::Ready(Err(elapsed)) = &result {
            trace::elapsed(elapsed);
        }
        result
    }
}

impl<F> fmt::Debug for Run<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").finish_non_exhaustive()
    }
}

// === impl CallOrAnswer ===

impl<F: Future> CallOrAnswer<F> {
    pub(crate) const fn calling(call: F) -> Self {
        Self {
            state: State::Calling(call),
        }
    }

    pub(crate) const fn answered(answer: F::Output) -> Self {
        Self {
            state: State::Answered(Some(answer)),
        }
    }
}

impl<F: Future> Future for CallOrAnswer<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Calling(call) => call.poll(cx),
            StateProjection::Answered(answer) => {
                Poll::Ready(answer.take().expect("polled after it was ready"))
            }
        }
    }
}

impl<F: Future> fmt::Debug for CallOrAnswer<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallOrAnswer").finish_non_exhaustive()
    }
}
