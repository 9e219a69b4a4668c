//! The override of a gate over a restart, with the feature `serde`.

use std::time::Duration;

use tokio::time::Instant;

use crate::{
    gate::{Gate, state::Forced},
    types::Override,
};

/// An override of a gate as data: what it forces, who decided, why, and when it ends. Made by [`Gate::saved_override`], and
/// continued by [`Gate::restore_override`].
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct SavedOverride {
    is_open: bool,
    actor: String,
    reason: String,
    /// The time since the Unix epoch, in milliseconds.
    ends_unix_ms: Option<u64>,
}

impl Gate {
    /// The current override as data, if there is one. `wall` is the time since the Unix epoch.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_slo_budget::{ErrorBudget, Gate, Override, SavedOverride};
    /// use std::time::Duration;
    ///
    /// let (day, wall) = (Duration::from_secs(24 * 3600), Duration::from_secs(1_700_000_000));
    /// let gate = Gate::new(ErrorBudget::new("api", "99.9%".parse()?));
    /// gate.force_closed(Override::new("alice", "migration of the store").lasting(2 * day));
    /// let text = serde_json::to_string(&gate.saved_override(wall))?;
    ///
    /// // After a restart, a day later:
    /// let gate = Gate::new(ErrorBudget::new("api", "99.9%".parse()?));
    /// if let Some(saved) = serde_json::from_str::<Option<SavedOverride>>(&text)? {
    ///     assert!(gate.restore_override(&saved, wall + day));
    /// }
    /// assert!(!gate.is_open());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn saved_override(&self, wall: Duration) -> Option<SavedOverride> {
        self.saved_override_at(wall, Instant::now())
    }

    /// As [`saved_override`](Self::saved_override), at `now`.
    #[must_use]
    pub fn saved_override_at(&self, wall: Duration, now: Instant) -> Option<SavedOverride> {
        let Forced { by, is_open, until } = self.view(now).forced?;
        let left = until.saturating_sub(self.budget().core().tick(now));
        let ends = wall.saturating_add(Duration::from_nanos(left));
        Some(SavedOverride {
            is_open,
            actor: by.actor().to_owned(),
            reason: by.reason().to_owned(),
            ends_unix_ms: (until != u64::MAX)
                .then(|| u64::try_from(ends.as_millis()).unwrap_or(u64::MAX)),
        })
    }

    /// Continues an override that was saved, until it would have ended. Listeners are told of it. Returns `false`, and
    /// changes nothing, if it has ended by `wall`, the time since the Unix epoch.
    #[expect(clippy::must_use_candidate, reason = "called for its effect")]
    pub fn restore_override(&self, saved: &SavedOverride, wall: Duration) -> bool {
        self.restore_override_at(saved, wall, Instant::now())
    }

    /// As [`restore_override`](Self::restore_override), at `now`.
    #[expect(clippy::must_use_candidate, reason = "called for its effect")]
    pub fn restore_override_at(&self, saved: &SavedOverride, wall: Duration, now: Instant) -> bool {
        let mut by = Override::new(saved.actor.as_str(), saved.reason.as_str());
        if let Some(ends) = saved.ends_unix_ms {
            let left = Duration::from_millis(ends).saturating_sub(wall);
            if left.is_zero() {
                return false;
            }
            by = by.lasting(left);
        }
        if saved.is_open {
            self.force_open_at(by, now);
        } else {
            self.force_closed_at(by, now);
        }
        true
    }
}
