use std::borrow::Borrow;

use crate::{
    budget::Budget,
    policy::{RetryPolicy, engine::Rules},
};

/// What a [`RetryLayer`](crate::RetryLayer) can be made of: a [`RetryPolicy`], or a `&'static` one.
///
/// Sealed. By value, each call copies what it may need of the policy later; of a `&'static` one (see
/// [`RetryPolicy::leak`]) it keeps the reference alone.
pub trait Guard: sealed::Sealed {
    /// Says what to do after an attempt.
    type Classifier;
    /// Copies requests.
    type Replay;
    /// Finds their deadlines.
    type Deadline;
    /// Whether there is leave for a retry.
    type Budget: Budget;

    /// What a call keeps until its end.
    #[doc(hidden)]
    type Kept: Borrow<Rules<Self::Classifier, Self::Replay, Self::Budget>>;

    #[doc(hidden)]
    fn policy(&self) -> &RetryPolicy<Self::Classifier, Self::Replay, Self::Deadline, Self::Budget>;

    #[doc(hidden)]
    fn keep(&self) -> Self::Kept;
}

impl<V: Clone, Q: Clone, D, B: Budget + Clone> Guard for RetryPolicy<V, Q, D, B> {
    type Classifier = V;
    type Replay = Q;
    type Deadline = D;
    type Budget = B;
    type Kept = Rules<V, Q, B>;

    fn policy(&self) -> &Self {
        self
    }

    fn keep(&self) -> Rules<V, Q, B> {
        self.rules.clone()
    }
}

impl<V, Q, D, B: Budget> Guard for &'static RetryPolicy<V, Q, D, B> {
    type Classifier = V;
    type Replay = Q;
    type Deadline = D;
    type Budget = B;
    type Kept = &'static Rules<V, Q, B>;

    fn policy(&self) -> &RetryPolicy<V, Q, D, B> {
        self
    }

    fn keep(&self) -> &'static Rules<V, Q, B> {
        &self.rules
    }
}

mod sealed {
    use super::RetryPolicy;

    #[expect(unnameable_types, reason = "this is what seals `Guard`")]
    pub trait Sealed {}
    impl<V, Q, D, B> Sealed for RetryPolicy<V, Q, D, B> {}
    impl<V, Q, D, B> Sealed for &'static RetryPolicy<V, Q, D, B> {}
}
