//! What the observers of a member of a family know of the family.

use std::{fmt, sync::Arc};

use super::Observers;
use crate::{
    sync::OnceLock,
    types::{Change, Key},
};

/// The listeners of a family, as one of its members or its overflow tells them.
pub(crate) trait Hears: Send + Sync {
    /// Whether there are any.
    fn is_listening(&self) -> bool;

    /// Calls them. One transition of a member at a time, in their order, with no lock held.
    fn hear(&self, change: &Change);
}

pub(super) struct Member {
    /// Keeps the text of the key for as long as the member exists.
    _key: Option<Key>,
    /// Set with the first listener of the family.
    family: OnceLock<Arc<dyn Hears>>,
}

impl Member {
    pub(super) const fn new() -> Self {
        Self {
            _key: None,
            family: OnceLock::new(),
        }
    }

    pub(super) fn is_heard(&self) -> bool {
        (self.family.get()).is_some_and(|family| family.is_listening())
    }

    pub(super) fn hear(&self, change: &Change) {
        if let Some(family) = self.family.get() {
            family.hear(change);
        }
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member").finish_non_exhaustive()
    }
}

impl Observers {
    /// Of a member whose key is shown.
    pub(crate) fn of_key(self, key: Key) -> Self {
        Self {
            key: key.number(),
            member: Member {
                _key: Some(key),
                ..self.member
            },
            ..self
        }
    }

    /// Tells the listeners of the family from now on, unless it does so already.
    pub(crate) fn heard_by(&self, family: impl FnOnce() -> Arc<dyn Hears>) {
        self.member.family.get_or_init(family);
    }
}
