use super::Budget;

/// What [`RetryPolicy::budget`](crate::RetryPolicy::budget) takes: a [`Budget`] for all calls, or a family of budgets with
/// the key of a request (`By`, feature `family`).
///
/// Sealed. Implement [`Budget`] for a kind of your own.
pub trait BudgetSource: sealed::Sealed {
    /// The budget of a call.
    type Budget: Budget;
}

impl<B: Budget> BudgetSource for B {
    type Budget = B;
}

#[cfg(feature = "family")]
impl<K, F> BudgetSource for super::By<K, F> {
    type Budget = super::RetryBudget;
}

mod sealed {
    #[expect(unnameable_types, reason = "this is what seals `BudgetSource`")]
    pub trait Sealed {}
    impl<B: super::Budget> Sealed for B {}
    #[cfg(feature = "family")]
    impl<K, F> Sealed for super::super::By<K, F> {}
}
