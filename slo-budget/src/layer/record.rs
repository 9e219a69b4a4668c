use std::time::Duration;

use tower_layer::Layer;

use crate::{
    budget::ErrorBudget,
    layer::{BadIf, ClassifyWith, ErrIsBad, ErrorBudgetService},
    types::Event,
};

/// Counts the calls of a service against an error budget. It refuses none: that is what a
/// [`GateLayer`](crate::GateLayer) outside of it does, whose refusals are then never counted.
///
/// The layer mints no state: whatever it is applied to is counted in the budget it was made of.
///
/// `C` says what calls mean for the objective, `B` is the budget or a `&'static` one.
#[derive(Clone, Copy, Debug)]
pub struct ErrorBudgetLayer<C = ErrIsBad, B = ErrorBudget> {
    pub(crate) classifier: C,
    pub(crate) slow_after: Duration,
    pub(crate) budget: B,
}

impl<B> ErrorBudgetLayer<ErrIsBad, B> {
    /// A layer over `budget`: an [`ErrorBudget`] handle, or `&'static` to one.
    #[must_use]
    pub const fn new(budget: B) -> Self {
        Self {
            classifier: ErrIsBad,
            slow_after: Duration::MAX,
            budget,
        }
    }
}

impl<C, B> ErrorBudgetLayer<C, B> {
    /// Counts a call as bad where `f` says yes of its result, and as good where it says no.
    #[must_use]
    pub fn bad_if<Res, Err, F>(self, f: F) -> ErrorBudgetLayer<BadIf<F>, B>
    where
        F: Fn(&Result<Res, Err>) -> bool + Clone,
    {
        self.classifier(BadIf(f))
    }

    /// Says with a closure what each result means, and what its latency does: the time from `call` until
    /// the result is there.
    #[must_use]
    pub fn classify<Res, Err, F>(self, f: F) -> ErrorBudgetLayer<ClassifyWith<F>, B>
    where
        F: Fn(&Result<Res, Err>, Duration) -> Event + Clone,
    {
        self.classifier(ClassifyWith(f))
    }

    /// Says with a type of your own, an implementation of [`Classify`](crate::Classify), what each call means.
    #[must_use]
    pub fn classifier<C2>(self, classifier: C2) -> ErrorBudgetLayer<C2, B> {
        ErrorBudgetLayer {
            classifier,
            slow_after: self.slow_after,
            budget: self.budget,
        }
    }

    /// Counts a call that would be good as bad when it took longer than `limit`: "95 % within 250 ms" is an
    /// objective of 95 % with `slow_after` 250 ms. By default no call is too slow.
    ///
    /// It applies to what the classifier, set before or after, calls good.
    #[must_use]
    pub fn slow_after(self, limit: Duration) -> Self {
        Self {
            slow_after: limit,
            ..self
        }
    }
}

impl<S, C: Clone, B: Clone> Layer<S> for ErrorBudgetLayer<C, B> {
    type Service = ErrorBudgetService<S, C, B>;

    fn layer(&self, inner: S) -> Self::Service {
        ErrorBudgetService::new(
            inner,
            self.classifier.clone(),
            self.slow_after,
            self.budget.clone(),
        )
    }
}
