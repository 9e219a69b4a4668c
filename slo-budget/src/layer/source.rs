//! What a layer can be made of: a handle, a `&'static` one, or a family by key.

use std::{borrow::Borrow, sync::Arc};

use crate::{
    budget::ErrorBudget,
    gate::{Class, Gate, Spent},
    observation::Observation,
    record::Core,
};

/// The source of an [`ErrorBudgetLayer`](crate::ErrorBudgetLayer)'s budget: an [`ErrorBudget`], a `&'static` one,
/// or a family [by key](crate::ErrorBudgets::by).
///
/// Sealed. The request is an argument because a family chooses the budget by it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an error budget",
    label = "an `ErrorBudgetLayer` cannot be made of this",
    note = "build it: `ErrorBudget::builder()` ends with `.build(\"name\")`,",
    note = "of a family choose the member: `budgets.by(|request| ...)`"
)]
pub trait Source<Req>: sealed::Source {
    /// How an observation refers to its budget.
    type Pointer: Borrow<Core>;

    /// Returns a token for `request`.
    fn observe(&self, request: &Req) -> Observation<Self::Pointer>;
}

/// The source of a [`GateLayer`](crate::GateLayer)'s gate: a [`Gate`], a `&'static` one, or a family
/// [by key](crate::Gates::by).
///
/// Sealed. The request is an argument because a family chooses the gate by it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a gate",
    label = "a `GateLayer` cannot be made of this",
    note = "build it: `Gate::builder()` ends with `.build(budget)`,",
    note = "of a family choose the member: `gates.by(|request| ...)`"
)]
pub trait Admit<Req>: sealed::Admit {
    /// Whether `request`, of this class, is admitted now.
    ///
    /// # Errors
    ///
    /// [`Spent`] as [`Gate::check`].
    fn admit(&self, class: Class, request: &Req) -> Result<(), Spent>;
}

impl<Req> Source<Req> for ErrorBudget {
    type Pointer = Arc<Core>;

    fn observe(&self, _: &Req) -> Observation {
        self.observe()
    }
}

impl<Req> Source<Req> for &'static ErrorBudget {
    type Pointer = &'static Core;

    fn observe(&self, _: &Req) -> Observation<&'static Core> {
        self.observe_static()
    }
}

impl<Req> Admit<Req> for Gate {
    fn admit(&self, class: Class, _: &Req) -> Result<(), Spent> {
        self.check(class)
    }
}

impl<Req> Admit<Req> for &'static Gate {
    fn admit(&self, class: Class, _: &Req) -> Result<(), Spent> {
        self.check(class)
    }
}

/// Implemented by the sources of this crate only.
pub(crate) mod sealed {
    use super::{ErrorBudget, Gate};

    #[expect(unnameable_types, reason = "this seals `Source`")]
    #[diagnostic::on_unimplemented(
        message = "`{Self}` is not an error budget",
        label = "an `ErrorBudgetLayer` cannot be made of this",
        note = "build it: `ErrorBudget::builder()` ends with `.build(\"name\")`,",
        note = "of a family choose the member: `budgets.by(|request| ...)`"
    )]
    pub trait Source {}
    impl Source for ErrorBudget {}
    impl Source for &'static ErrorBudget {}

    #[expect(unnameable_types, reason = "this seals `Admit`")]
    #[diagnostic::on_unimplemented(
        message = "`{Self}` is not a gate",
        label = "a `GateLayer` cannot be made of this",
        note = "build it: `Gate::builder()` ends with `.build(budget)`,",
        note = "of a family choose the member: `gates.by(|request| ...)`"
    )]
    pub trait Admit {}
    impl Admit for Gate {}
    impl Admit for &'static Gate {}
}
