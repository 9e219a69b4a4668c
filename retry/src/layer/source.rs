use std::borrow::Borrow;

use crate::{
    budget::Budget,
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
    /// Bounds the retries.
    type Budget: Budget;

    /// What a call keeps until its end.
    #[doc(hidden)]
    type Kept: Borrow<Engine<Self::Classifier, Self::Replay, Self::Budget>>;

    #[doc(hidden)]
    fn policy(&self) -> &RetryPolicy<Self::Classifier, Self::Replay, Self::Deadline, Self::Budget>;

    #[doc(hidden)]
    fn keep(&self) -> Self::Kept;
}

impl<V: Clone, Q: Clone, D, B: Budget + Clone> Source for RetryPolicy<V, Q, D, B> {
    type Classifier = V;
    type Replay = Q;
    type Deadline = D;
    type Budget = B;
    type Kept = Engine<V, Q, B>;

    fn policy(&self) -> &Self {
        self
    }

    fn keep(&self) -> Engine<V, Q, B> {
        self.engine().clone()
    }
}

impl<V, Q, D, B: Budget> Source for &'static RetryPolicy<V, Q, D, B> {
    type Classifier = V;
    type Replay = Q;
    type Deadline = D;
    type Budget = B;
    type Kept = &'static Engine<V, Q, B>;

    fn policy(&self) -> &RetryPolicy<V, Q, D, B> {
        self
    }

    fn keep(&self) -> &'static Engine<V, Q, B> {
        self.engine()
    }
}

mod sealed {
    use super::RetryPolicy;

    #[expect(unnameable_types, reason = "this is what seals `Source`")]
    pub trait Sealed {}
    impl<V, Q, D, B> Sealed for RetryPolicy<V, Q, D, B> {}
    impl<V, Q, D, B> Sealed for &'static RetryPolicy<V, Q, D, B> {}
}
