use std::task::{Context, Poll};

use tower_service::Service;

use crate::{
    Deadline, DeadlineFilter, DeadlineOf, IntoError, NoDeadline, OnReject,
    layer::future::CallOrAnswer,
};

/// A service whose expired requests are rejected, made by
/// [`DeadlineFilterLayer`](crate::DeadlineFilterLayer).
///
/// `poll_ready` is the inner service's. A rejected request does not call it, and it stays ready for the next.
#[derive(Clone, Debug)]
pub struct DeadlineFilterService<S, R = IntoError, D = NoDeadline> {
    inner: S,
    filter: DeadlineFilter,
    reject: R,
    deadline: D,
}

impl<S, R, D> DeadlineFilterService<S, R, D> {
    pub(crate) const fn new(inner: S, filter: DeadlineFilter, reject: R, deadline: D) -> Self {
        Self {
            inner,
            filter,
            reject,
            deadline,
        }
    }
}

impl<S, R, D, Req> Service<Req> for DeadlineFilterService<S, R, D>
where
    S: Service<Req>,
    R: OnReject<S::Response, S::Error>,
    D: DeadlineOf<Req>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = CallOrAnswer<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let deadline = Deadline::from(self.deadline.deadline_of(&request));
        match self.filter.check(deadline) {
            Ok(()) => CallOrAnswer::calling(self.inner.call(request)),
            Err(elapsed) => CallOrAnswer::answered(self.reject.on_reject(elapsed)),
        }
    }
}
