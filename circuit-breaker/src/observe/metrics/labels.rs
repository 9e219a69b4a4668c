use std::{collections::HashSet, fmt::Display};

use crate::sync::{Mutex, OnceLock};

/// How keys of a family are written in a label, and which have one.
pub(crate) struct Labels<K> {
    write: OnceLock<fn(&K) -> String>,
    /// Taken when a key gets a breaker.
    given: Mutex<HashSet<String>>,
}

impl<K> Labels<K> {
    pub(crate) fn new() -> Self {
        Self {
            write: OnceLock::new(),
            given: Mutex::new(HashSet::new()),
        }
    }

    pub(super) fn display(&self)
    where
        K: Display,
    {
        self.write.get_or_init(|| K::to_string);
    }

    pub(super) fn overflow() -> String {
        "_overflow".to_owned()
    }

    /// The label of `key`, if keys have one; that of the overflow once `most` others were given.
    pub(crate) fn of(&self, key: &K, most: usize) -> Option<String> {
        let label = self.write.get()?(key);
        let mut given = self.given.lock();
        if given.contains(&label) {
            return Some(label);
        }
        if given.len() >= most {
            return Some(Self::overflow());
        }
        given.insert(label.clone());
        Some(label)
    }
}
