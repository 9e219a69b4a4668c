use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use pin_project::pin_project;
use tower_service::Service;

use super::{Begun, Patience, ResponseFuture, Waiter};
use crate::{Classify, Core, Ignore, IntoError, OnReject, Pointer};

/// The response of a [`QueueService`](crate::QueueService): the wait for a place, the readiness of the
/// inner service, and then its call; or the answer to a refusal.
///
/// # Cancel safety
///
/// Dropping it leaves the queue, or makes room again. A place that it had just been granted goes to the
/// next; nothing else remains.
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct QueueFuture<S, Req, C = Ignore, R = IntoError, P: Pointer = Arc<Core>>
where
    S: Service<Req>,
{
    #[pin]
    state: State<S, Req, C, R, P>,
}

#[pin_project(project = StateProjection, project_replace = StateReplaced)]
enum State<S: Service<Req>, Req, C, R, P: Pointer> {
    Waiting {
        waiter: Waiter<S, Req, C, R, P>,
        #[pin]
        patience: Patience,
    },
    Calling {
        #[pin]
        call: ResponseFuture<S::Future, C, P>,
    },
    /// Only while it is changing, and after an answer.
    Done,
}

impl<S, Req, C, R, P> QueueFuture<S, Req, C, R, P>
where
    S: Service<Req>,
    P: Pointer,
{
    pub(crate) const fn waiting(waiter: Waiter<S, Req, C, R, P>, patience: Patience) -> Self {
        let state = State::Waiting { waiter, patience };
        Self { state }
    }

    pub(crate) const fn answered(answer: Result<S::Response, S::Error>) -> Self {
        let call = ResponseFuture::answered(answer);
        Self {
            state: State::Calling { call },
        }
    }
}

impl<S, Req, C, R, P> Future for QueueFuture<S, Req, C, R, P>
where
    S: Service<Req>,
    C: Classify<S::Response, S::Error>,
    R: OnReject<Req, S::Response, S::Error>,
    P: Pointer,
{
    type Output = Result<S::Response, S::Error>;

    /// # Panics
    ///
    /// When polled again after it was ready; and where it must wait and there is neither a tokio runtime with
    /// its timer nor a bound of [`Duration::MAX`](std::time::Duration::MAX).
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        let begin = match state.as_mut().project() {
            StateProjection::Calling { call } => return call.poll(cx),
            StateProjection::Done => panic!("polled after it was ready"),
            StateProjection::Waiting { waiter, patience } => {
                ready!(waiter.poll_begin(patience, cx))
            }
        };
        let StateReplaced::Waiting { waiter, .. } = state.as_mut().project_replace(State::Done)
        else {
            unreachable!("it was waiting above");
        };
        match waiter.end(begin) {
            Begun::Answered(answer) => Poll::Ready(answer),
            Begun::Called(call, permit, classifier) => {
                let call = ResponseFuture::calling(call, permit, classifier);
                state.set(State::Calling { call });
                match state.project() {
                    StateProjection::Calling { call } => call.poll(cx),
                    _ => unreachable!("it was set above"),
                }
            }
        }
    }
}

impl<S: Service<Req>, Req, C, R, P: Pointer> fmt::Debug for QueueFuture<S, Req, C, R, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueFuture").finish_non_exhaustive()
    }
}
