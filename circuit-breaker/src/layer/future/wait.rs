use std::{
    borrow::Borrow,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use pin_project::pin_project;
use tower_service::Service;

use super::ResponseFuture;
use crate::{Acquire, Call, Classify, Core, ErrIsFailure, call::FailOnPanic};

/// The response of a [`WaitService`](crate::WaitService): the wait until the circuit lets the call in, the
/// readiness of the inner service, and then its call.
///
/// If the state that let the call in is over when the inner service is ready, it asks again, and waits again
/// if it must: with another clone, so that it holds nothing of the inner service meanwhile.
///
/// # Cancel safety
///
/// Dropping it leaves the line of those who wait. Once the call was let in it is a cancelled one, see
/// [`Builder::on_cancel`](crate::Builder::on_cancel); a probe gives its place back. Nothing else remains.
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct WaitFuture<S, Req, C = ErrIsFailure, P: Borrow<Core> = Arc<Core>>
where
    S: Service<Req>,
{
    #[pin]
    state: State<S, Req, C, P>,
}

// Fields drop in this order: what holds something of the inner service first, then the token.
#[pin_project(project = StateProjection, project_replace = StateReplaced)]
enum State<S: Service<Req>, Req, C, P: Borrow<Core>> {
    Waiting {
        inner: S,
        request: Req,
        #[pin]
        acquire: Acquire<P>,
        /// Once it was let in, until it is called.
        token: Option<Call<P>>,
        classifier: C,
    },
    Calling {
        #[pin]
        call: ResponseFuture<S::Future, C, P>,
    },
    /// Only while it is changing, and after an error of the readiness.
    Done,
}

impl<S: Service<Req>, Req, C, P: Borrow<Core>> WaitFuture<S, Req, C, P> {
    pub(crate) const fn new(inner: S, request: Req, acquire: Acquire<P>, classifier: C) -> Self {
        Self {
            state: State::Waiting {
                inner,
                request,
                acquire,
                token: None,
                classifier,
            },
        }
    }
}

impl<S, Req, C, P> Future for WaitFuture<S, Req, C, P>
where
    S: Service<Req> + Clone,
    C: Classify<S::Response, S::Error>,
    P: Borrow<Core> + Clone,
{
    type Output = Result<S::Response, S::Error>;

    /// # Panics
    ///
    /// When polled again after it was ready; and where it must wait and there is no tokio runtime with its
    /// timer.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        let readiness = match state.as_mut().project() {
            StateProjection::Calling { call } => return call.poll(cx),
            StateProjection::Done => panic!("polled after it was ready"),
            StateProjection::Waiting {
                inner,
                acquire,
                token,
                ..
            } => ready!(poll_admitted(inner, acquire, token, cx)),
        };
        let StateReplaced::Waiting {
            mut inner,
            request,
            token: Some(token),
            classifier,
            ..
        } = state.as_mut().project_replace(State::Done)
        else {
            unreachable!("it was waiting, and let in, above");
        };
        if let Err(error) = readiness {
            drop(inner);
            // Reconnecting clients report a failed connect here.
            token.failure();
            return Poll::Ready(Err(error));
        }
        // If the inner `call` panics, the token is dropped on the way out: a failure.
        let call = ResponseFuture::calling(inner.call(request), token, classifier);
        state.set(State::Calling { call });
        match state.project() {
            StateProjection::Calling { call } => call.poll(cx),
            _ => unreachable!("it was set above"),
        }
    }
}

/// Let in first, then the readiness of the inner service: whoever waits here holds nothing of it. Ready with
/// `Ok`, `token` is there and the inner service may be called.
fn poll_admitted<S, Req, P>(
    inner: &mut S,
    mut acquire: Pin<&mut Acquire<P>>,
    token: &mut Option<Call<P>>,
    cx: &mut Context<'_>,
) -> Poll<Result<(), S::Error>>
where
    S: Service<Req> + Clone,
    P: Borrow<Core> + Clone,
{
    loop {
        let call = match token {
            Some(call) => call,
            None => token.insert(ready!(acquire.as_mut().poll(cx))),
        };
        let panics = FailOnPanic::new(call);
        let readiness = inner.poll_ready(cx);
        panics.disarm();
        let readiness = ready!(readiness);
        if readiness.is_err() || call.is_still_let_in() {
            return Poll::Ready(readiness);
        }
        // It took so long that another state was to be asked, which says no.
        let Some(late) = token.take() else {
            unreachable!("it was let in above");
        };
        let other = inner.clone();
        *inner = other;
        acquire.as_mut().restart(late.core().clone());
    }
}

impl<S: Service<Req>, Req, C, P: Borrow<Core>> fmt::Debug for WaitFuture<S, Req, C, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitFuture").finish_non_exhaustive()
    }
}
