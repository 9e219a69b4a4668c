use std::{fmt, sync::Arc};

/// A budget began to refuse retries, or grants them again, as a [listener](crate::RetryBudget::on_event) receives it.
/// Its `Display` is a line for a log.
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
    pub fn key(&self) -> Option<Arc<str>> {
        self.key.clone()
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

impl fmt::Display for BudgetEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "retry budget `{}`", self.name)?;
        if let Some(key) = &self.key {
            write!(f, " [{key}]")?;
        }
        f.write_str(match self.state {
            BudgetState::Refusing => " refuses retries",
            BudgetState::Granting => " grants retries again",
        })
    }
}
