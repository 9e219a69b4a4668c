//! The keys of members, as people see them.

#[cfg(feature = "metrics")]
use std::collections::HashSet;
use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use super::RetryBudgets;
use crate::types::key_text;

/// How the keys of a family are written, and where.
pub(super) struct Shown<K> {
    in_events: OnceLock<Text<K>>,
    #[cfg(feature = "metrics")]
    in_metrics: OnceLock<Text<K>>,
}

/// A pointer and no bound `K: Display`: a family that shows nothing has keys of any type.
type Text<K> = fn(&K) -> Arc<str>;

/// The label of the members that have none of their own.
#[cfg(feature = "metrics")]
const OVERFLOW: &str = "_overflow";

/// The values of the label `key` that were given.
#[cfg(feature = "metrics")]
#[derive(Default)]
pub(super) struct Labels(HashSet<Arc<str>>);

impl<K> Shown<K> {
    pub(super) const fn nothing() -> Self {
        Self {
            in_events: OnceLock::new(),
            #[cfg(feature = "metrics")]
            in_metrics: OnceLock::new(),
        }
    }

    /// The key as its events have it. Runs the user's `Display`: to be called with no lock held.
    pub(super) fn event_text(&self, key: &K) -> Option<Arc<str>> {
        self.in_events.get().map(|text| text(key))
    }

    /// The key as metrics have it. As above.
    #[cfg(feature = "metrics")]
    pub(super) fn metric_text(&self, key: &K) -> Option<Arc<str>> {
        self.in_metrics.get().map(|text| text(key))
    }
}

#[cfg(feature = "metrics")]
impl Labels {
    /// The label of a key with this text. At most `most` keys ever have one of their own: each is a time series.
    pub(super) fn give(&mut self, text: Arc<str>, most: usize) -> Arc<str> {
        if !self.0.contains(&text) {
            if self.0.len() >= most {
                return OVERFLOW.into();
            }
            self.0.insert(Arc::clone(&text));
        }
        text
    }
}

impl<K: fmt::Display> RetryBudgets<K> {
    /// From now on events and handles name the key of a new member, as it is displayed:
    /// [`BudgetEvent::key`](crate::BudgetEvent::key), [`RetryBudget::key`](crate::RetryBudget::key), and the field `key` in
    /// traces. Without it, keys never appear, as they may be secret.
    ///
    /// A key is cut to 128 characters, and its control characters are replaced. Metrics have a separate switch,
    /// `label_metrics`.
    #[must_use]
    pub fn show_keys(self) -> Self {
        self.0.shown.in_events.get_or_init(|| key_text);
        self
    }

    /// From now on a new member has metrics, with its key as the label `key`, as it is displayed. Without it, a family has
    /// none. Feature `metrics`.
    ///
    /// | | labels | |
    /// |---|---|---|
    /// | `maestro_retry_budget_decisions_total` | `name`, `key`, `outcome` | retries that were `granted` or `refused` |
    /// | `maestro_retry_budget_level` | `name`, `key` | the [balance](crate::RetryBudget::balance), read after each of them |
    ///
    /// The `name` is that of the family. Only as many keys as the [`capacity`](Self::capacity) ever get a separate label; those
    /// that come later, and the [`overflow`](Self::overflow), have the label `_overflow`. So the number of time series is
    /// bounded, however many keys come and go. A call that needs no retry costs nothing more.
    ///
    /// A key costs three time series: two of decisions, one of levels. They are there from the first decision of the member on,
    /// and the recorder may keep them after it has gone.
    #[cfg(feature = "metrics")]
    #[must_use]
    pub fn label_metrics(self) -> Self {
        self.0.shown.in_metrics.get_or_init(|| key_text);
        self.0.overflow.label(OVERFLOW.into());
        self
    }
}
