use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use tower_service::Service;

use super::wait_budget::WaitBudget;
use crate::{
    acquire::Acquire,
    layer::{OnReject, ResponseFuture},
    permit::Permit,
    state::{Caller, Pointer},
    types::{Cause, Full},
};

/// A call that has not begun. It waits for its place first, and then for the inner service, so that a caller that waits
/// for a place holds nothing of that service.
// Fields drop in this order: what may hold something of the inner service first, then the place.
#[derive(Debug)]
pub(super) struct Waiter<S, Req, C, R, P: Pointer> {
    pub(super) inner: S,
    pub(super) request: Req,
    pub(super) place: Place<P>,
    pub(super) classifier: C,
    pub(super) reject: R,
}

/// A place, or a seat in the line.
#[derive(Debug)]
pub(super) enum Place<P: Pointer> {
    Queued(Acquire<P>),
    Held(Permit<P>),
}

/// How a wait ends.
pub(super) enum Begin<E> {
    Call,
    Unready(E),
    Refused(Full),
}

impl<S, Req, C, R, P> Waiter<S, Req, C, R, P>
where
    S: Service<Req>,
    P: Pointer,
{
    pub(super) fn poll_begin(
        &mut self,
        mut budget: Pin<&mut WaitBudget>,
        cx: &mut Context<'_>,
    ) -> Poll<Begin<S::Error>> {
        if let Place::Queued(acquire) = &mut self.place {
            match acquire.poll_permit(cx.waker(), || budget.waited()) {
                Poll::Ready(Ok(permit)) => self.place = Place::Held(permit),
                Poll::Ready(Err(full)) => {
                    return Poll::Ready(Begin::Refused(full));
                }
                Poll::Pending => return self.poll_end(budget, cx),
            }
        }
        // The deadline comes before the inner service is asked, as that may reserve something.
        if budget.is_too_late() {
            if let Some(full) = self.refuse(Cause::DeadlineTooNear, budget.as_mut()) {
                return Poll::Ready(Begin::Refused(full));
            }
        }
        // A ready service wins over the end of the wait.
        match self.inner.poll_ready(cx) {
            Poll::Ready(Ok(())) => Poll::Ready(Begin::Call),
            Poll::Ready(Err(error)) => Poll::Ready(Begin::Unready(error)),
            Poll::Pending => self.poll_end(budget, cx),
        }
    }

    fn poll_end(
        &mut self,
        mut budget: Pin<&mut WaitBudget>,
        cx: &mut Context<'_>,
    ) -> Poll<Begin<S::Error>> {
        let cause = ready!(budget.as_mut().poll_end(cx));
        // Another waiter may be late, or the lease of a body over, and no caller has looked since.
        if let Place::Queued(acquire) = &mut self.place {
            if acquire.look_again() {
                match acquire.poll_permit(cx.waker(), || budget.waited()) {
                    Poll::Ready(Ok(permit)) => {
                        self.place = Place::Held(permit);
                        return self.poll_begin(budget, cx);
                    }
                    Poll::Ready(Err(full)) => {
                        return Poll::Ready(Begin::Refused(full));
                    }
                    Poll::Pending => {}
                }
            }
        }
        match self.refuse(cause, budget) {
            Some(full) => Poll::Ready(Begin::Refused(full)),
            None => Poll::Pending, // the line or the inner service wakes the task
        }
    }

    /// The refusal. `None` where the bulkhead only counts: the wait then goes on without a bound.
    fn refuse(&self, cause: Cause, budget: Pin<&mut WaitBudget>) -> Option<Full> {
        let waited = budget.waited();
        let full = match &self.place {
            Place::Queued(acquire) => acquire.core().refuse(cause, waited, Caller::InLine),
            Place::Held(permit) => {
                let from = Caller::Inside(permit.places());
                permit.core().refuse(cause, waited, from)
            }
        };
        if full.is_none() {
            budget.lift();
        }
        full
    }

    /// Ends the wait.
    pub(super) fn end<E>(mut self, begin: Begin<S::Error>) -> ResponseFuture<S::Future, C, P, E>
    where
        R: OnReject<Req, S::Response, S::Error>,
    {
        match (begin, self.place) {
            // If the inner `call` panics, unwinding drops the permit.
            (Begin::Call, Place::Held(permit)) => {
                ResponseFuture::calling(self.inner.call(self.request), permit, self.classifier)
            }
            (Begin::Call, Place::Queued(_)) => {
                unreachable!("a call without a place does not begin")
            }
            (Begin::Refused(full), place) => {
                // Others get the place before the answer is computed.
                drop((self.inner, place));
                ResponseFuture::answered(self.reject.on_reject(full, self.request))
            }
            (Begin::Unready(error), place) => {
                drop((self.inner, place));
                ResponseFuture::answered(Err(error))
            }
        }
    }
}
