use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use pin_project::pin_project;
use tower_service::Service;

use super::{Patience, ResponseFuture};
use crate::{Acquire, Cause, Classify, Core, Full, Ignore, IntoError, OnReject, Permit, Pointer};

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

// Fields drop in this order: what holds something of the inner service first, then the place.
#[pin_project(project = StateProjection, project_replace = StateReplaced)]
enum State<S: Service<Req>, Req, C, R, P: Pointer> {
    Waiting {
        inner: S,
        request: Req,
        place: Place<P>,
        classifier: C,
        reject: R,
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

/// A place, or a seat in the line for one.
#[derive(Debug)]
pub(crate) enum Place<P: Pointer> {
    Queued(Acquire<P>),
    Held(Permit<P>),
}

impl<S, Req, C, R, P> QueueFuture<S, Req, C, R, P>
where
    S: Service<Req>,
    P: Pointer,
{
    pub(crate) const fn waiting(
        inner: S,
        request: Req,
        place: Place<P>,
        classifier: C,
        reject: R,
        patience: Patience,
    ) -> Self {
        Self {
            state: State::Waiting {
                inner,
                request,
                place,
                classifier,
                reject,
                patience,
            },
        }
    }

    pub(crate) const fn answered(answer: Result<S::Response, S::Error>) -> Self {
        Self {
            state: State::Calling {
                call: ResponseFuture::answered(answer),
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
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        let begin = match state.as_mut().project() {
            StateProjection::Calling { call } => return call.poll(cx),
            StateProjection::Done => panic!("polled after it was ready"),
            StateProjection::Waiting {
                inner,
                place,
                patience,
                ..
            } => ready!(poll_begin(inner, place, patience, cx)),
        };
        let StateReplaced::Waiting {
            mut inner,
            request,
            place,
            classifier,
            reject,
            ..
        } = state.as_mut().project_replace(State::Done)
        else {
            unreachable!("it was waiting above");
        };
        match (begin, place) {
            (Begin::Call, Place::Held(permit)) => {
                // If the inner `call` panics, the permit is dropped on the way out.
                let call = ResponseFuture::calling(inner.call(request), permit, classifier);
                state.set(State::Calling { call });
                match state.project() {
                    StateProjection::Calling { call } => call.poll(cx),
                    _ => unreachable!("it was set above"),
                }
            }
            (Begin::Refused(full), place) => {
                // Room for others before the answer is worked out.
                drop((inner, place));
                Poll::Ready(reject.on_reject(full, request))
            }
            (Begin::Unready(error), place) => {
                drop((inner, place));
                Poll::Ready(Err(error))
            }
            (Begin::Call, Place::Queued(_)) => unreachable!("who has no place does not begin"),
        }
    }
}

/// What to do when the wait is over.
enum Begin<E> {
    Call,
    Unready(E),
    Refused(Full),
}

/// A place first, then the readiness of the inner service: whoever waits here holds nothing of it.
fn poll_begin<S, Req, P>(
    inner: &mut S,
    place: &mut Place<P>,
    patience: Pin<&mut Patience>,
    cx: &mut Context<'_>,
) -> Poll<Begin<S::Error>>
where
    S: Service<Req>,
    P: Pointer,
{
    if let Place::Queued(acquire) = place {
        match acquire.poll_permit(cx.waker()) {
            Poll::Ready(Ok(permit)) => {
                *place = Place::Held(permit);
                if patience.is_too_late() {
                    return Poll::Ready(place.refuse(Cause::DeadlineTooNear, &patience));
                }
            }
            Poll::Ready(Err(full)) => return Poll::Ready(Begin::Refused(full)),
            Poll::Pending => return poll_end(place, patience, cx),
        }
    }
    // A service that is ready wins over the end of the wait.
    match inner.poll_ready(cx) {
        Poll::Ready(Ok(())) => Poll::Ready(Begin::Call),
        Poll::Ready(Err(error)) => Poll::Ready(Begin::Unready(error)),
        Poll::Pending => poll_end(place, patience, cx),
    }
}

fn poll_end<E, P: Pointer>(
    place: &Place<P>,
    mut patience: Pin<&mut Patience>,
    cx: &mut Context<'_>,
) -> Poll<Begin<E>> {
    let cause = ready!(patience.as_mut().poll_end(cx));
    Poll::Ready(place.refuse(cause, &patience))
}

impl<P: Pointer> Place<P> {
    fn refuse<E>(&self, cause: Cause, patience: &Patience) -> Begin<E> {
        let core = match self {
            Self::Queued(acquire) => acquire.core(),
            Self::Held(permit) => permit.core(),
        };
        // The caller itself is not among those who are said to wait, or to be in flight.
        Begin::Refused(core.refuse(cause, patience.waited(), matches!(self, Self::Queued(_))))
    }
}

impl<S: Service<Req>, Req, C, R, P: Pointer> fmt::Debug for QueueFuture<S, Req, C, R, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueFuture").finish_non_exhaustive()
    }
}
