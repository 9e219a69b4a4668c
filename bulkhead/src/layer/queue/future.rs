use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use pin_project::pin_project;
use tower_service::Service;

use super::{Begun, Bounds, Patience, Waiter};
use crate::{Classify, Core, Ignore, IntoError, OnReject, Pointer, future::ResponseFuture};

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

#[pin_project(project = StateProjection)]
enum State<S: Service<Req>, Req, C, R, P: Pointer> {
    Waiting {
        /// `None` only while it changes, or if that panicked.
        waiter: Option<Waiter<S, Req, C, R, P>>,
        #[pin]
        patience: Patience,
    },
    Calling {
        #[pin]
        call: ResponseFuture<S::Future, C, P>,
    },
}

impl<S, Req, C, R, P> QueueFuture<S, Req, C, R, P>
where
    S: Service<Req>,
    P: Pointer,
{
    pub(crate) const fn waiting(waiter: Waiter<S, Req, C, R, P>, bounds: Bounds) -> Self {
        Self {
            state: State::Waiting {
                waiter: Some(waiter),
                patience: Patience::new(bounds),
            },
        }
    }

    pub(crate) fn begun(begun: Begun<S::Future, C, P>) -> Self {
        Self {
            state: State::Calling {
                call: ResponseFuture::begun(begun),
            },
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
    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        match state.as_mut().project() {
            StateProjection::Calling { call } => call.poll(cx),
            StateProjection::Waiting { .. } => poll_waiting(state, cx),
        }
    }
}

/// Apart, so that a call that does not wait does not pay for its size.
#[inline(never)]
fn poll_waiting<S, Req, C, R, P>(
    mut state: Pin<&mut State<S, Req, C, R, P>>,
    cx: &mut Context<'_>,
) -> Poll<Result<S::Response, S::Error>>
where
    S: Service<Req>,
    C: Classify<S::Response, S::Error>,
    R: OnReject<Req, S::Response, S::Error>,
    P: Pointer,
{
    let StateProjection::Waiting { waiter, patience } = state.as_mut().project() else {
        unreachable!("asked only while it waits");
    };
    let waiting = waiter.as_mut().expect("polled after it was ready");
    let begin = ready!(waiting.poll_begin(patience, cx));
    let call = ResponseFuture::begun(waiter.take().expect("as above").end(begin));
    state.set(State::Calling { call });
    match state.project() {
        StateProjection::Calling { call } => call.poll(cx),
        StateProjection::Waiting { .. } => unreachable!("it was set above"),
    }
}

impl<S: Service<Req>, Req, C, R, P: Pointer> fmt::Debug for QueueFuture<S, Req, C, R, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueFuture").finish_non_exhaustive()
    }
}
