use std::sync::Arc;

/// A budget began to refuse retries, or grants them again, as a [listener](crate::RetryBudget::on_event) receives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetEvent {
    name: &'static str,
    key: Option<Arc<str>>,
    state: BudgetState,
}

/// What a budget does with retries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BudgetState {
    /// It has refused one.
    Refusing,
    /// It grants one, and has refused none for ten seconds.
    Granting,
}

impl BudgetEvent {
    pub(crate) const fn new(name: &'static str, key: Option<Arc<str>>, state: BudgetState) -> Self {
        Self { name, key, state }
    }

    /// The name of the budget.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The key of the member, of a family that shows its keys.
    #[must_use]
    pub const fn key(&self) -> Option<&Arc<str>> {
        self.key.as_ref()
    }

    /// What the budget does from now on.
    #[must_use]
    pub const fn state(&self) -> BudgetState {
        self.state
    }
}

impl BudgetState {
    /// The state as traces write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refusing => "refusing",
            Self::Granting => "granting",
        }
    }
}
