use std::{borrow::Borrow, sync::Arc};

use crate::{
    budget::{Core, ErrorBudget},
    observation::Observation,
};

/// What an [`ErrorBudgetLayer`](crate::ErrorBudgetLayer) can be made of: an [`ErrorBudget`], a `&'static` one, or a
/// family [by key](crate::ErrorBudgets::by).
///
/// Sealed: the request is an argument because a family chooses the budget by it.
pub trait Guard<Req>: sealed::Sealed {
    /// What an observation holds to find its budget again.
    type Pointer: Borrow<Core>;

    /// A token for `request`.
    fn observe(&self, request: &Req) -> Observation<Self::Pointer>;
}

impl<Req> Guard<Req> for ErrorBudget {
    type Pointer = Arc<Core>;

    fn observe(&self, _: &Req) -> Observation {
        self.observe()
    }
}

impl<Req> Guard<Req> for &'static ErrorBudget {
    type Pointer = &'static Core;

    fn observe(&self, _: &Req) -> Observation<&'static Core> {
        self.observe_static()
    }
}

mod sealed {
    use super::ErrorBudget;

    #[expect(unnameable_types, reason = "this is what seals `Guard`")]
    pub trait Sealed {}
    impl Sealed for ErrorBudget {}
    impl Sealed for &'static ErrorBudget {}
    impl<K, F> Sealed for crate::family::By<K, F> {}
}
