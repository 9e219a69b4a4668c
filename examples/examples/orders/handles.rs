//! The objects behind the layers: what is built from the file, and changed when the file changes.

use std::sync::Arc;

use maestro_bulkhead::{Bulkhead, Bulkheads};
use maestro_circuit_breaker::{CircuitBreaker, CircuitBreakers};
use maestro_retry::{RetryBudget, RetryBudgets, RetryPolicy};
use maestro_slo_budget::{ErrorBudget, Gate};
use maestro_timeout::{BodyTimeout, Timeout, Timeouts};
use tower::BoxError;

use crate::config::{Config, Dependency, ServerConfig};

/// At most this many hosts or tenants have objects of their own.
const CAPACITY: usize = 1_000;

pub(crate) type Key = Arc<str>;

/// Cheap handles: a clone shares its state with the layers.
#[derive(Clone)]
pub(crate) struct Handles {
    pub(crate) server: Server,
    pub(crate) payments: Hosts,
    pub(crate) shipping: Single,
    pub(crate) cache: Single,
    pub(crate) store: Single,
}

#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) tenants: Bulkheads<Key>,
    pub(crate) gate: Gate,
    pub(crate) budget: ErrorBudget,
    pub(crate) timeout: Timeout,
    pub(crate) bulkhead: Bulkhead,
    pub(crate) body: BodyTimeout,
}

/// A dependency with one peer.
#[derive(Clone)]
pub(crate) struct Single {
    pub(crate) call: Timeout,
    pub(crate) retry: RetryPolicy,
    pub(crate) retry_budget: RetryBudget,
    pub(crate) breaker: CircuitBreaker,
    pub(crate) attempt: Timeout,
    pub(crate) bulkhead: Bulkhead,
}

/// A dependency with many hosts: each has its own objects, so that one that fails does not take the others along.
#[derive(Clone)]
pub(crate) struct Hosts {
    pub(crate) call: Timeout,
    pub(crate) retry: RetryPolicy,
    pub(crate) retry_budgets: RetryBudgets<Key>,
    pub(crate) breakers: CircuitBreakers<Key>,
    pub(crate) attempts: Timeouts<Key>,
    pub(crate) bulkheads: Bulkheads<Key>,
}

// === impl Handles ===

impl Handles {
    pub(crate) fn build(config: &Config) -> Result<Self, BoxError> {
        Ok(Self {
            server: Server::build(&config.server)?,
            payments: Hosts::build("payments", &config.payments)?,
            shipping: Single::build("shipping", &config.shipping)?,
            cache: Single::build("cache", &config.cache)?,
            store: Single::build("store", &config.store)?,
        })
    }

    /// Puts another file into force. If a number of it is refused, nothing changes.
    pub(crate) fn reload(&self, text: &str) -> Result<(), BoxError> {
        let to = Config::parse(text)?;
        Self::build(&to)?; // refuses what `reconfigure` would refuse, and touches no object that is in use
        self.server.reconfigure(&to.server)?; // first, as a budget cannot change everything
        self.payments.reconfigure(&to.payments)?;
        self.shipping.reconfigure(&to.shipping)?;
        self.cache.reconfigure(&to.cache)?;
        self.store.reconfigure(&to.store)
    }
}

// === impl Server ===

impl Server {
    fn build(from: &ServerConfig) -> Result<Self, BoxError> {
        let budget = from.budget.build("orders")?;
        let tenants = from.tenant.build_family("tenants", CAPACITY)?;
        from.timeout.check()?;
        from.body.check()?;
        Ok(Self {
            tenants: tenants.label_metrics(),
            gate: from.gate.build(budget.clone())?,
            budget,
            timeout: from.timeout.build("orders"),
            bulkhead: from.bulkhead.build("orders")?,
            body: from.body.build("orders"),
        })
    }

    fn reconfigure(&self, to: &ServerConfig) -> Result<(), BoxError> {
        self.budget.reconfigure(to.budget)?;
        self.gate.reconfigure(to.gate)?;
        self.tenants.reconfigure(to.tenant)?;
        self.timeout.reconfigure(to.timeout)?;
        self.bulkhead.reconfigure(to.bulkhead)?;
        Ok(self.body.reconfigure(to.body)?)
    }
}

// === impl Single ===

impl Single {
    fn build(name: &'static str, from: &Dependency) -> Result<Self, BoxError> {
        from.call.check()?;
        from.attempt.check()?;
        let call = from.call.build(name);
        let attempt = from.attempt.build(format!("{name} attempt"));
        Ok(Self {
            attempt: attempt.within(&call)?,
            call,
            retry: from.retry.build_named(name)?,
            retry_budget: from.retry_budget.build(name)?,
            breaker: from.breaker.build(name)?,
            bulkhead: from.bulkhead.build(name)?,
        })
    }

    fn reconfigure(&self, to: &Dependency) -> Result<(), BoxError> {
        self.call.reconfigure(to.call)?;
        self.retry.reconfigure(to.retry)?;
        self.retry_budget.reconfigure(to.retry_budget)?;
        self.breaker.reconfigure(to.breaker)?;
        self.attempt.reconfigure(to.attempt)?;
        Ok(self.bulkhead.reconfigure(to.bulkhead)?)
    }
}

// === impl Hosts ===

impl Hosts {
    fn build(name: &'static str, from: &Dependency) -> Result<Self, BoxError> {
        let Single { call, retry, .. } = Single::build(name, from)?;
        let retry_budgets = from.retry_budget.build_family(name, CAPACITY)?;
        let breakers = from.breaker.build_family(name, CAPACITY)?;
        let attempt = format!("{name} attempt");
        let attempts = from.attempt.build_family(attempt, CAPACITY)?;
        let bulkheads = from.bulkhead.build_family(name, CAPACITY)?;
        Ok(Self {
            call,
            retry,
            retry_budgets: retry_budgets.show_keys().label_metrics(),
            breakers: breakers.show_keys().label_metrics(),
            attempts: attempts.show_keys().label_metrics(),
            bulkheads: bulkheads.show_keys().label_metrics(),
        })
    }

    fn reconfigure(&self, to: &Dependency) -> Result<(), BoxError> {
        self.call.reconfigure(to.call)?;
        self.retry.reconfigure(to.retry)?;
        self.retry_budgets.reconfigure(to.retry_budget)?;
        self.breakers.reconfigure(to.breaker)?;
        self.attempts.reconfigure(to.attempt)?;
        Ok(self.bulkheads.reconfigure(to.bulkhead)?)
    }
}
