//! The layer whose calls wait instead of being rejected: layer, service and future.

use std::{
    borrow::Borrow,
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use pin_project::pin_project;
use tower_layer::Layer;
use tower_service::Service;

#[cfg(feature = "http-body")]
use super::end::AtBodyEnd;
#[cfg(feature = "http")]
use super::http::ClassifyHttp;
use super::{
    CircuitBreakerLayer,
    classify::{Classify, ClassifyWith, ErrIsFailure, FailureIf, IgnoreRejections},
    end::{AtHead, CallEnd},
    future::ResponseFuture,
    reject::IntoError,
    source::Source,
};
use crate::{
    acquire::Acquire,
    breaker::CircuitBreaker,
    call::{Call, Core, FailOnPanic},
    types::Outcome,
};

/// Puts a service behind a circuit breaker for which calls wait, instead of being rejected.
///
/// Made by [`CircuitBreakerLayer::wait`]. As nothing is rejected, the error type needs no room for
/// [`Open`](crate::Open). Its service clones the inner one for each call (`S: Clone`), since it
/// waits in the call's future: first until the breaker admits the call, then for that clone to be
/// ready. A waiting call holds nothing of the inner service.
///
/// Neither the time nor the number of the waiting calls is bounded here: each is a future that its
/// caller holds anyway. Put a timeout, or a bulkhead with a queue, outside.
///
/// An inner service that is not `Clone` is refused by the compiler:
///
/// ```compile_fail,E0277
/// # use maestro_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer};
/// # use tower::{Layer, Service, util::BoxService};
/// fn is_service(_: impl Service<(), Error = String>) {}
/// # fn waiting(breaker: CircuitBreaker, not_clone: BoxService<(), (), String>) {
/// is_service(CircuitBreakerLayer::new(breaker).wait().layer(not_clone));
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct WaitLayer<C = ErrIsFailure, B = CircuitBreaker, E = AtHead> {
    breaker: CircuitBreakerLayer<C, IntoError, B, E>,
}

impl<C, B, E> WaitLayer<C, B, E> {
    pub(super) const fn new(breaker: CircuitBreakerLayer<C, IntoError, B, E>) -> Self {
        Self { breaker }
    }

    /// As [`CircuitBreakerLayer::until_body_end`], which may also come before
    /// [`wait`](CircuitBreakerLayer::wait).
    #[cfg(feature = "http-body")]
    #[must_use]
    pub fn until_body_end<N>(self) -> WaitLayer<C, B, AtBodyEnd<N>> {
        WaitLayer::new(self.breaker.until_body_end())
    }

    /// As [`CircuitBreakerLayer::ignore_rejections`], which may also come before
    /// [`wait`](CircuitBreakerLayer::wait).
    #[must_use]
    pub fn ignore_rejections<M>(self) -> WaitLayer<IgnoreRejections<M>, B, E> {
        WaitLayer::new(self.breaker.ignore_rejections())
    }

    /// As [`CircuitBreakerLayer::http`], which may also come before
    /// [`wait`](CircuitBreakerLayer::wait).
    #[cfg(feature = "http")]
    #[must_use]
    pub fn http<M>(self) -> WaitLayer<ClassifyHttp<M>, B, E> {
        WaitLayer::new(self.breaker.http())
    }

    /// As [`CircuitBreakerLayer::grpc`], which may also come before
    /// [`wait`](CircuitBreakerLayer::wait).
    #[cfg(feature = "http-body")]
    #[must_use]
    pub fn grpc<M, N>(self) -> WaitLayer<ClassifyHttp<M>, B, AtBodyEnd<N>> {
        WaitLayer::new(self.breaker.grpc())
    }

    /// As [`CircuitBreakerLayer::failure_if`], which may also come before
    /// [`wait`](CircuitBreakerLayer::wait).
    #[must_use]
    pub fn failure_if<Res, Err, F>(self, f: F) -> WaitLayer<FailureIf<F>, B, E>
    where
        F: Fn(&Result<Res, Err>) -> bool + Clone,
    {
        WaitLayer::new(self.breaker.failure_if(f))
    }

    /// As [`CircuitBreakerLayer::classify`], which may also come before
    /// [`wait`](CircuitBreakerLayer::wait).
    #[must_use]
    pub fn classify<Res, Err, F>(self, f: F) -> WaitLayer<ClassifyWith<F>, B, E>
    where
        F: Fn(&Result<Res, Err>) -> Outcome + Clone,
    {
        WaitLayer::new(self.breaker.classify(f))
    }

    /// As [`CircuitBreakerLayer::classifier`], which may also come before
    /// [`wait`](CircuitBreakerLayer::wait).
    #[must_use]
    pub fn classifier<C2>(self, classifier: C2) -> WaitLayer<C2, B, E> {
        WaitLayer::new(self.breaker.classifier(classifier))
    }
}

impl<S, C: Clone, B: Clone, E> Layer<S> for WaitLayer<C, B, E> {
    type Service = WaitService<S, C, B, E>;

    fn layer(&self, inner: S) -> Self::Service {
        let CircuitBreakerLayer {
            classifier, source, ..
        } = &self.breaker;
        WaitService::new(inner, classifier.clone(), source.clone())
    }
}

/// A service behind a circuit breaker for which calls wait, made by
/// [`WaitLayer`](crate::WaitLayer).
///
/// Always ready, and reserves nothing: an idle clone holds neither a slot for a probe nor anything
/// of the inner service.
#[derive(Clone, Copy, Debug)]
pub struct WaitService<S, C = ErrIsFailure, B = CircuitBreaker, E = AtHead> {
    inner: S,
    classifier: C,
    source: B,
    end: PhantomData<E>,
}

impl<S, C, B, E> WaitService<S, C, B, E> {
    pub(super) const fn new(inner: S, classifier: C, source: B) -> Self {
        Self {
            inner,
            classifier,
            source,
            end: PhantomData,
        }
    }
}

impl<S, C, B, E, Req> Service<Req> for WaitService<S, C, B, E>
where
    S: Service<Req> + Clone,
    C: Classify<S::Response, S::Error> + Clone,
    B: Source<Req>,
    E: CallEnd<S::Response, C, B::Pointer>,
{
    type Response = E::Response;
    type Error = S::Error;
    type Future = WaitFuture<S, Req, C, B::Pointer, E>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let acquire = Acquire::new(self.source.pointer(&request));
        WaitFuture::new(
            self.inner.clone(),
            request,
            acquire,
            self.classifier.clone(),
        )
    }
}

