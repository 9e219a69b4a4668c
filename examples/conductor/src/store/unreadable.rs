//! The rows that cannot be read.

use std::collections::HashSet;

use parking_lot::Mutex;

/// The largest number of rows that are told apart. Further ones are neither logged nor counted.
const MAX: usize = 1_000;
/// The longest id in the log, in characters: an id of ours has 36.
const MAX_ID: usize = 64;

/// The rows that were found and could not be read. Each is logged and counted once, although the outbox finds it again
/// several times a second.
#[derive(Debug, Default)]
pub(crate) struct Unreadable {
    ids: Mutex<HashSet<String>>,
}

// === impl Unreadable ===

impl Unreadable {
    /// Notes a row by its id, which may be any text, and names what is broken in it.
    pub(super) fn note(&self, id: &str, broken: &'static str) {
        let id: String = id.chars().take(MAX_ID).collect();
        let mut ids = self.ids.lock();
        if ids.len() < MAX && ids.insert(id.clone()) {
            tracing::error!(
                run = id,
                broken,
                "a stored run cannot be read and is skipped"
            );
        }
    }

    #[cfg(test)]
    pub(super) fn ids(&self) -> Vec<String> {
        self.ids.lock().iter().cloned().collect()
    }

    /// The number of these rows.
    pub(crate) fn rows(&self) -> u32 {
        u32::try_from(self.ids.lock().len()).unwrap_or(u32::MAX)
    }
}
