use std::{
    mem,
    task::{Context, Poll, ready},
};

use tower_service::Service;

use crate::{
    CircuitBreaker, Classify, ErrIsFailure, Guard, IntoError, OnReject, future::ResponseFuture,
};

/// A service behind a circuit breaker, made by [`CircuitBreakerLayer`](crate::CircuitBreakerLayer).
///
/// `poll_ready`, while calls are rejected, is ready at once and does not ask the inner service: an open
/// circuit answers though a pool or balancer inside is stuck. Otherwise it is the inner service's, and an
/// error there is recorded as a failure. It reserves nothing of ours: a ready service that is dropped
/// without a call holds no probe's place.
///
/// `call` makes the inner call only if this instance was polled ready with the inner service asked, and
/// the breaker lets it in. Polled ready while rejecting, or not polled, it rejects even if the circuit has closed
/// meanwhile, with a [`retry_after`](crate::Open::retry_after) of zero. A clone has to be polled itself.
///
/// An inner service that is never ready is not bounded here, nor seen as a failure: no call is under way
/// yet; and who waits for it is not woken when the circuit opens meanwhile. Bound it outside, with a deadline around readiness and call together (`tokio::time::timeout`
/// around [`oneshot`](https://docs.rs/tower/0.5/tower/trait.ServiceExt.html#method.oneshot)) or with
/// tower's `load_shed`, which takes "not ready" for an answer.
#[derive(Debug)]
pub struct CircuitBreakerService<S, C = ErrIsFailure, R = IntoError, B = CircuitBreaker> {
    inner: S,
    classifier: C,
    reject: R,
    guard: B,
    asked: Asked,
}

/// What came of it that this instance was polled ready, and has not been called since.
#[derive(Clone, Copy, Debug)]
enum Asked {
    /// It was not, calls were rejected, or its inner service was not ready.
    No,
    /// The inner service is ready. Only then may it be called.
    Inner,
}

impl<S, C, R, B> CircuitBreakerService<S, C, R, B> {
    pub(crate) const fn new(inner: S, classifier: C, reject: R, guard: B) -> Self {
        Self {
            inner,
            classifier,
            reject,
            guard,
            asked: Asked::No,
        }
    }
}

impl<S: Clone, C: Clone, R: Clone, B: Clone> Clone for CircuitBreakerService<S, C, R, B> {
    fn clone(&self) -> Self {
        // Readiness is an instance's own: the clone of a service that is ready is not.
        Self::new(
            self.inner.clone(),
            self.classifier.clone(),
            self.reject.clone(),
            self.guard.clone(),
        )
    }
}

impl<S, C, R, B, Req> Service<Req> for CircuitBreakerService<S, C, R, B>
where
    S: Service<Req>,
    C: Classify<S::Response, S::Error> + Clone,
    R: OnReject<Req, S::Response, S::Error>,
    B: Guard<Req>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, C, B::Pointer>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.asked = Asked::No;
        if self.guard.is_rejecting() {
            return Poll::Ready(Ok(()));
        }
        let readiness = ready!(self.inner.poll_ready(cx));
        match &readiness {
            Ok(()) => self.asked = Asked::Inner,
            // Reconnecting clients report a failed connect here.
            Err(_) => self.guard.readiness_failed(),
        }
        Poll::Ready(readiness)
    }

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "in one piece with its caller the future is made where it is to lie, and is not copied layer by layer"
    )]
    fn call(&mut self, request: Req) -> Self::Future {
        let admitted = match mem::replace(&mut self.asked, Asked::No) {
            Asked::Inner => self.guard.try_acquire(&request),
            Asked::No => Err(self.guard.reject(&request)),
        };
        match admitted {
            // If the inner `call` panics, the token is dropped on the way out: a failure.
            Ok(token) => {
                ResponseFuture::calling(self.inner.call(request), token, self.classifier.clone())
            }
            Err(open) => ResponseFuture::answered(self.reject.on_reject(open, request)),
        }
    }
}
