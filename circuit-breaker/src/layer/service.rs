use std::{
    marker::PhantomData,
    mem,
    task::{Context, Poll, ready},
};

use tower_service::Service;

use super::{
    classify::{Classify, ErrIsFailure},
    end::{AtHead, CallEnd},
    future::ResponseFuture,
    reject::{IntoError, OnReject},
    source::Source,
};
use crate::breaker::CircuitBreaker;

/// A service behind a circuit breaker, made by [`CircuitBreakerLayer`](crate::CircuitBreakerLayer).
///
/// While calls are rejected, `poll_ready` is ready at once and does not ask the inner service: an
/// open breaker answers even if a pool or balancer inside is stuck. Otherwise readiness is the
/// inner service's, and an error there is recorded as a failure. It reserves nothing in the
/// breaker: a ready service that is dropped without a call holds no slot for a probe.
///
/// `call` makes the inner call only if this instance was polled ready with the inner service asked,
/// and the breaker admits it. Polled ready while rejecting, or not polled, it rejects even if the
/// breaker has closed meanwhile, with a rejection that [says so](crate::Open::is_unready) and a
/// [`retry_after`](crate::Open::retry_after) of zero. A clone has to be polled separately.
///
/// An inner service that is never ready is not bounded here, and not counted as a failure: no call
/// is in flight yet. A caller that waits for it is not woken when the breaker opens meanwhile.
/// Bound it outside, with a deadline around readiness and call together (`tokio::time::timeout`
/// around [`oneshot`](https://docs.rs/tower/0.5/tower/trait.ServiceExt.html#method.oneshot)) or
/// with tower's `load_shed`, which takes "not ready" for an answer.
#[derive(Debug)]
pub struct CircuitBreakerService<S, C = ErrIsFailure, R = IntoError, B = CircuitBreaker, E = AtHead>
{
    inner: S,
    classifier: C,
    reject: R,
    source: B,
    /// Whether the inner service was ready when this instance was polled last, and has not been
    /// called since. Only then may it be called.
    inner_is_ready: bool,
    end: PhantomData<E>,
}

impl<S, C, R, B, E> CircuitBreakerService<S, C, R, B, E> {
    pub(super) const fn new(inner: S, classifier: C, reject: R, source: B) -> Self {
        Self {
            inner,
            classifier,
            reject,
            source,
            inner_is_ready: false,
            end: PhantomData,
        }
    }
}

impl<S: Clone, C: Clone, R: Clone, B: Clone, E> Clone for CircuitBreakerService<S, C, R, B, E> {
    fn clone(&self) -> Self {
        // Readiness belongs to an instance: the clone of a service that is ready is not.
        Self::new(
            self.inner.clone(),
            self.classifier.clone(),
            self.reject.clone(),
            self.source.clone(),
        )
    }
}

impl<S, C, R, B, E, Req> Service<Req> for CircuitBreakerService<S, C, R, B, E>
where
    S: Service<Req>,
    C: Classify<S::Response, S::Error> + Clone,
    R: OnReject<Req, S::Response, S::Error>,
    B: Source<Req>,
    E: CallEnd<S::Response, C, B::Pointer>,
{
    type Response = E::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, C, B::Pointer, E>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner_is_ready = false;
        if self.source.is_rejecting() {
            return Poll::Ready(Ok(()));
        }
        let readiness = ready!(self.inner.poll_ready(cx));
        match &readiness {
            Ok(()) => self.inner_is_ready = true,
            // Reconnecting clients report a failed connect here.
            Err(_) => self.source.readiness_failed(),
        }
        Poll::Ready(readiness)
    }

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "in one piece with its caller the future is made in its final place, and is not copied layer by layer"
    )]
    fn call(&mut self, request: Req) -> Self::Future {
        let admitted = if mem::replace(&mut self.inner_is_ready, false) {
            self.source.try_acquire(&request)
        } else {
            Err(self.source.reject(&request))
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
