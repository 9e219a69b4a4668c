use std::task::{Context, Poll};

use tower_service::Service;

use crate::{Acquire, CircuitBreaker, Classify, ErrIsFailure, Guard, future::WaitFuture};

/// A service behind a circuit breaker for which calls wait, made by [`WaitLayer`](crate::WaitLayer).
///
/// Always ready, and reserves nothing: an idle clone holds neither a probe's place nor anything of the inner
/// service.
#[derive(Clone, Copy, Debug)]
pub struct WaitService<S, C = ErrIsFailure, B = CircuitBreaker> {
    inner: S,
    classifier: C,
    guard: B,
}

impl<S, C, B> WaitService<S, C, B> {
    pub(crate) const fn new(inner: S, classifier: C, guard: B) -> Self {
        Self {
            inner,
            classifier,
            guard,
        }
    }
}

impl<S, C, B, Req> Service<Req> for WaitService<S, C, B>
where
    S: Service<Req> + Clone,
    C: Classify<S::Response, S::Error> + Clone,
    B: Guard<Req>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = WaitFuture<S, Req, C, B::Pointer>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let acquire = Acquire::new(self.guard.pointer(&request));
        WaitFuture::new(
            self.inner.clone(),
            request,
            acquire,
            self.classifier.clone(),
        )
    }
}
