use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use pin_project::pin_project;
use tower_service::Service;

use super::{
    wait_budget::{Bounds, WaitBudget},
    waiter::Waiter,
};
use crate::{
    layer::{AtHead, CallEnd, Classify, IntoError, OkIsSuccess, OnReject, ResponseFuture},
    permit::Permit,
    state::{Core, Pointer},
};

/// The response of a [`QueueService`](crate::QueueService): the wait for a place and for the inner service, and then the
/// call; or the answer to a refusal.
///
/// # Cancel safety
///
/// Dropping it leaves the line, or gives the place back. A place that it was granted goes to the next caller. Nothing else
/// remains.
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct QueueFuture<S, Req, C = OkIsSuccess, R = IntoError, P: Pointer = Arc<Core>, E = AtHead>
where
    S: Service<Req>,
{
    #[pin]
    state: State<S, Req, C, R, P, E>,
}

#[pin_project(project = StateProjection)]
enum State<S: Service<Req>, Req, C, R, P: Pointer, E> {
    Waiting {
        /// `None` only while the state changes, or after a panic in that change.
        waiter: Option<Waiter<S, Req, C, R, P>>,
        #[pin]
        budget: WaitBudget,
    },
    Calling {
        #[pin]
        call: ResponseFuture<S::Future, C, P, E>,
    },
}

impl<S, Req, C, R, P, E> QueueFuture<S, Req, C, R, P, E>
where
    S: Service<Req>,
    P: Pointer,
{
    pub(super) const fn waiting(waiter: Waiter<S, Req, C, R, P>, bounds: Bounds) -> Self {
        Self {
            state: State::Waiting {
                waiter: Some(waiter),
                budget: WaitBudget::new(bounds),
            },
        }
    }

    pub(super) const fn calling(call: S::Future, permit: Permit<P>, classifier: C) -> Self {
        let call = ResponseFuture::calling(call, permit, classifier);
        Self {
            state: State::Calling { call },
        }
    }

    pub(super) const fn answered(answer: Result<S::Response, S::Error>) -> Self {
        let call = ResponseFuture::answered(answer);
        Self {
            state: State::Calling { call },
        }
    }
}

impl<S, Req, C, R, P, E> Future for QueueFuture<S, Req, C, R, P, E>
where
    S: Service<Req>,
    C: Classify<S::Response, S::Error>,
    R: OnReject<Req, S::Response, S::Error>,
    P: Pointer,
    E: CallEnd<S::Response, P, C>,
{
    type Output = Result<E::Response, S::Error>;

    /// # Panics
    ///
    /// When polled again after it was ready. Also when it starts a wait with an end outside of a tokio runtime with a timer. A
    /// wait without a deadline and with [`Duration::MAX`](std::time::Duration::MAX) has no end.
    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        match state.as_mut().project() {
            StateProjection::Calling { call } => call.poll(cx),
            StateProjection::Waiting { .. } => poll_waiting(state, cx),
        }
    }
}

// Out of line, so that a call that does not wait does not pay for the size of this.
#[inline(never)]
fn poll_waiting<S, Req, C, R, P, E>(
    mut state: Pin<&mut State<S, Req, C, R, P, E>>,
    cx: &mut Context<'_>,
) -> Poll<Result<E::Response, S::Error>>
where
    S: Service<Req>,
    C: Classify<S::Response, S::Error>,
    R: OnReject<Req, S::Response, S::Error>,
    P: Pointer,
    E: CallEnd<S::Response, P, C>,
{
    let StateProjection::Waiting { waiter, budget } = state.as_mut().project() else {
        unreachable!("called only in this state");
    };
    let waiting = waiter.as_mut().expect("polled after it was ready");
    let begin = ready!(waiting.poll_begin(budget, cx));
    let call = waiter.take().expect("as above").end(begin);
    state.set(State::Calling { call });
    match state.project() {
        StateProjection::Calling { call } => call.poll(cx),
        StateProjection::Waiting { .. } => unreachable!("it was set above"),
    }
}

impl<S: Service<Req>, Req, C, R, P: Pointer, E> fmt::Debug for QueueFuture<S, Req, C, R, P, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueFuture").finish_non_exhaustive()
    }
}
