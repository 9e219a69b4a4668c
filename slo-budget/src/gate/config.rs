//! The configuration of a running gate, and the policy that follows from it and from the settings of the budget.
//!
//! Property: the policy never goes back to settings of the budget that are older than those it followed already. The
//! settings are read under the lock of the policy, so a decision that is delayed between both cannot put older ones
//! into force.
//!
//! Only decisions and queries take the lock, so a request does about once a second.

use std::sync::Arc;

use crate::{
    gate::{GateBuilder, policy::Policy},
    record::Settings,
    sync::Mutex,
    types::InvalidConfig,
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
    ) -> Result<(), InvalidConfig> {
        let mut current = self.0.lock();
        *current = builder.configured(settings())?;
        Ok(())
    }

    /// Replaces the configuration by that of another gate of its family.
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
