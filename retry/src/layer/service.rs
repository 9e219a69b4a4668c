use std::{
    borrow::Borrow,
    fmt,
    marker::PhantomData,
    task::{Context, Poll},
};

use tower_service::Service;

use crate::{
    layer::{call::Spare, future::ResponseFuture, source::SourceOf},
    policy::{Classify, DeadlineOf, Replay, RetryPolicy},
};

/// A service whose calls are tried again. Made by [`RetryLayer`](crate::RetryLayer).
///
/// `poll_ready` is the inner service's, and the first attempt goes to the instance that it made ready. If another
/// attempt may follow, `call` keeps a clone of the service and a copy of the request. Before each further attempt that
/// clone is made ready, and its readiness error is the answer.
pub struct RetryService<S, P = RetryPolicy, M = ()> {
    inner: S,
    policy: P,
    errors: PhantomData<fn() -> M>,
}

impl<S, P, M> RetryService<S, P, M> {
    pub(super) const fn new(inner: S, policy: P) -> Self {
        Self {
            inner,
            policy,
            errors: PhantomData,
        }
    }
}

impl<S, Req, P, M> Service<Req> for RetryService<S, P, M>
where
    S: Service<Req> + Clone,
    P: SourceOf<Req>,
    P::Classifier: Classify<Req, S::Response, S::Error, M>,
    P::Replay: Replay<Req>,
    P::Deadline: DeadlineOf<Req>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S, Req, P, M>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    // The inner `call` stands in one place, and the whole future is made after it. So the compiler builds the future
    // where the caller keeps it, and not in a temporary that each layer of a stack copies.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "the future is built in its final place only if `call` is one piece with its caller"
    )]
    fn call(&mut self, request: Req) -> Self::Future {
        let engine = self.policy.keep(&request);
        let policy = self.policy.policy();
        let (call, token, copy) = policy.begin(engine.borrow(), P::Classifier::TIMED, &request);
        let spare = copy.map(|request| Spare {
            service: self.inner.clone(),
            request,
        });
        let first = self.inner.call(request);
        ResponseFuture::new(first, spare, call, token, engine)
    }
}

// Not derived, as for the layer.
impl<S: Clone, P: Clone, M> Clone for RetryService<S, P, M> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone(), self.policy.clone())
    }
}

impl<S: Copy, P: Copy, M> Copy for RetryService<S, P, M> {}

impl<S: fmt::Debug, P: fmt::Debug, M> fmt::Debug for RetryService<S, P, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryService")
            .field("inner", &self.inner)
            .field("policy", &self.policy)
            .finish()
    }
}
