use std::task::{Context, Poll};

use tower_service::Service;

use crate::{
    layer::{
        Guard,
        future::{ResponseFuture, Spare},
    },
    policy::{Classify, DeadlineOf, Replay, RetryPolicy},
};

/// A service whose calls are tried again, made by [`RetryLayer`](crate::RetryLayer).
///
/// `poll_ready` is the inner service's, and the first attempt goes to the instance that it made ready. If
/// another attempt may follow, `call` keeps a clone of the service and a copy of the request; before each
/// further attempt that clone is made ready, and its readiness error is the answer.
#[derive(Clone, Copy, Debug)]
pub struct RetryService<S, P = RetryPolicy> {
    inner: S,
    policy: P,
}

impl<S, P> RetryService<S, P> {
    pub(crate) const fn new(inner: S, policy: P) -> Self {
        Self { inner, policy }
    }
}

impl<S, Req, P> Service<Req> for RetryService<S, P>
where
    S: Service<Req> + Clone,
    P: Guard,
    P::Classifier: Classify<Req, S::Response, S::Error>,
    P::Replay: Replay<Req>,
    P::Deadline: DeadlineOf<Req>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S, Req, P>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "in one piece with its caller the future is made where it is to lie, and is not copied layer by layer"
    )]
    fn call(&mut self, request: Req) -> Self::Future {
        let policy = self.policy.policy();
        let (course, token, copy) = policy.begin(P::Classifier::TIMED, &request, P::Replay::replay);
        let spare = copy.map(|request| Spare {
            service: self.inner.clone(),
            request,
        });
        let first = self.inner.call(request);
        ResponseFuture::new(first, spare, course, token, self.policy.keep())
    }
}
