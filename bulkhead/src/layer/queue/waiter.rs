use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tower_service::Service;

use super::Patience;
use crate::{Acquire, Cause, Full, OnReject, Permit, Pointer, state::Caller};

/// A call that has not begun: it waits for its place first, and then for the readiness of the inner service, so
/// that whoever waits for a place holds nothing of that.
// Fields drop in this order: what holds something of the inner service first, then the place.
#[derive(Debug)]
pub(crate) struct Waiter<S, Req, C, R, P: Pointer> {
    pub(crate) inner: S,
    pub(crate) request: Req,
    pub(crate) place: Place<P>,
    pub(crate) classifier: C,
    pub(crate) reject: R,
}

/// A place, or a seat in the line for one.
#[derive(Debug)]
pub(crate) enum Place<P: Pointer> {
    Queued(Acquire<P>),
    Held(Permit<P>),
}

/// What to do when the wait is over.
pub(crate) enum Begin<E> {
    Call,
    Unready(E),
    Refused(Full),
}

/// What has become of the call.
pub(crate) enum Begun<F: Future, C, P: Pointer> {
    Called(F, Permit<P>, C),
    Answered(F::Output),
}

impl<S, Req, C, R, P> Waiter<S, Req, C, R, P>
where
    S: Service<Req>,
    P: Pointer,
{
    pub(crate) fn poll_begin(
        &mut self,
        mut patience: Pin<&mut Patience>,
        cx: &mut Context<'_>,
    ) -> Poll<Begin<S::Error>> {
        if let Place::Queued(acquire) = &mut self.place {
            match acquire.poll_permit(cx.waker()) {
                Poll::Ready(Ok(permit)) => self.place = Place::Held(permit),
                Poll::Ready(Err(full)) => return Poll::Ready(Begin::Refused(full)),
                Poll::Pending => return self.poll_end(patience, cx),
            }
        }
        // Whatever there is to begin with by now. Before the inner service is asked, as that may reserve something.
        if let Some(full) = self.is_too_late(patience.as_mut()) {
            return Poll::Ready(Begin::Refused(full));
        }
        // A service that is ready wins over the end of the wait.
        match self.inner.poll_ready(cx) {
            Poll::Ready(Ok(())) => Poll::Ready(Begin::Call),
            Poll::Ready(Err(error)) => Poll::Ready(Begin::Unready(error)),
            Poll::Pending => self.poll_end(patience, cx),
        }
    }

    /// Whether the caller's deadline has come too near, though there is a place.
    fn is_too_late(&self, patience: Pin<&mut Patience>) -> Option<Full> {
        if patience.is_too_late() {
            self.refuse(Cause::DeadlineTooNear, patience)
        } else {
            None
        }
    }

    fn poll_end(
        &self,
        mut patience: Pin<&mut Patience>,
        cx: &mut Context<'_>,
    ) -> Poll<Begin<S::Error>> {
        let cause = ready!(patience.as_mut().poll_end(cx));
        match self.refuse(cause, patience) {
            Some(full) => Poll::Ready(Begin::Refused(full)),
            None => Poll::Pending, // woken by what it waits for
        }
    }

    /// The refusal; `None` where the bulkhead only watches: then the wait goes on without end.
    fn refuse(&self, cause: Cause, patience: Pin<&mut Patience>) -> Option<Full> {
        let waited = patience.waited();
        let full = match &self.place {
            Place::Queued(acquire) => acquire.core().refuse(cause, waited, Caller::InLine),
            Place::Held(permit) => permit.core().refuse(cause, waited, Caller::Inside),
        };
        if full.is_none() {
            patience.lift();
        }
        full
    }

    /// Ends the wait as it was decided.
    pub(crate) fn end(mut self, begin: Begin<S::Error>) -> Begun<S::Future, C, P>
    where
        R: OnReject<Req, S::Response, S::Error>,
    {
        match (begin, self.place) {
            // If the inner `call` panics, the permit is dropped on the way out.
            (Begin::Call, Place::Held(permit)) => {
                Begun::Called(self.inner.call(self.request), permit, self.classifier)
            }
            (Begin::Call, Place::Queued(_)) => unreachable!("who has no place does not begin"),
            (Begin::Refused(full), place) => {
                // Room for others before the answer is worked out.
                drop((self.inner, place));
                Begun::Answered(self.reject.on_reject(full, self.request))
            }
            (Begin::Unready(error), place) => {
                drop((self.inner, place));
                Begun::Answered(Err(error))
            }
        }
    }
}
