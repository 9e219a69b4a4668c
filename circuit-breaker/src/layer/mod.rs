//! The tower side: layers, services, their futures, and what the user plugs into them.

mod classify;
mod future;
mod reject;
mod service;
mod source;
mod wait;

use tower_layer::Layer;

pub(crate) use self::source::Sealed;
pub use self::{
    classify::{Classify, ClassifyWith, ErrIsFailure, FailureIf},
    future::ResponseFuture,
    reject::{Answer, Fallback, IntoError, OnReject},
    service::CircuitBreakerService,
    source::Source,
    wait::{WaitFuture, WaitLayer, WaitService},
};
use crate::{
    breaker::CircuitBreaker,
    types::{Open, Outcome},
};

/// Puts a service behind a circuit breaker.
///
/// The layer makes no state: everything it is applied to shares the state of the breaker it was
/// made of.
///
/// `C` classifies results, `R` answers rejected calls, `B` is the breaker or a `&'static` one.
#[derive(Clone, Copy, Debug)]
pub struct CircuitBreakerLayer<C = ErrIsFailure, R = IntoError, B = CircuitBreaker> {
    classifier: C,
    reject: R,
    source: B,
}

impl<B: Sealed> CircuitBreakerLayer<ErrIsFailure, IntoError, B> {
    /// A layer over `breaker`: a [`CircuitBreaker`] handle, or `&'static` to a
    /// [`StaticCircuitBreaker`](crate::StaticCircuitBreaker).
    #[must_use]
    pub const fn new(breaker: B) -> Self {
        Self {
            classifier: ErrIsFailure,
            reject: IntoError,
            source: breaker,
        }
    }
}

impl<C, R, B> CircuitBreakerLayer<C, R, B> {
    /// Counts a result as a failure where `f` returns true, and as a success otherwise.
    #[must_use]
    pub fn failure_if<Res, Err, F>(self, f: F) -> CircuitBreakerLayer<FailureIf<F>, R, B>
    where
        F: Fn(&Result<Res, Err>) -> bool + Clone,
    {
        self.classifier(FailureIf(f))
    }

    /// Classifies each result with a closure: as a success, a failure, or neither.
    ///
    /// Rejections by layers further in (a full bulkhead) say nothing about the backend. Ignore
    /// them, or local overload opens the breaker.
    #[must_use]
    pub fn classify<Res, Err, F>(self, f: F) -> CircuitBreakerLayer<ClassifyWith<F>, R, B>
    where
        F: Fn(&Result<Res, Err>) -> Outcome + Clone,
    {
        self.classifier(ClassifyWith(f))
    }

    /// Classifies each result with your type, an implementation of [`Classify`].
    #[must_use]
    pub fn classifier<C2>(self, classifier: C2) -> CircuitBreakerLayer<C2, R, B> {
        CircuitBreakerLayer {
            classifier,
            reject: self.reject,
            source: self.source,
        }
    }

    /// Answers rejected calls with `f(open)`: a 503, or an error made by hand. The error type then
    /// needs no `From<Open>`.
    #[must_use]
    pub fn on_reject<Res, Err, F>(self, f: F) -> CircuitBreakerLayer<C, Answer<F>, B>
    where
        F: Fn(Open) -> Result<Res, Err> + Clone,
    {
        CircuitBreakerLayer {
            classifier: self.classifier,
            reject: Answer(f),
            source: self.source,
        }
    }

    /// Answers rejected calls with `f(open, request)`: a value from a cache, by the key of the
    /// request.
    ///
    /// For a fallback that must await, match on [`Open::find`] around the call.
    #[must_use]
    pub fn fallback<Req, Res, Err, F>(self, f: F) -> CircuitBreakerLayer<C, Fallback<F>, B>
    where
        F: Fn(Open, Req) -> Result<Res, Err> + Clone,
    {
        CircuitBreakerLayer {
            classifier: self.classifier,
            reject: Fallback(f),
            source: self.source,
        }
    }
}

impl<C, B> CircuitBreakerLayer<C, IntoError, B> {
    /// Lets calls wait until the breaker admits them, instead of rejecting them.
    ///
    /// There is no `on_reject` beside it: nothing is rejected.
    #[must_use]
    pub const fn wait(self) -> WaitLayer<C, B> {
        WaitLayer::new(self)
    }
}

impl<S, C: Clone, R: Clone, B: Clone> Layer<S> for CircuitBreakerLayer<C, R, B> {
    type Service = CircuitBreakerService<S, C, R, B>;

    fn layer(&self, inner: S) -> Self::Service {
        CircuitBreakerService::new(
            inner,
            self.classifier.clone(),
            self.reject.clone(),
            self.source.clone(),
        )
    }
}
