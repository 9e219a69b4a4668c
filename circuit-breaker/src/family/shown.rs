//! The keys of members, as people see them.

use std::fmt;

use super::CircuitBreakers;
#[cfg(feature = "metrics")]
use crate::observe::Labels;
use crate::types::key_text;

impl<K: fmt::Display> CircuitBreakers<K> {
    /// Shows the keys of the members that are made from now on: in [`Open::key`](crate::Open::key) and its `Display`, in
    /// [`Transition::key`](crate::Transition::key) and its `Display`, in [`CircuitBreaker::key`](crate::CircuitBreaker::key)
    /// and [`Snapshot::key`](crate::Snapshot::key), and in the field `key` of tracing events. Without it keys appear nowhere,
    /// as they may be secret.
    ///
    /// A key is shown as it is displayed, cut at 128 characters and without control characters. The
    /// [`overflow`](Self::overflow) has none. Metrics have a separate switch, `label_metrics`.
    ///
    /// Costs the text of the key for each new member; a call of a member that exists costs the same.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_circuit_breaker::CircuitBreaker;
    ///
    /// let builder = CircuitBreaker::builder().consecutive_failures(1);
    /// let hosts = builder.build_family("hosts", 1_000)?.show_keys();
    /// hosts.get(&"a.example").try_acquire()?.failure();
    /// let open = hosts.get(&"a.example").try_acquire().unwrap_err();
    /// assert_eq!(open.key().as_deref(), Some("a.example"));
    /// assert!(open.to_string().starts_with("circuit `hosts` [a.example] is open"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use = "it returns the family"]
    pub fn show_keys(self) -> Self {
        self.0.show.get_or_init(|| |key| key_text(key));
        self
    }

    /// Gives the metrics of the members that are made from now on the label `key`, with the key as it is
    /// displayed. Without it the members share their metrics, which add up.
    ///
    /// Only `capacity` keys ever get a separate label; those that come later, like the
    /// [`overflow`](Self::overflow), have the label `_overflow`. So the number of time series is
    /// bounded, however many keys come and go.
    ///
    /// A key costs 31 time series (4 of calls, 7 of rejections, 12 of transitions, 1 of openings that a limit prevented, 7 of
    /// states) and a histogram, of which an exporter makes a series for each bucket or quantile, and two more. They are there
    /// from the first call of the member on, and the recorder may keep them after it has gone.
    #[cfg(feature = "metrics")]
    #[must_use = "it returns the family"]
    pub fn label_metrics(self) -> Self {
        self.0.labels.display();
        let overflow = self.0.overflow.observers();
        overflow.meter().label(Labels::<K>::overflow());
        self
    }
}
