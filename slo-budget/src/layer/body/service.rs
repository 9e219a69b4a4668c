use std::{
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response};
use tokio::time::Instant;
use tower_service::Service;

use crate::{
    budget::ErrorBudget,
    layer::{BodyFuture, Classify, ErrIsBad, ObservedBody, Source},
};

/// A service made by [`BodyLayer`](crate::BodyLayer). Ready as [`ErrorBudgetService`](crate::ErrorBudgetService) is.
#[derive(Clone, Copy, Debug)]
pub struct BodyService<S, C = ErrIsBad, B = ErrorBudget> {
    inner: S,
    classifier: C,
    slow_after: Duration,
    budget: B,
}

impl<S, C, B> BodyService<S, C, B> {
    pub(crate) const fn new(inner: S, classifier: C, slow_after: Duration, budget: B) -> Self {
        Self {
            inner,
            classifier,
            slow_after,
            budget,
        }
    }
}

impl<S, C, B, In, Out> Service<Request<In>> for BodyService<S, C, B>
where
    S: Service<Request<In>, Response = Response<Out>>,
    Out: http_body::Body,
    C: Classify<Response<Out>, S::Error> + Clone,
    B: Source<Request<In>>,
{
    type Response = Response<ObservedBody<Out, B::Pointer>>;
    type Error = S::Error;
    type Future = BodyFuture<S::Future, C, B::Pointer>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<In>) -> Self::Future {
        // Before the inner `call`: if that panics, the observation is dropped on the way out, and is bad.
        let observation = self.budget.observe(&request);
        // The clock is read only for who looks at it.
        let timed = C::TIMED || self.slow_after != Duration::MAX;
        let started = timed.then(Instant::now);
        BodyFuture::new(
            self.inner.call(request),
            observation,
            self.classifier.clone(),
            started,
            self.slow_after,
        )
    }
}
