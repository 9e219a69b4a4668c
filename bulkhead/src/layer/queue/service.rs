use std::task::{Context, Poll, Waker};

use tokio::time::Instant;
use tower_service::Service;

use super::{
    DeadlineOf, NoDeadline, QueueFuture,
    wait_budget::Bounds,
    waiter::{Place, Waiter},
};
use crate::{
    acquire::Begun,
    bulkhead::Bulkhead,
    config::Queue,
    layer::{AtHead, BulkheadService, CallEnd, Classify, IntoError, OkIsSuccess, OnReject, Source},
    state::{Core, Patience},
    types::Cause,
};

/// A service behind a bulkhead with a queue, made by [`QueueLayer`](crate::QueueLayer).
///
/// It is always ready and reserves nothing: an idle clone holds neither a place nor a seat. The queue is bounded, so calls
/// cannot pile up.
#[derive(Clone, Copy, Debug)]
pub struct QueueService<S, C = OkIsSuccess, R = IntoError, D = NoDeadline, B = Bulkhead, E = AtHead>
{
    pub(super) bulkhead: BulkheadService<S, C, R, B, E>,
    pub(super) queue: Queue,
    pub(super) deadline: D,
}

impl<S, C, R, D, B, E, Req> Service<Req> for QueueService<S, C, R, D, B, E>
where
    S: Service<Req> + Clone,
    C: Classify<S::Response, S::Error> + Clone,
    R: OnReject<Req, S::Response, S::Error> + Clone,
    D: DeadlineOf<Req>,
    B: Source<Req>,
    E: CallEnd<S::Response, B::Pointer, C>,
{
    type Response = E::Response;
    type Error = S::Error;
    type Future = QueueFuture<S, Req, C, R, B::Pointer, E>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "in one piece with its caller the future is made in its final place, and is not copied layer by layer"
    )]
    fn call(&mut self, request: Req) -> Self::Future {
        let deadline = self.deadline.deadline_of(&request);
        if deadline.is_some() {
            return self.call_before(deadline, request);
        }
        let this = &self.bulkhead;
        let patience = Patience {
            max_wait: self.queue.max_wait,
            latest: None,
        };
        match this.source.begin(&request, &self.queue.line, &patience) {
            Begun::Inside(permit) => {
                // The clone is made after the place, so that a refused call costs none, and is dropped before it.
                let mut inner = this.inner.clone();
                // No task is to be woken: if the inner service is not ready, the future asks it again.
                match inner.poll_ready(&mut Context::from_waker(Waker::noop())) {
                    Poll::Ready(Ok(())) => {
                        let call = inner.call(request);
                        QueueFuture::calling(call, permit, this.classifier.clone())
                    }
                    Poll::Ready(Err(error)) => QueueFuture::answered(Err(error)),
                    Poll::Pending => self.wait(request, inner, Begun::Inside(permit), patience),
                }
            }
            Begun::Refused(full) => QueueFuture::answered(this.reject.on_reject(full, request)),
            begun => self.wait(request, this.inner.clone(), begun, patience),
        }
    }
}

impl<S, C, R, D, B, E> QueueService<S, C, R, D, B, E> {
    /// A call with a deadline. It begins in its future, because the first poll may come too late.
    // Out of line, as is `wait`, so that a call that begins at once stays in registers.
    #[inline(never)]
    fn call_before<Req>(
        &self,
        deadline: Option<Instant>,
        request: Req,
    ) -> QueueFuture<S, Req, C, R, B::Pointer, E>
    where
        S: Service<Req> + Clone,
        C: Clone,
        R: OnReject<Req, S::Response, S::Error> + Clone,
        B: Source<Req>,
    {
        let this = &self.bulkhead;
        // The latest moment to begin. A reserve that reaches back beyond the beginning of the clock is too long.
        let latest = deadline.and_then(|deadline| deadline.checked_sub(self.queue.reserve));
        // At the very instant the call is still in time: one that is ready at once meets its deadline.
        let is_late = latest.is_none_or(|latest| latest < Instant::now());
        let patience = if is_late {
            if let Some(full) = this.source.refuse(&request, Cause::DeadlineTooNear) {
                return QueueFuture::answered(this.reject.on_reject(full, request));
            }
            Patience::NONE
        } else {
            Patience {
                max_wait: self.queue.max_wait,
                latest,
            }
        };
        match this.source.begin(&request, &self.queue.line, &patience) {
            Begun::Refused(full) => QueueFuture::answered(this.reject.on_reject(full, request)),
            begun => self.wait(request, this.inner.clone(), begun, patience),
        }
    }

    /// Waits for a place, or with a place for the inner service.
    #[inline(never)]
    fn wait<Req>(
        &self,
        request: Req,
        inner: S,
        begun: Begun<B::Pointer>,
        patience: Patience,
    ) -> QueueFuture<S, Req, C, R, B::Pointer, E>
    where
        S: Service<Req>,
        C: Clone,
        R: Clone,
        B: Source<Req>,
    {
        let this = &self.bulkhead;
        // Read after the place, so that a call that begins at once does not read the number of the bulkhead.
        let bounds = |core: &Core<_>, began| Bounds {
            patience: patience.of(&self.queue.line, core),
            began,
        };
        let (place, bounds) = match begun {
            Begun::Inside(permit) => {
                let bounds = bounds(permit.core(), None);
                (Place::Held(permit), bounds)
            }
            Begun::Watched(permit) => (Place::Held(permit), Bounds::NONE),
            // The wait begins now.
            Begun::Queued(acquire) => {
                let bounds = bounds(acquire.core(), Some(Instant::now()));
                (Place::Queued(acquire), bounds)
            }
            Begun::Refused(_) => unreachable!("a refused call does not wait"),
            Begun::Retired => unreachable!("a source asks its family again"),
        };
        let waiter = Waiter {
            inner,
            request,
            place,
            classifier: this.classifier.clone(),
            reject: this.reject.clone(),
        };
        QueueFuture::waiting(waiter, bounds)
    }
}
