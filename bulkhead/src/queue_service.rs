use std::task::{Context, Poll};

use tokio::time::Instant;
use tower_service::Service;

use crate::{
    Bulkhead, Cause, Classify, DeadlineOf, Guard, Ignore, IntoError, NoDeadline, OnReject, Queue,
    acquire::Begun,
    future::{Place, QueueFuture},
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
        let deadline = self.deadline.deadline_of(&request);
        // The latest moment to begin. A reserve that reaches back before the clock's beginning is too long.
        let latest = deadline.map(|deadline| deadline.checked_sub(self.queue.reserve));
        if let Some(latest) = latest {
            // At the very instant it is still in time: a call that is ready at once makes it.
            if latest.is_none_or(|latest| latest < Instant::now()) {
                let full = self.guard.refuse(&request, Cause::DeadlineTooNear);
                return QueueFuture::answered(self.reject.on_reject(full, request));
            }
        }
        let (place, began) = match self.guard.begin(&request, self.queue.line()) {
            Begun::Inside(permit) => (Place::Held(permit), None),
            // It waits from now on.
            Begun::Queued(acquire) => (Place::Queued(acquire), Some(Instant::now())),
            Begun::Refused(full) => {
                return QueueFuture::answered(self.reject.on_reject(full, request));
            }
            Begun::Retired => unreachable!("a guard asks its family again"),
        };
        QueueFuture::waiting(
            self.inner.clone(),
            request,
            place,
            self.classifier.clone(),
            self.reject.clone(),
            crate::future::Patience::new(self.queue.max_wait, latest.flatten(), began),
        )
    }
}
