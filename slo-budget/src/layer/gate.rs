use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use pin_project::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::{
    gate::{AllOptional, Class, ClassBy, ClassOf, Gate, Spent},
    layer::{Admit, Answer, Fallback, IntoError, OnReject, source::sealed},
};

/// Puts a service behind a gate. Put it outside the [`ErrorBudgetLayer`](crate::ErrorBudgetLayer) of the same
/// budget, so that refused requests are not counted. Inside, its refusals would be bad events, for which it refuses more.
///
/// Every service that the layer makes follows the gate of the layer.
///
/// `R` answers refused requests. `K` chooses the class of a request. `G` is the [source](Admit) of the gate: a
/// handle, a `&'static` one, or a family [by key](crate::Gates::by).
#[derive(Clone, Copy, Debug)]
pub struct GateLayer<R = IntoError, K = AllOptional, G = Gate> {
    reject: R,
    class: K,
    gate: G,
}

/// A service behind a gate. Made by [`GateLayer`].
///
/// `poll_ready` is that of the inner service. `call` checks the gate, and answers at once if it refuses the request. The inner
/// service, which is ready and was not called, then stays ready for the next call.
#[derive(Clone, Copy, Debug)]
pub struct GateService<S, R = IntoError, K = AllOptional, G = Gate> {
    inner: S,
    reject: R,
    class: K,
    gate: G,
}

/// The response of a [`GateService`](crate::GateService): the inner call, or the answer to a refusal.
///
/// # Cancel safety
///
/// Dropping it drops the inner call and has no other effect.
// `F: Future` is on the struct because a refusal is answered in `call` and kept as `F::Output`.
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct GateFuture<F: Future> {
    #[pin]
    state: GateState<F>,
}

#[pin_project(project = GateProjection)]
enum GateState<F: Future> {
    Calling(#[pin] F),
    /// `None` after it was ready.
    Answered(Option<F::Output>),
}

// === impl GateLayer ===

impl<G: sealed::Admit> GateLayer<IntoError, AllOptional, G> {
    /// A layer over `gate`: a [`Gate`] handle, a `&'static` one, or a family [by key](crate::Gates::by).
    #[must_use]
    pub const fn new(gate: G) -> Self {
        Self {
            reject: IntoError,
            class: AllOptional,
            gate,
        }
    }
}

impl<R, K, G> GateLayer<R, K, G> {
    /// Chooses the class of each request with a closure. By default all requests are optional. Only optional
    /// requests are ever refused.
    #[must_use]
    pub fn class<Req, F>(self, f: F) -> GateLayer<R, ClassBy<F>, G>
    where
        F: Fn(&Req) -> Class + Clone,
    {
        self.class_of(ClassBy(f))
    }

    /// Chooses the class with your own implementation of [`ClassOf`].
    #[must_use]
    pub fn class_of<K2>(self, class: K2) -> GateLayer<R, K2, G> {
        GateLayer {
            reject: self.reject,
            class,
            gate: self.gate,
        }
    }

    /// Answers refused requests with `f(spent)`, such as a response with status 503. The error type then needs no
    /// `From<Spent>`.
    ///
    /// For HTTP and gRPC pass [`Spent::http_response`](crate::Spent#method.http_response) or
    /// [`Spent::grpc_response`](crate::Spent#method.grpc_response).
    ///
    /// The answer is a response. To a recorder, circuit breaker or retry *outside* of this layer that classifies as it does
    /// by default it is a success, although the service was not asked. Use `.http()` there, which recognises the answers
    /// of `Spent::http_response`.
    #[must_use]
    pub fn on_reject<Res, Err, F>(self, f: F) -> GateLayer<Answer<F>, K, G>
    where
        F: Fn(Spent) -> Result<Res, Err> + Clone,
    {
        self.reject(Answer(f))
    }

    /// Answers refused requests with `f(spent, request)`, such as a value from a cache.
    ///
    /// For a fallback that must await, or that answers every failure, see `FallbackLayer` of the crate `maestro-retry`.
    #[must_use]
    pub fn fallback<Req, Res, Err, F>(self, f: F) -> GateLayer<Fallback<F>, K, G>
    where
        F: Fn(Spent, Req) -> Result<Res, Err> + Clone,
    {
        self.reject(Fallback(f))
    }

    fn reject<R2>(self, reject: R2) -> GateLayer<R2, K, G> {
        GateLayer {
            reject,
            class: self.class,
            gate: self.gate,
        }
    }
}

impl<S, R: Clone, K: Clone, G: Clone> Layer<S> for GateLayer<R, K, G> {
    type Service = GateService<S, R, K, G>;

    fn layer(&self, inner: S) -> Self::Service {
        GateService {
            inner,
            reject: self.reject.clone(),
            class: self.class.clone(),
            gate: self.gate.clone(),
        }
    }
}

// === impl GateService ===

impl<S, R, K, G, Req> Service<Req> for GateService<S, R, K, G>
where
    S: Service<Req>,
    R: OnReject<Req, S::Response, S::Error>,
    K: ClassOf<Req>,
    G: Admit<Req>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = GateFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let state = match self.gate.admit(self.class.class(&request), &request) {
            Ok(()) => GateState::Calling(self.inner.call(request)),
            Err(spent) => GateState::Answered(Some(self.reject.on_reject(spent, request))),
        };
        GateFuture { state }
    }
}

// === impl GateFuture ===

impl<F: Future> Future for GateFuture<F> {
    type Output = F::Output;

    /// # Panics
    ///
    /// If the answer to a refusal is polled again after it was ready.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            GateProjection::Calling(call) => call.poll(cx),
            GateProjection::Answered(answer) => {
                Poll::Ready(answer.take().expect("polled after it was ready"))
            }
        }
    }
}

impl<F: Future> fmt::Debug for GateFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GateFuture").finish_non_exhaustive()
    }
}
