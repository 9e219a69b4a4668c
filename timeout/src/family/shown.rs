//! The keys of members, as people see them: not at all, unless the family is told to show them.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use super::Timeouts;
use crate::types::key_text;

/// How the keys of new members are shown.
pub(super) struct Shown<K> {
    // A function pointer and no bound `K: Display`: a family that shows nothing has keys of any type.
    in_rejections: OnceLock<fn(&K) -> Arc<str>>,
    #[cfg(feature = "metrics")]
    in_metrics: OnceLock<fn(&K) -> Arc<str>>,
}

impl<K> Shown<K> {
    pub(super) const fn nothing() -> Self {
        Self {
            in_rejections: OnceLock::new(),
            #[cfg(feature = "metrics")]
            in_metrics: OnceLock::new(),
        }
    }

    pub(super) fn in_rejections(&self, key: &K) -> Option<Arc<str>> {
        self.in_rejections.get().map(|text| text(key))
    }

    #[cfg(feature = "metrics")]
    pub(super) fn in_metrics(&self, key: &K) -> Option<Arc<str>> {
        self.in_metrics.get().map(|text| text(key))
    }
}

impl<K: fmt::Display> Timeouts<K> {
    /// Shows the keys of the members that are made from now on: in [`Elapsed::key`](crate::Elapsed::key) and its `Display`, in
    /// [`LimitChange::key`](crate::LimitChange::key), in [`Timeout::key`](crate::Timeout::key), and in the field `key` of
    /// tracing events. Without it keys appear nowhere, as they may be secret.
    ///
    /// A key is shown as it is displayed, cut at 128 characters and without control characters. The
    /// [`overflow`](Self::overflow) has none. Metrics have a separate switch, `label_metrics`.
    ///
    /// Costs the text of the key for each new member; a call of a member that exists costs the same.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_timeout::{Elapsed, Timeout, TimeoutLayer};
    /// use std::time::Duration;
    /// use tower::{Layer, Service, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), maestro_timeout::InvalidConfig> {
    /// let limit = Duration::from_millis(250);
    /// let hosts = Timeout::builder().limit(limit).build_family("hosts", 1_000)?.show_keys();
    /// let mut service = TimeoutLayer::new(hosts.by(|host: &&str| *host))
    ///     .layer(service_fn(|_| std::future::pending::<Result<(), Elapsed>>()));
    /// let elapsed = service.call("a.example").await.unwrap_err();
    /// assert_eq!(elapsed.key().as_deref(), Some("a.example"));
    /// assert_eq!(elapsed.to_string(), "timeout `hosts` [a.example] elapsed: no result within 250ms");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use = "it returns the family"]
    pub fn show_keys(self) -> Self {
        self.0.shown.in_rejections.get_or_init(|| key_text);
        self
    }

    /// Gives the metrics of the members that are made from now on the label `key`, with the key as it is displayed. Without it
    /// the members share their metrics, which add up.
    ///
    /// Only the first `capacity` keys get a separate label, for the life of the family. Those that come later, like the
    /// [`overflow`](Self::overflow), have the label `_overflow`. So the number of time series is bounded, however many keys
    /// come and go. But a client that makes up keys may use up the labels before others come: label keys that you know, such
    /// as those of a configuration, or call [`get`](Self::get) for these first.
    ///
    /// A key costs two time series (of elapsed calls, for the phases `before` and `call`) and a histogram (of the time left),
    /// of which an exporter makes a series for each bucket or quantile, and two more. They are there from the end of the
    /// member's first bounded call, and the recorder may keep them after the member has gone.
    ///
    /// Call it when the family is built: metrics of the overflow that exist already keep their labels.
    #[cfg(feature = "metrics")]
    #[must_use = "it returns the family"]
    pub fn label_metrics(self) -> Self {
        self.0.shown.in_metrics.get_or_init(|| key_text);
        self.0.overflow.watch().label("_overflow".into());
        self
    }
}