/// The response of a [`WaitService`](crate::WaitService): the wait until the breaker admits the
/// call, the readiness of the inner service, and then its call.
///
/// If the state that admitted the call is over when the inner service is ready, it asks again, and
/// waits again if it must: with another clone, so that it holds nothing of the inner service
/// meanwhile.
///
/// # Cancel safety
///
/// Dropping it leaves the queue of the waiting calls. Once the call was admitted it counts as
/// cancelled, see [`Builder::on_cancel`](crate::Builder::on_cancel); a probe gives its slot back.
/// Nothing else remains.
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct WaitFuture<S, Req, C = ErrIsFailure, P: Borrow<Core> = Arc<Core>, E = AtHead>
where
    S: Service<Req>,
{
    #[pin]
    state: State<S, Req, C, P, E>,
}

// Fields drop in this order: what holds something of the inner service first, then the token.
#[pin_project(project = StateProjection, project_replace = StateReplaced)]
enum State<S: Service<Req>, Req, C, P: Borrow<Core>, E> {
    Waiting {
        inner: S,
        request: Req,
        #[pin]
        acquire: Acquire<P>,
        /// Once it was admitted, until it is called.
        token: Option<Call<P>>,
        classifier: C,
    },
    Calling {
        #[pin]
        call: ResponseFuture<S::Future, C, P, E>,
    },
    /// Only while it is changing, and after an error of the readiness.
    Done,
}

impl<S: Service<Req>, Req, C, P: Borrow<Core>, E> WaitFuture<S, Req, C, P, E> {
    pub(super) const fn new(inner: S, request: Req, acquire: Acquire<P>, classifier: C) -> Self {
        Self {
            state: State::Waiting {
                inner,
                request,
                acquire,
                token: None,
                classifier,
            },
        }
    }
}

impl<S, Req, C, P, E> Future for WaitFuture<S, Req, C, P, E>
where
    S: Service<Req> + Clone,
    C: Classify<S::Response, S::Error>,
    P: Borrow<Core> + Clone,
    E: CallEnd<S::Response, C, P>,
{
    type Output = Result<E::Response, S::Error>;

    /// # Panics
    ///
    /// When polled again after it was ready; and where it must wait without a tokio runtime and its
    /// timer.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        let readiness = match state.as_mut().project() {
            StateProjection::Calling { call } => return call.poll(cx),
            StateProjection::Done => panic!("polled after it was ready"),
            StateProjection::Waiting {
                inner,
                acquire,
                token,
                ..
            } => ready!(poll_admitted(inner, acquire, token, cx)),
        };
        let StateReplaced::Waiting {
            mut inner,
            request,
            token: Some(token),
            classifier,
            ..
        } = state.as_mut().project_replace(State::Done)
        else {
            unreachable!("it was waiting, and admitted, above");
        };
        if let Err(error) = readiness {
            drop(inner);
            // Reconnecting clients report a failed connect here.
            token.failure();
            return Poll::Ready(Err(error));
        }
        // If the inner `call` panics, the token is dropped on the way out: a failure.
        let call = ResponseFuture::calling(inner.call(request), token, classifier);
        state.set(State::Calling { call });
        match state.project() {
            StateProjection::Calling { call } => call.poll(cx),
            _ => unreachable!("it was set above"),
        }
    }
}

/// Admission first, then the readiness of the inner service: a call that waits here holds nothing
/// of it. Ready with `Ok`, there is a `token` and the inner service may be called.
fn poll_admitted<S, Req, P>(
    inner: &mut S,
    mut acquire: Pin<&mut Acquire<P>>,
    token: &mut Option<Call<P>>,
    cx: &mut Context<'_>,
) -> Poll<Result<(), S::Error>>
where
    S: Service<Req> + Clone,
    P: Borrow<Core> + Clone,
{
    loop {
        let call = match token {
            Some(call) => call,
            None => token.insert(ready!(acquire.as_mut().poll(cx))),
        };
        let panics = FailOnPanic::new(call);
        let readiness = inner.poll_ready(cx);
        panics.disarm();
        let readiness = ready!(readiness);
        if readiness.is_err() || call.is_still_admitted() {
            return Poll::Ready(readiness);
        }
        // It took so long that another state had to be asked, which does not admit the call.
        let Some(late) = token.take() else {
            unreachable!("it was admitted above");
        };
        let other = inner.clone();
        *inner = other;
        acquire.as_mut().restart(late.core().clone());
    }
}

impl<S: Service<Req>, Req, C, P: Borrow<Core>, E> fmt::Debug for WaitFuture<S, Req, C, P, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitFuture").finish_non_exhaustive()
    }
}
