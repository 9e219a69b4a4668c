use std::{
    borrow::Borrow,
    fmt,
    marker::PhantomData,
    task::{Context, Poll},
};

use tower_service::Service;

use crate::{
    hedge::{Hedge, future::HedgedResponse, plan::Plan},
    layer::SourceOf,
    policy::{Classify, DeadlineOf, Replay, RetryPolicy},
};

/// A service whose attempts are hedged, beneath a [`RetryService`](crate::RetryService). Made by
/// [`HedgeLayer`](crate::HedgeLayer).
///
/// `poll_ready` is the inner service's, and an attempt goes to the instance that it made ready. If the policy copies the
/// request, `call` keeps the copy and a clone of the service. When the delay is over, that clone is asked once whether
/// it is ready, and there is no hedge if it is not.
pub struct HedgeService<S, P = RetryPolicy, H = Hedge, W = fn() -> bool, M = ()> {
    inner: S,
    policy: P,
    hedge: H,
    only_while: W,
    errors: PhantomData<fn() -> M>,
}

impl<S, P, H, W, M> HedgeService<S, P, H, W, M> {
    pub(super) const fn new(inner: S, policy: P, hedge: H, only_while: W) -> Self {
        Self {
            inner,
            policy,
            hedge,
            only_while,
            errors: PhantomData,
        }
    }
}

impl<S, Req, P, H, W, M> Service<Req> for HedgeService<S, P, H, W, M>
where
    S: Service<Req> + Clone,
    P: SourceOf<Req>,
    P::Classifier: Classify<Req, S::Response, S::Error, M>,
    P::Replay: Replay<Req>,
    P::Deadline: DeadlineOf<Req>,
    H: Borrow<Hedge> + Clone,
    W: Fn() -> bool + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = HedgedResponse<S, Req, P, H, W, M>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Req) -> Self::Future {
        let policy = self.policy.policy();
        let plan = policy
            .begin_hedge(P::Classifier::TIMED, &request)
            .map(|(state, copy)| Plan {
                service: self.inner.clone(),
                request: copy,
                state,
                engine: self.policy.keep(&request),
                hedge: self.hedge.clone(),
                only_while: self.only_while.clone(),
            });
        HedgedResponse::new(self.inner.call(request), plan)
    }
}

// Not derived: that would ask for `M: Clone`.
impl<S: Clone, P: Clone, H: Clone, W: Clone, M> Clone for HedgeService<S, P, H, W, M> {
    fn clone(&self) -> Self {
        Self::new(
            self.inner.clone(),
            self.policy.clone(),
            self.hedge.clone(),
            self.only_while.clone(),
        )
    }
}

impl<S: Copy, P: Copy, H: Copy, W: Copy, M> Copy for HedgeService<S, P, H, W, M> {}

impl<S: fmt::Debug, P: fmt::Debug, H: fmt::Debug, W, M> fmt::Debug for HedgeService<S, P, H, W, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HedgeService")
            .field("inner", &self.inner)
            .field("policy", &self.policy)
            .field("hedge", &self.hedge)
            .finish_non_exhaustive()
    }
}
