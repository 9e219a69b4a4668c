//! How the keys of a family are shown.

use std::{
    fmt::Display,
    sync::{Arc, OnceLock},
};

use crate::{
    family::labels::{Labels, Text},
    types::{
        keys::{self, Key},
        subject::Identity,
    },
};

/// How keys are written, in texts and in the labels of metrics. By default they are not.
pub(super) struct Keys<K> {
    shown: OnceLock<fn(&K) -> Arc<str>>,
    labels: Labels<K>,
}

/// The texts of a key that is about to get a budget.
pub(super) struct Texts {
    shown: Option<Arc<str>>,
    label: Text,
}

impl<K> Keys<K> {
    pub(super) fn new() -> Self {
        Self {
            shown: OnceLock::new(),
            labels: Labels::new(),
        }
    }

    /// Shows keys from now on as they are displayed.
    pub(super) fn show(&self)
    where
        K: Display,
    {
        self.shown.get_or_init(|| |key| keys::text(key));
    }

    /// Labels keys from now on as they are displayed. `overflow` is that of the family.
    #[cfg(feature = "metrics")]
    pub(super) fn label(&self, overflow: &Identity)
    where
        K: Display,
    {
        self.labels.display(overflow);
    }

    /// All labels that were given.
    #[cfg(feature = "metrics")]
    pub(super) fn labels(&self) -> Vec<Arc<str>> {
        self.labels.given()
    }

    /// Calls user code, so with no lock held.
    pub(super) fn texts(&self, key: &K) -> Texts {
        Texts {
            shown: self.shown.get().map(|show| show(key)),
            label: self.labels.text(key),
        }
    }

    /// What the budget of a new member is called, in a family for `capacity` keys. Called once there is room: a key that
    /// goes takes the place of another one among those that are still known.
    pub(super) fn identity(&self, name: &'static str, texts: Texts, capacity: usize) -> Identity {
        let identity = Identity::of_member(name.into(), texts.shown.map(Key::new));
        self.labels.give(texts.label, &identity, capacity);
        identity
    }
}
