//! The name and the key in a rejection.

// A `Full` is part of the error type of a stack, and each word of it is copied by the healthy calls too. A name takes two
// words. So a rejection points to the name, and the place that this leaves is that of the key: with five words, a call
// through a bulkhead takes more instructions than with four.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use super::keys::{Key, KeyNumber};
use crate::sync::StaticMutex;

/// The name of a bulkhead and the key of the member, in two words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    name: &'static &'static str,
    pub(super) key: KeyNumber,
}

/// The name of a bulkhead, and the key where a family shows it.
#[derive(Debug)]
pub(crate) struct Label {
    name: &'static str,
    key: Option<Key>,
    // Empty until the first rejection: a name in a `static` is not behind a pointer.
    origin: OnceLock<Origin>,
}

/// What names are behind. Kept until the process ends, once for each distinct name.
static NAMES: StaticMutex<Option<HashMap<&'static str, &'static &'static str>>> =
    StaticMutex::new(None);

impl Origin {
    pub(super) const fn name(self) -> &'static str {
        self.name
    }
}

impl Label {
    pub(crate) const fn new(name: &'static str) -> Self {
        Self {
            name,
            key: None,
            origin: OnceLock::new(),
        }
    }

    #[cfg(feature = "family")]
    pub(crate) fn of_member(name: &'static str, key: Option<Key>) -> Self {
        Self {
            key,
            ..Self::new(name)
        }
    }

    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn key(&self) -> Option<Arc<str>> {
        self.key.as_ref()?.number().text()
    }

    /// What a rejection holds. The first one takes a lock.
    #[inline]
    pub(crate) fn origin(&self) -> Origin {
        *self.origin.get_or_init(|| Origin {
            name: behind_pointer(self.name),
            key: self.key.as_ref().map_or(KeyNumber::NONE, Key::number),
        })
    }
}

fn behind_pointer(name: &'static str) -> &'static &'static str {
    let mut names = NAMES.lock();
    let names = names.get_or_insert_with(HashMap::new);
    names
        .entry(name)
        .or_insert_with(|| Box::leak(Box::new(name)))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn bulkheads_of_one_name_share_its_pointer() {
        let one = Label::new("a shared name").origin();
        let other = Label::new("a shared name").origin();
        assert!(std::ptr::eq(one.name, other.name));
        assert_eq!(one.name(), "a shared name");
    }
}
