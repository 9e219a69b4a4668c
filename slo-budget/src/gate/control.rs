//! What an operator decides about a gate.

use tokio::time::Instant;

use crate::{
    gate::{Gate, Shared},
    types::Override,
};

impl Gate {
    /// Admits all requests from now on, until the override ends or an operator [resumes](Self::resume) the policy.
    /// Replaces the current override.
    ///
    /// Meanwhile the policy continues to decide, without effect; [`deploy`](Self::deploy) ignores overrides, as it answers
    /// another question. No task waits for the end of the override: the first check or query after it notices.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_slo_budget::{ErrorBudget, Gate, Override};
    /// use std::time::Duration;
    ///
    /// let gate = Gate::new(ErrorBudget::new("api", "99.9%".parse()?));
    /// let migration = Override::new("alice", "migration of the store").lasting(Duration::from_secs(3600));
    /// gate.force_closed(migration);
    /// assert!(!gate.is_open());
    /// assert!(gate.resume(Override::new("alice", "the migration is done")));
    /// assert!(gate.is_open());
    /// # Ok::<(), maestro_slo_budget::InvalidConfig>(())
    /// ```
    pub fn force_open(&self, by: Override) {
        self.force_open_at(by, Instant::now());
    }

    /// As [`force_open`](Self::force_open), at `now`.
    pub fn force_open_at(&self, by: Override, now: Instant) {
        self.force(true, by, now);
    }

    /// Refuses all optional requests from now on, until the override ends or an operator [resumes](Self::resume) the
    /// policy. Otherwise as [`force_open`](Self::force_open).
    ///
    /// To a [`GateLayer`](crate::GateLayer) all requests are optional, health checks too, unless its
    /// [`class`](crate::GateLayer::class) makes some essential. A refusal says to try again when the override ends; without
    /// an end that is in 360 slots (1 h), which callers may take literally.
    pub fn force_closed(&self, by: Override) {
        self.force_closed_at(by, Instant::now());
    }

    /// As [`force_closed`](Self::force_closed), at `now`.
    pub fn force_closed_at(&self, by: Override, now: Instant) {
        self.force(false, by, now);
    }

    fn force(&self, is_open: bool, by: Override, now: Instant) {
        let Shared { budget, state, .. } = &*self.0;
        let tick = budget.core().tick(now);
        let tell = |change, is_open| self.put(change, is_open, now);
        state.force(is_open, by, tick, tell);
        self.0.listeners.deliver();
    }

    /// Ends the override and follows the last decision of the policy. Returns whether there was an override; if there was
    /// none, this has no effect. How long `by` [lasts](Override::lasting) does not matter.
    #[expect(clippy::must_use_candidate, reason = "called for its effect")]
    pub fn resume(&self, by: Override) -> bool {
        self.resume_at(by, Instant::now())
    }

    /// As [`resume`](Self::resume), at `now`.
    #[expect(clippy::must_use_candidate, reason = "called for its effect")]
    pub fn resume_at(&self, by: Override, now: Instant) -> bool {
        let Shared { budget, state, .. } = &*self.0;
        let tick = budget.core().tick(now);
        // Without a check meanwhile the last decision may be hours old.
        self.decide(now, tick);
        let tell = |change, is_open| self.put(change, is_open, now);
        let has_ended = state.resume(by, tick, tell);
        self.0.listeners.deliver();
        has_ended
    }

    /// The current override, if there is one.
    #[must_use]
    pub fn forced(&self) -> Option<Override> {
        self.forced_at(Instant::now())
    }

    /// As [`forced`](Self::forced), at `now`.
    #[must_use]
    pub fn forced_at(&self, now: Instant) -> Option<Override> {
        self.view(now).forced.map(|forced| forced.by)
    }
}
