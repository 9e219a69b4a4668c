//! What a family shows of its keys: nothing, unless its builder asks for it.

#[cfg(feature = "metrics")]
use std::collections::HashSet;
use std::sync::Arc;

use crate::types::{Key, Label};

/// How the keys of new members are shown.
pub(super) struct Shown<K> {
    // A function pointer and no bound `K: Display`: a family that shows nothing has keys of any type.
    in_rejections: Option<fn(&K) -> Arc<str>>,
    #[cfg(feature = "metrics")]
    in_metrics: Option<fn(&K) -> Arc<str>>,
    /// The values of the label `key` that are in use.
    #[cfg(feature = "metrics")]
    given: HashSet<Arc<str>>,
}

/// The label of the members that have none of their own.
#[cfg(feature = "metrics")]
pub(super) const OVERFLOW: &str = "_overflow";

impl<K> Shown<K> {
    pub(super) fn nothing() -> Self {
        Self {
            in_rejections: None,
            #[cfg(feature = "metrics")]
            in_metrics: None,
            #[cfg(feature = "metrics")]
            given: HashSet::new(),
        }
    }

    pub(super) fn in_rejections(&mut self, how: fn(&K) -> Arc<str>) {
        self.in_rejections = Some(how);
    }

    #[cfg(feature = "metrics")]
    pub(super) fn in_metrics(&mut self, how: fn(&K) -> Arc<str>) {
        self.in_metrics = Some(how);
    }

    pub(super) fn label(&self, name: &'static str, key: &K) -> Label {
        Label::of_member(name, self.in_rejections.map(|how| Key::new(how(key))))
    }

    /// The value of the label `key`. At most `most` keys ever have one of their own: each is a time series.
    #[cfg(feature = "metrics")]
    pub(super) fn metric_label(&mut self, key: &K, most: usize) -> Option<Arc<str>> {
        let text = self.in_metrics?(key);
        if !self.given.contains(&text) {
            if self.given.len() >= most {
                return Some(OVERFLOW.into());
            }
            self.given.insert(Arc::clone(&text));
        }
        Some(text)
    }
}
