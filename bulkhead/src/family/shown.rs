//! What a family shows of its keys: nothing, unless its builder asks for it.

#[cfg(feature = "metrics")]
use std::collections::HashSet;
use std::sync::Arc;

use crate::types::{Key, Label};

/// How the keys of new members are shown.
pub(super) struct Shown<K> {
    // A function pointer and no bound `K: Display`: a family that shows nothing has keys of any type.
    text: Option<fn(&K) -> Arc<str>>,
    in_rejections: bool,
    #[cfg(feature = "metrics")]
    in_metrics: bool,
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
            text: None,
            in_rejections: false,
            #[cfg(feature = "metrics")]
            in_metrics: false,
            #[cfg(feature = "metrics")]
            given: HashSet::new(),
        }
    }

    pub(super) fn in_rejections(&mut self, text: fn(&K) -> Arc<str>) {
        self.text = Some(text);
        self.in_rejections = true;
    }

    #[cfg(feature = "metrics")]
    pub(super) fn in_metrics(&mut self, text: fn(&K) -> Arc<str>) {
        self.text = Some(text);
        self.in_metrics = true;
    }

    /// Makes the text of a key, if it is shown. It runs the user's `Display`: to be called with no lock held.
    pub(super) fn text(&self) -> Option<fn(&K) -> Arc<str>> {
        self.text
    }

    pub(super) fn label(&self, name: &'static str, text: Option<&Arc<str>>) -> Label {
        let text = text.filter(|_| self.in_rejections);
        Label::of_member(name, text.map(|text| Key::new(Arc::clone(text))))
    }

    /// The value of the label `key`. At most `most` keys ever have one of their own: each is a time series.
    #[cfg(feature = "metrics")]
    pub(super) fn metric_label(
        &mut self,
        text: Option<&Arc<str>>,
        most: usize,
    ) -> Option<Arc<str>> {
        let text = text.filter(|_| self.in_metrics)?;
        if !self.given.contains(text) {
            if self.given.len() >= most {
                return Some(OVERFLOW.into());
            }
            self.given.insert(Arc::clone(text));
        }
        Some(Arc::clone(text))
    }
}
