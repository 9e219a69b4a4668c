//! What a family does with its members.

use std::sync::Arc;

use super::Core;
use crate::{state::OpenLimit, sync::atomic::Ordering::Relaxed, types::Key};

impl Core {
    /// As a member of the family of `limit`, with its key if that is shown.
    pub(crate) fn in_family(self, limit: Arc<OpenLimit>, key: Option<Key>) -> Self {
        Self {
            machine: self.machine.in_family(limit, key),
            ..self
        }
    }

    /// Marks a member of a family as used.
    pub(crate) fn touch(&self) {
        // Relaxed: a hint. The load keeps the usual call from writing.
        if !self.used.load(Relaxed) {
            self.used.store(true, Relaxed);
        }
    }

    /// Whether it was used since the last time that this was asked.
    pub(crate) fn was_used(&self) -> bool {
        self.used.swap(false, Relaxed)
    }
}
