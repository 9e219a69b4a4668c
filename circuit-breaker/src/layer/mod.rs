pub(crate) mod classify;
pub(crate) mod future;
pub(crate) mod guard;
pub(crate) mod reject;
pub(crate) mod service;
pub(crate) mod wait_layer;
pub(crate) mod wait_service;

use tower_layer::Layer;

use crate::{
    Answer, CircuitBreaker, CircuitBreakerService, ClassifyWith, ErrIsFailure, FailureIf, Fallback,
    IntoError, Open, Outcome,
};

/// Puts a service behind a circuit breaker.
///
/// The layer mints no state: whatever it is applied to shares the state of the breaker it was made of.
///
/// `C` says which results are failures, `R` answers rejected calls, `B` is the breaker or a `&'static` one.
#[derive(Clone, Copy, Debug)]
pub struct CircuitBreakerLayer<C = ErrIsFailure, R = IntoError, B = CircuitBreaker> {
    pub(crate) classifier: C,
    pub(crate) reject: R,
    pub(crate) guard: B,
}

impl<B> CircuitBreakerLayer<ErrIsFailure, IntoError, B> {
    /// A layer over `breaker`: a [`CircuitBreaker`] handle, or `&'static` to a [`StaticCircuitBreaker`](crate::StaticCircuitBreaker).
    #[must_use]
    pub const fn new(breaker: B) -> Self {
        Self {
            classifier: ErrIsFailure,
            reject: IntoError,
            guard: breaker,
        }
    }
}

impl<C, R, B> CircuitBreakerLayer<C, R, B> {
    /// Counts a result as a failure where `f` says yes, and as a success where it says no.
    #[must_use]
    pub fn failure_if<Res, Err, F>(self, f: F) -> CircuitBreakerLayer<FailureIf<F>, R, B>
    where
        F: Fn(&Result<Res, Err>) -> bool + Clone,
    {
        self.classifier(FailureIf(f))
    }

    /// Says with a closure what each result is: a success, a failure, or neither.
    ///
    /// Rejections by layers further in (a full bulkhead) say nothing about the backend: ignore them, or
    /// load that is our own opens the circuit.
    #[must_use]
    pub fn classify<Res, Err, F>(self, f: F) -> CircuitBreakerLayer<ClassifyWith<F>, R, B>
    where
        F: Fn(&Result<Res, Err>) -> Outcome + Clone,
    {
        self.classifier(ClassifyWith(f))
    }

    /// Says with a type of your own, an implementation of [`Classify`](crate::Classify), what each result is.
    #[must_use]
    pub fn classifier<C2>(self, classifier: C2) -> CircuitBreakerLayer<C2, R, B> {
        CircuitBreakerLayer {
            classifier,
            reject: self.reject,
            guard: self.guard,
        }
    }

    /// Answers rejected calls with `f(open)`: a 503, an error made by hand. The error type then needs no `From<Open>`.
    #[must_use]
    pub fn on_reject<Res, Err, F>(self, f: F) -> CircuitBreakerLayer<C, Answer<F>, B>
    where
        F: Fn(Open) -> Result<Res, Err> + Clone,
    {
        CircuitBreakerLayer {
            classifier: self.classifier,
            reject: Answer(f),
            guard: self.guard,
        }
    }

    /// Answers rejected calls with `f(open, request)`, the request at hand: a value from a cache, by its key.
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
            guard: self.guard,
        }
    }
}

impl<S, C: Clone, R: Clone, B: Clone> Layer<S> for CircuitBreakerLayer<C, R, B> {
    type Service = CircuitBreakerService<S, C, R, B>;

    fn layer(&self, inner: S) -> Self::Service {
        CircuitBreakerService::new(
            inner,
            self.classifier.clone(),
            self.reject.clone(),
            self.guard.clone(),
        )
    }
}
