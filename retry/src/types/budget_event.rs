use std::{fmt, sync::Arc};

/// A budget began to refuse retries, or grants them again, as a [listener](crate::RetryBudget::on_event) receives it.
/// Its `Display` is a line for a log. With the feature `serde` it can be serialized, with the fields of a tracing event.
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

#[cfg(feature = "serde")]
impl serde::Serialize for BudgetEvent {
    /// The fields `name`, `key` (`null` if it is not shown) and `state`.
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;

        let mut fields = to.serialize_struct("BudgetEvent", 3)?;
        fields.serialize_field("name", self.name)?;
        fields.serialize_field("key", &self.key.as_deref())?;
        fields.serialize_field("state", &self.state)?;
        fields.end()
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for BudgetState {
    /// As [`as_str`](Self::as_str).
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
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
