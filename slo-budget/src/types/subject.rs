//! What an event, a rejection or a metric is about.

#[cfg(feature = "metrics")]
use std::sync::OnceLock;
use std::{fmt, sync::Arc};

#[cfg(feature = "family")]
use crate::types::keys::Key;
use crate::types::{Name, keys::KeyNumber};

/// What a budget is called. Owned by the budget, so that its key goes with it.
#[derive(Debug)]
pub(crate) struct Identity {
    name: Name,
    is_member: bool,
    /// Of a member of a family that shows its keys.
    #[cfg(feature = "family")]
    key: Option<Key>,
    /// The label `key` of the metrics, of a family that labels them.
    #[cfg(feature = "metrics")]
    label: OnceLock<Arc<str>>,
}

/// A budget by its name and key. `Copy`, so that a rejection that holds it has nothing to drop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    name: &'static str,
    key: KeyNumber,
}

// === impl Identity ===

impl Identity {
    #[cfg(feature = "family")]
    pub(crate) fn of_member(name: Name, key: Option<Key>) -> Self {
        Self {
            is_member: true,
            key,
            ..Self::from(name)
        }
    }

    /// Whether the budget is one of many in a family.
    pub(crate) const fn is_member(&self) -> bool {
        self.is_member
    }

    #[inline]
    pub(crate) fn subject(&self) -> Subject {
        #[cfg(feature = "family")]
        let key = self.key.as_ref().map_or(KeyNumber::NONE, Key::number);
        #[cfg(not(feature = "family"))]
        let key = KeyNumber::NONE;
        Subject {
            name: self.name.as_str(),
            key,
        }
    }

    /// Sets the label `key`, once.
    #[cfg(all(feature = "family", feature = "metrics"))]
    pub(crate) fn set_label(&self, label: Arc<str>) {
        self.label.get_or_init(|| label);
    }

    #[cfg(feature = "metrics")]
    pub(crate) fn label(&self) -> Option<&Arc<str>> {
        self.label.get()
    }
}

impl From<Name> for Identity {
    fn from(name: Name) -> Self {
        Self {
            name,
            is_member: false,
            #[cfg(feature = "family")]
            key: None,
            #[cfg(feature = "metrics")]
            label: OnceLock::new(),
        }
    }
}

// === impl Subject ===

impl Subject {
    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn key(&self) -> Option<Arc<str>> {
        self.key.text()
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.name)?;
        self.key.write(f)
    }
}
