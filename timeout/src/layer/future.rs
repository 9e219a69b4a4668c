use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use pin_project::pin_project;

use super::{IntoError, OnReject};
use crate::{observe::Watch, race::Race, types::Phase};

/// The response of a [`TimeoutService`](crate::TimeoutService): the inner call, bounded in time.
///
/// If the call elapses, the inner future is dropped with everything that it holds, and then the call is answered.
///
/// Its size is that of the inner future, of one tokio `Sleep`, of the answer `R`, and 40 bytes: the name, the
/// start and the limit. The feature `metrics` adds 8 bytes.
///
/// # Panics
///
/// If it must wait and there is no tokio runtime with its time driver enabled (`enable_time`), or if it is
/// polled after a rejection. A call that is ready at the first poll, or that nothing bounds, needs no runtime. A
/// panic of the inner call stays a panic.
///
/// # Cancel safety
///
/// Dropping it drops the inner future and then the timer. Nothing else remains.
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct ResponseFuture<F, R = IntoError> {
    #[pin]
    race: Race<F>,
    reject: R,
    watch: Watch,
}

/// The response of a service that either calls the inner service or answers at once, such as
/// [`DeadlineFilterService`](crate::DeadlineFilterService).
///
/// # Panics
///
/// If it is polled after it returned an answer that is not from the inner service.
///
/// # Cancel safety
///
/// Dropping it drops the inner future. Nothing else remains.
// The struct needs `F: Future` because it stores an answer as `F::Output`.
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct CallOrAnswer<F: Future> {
    #[pin]
    state: State<F>,
}

#[pin_project(project = StateProjection)]
enum State<F: Future> {
    Calling(#[pin] F),
    /// `None` once it was returned.
    Answered(Option<F::Output>),
}

// === impl ResponseFuture ===

impl<F, R> ResponseFuture<F, R> {
    pub(super) const fn new(race: Race<F>, reject: R, watch: Watch) -> Self {
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
        reason = "a call frame costs as much as the function"
    )]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        match this.race.as_mut().poll(Phase::Call, cx) {
            Poll::Ready(Ok(result)) => {
                this.watch.finished(Phase::Call, this.race.allowance());
                Poll::Ready(result)
            }
            Poll::Ready(Err(elapsed)) => {
                this.watch.elapsed("timeout", &elapsed);
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
