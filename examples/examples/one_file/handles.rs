//! The objects behind the layers: what is built from the file, and changed when the file changes.

use std::error::Error;

use maestro_bulkhead::{Bulkhead, BulkheadLayer, Full};
use maestro_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer, Open};
use maestro_retry::{CloneRequest, NoDeadline, RetryBudget, RetryErrors, RetryLayer, RetryPolicy};
use maestro_slo_budget::{Alerts, ErrorBudget, ErrorBudgetLayer, Gate};
use maestro_timeout::{Elapsed, Timeout, TimeoutLayer};
use tower::{Service, ServiceBuilder};

use crate::config::{Config, ServiceConfig, StoreConfig};

/// The error of the stack: that of the client, and a rejection of each layer.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("the store failed")]
    Lost,
    #[error(transparent)]
    Elapsed(#[from] Elapsed),
    #[error(transparent)]
    Open(#[from] Open),
    #[error(transparent)]
    Full(#[from] Full),
}

/// Cheap handles: a clone shares its state with the layers.
pub(crate) struct Handles {
    pub(crate) budget: ErrorBudget,
    pub(crate) gate: Gate,
    pub(crate) alerts: Alerts,
    pub(crate) deadline: Timeout,
    pub(crate) policy: RetryPolicy<RetryErrors, CloneRequest, NoDeadline, RetryBudget>,
    pub(crate) retry_budget: RetryBudget,
    pub(crate) breaker: CircuitBreaker,
    pub(crate) attempt: Timeout,
    pub(crate) bulkhead: Bulkhead,
}

impl Handles {
    pub(crate) fn build(config: &Config) -> Result<Self, Box<dyn Error>> {
        let ServiceConfig {
            budget,
            gate,
            alerts,
        } = config.service;
        let StoreConfig {
            deadline,
            retry,
            retry_budget,
            breaker,
            attempt,
            bulkhead,
        } = config.store;
        let budget = budget.build("orders")?;
        let deadline = deadline.build("store");
        let retry_budget = retry_budget.build("store")?;
        Ok(Self {
            gate: gate.build(budget.clone())?,
            alerts: alerts.build(budget.clone())?,
            budget,
            policy: retry.build()?.budget(retry_budget.clone()).named("store"),
            retry_budget,
            breaker: breaker.build("store")?,
            attempt: attempt.build("store attempt").within(&deadline)?,
            deadline,
            bulkhead: bulkhead.build("store")?,
        })
    }

    /// Puts another file into force, for calls that begin from now on. If a number of it is refused, nothing changes.
    pub(crate) fn reload(&self, to: &Config) -> Result<(), Box<dyn Error>> {
        // A build refuses what `reconfigure` would refuse, and touches no object that is in use. What a budget cannot change
        // while it runs is refused only here, so the budget comes first.
        Self::build(to)?;
        self.budget.reconfigure(to.service.budget)?;
        self.gate.reconfigure(to.service.gate)?;
        self.alerts.reconfigure(to.service.alerts)?;
        self.deadline.reconfigure(to.store.deadline)?;
        self.policy.reconfigure(to.store.retry)?;
        self.retry_budget.reconfigure(to.store.retry_budget)?;
        self.breaker.reconfigure(to.store.breaker)?;
        self.attempt.reconfigure(to.store.attempt)?;
        self.bulkhead.reconfigure(to.store.bulkhead)?;
        Ok(())
    }

    /// The stack around `client`.
    pub(crate) fn stack<S>(
        &self,
        client: S,
    ) -> impl Service<u32, Response = u32, Error = StoreError> + Clone
    where
        S: Service<u32, Response = u32, Error = StoreError> + Clone,
    {
        ServiceBuilder::new()
            .layer(ErrorBudgetLayer::new(self.budget.clone()))
            .layer(TimeoutLayer::new(self.deadline.clone()))
            .layer(RetryLayer::new(self.policy.clone()))
            .layer(CircuitBreakerLayer::new(self.breaker.clone()).ignore_rejections())
            .layer(TimeoutLayer::new(self.attempt.clone()))
            .layer(BulkheadLayer::new(self.bulkhead.clone()))
            .service(client)
    }
}
