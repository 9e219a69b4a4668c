//! The configuration of a running gate, and the policy that follows from it and from the settings of the budget.
//!
//! Property: the policy never goes back to settings of the budget that are older than those it followed already. The
//! settings are read under the lock of the policy, so a decision that is delayed between both cannot put older ones
//! into force.
//!
//! Only decisions and queries take the lock, so a request does about once a second.

use std::sync::Arc;

#[cfg(feature = "family")]
use crate::budget::ErrorBudget;
use crate::{
    gate::{Gate, GateBuilder, policy::Policy},
    record::Settings,
    sync::Mutex,
    types::{InvalidConfig, InvalidConfigKind, Object},
};

#[derive(Debug)]
pub(super) struct Config(Mutex<Configured>);

/// A configuration, and the policy at these settings of the budget.
#[derive(Clone, Debug)]
pub(super) struct Configured {
    pub(super) builder: GateBuilder,
    pub(super) settings: Arc<Settings>,
    pub(super) policy: Policy,
}

// === impl Gate ===

impl Gate {
    /// Changes the configuration while the gate is in use. All handles and layers see it, and no count is lost: the gate
    /// follows it from its next decision on, at most a second later. An override stays.
    ///
    /// A share below the new [`floor`](GateBuilder::floor) rises to it. [`deploy`](Self::deploy) follows at once.
    ///
    /// # Errors
    ///
    /// As [`GateBuilder::build`] on the budget as it is configured now. Nothing has changed then.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_slo_budget::{ErrorBudget, Gate, Objective};
    /// use std::time::Duration;
    ///
    /// let gate = Gate::new(ErrorBudget::new("api", Objective::new(999, 1000).unwrap()));
    /// let hour = Duration::from_secs(3600);
    /// gate.reconfigure(Gate::builder().pace("0.05".parse()?, 6 * hour))?;
    /// assert_eq!(gate.snapshot().pace(), 6.0);
    /// assert!(gate.reconfigure(Gate::builder().min_bad(0)).is_err());
    /// # Ok::<(), maestro_slo_budget::InvalidConfig>(())
    /// ```
    #[expect(
        clippy::large_types_passed_by_value,
        reason = "as `build` takes it, and seldom called"
    )]
    pub fn reconfigure(&self, to: GateBuilder) -> Result<(), InvalidConfig> {
        let budget = &self.0.budget;
        let replaced = (self.0.config).replace(&to, || budget.core().settings());
        replaced.map_err(|kind| kind.of(Object::Gate, budget.name()))
    }

    /// A gate on `budget` that is configured as this one.
    #[cfg(feature = "family")]
    pub(crate) fn like(&self, budget: ErrorBudget) -> Self {
        Self::of(budget, self.configured())
    }

    /// Takes over the configuration of another gate of its family.
    #[cfg(feature = "family")]
    pub(crate) fn follow(&self, other: &Self) {
        self.0.config.set(other.configured());
    }

    /// The configuration, at the present settings of the budget.
    pub(super) fn configured(&self) -> Configured {
        let core = self.0.budget.core();
        self.0.config.follow(|| core.settings())
    }
}

// === impl Config ===

impl Config {
    pub(super) fn new(configured: Configured) -> Self {
        Self(Mutex::new(configured))
    }

    /// The configuration, with the policy at the settings that `settings` returns, which is called under the lock.
    pub(super) fn follow(&self, settings: impl FnOnce() -> Arc<Settings>) -> Configured {
        let mut current = self.0.lock();
        let settings = settings();
        if !Arc::ptr_eq(&current.settings, &settings) {
            current.policy.follow(&settings);
            current.settings = settings;
        }
        current.clone()
    }

    /// Replaces the configuration if it fits the settings that `settings` returns, which is called under the lock.
    pub(super) fn replace(
        &self,
        builder: &GateBuilder,
        settings: impl FnOnce() -> Arc<Settings>,
    ) -> Result<(), InvalidConfigKind> {
        let mut current = self.0.lock();
        *current = builder.configured(settings())?;
        Ok(())
    }

    /// Replaces the configuration by that of another gate of its family.
    #[cfg(feature = "family")]
    pub(super) fn set(&self, to: Configured) {
        *self.0.lock() = to;
    }
}

#[cfg(all(test, loom))]
mod tests {
    use loom::{sync::Arc as Shared, thread};

    use super::*;
    use crate::{gate::tests::settings, sync::explore};

    #[test]
    fn a_policy_never_goes_back_to_older_settings() {
        explore(None, || {
            let before = GateBuilder::new().configured(Arc::new(settings("99.9%")));
            let before = before.unwrap();
            let budget = Shared::new(Mutex::new(Arc::clone(&before.settings)));
            let config = Shared::new(Config::new(before));
            let read = |budget: &Mutex<Arc<Settings>>| Arc::clone(&budget.lock());
            let (budget_there, config_there) = (Shared::clone(&budget), Shared::clone(&config));
            let other = thread::spawn(move || {
                config_there.follow(|| read(&budget_there));
            });
            let after = Arc::new(settings("99%"));
            *budget.lock() = Arc::clone(&after);
            config.follow(|| read(&budget));
            other.join().unwrap();
            let in_force = &*config.0.lock();
            assert!(Arc::ptr_eq(&in_force.settings, &after));
            assert_eq!(in_force.policy.rules.objective, after.objective);
        });
    }
}
