use std::task::{Context, Poll};

use tokio::time::Instant;
use tower_service::Service;

use crate::{
    Bulkhead, Cause, Classify, DeadlineOf, Guard, Ignore, IntoError, NoDeadline, OnReject, Queue,
    acquire::Begun,
    future::{Patience, Place, QueueFuture, Waiter},
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

/// A call that waits, and for how long; or the answer to one that was refused at once.
type Received<S, Req, C, R, P> = Result<
    (Waiter<S, Req, C, R, P>, Patience),
    Result<<S as Service<Req>>::Response, <S as Service<Req>>::Error>,
>;

impl<S: Clone, C: Clone, R: Clone, D, B> QueueService<S, C, R, D, B> {
    /// Gives a call its place or its seat.
    pub(crate) fn receive<Req>(&self, request: Req) -> Received<S, Req, C, R, B::Pointer>
    where
        S: Service<Req>,
        R: OnReject<Req, S::Response, S::Error>,
        D: DeadlineOf<Req>,
        B: Guard<Req>,
    {
        // The latest moment to begin. A reserve that reaches back before the clock's beginning is too long.
        let latest = self.deadline.deadline_of(&request);
        let latest = latest.map(|deadline| deadline.checked_sub(self.queue.reserve));
        // At the very instant it is still in time: a call that is ready at once makes it.
        let is_late =
            latest.is_some_and(|latest| latest.is_none_or(|latest| latest < Instant::now()));
        if is_late {
            if let Some(full) = self.guard.refuse(&request, Cause::DeadlineTooNear) {
                return Err(self.reject.on_reject(full, request));
            }
        }
        let patience = |began| {
            if is_late {
                Patience::without_end()
            } else {
                Patience::new(self.queue.max_wait, latest.flatten(), began)
            }
        };
        let (place, patience) = match self.guard.begin(&request, self.queue.line()) {
            Begun::Inside(permit) => (Place::Held(permit), patience(None)),
            Begun::Watched(permit) => (Place::Held(permit), Patience::without_end()),
            // It waits from now on.
            Begun::Queued(acquire) => (Place::Queued(acquire), patience(Some(Instant::now()))),
            Begun::Refused(full) => return Err(self.reject.on_reject(full, request)),
            Begun::Retired => unreachable!("a guard asks its family again"),
        };
        let waiter = Waiter {
            inner: self.inner.clone(),
            request,
            place,
            classifier: self.classifier.clone(),
            reject: self.reject.clone(),
        };
        Ok((waiter, patience))
    }
}

impl<S, C, R, D, B, Req> Service<Req> for QueueService<S, C, R, D, B>
where
    S: Service<Req> + Clone,
    C: Classify<S::Response, S::Error> + Clone,
    R: OnReject<Req, S::Response, S::Error> + Clone,
    D: DeadlineOf<Req>,
    B: Guard<Req>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = QueueFuture<S, Req, C, R, B::Pointer>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Req) -> Self::Future {
        match self.receive(request) {
            Ok((waiter, patience)) => QueueFuture::waiting(waiter, patience),
            Err(answer) => QueueFuture::answered(answer),
        }
    }
}
