use tower_layer::Layer;

use crate::{
    gate::{AllOptional, Class, ClassBy, Gate, Spent},
    layer::{Answer, Fallback, GateService, IntoError},
};

/// Puts a service behind a gate. It belongs outside the [`ErrorBudgetLayer`](crate::ErrorBudgetLayer) of the same budget: what it
/// refuses is then never counted.
///
/// The layer mints no state: whatever it is applied to goes by the decision of the gate it was made of.
///
/// `R` answers refused requests, `K` says how requests count, `G` is the gate, a `&'static` one, or a
/// family [by key](crate::Gates::by).
#[derive(Clone, Copy, Debug)]
pub struct GateLayer<R = IntoError, K = AllOptional, G = Gate> {
    reject: R,
    class: K,
    gate: G,
}

impl<G> GateLayer<IntoError, AllOptional, G> {
    /// A layer over `gate`: a [`Gate`] handle, `&'static` to one, or [`Gates::by`](crate::Gates::by) a key.
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
    /// Says with a closure which requests are optional; by default all are. Only those are ever refused.
    #[must_use]
    pub fn class<Req, F>(self, f: F) -> GateLayer<R, ClassBy<F>, G>
    where
        F: Fn(&Req) -> Class + Clone,
    {
        self.class_of(ClassBy(f))
    }

    /// Says it with a type of your own, an implementation of [`ClassOf`](crate::ClassOf).
    #[must_use]
    pub fn class_of<K2>(self, class: K2) -> GateLayer<R, K2, G> {
        GateLayer {
            reject: self.reject,
            class,
            gate: self.gate,
        }
    }

    /// Answers refused requests with `f(spent)`: a 503, an error made by hand. The error type then needs no `From<Spent>`.
    #[must_use]
    pub fn on_reject<Res, Err, F>(self, f: F) -> GateLayer<Answer<F>, K, G>
    where
        F: Fn(Spent) -> Result<Res, Err> + Clone,
    {
        GateLayer {
            reject: Answer(f),
            class: self.class,
            gate: self.gate,
        }
    }

    /// Answers refused requests with `f(spent, request)`, the request at hand: a value from a cache, by its key.
    ///
    /// For a fallback that must await, match on [`Spent::find`] around the call.
    #[must_use]
    pub fn fallback<Req, Res, Err, F>(self, f: F) -> GateLayer<Fallback<F>, K, G>
    where
        F: Fn(Spent, Req) -> Result<Res, Err> + Clone,
    {
        GateLayer {
            reject: Fallback(f),
            class: self.class,
            gate: self.gate,
        }
    }
}

impl<S, R: Clone, K: Clone, G: Clone> Layer<S> for GateLayer<R, K, G> {
    type Service = GateService<S, R, K, G>;

    fn layer(&self, inner: S) -> Self::Service {
        GateService::new(
            inner,
            self.reject.clone(),
            self.class.clone(),
            self.gate.clone(),
        )
    }
}
