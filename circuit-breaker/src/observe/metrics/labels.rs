use std::{collections::HashSet, fmt::Display, sync::Arc};

use crate::{
    sync::{Mutex, OnceLock},
    types::key_text,
};

/// How keys of a family are written in a label, and which have one.
pub(crate) struct Labels<K> {
    write: OnceLock<fn(&K) -> Arc<str>>,
    /// Locked when a key gets a breaker.
    given: Mutex<HashSet<Arc<str>>>,
}

impl<K> Labels<K> {
    pub(crate) fn new() -> Self {
        Self {
            write: OnceLock::new(),
            given: Mutex::new(HashSet::new()),
        }
    }

    /// Labels keys from now on as they are displayed.
    pub(crate) fn display(&self)
    where
        K: Display,
    {
        self.write.get_or_init(|| |key| key_text(key));
    }

    /// The label of the keys that have none.
    pub(crate) fn overflow() -> Arc<str> {
        Arc::from("_overflow")
    }

    /// The text of `key`, if keys have a label.
    pub(crate) fn text(&self, key: &K) -> Option<Arc<str>> {
        self.write.get().map(|write| write(key))
    }

    /// The label of a member whose key has this text: the text, or that of the overflow once `limit` others were given.
    pub(crate) fn give(&self, text: Arc<str>, limit: usize) -> Arc<str> {
        let mut given = self.given.lock();
        if !given.contains(&text) {
            if given.len() >= limit {
                return Self::overflow();
            }
            given.insert(Arc::clone(&text));
        }
        text
    }
}
