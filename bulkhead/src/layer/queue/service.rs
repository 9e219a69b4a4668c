use std::task::{Context, Poll, Waker};

use tokio::time::Instant;
use tower_service::Service;

use crate::{
    Bulkhead, Cause, Classify, DeadlineOf, Ignore, IntoError, NoDeadline, OnReject, Queue, Source,
    acquire,
    future::QueueFuture,
    layer::queue::{Begun, Bounds, Place, Waiter},
};

/// A service behind a bulkhead with a queue, made by [`QueueLayer`](crate::QueueLayer).
///
/// Always ready, and reserves nothing: an idle clone holds neither a place nor a seat. The queue is
/// bounded, so that ready-always cannot pile up calls.
#[derive(Clone, Copy, Debug)]
pub struct QueueService<S, C = Ignore, R = IntoError, D = NoDeadline, B = Bulkhead> {
    inner: S,
    classifier: C,
    reject: R,
    deadline: D,
    guard: B,
    queue: Queue,
}

impl<S, C, R, D, B> QueueService<S, C, R, D, B> {
    pub(crate) const fn new(
        inner: S,
        classifier: C,
        reject: R,
        deadline: D,
        guard: B,
        queue: Queue,
    ) -> Self {
        Self {
            inner,
            classifier,
            reject,
            deadline,
            guard,
            queue,
        }
    }
}

/// What has become of a call at once, or one that waits, and for how long.
type Received<S, Req, C, R, P> =
    Result<Begun<<S as Service<Req>>::Future, C, P>, (Waiter<S, Req, C, R, P>, Bounds)>;

impl<S: Clone, C: Clone, R: Clone, D, B> QueueService<S, C, R, D, B> {
    /// Gives a call its place or its seat. It begins at once where there is a place and the inner service is ready.
    #[inline]
    pub(crate) fn receive<Req>(&self, request: Req) -> Received<S, Req, C, R, B::Pointer>
    where
        S: Service<Req>,
        R: OnReject<Req, S::Response, S::Error>,
        D: DeadlineOf<Req>,
        B: Source<Req>,
    {
        // The latest moment to begin. A reserve that reaches back before the clock's beginning is too long.
        let latest = self.deadline.deadline_of(&request);
        let latest = latest.map(|deadline| deadline.checked_sub(self.queue.reserve));
        // At the very instant it is still in time: a call that is ready at once makes it.
        let is_late =
            latest.is_some_and(|latest| latest.is_none_or(|latest| latest < Instant::now()));
        if is_late {
            if let Some(full) = self.guard.refuse(&request, Cause::DeadlineTooNear) {
                return Ok(Begun::Answered(self.reject.on_reject(full, request)));
            }
        }
        let bounds = |began| {
            if is_late {
                Bounds::NONE
            } else {
                Bounds {
                    max_wait: self.queue.max_wait,
                    latest: latest.flatten(),
                    began,
                }
            }
        };
        let mut inner = self.inner.clone();
        let (place, bounds) = match self.guard.begin(&request, self.queue.into()) {
            // With a deadline it is the first poll that may come too late.
            acquire::Begun::Inside(permit) if latest.is_none() => {
                // Nobody is to be woken: if it is not ready, the future asks it again.
                match inner.poll_ready(&mut Context::from_waker(Waker::noop())) {
                    Poll::Ready(Ok(())) => {
                        let call = inner.call(request);
                        return Ok(Begun::Called(call, permit, self.classifier.clone()));
                    }
                    Poll::Ready(Err(error)) => return Ok(Begun::Answered(Err(error))),
                    Poll::Pending => (Place::Held(permit), bounds(None)),
                }
            }
            acquire::Begun::Inside(permit) => (Place::Held(permit), bounds(None)),
            acquire::Begun::Watched(permit) => (Place::Held(permit), Bounds::NONE),
            // It waits from now on.
            acquire::Begun::Queued(acquire) => {
                (Place::Queued(acquire), bounds(Some(Instant::now())))
            }
            acquire::Begun::Refused(full) => {
                return Ok(Begun::Answered(self.reject.on_reject(full, request)));
            }
            acquire::Begun::Retired => unreachable!("a guard asks its family again"),
        };
        Err((
            Waiter {
                inner,
                request,
                place,
                classifier: self.classifier.clone(),
                reject: self.reject.clone(),
            },
            bounds,
        ))
    }
}

impl<S, C, R, D, B, Req> Service<Req> for QueueService<S, C, R, D, B>
where
    S: Service<Req> + Clone,
    C: Classify<S::Response, S::Error> + Clone,
    R: OnReject<Req, S::Response, S::Error> + Clone,
    D: DeadlineOf<Req>,
    B: Source<Req>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = QueueFuture<S, Req, C, R, B::Pointer>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    #[inline]
    fn call(&mut self, request: Req) -> Self::Future {
        match self.receive(request) {
            Ok(begun) => QueueFuture::begun(begun),
            Err((waiter, bounds)) => QueueFuture::waiting(waiter, bounds),
        }
    }
}
