use std::borrow::Borrow;

use crate::{
    budget::{Budget, BudgetSource},
    policy::{Engine, RetryPolicy},
};

/// What a [`RetryLayer`](crate::RetryLayer) can be made of: a [`RetryPolicy`], or a `&'static` reference to one.
///
/// Sealed. With a policy by value, each call copies what it may need of it later. With a `&'static` reference (see
/// [`RetryPolicy::leak`]) a call keeps the reference.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a retry policy",
    label = "a `RetryLayer` cannot be made of this",
    note = "build it: `RetryPolicy::builder()` ends with `.build()`,",
    note = "of a policy behind a reference take a clone: it shares the budget"
)]
pub trait Source: sealed::Sealed {
    /// Decides what to do after an attempt.
    type Classifier;
    /// Copies requests.
    type Replay;
    /// Finds the deadlines of requests.
    type Deadline;
    /// Bounds the retries of a call.
    type Budget: Budget;

    /// Where the budget of a call comes from.
    #[doc(hidden)]
    type Budgets: BudgetSource<Budget = Self::Budget>;

    /// What a call keeps until its end.
    #[doc(hidden)]
    type Kept: Borrow<Engine<Self::Classifier, Self::Replay, Self::Budget>>;

    #[doc(hidden)]
    fn policy(&self)
    -> &RetryPolicy<Self::Classifier, Self::Replay, Self::Deadline, Self::Budgets>;
}

/// A [`Source`] for calls with requests of this type. Sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no budget for a request of type `{Req}`",
    label = "the key of a family of budgets is read from another type of request"
)]
pub trait SourceOf<Req>: Source {
    #[doc(hidden)]
    fn keep(&self, request: &Req) -> Self::Kept;
}

impl<V: Clone, Q: Clone, D, B: Budget + Clone> Source for RetryPolicy<V, Q, D, B> {
    type Classifier = V;
    type Replay = Q;
    type Deadline = D;
    type Budget = B;
    type Budgets = B;
    type Kept = Engine<V, Q, B>;

    fn policy(&self) -> &Self {
        self
    }
}

impl<Req, V: Clone, Q: Clone, D, B: Budget + Clone> SourceOf<Req> for RetryPolicy<V, Q, D, B> {
    #[inline]
    fn keep(&self, _: &Req) -> Engine<V, Q, B> {
        self.engine().clone()
    }
}

impl<V, Q, D, B: Budget> Source for &'static RetryPolicy<V, Q, D, B> {
    type Classifier = V;
    type Replay = Q;
    type Deadline = D;
    type Budget = B;
    type Budgets = B;
    type Kept = &'static Engine<V, Q, B>;

    fn policy(&self) -> &RetryPolicy<V, Q, D, B> {
        self
    }
}

impl<Req, V, Q, D, B: Budget> SourceOf<Req> for &'static RetryPolicy<V, Q, D, B> {
    #[inline]
    fn keep(&self, _: &Req) -> &'static Engine<V, Q, B> {
        self.engine()
    }
}

/// A call keeps the engine with the member that its key has.
#[cfg(feature = "family")]
mod family {
    use std::hash::Hash;

    use super::{Engine, RetryPolicy, Source, SourceOf};
    use crate::budget::{By, RetryBudget};

    impl<V: Clone, Q: Clone, D, K, F> Source for RetryPolicy<V, Q, D, By<K, F>> {
        type Classifier = V;
        type Replay = Q;
        type Deadline = D;
        type Budget = RetryBudget;
        type Budgets = By<K, F>;
        type Kept = Engine<V, Q, RetryBudget>;

        fn policy(&self) -> &Self {
            self
        }
    }

    impl<V: Clone, Q: Clone, D, K, F> Source for &'static RetryPolicy<V, Q, D, By<K, F>> {
        type Classifier = V;
        type Replay = Q;
        type Deadline = D;
        type Budget = RetryBudget;
        type Budgets = By<K, F>;
        type Kept = Engine<V, Q, RetryBudget>;

        fn policy(&self) -> &RetryPolicy<V, Q, D, By<K, F>> {
            self
        }
    }

    impl<Req, V, Q, D, K, F> SourceOf<Req> for RetryPolicy<V, Q, D, By<K, F>>
    where
        V: Clone,
        Q: Clone,
        K: Hash + Eq + Clone,
        F: Fn(&Req) -> K,
    {
        fn keep(&self, request: &Req) -> Engine<V, Q, RetryBudget> {
            let engine = self.engine();
            engine.with_budget(engine.budget().member(request))
        }
    }

    impl<Req, V, Q, D, K, F> SourceOf<Req> for &'static RetryPolicy<V, Q, D, By<K, F>>
    where
        V: Clone,
        Q: Clone,
        K: Hash + Eq + Clone,
        F: Fn(&Req) -> K,
    {
        fn keep(&self, request: &Req) -> Engine<V, Q, RetryBudget> {
            (**self).keep(request)
        }
    }
}

mod sealed {
    use super::RetryPolicy;

    #[expect(unnameable_types, reason = "this is what seals `Source`")]
    pub trait Sealed {}
    impl<V, Q, D, B> Sealed for RetryPolicy<V, Q, D, B> {}
    impl<V, Q, D, B> Sealed for &'static RetryPolicy<V, Q, D, B> {}
}
