use std::{
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::Instant;
use tower_service::Service;

use crate::{
    budget::ErrorBudget,
    layer::{Classify, ErrIsBad, Source, future::ErrorBudgetFuture},
};

/// A service whose calls are counted, made by [`ErrorBudgetLayer`](crate::ErrorBudgetLayer).
///
/// `poll_ready` is the inner service's, and nothing of it is counted: a service that is not ready has not
/// been called. A call is counted once, when its result is there, it panics, or it is dropped.
#[derive(Clone, Copy, Debug)]
pub struct ErrorBudgetService<S, C = ErrIsBad, B = ErrorBudget> {
    inner: S,
    classifier: C,
    slow_after: Duration,
    budget: B,
}

impl<S, C, B> ErrorBudgetService<S, C, B> {
    pub(crate) const fn new(inner: S, classifier: C, slow_after: Duration, budget: B) -> Self {
        Self {
            inner,
            classifier,
            slow_after,
            budget,
        }
    }
}

impl<S, C, B, Req> Service<Req> for ErrorBudgetService<S, C, B>
where
    S: Service<Req>,
    C: Classify<S::Response, S::Error> + Clone,
    B: Source<Req>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ErrorBudgetFuture<S::Future, C, B::Pointer>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        // Before the inner `call`: if that panics, the observation is dropped on the way out, and is bad.
        let observation = self.budget.observe(&request);
        // The clock is read only for who looks at it.
        let timed = C::TIMED || self.slow_after != Duration::MAX;
        let started = timed.then(Instant::now);
        ErrorBudgetFuture::new(
            self.inner.call(request),
            observation,
            self.classifier.clone(),
            started,
            self.slow_after,
        )
    }
}
