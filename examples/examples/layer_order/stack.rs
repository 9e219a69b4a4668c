//! Stacks of layers in any order.

use std::time::Duration;

use maestro_bulkhead::{
    AdaptiveBulkhead, Aimd, Bulkhead, BulkheadLayer, Fixed, Full, Limit, Queue,
};
use maestro_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer, Open, Wait};
use maestro_retry::{
    Backoff, CloneRequest, FallbackLayer, Hedge, Jitter, NoDeadline, RetryBudget, RetryErrors,
    RetryLayer, RetryPolicy,
};
use maestro_slo_budget::{ErrorBudget, ErrorBudgetLayer, Gate, GateLayer, Spent};
use maestro_timeout::{Elapsed, TimeoutLayer};
use tower::{Layer, util::BoxCloneSyncService};

use crate::backend::Backend;

/// The whole call.
pub(crate) const DEADLINE: Duration = Duration::from_millis(800);
/// One attempt.
const ATTEMPT: Duration = Duration::from_millis(250);
/// The wait between two attempts.
const BACKOFF: Duration = Duration::from_millis(100);

/// A stack over a request that is only a number.
pub(crate) type Stack = BoxCloneSyncService<u32, Answer, CallError>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Fresh,
    /// From the fallback.
    Stale,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    #[error(transparent)]
    Open(#[from] Open),
    #[error(transparent)]
    Full(#[from] Full),
    #[error(transparent)]
    Elapsed(#[from] Elapsed),
    #[error(transparent)]
    Spent(#[from] Spent),
    #[error("the backend failed")]
    Failed,
}

/// A layer of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Gate,
    ErrorBudget,
    Deadline,
    Fallback,
    Retry,
    /// The retry layer with hedges.
    Hedge,
    Breaker,
    /// A breaker that counts rejections by the layers inside it.
    StrictBreaker,
    AttemptTimeout,
    Bulkhead,
    /// Calls wait for less time than an attempt has.
    Queue,
    /// Calls wait for longer than an attempt has.
    LongQueue,
    AdaptiveBulkhead,
}

/// The objects of a stack.
#[derive(Clone, Debug)]
pub(crate) struct Rig {
    pub(crate) backend: Backend,
    pub(crate) breaker: CircuitBreaker,
    pub(crate) bulkhead: AdaptiveBulkhead<Box<dyn Limit>>,
    pub(crate) budget: ErrorBudget,
    gate: Gate,
    retries: RetryBudget,
    hedge: Hedge,
}

impl Rig {
    /// With a bulkhead of `places`.
    pub(crate) fn new(
        backend: Backend,
        order: &[Kind],
        places: usize,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let law: Box<dyn Limit> = if order.contains(&Kind::AdaptiveBulkhead) {
            Box::new(Aimd::new().max(places))
        } else {
            Box::new(Fixed)
        };
        let objective = "99.9%".parse()?;
        let budget = ErrorBudget::builder()
            .objective(objective)
            .build("backend")?;
        Ok(Self {
            backend,
            breaker: CircuitBreaker::builder()
                .failure_ratio(0.5)
                .minimum_calls(50)
                .wait_in_open(Wait::fixed(Duration::from_secs(5)))
                .build("backend")?,
            bulkhead: Bulkhead::builder()
                .limit(places)
                .build_adaptive("backend", law)?,
            gate: Gate::builder().build(budget.clone())?,
            budget,
            // Each call pays for all of its retries, so that an order is not compared with a budget.
            retries: RetryBudget::builder().ratio(3.0).build("backend")?,
            hedge: Hedge::after(Duration::from_millis(50)).share(0.2).build()?,
        })
    }

    /// The stack of the layers, outside in.
    pub(crate) fn stack(&self, order: &[Kind]) -> Stack {
        let client = self.backend.client();
        order
            .iter()
            .rev()
            .fold(client, |inner, kind| self.wrap(*kind, inner))
    }

    fn wrap(&self, kind: Kind, inner: Stack) -> Stack {
        let breaker = CircuitBreakerLayer::new(self.breaker.clone());
        let bulkhead = BulkheadLayer::new(self.bulkhead.clone()).overload_if(is_late);
        match kind {
            Kind::Gate => boxed(&GateLayer::new(self.gate.clone()), inner),
            Kind::ErrorBudget => boxed(&ErrorBudgetLayer::new(self.budget.clone()), inner),
            Kind::Deadline => boxed(&TimeoutLayer::new(DEADLINE), inner),
            Kind::Fallback => boxed(&FallbackLayer::new(async |_, _| Ok(Answer::Stale)), inner),
            Kind::Retry => boxed(&RetryLayer::new(self.policy()), inner),
            Kind::Hedge => boxed(
                &RetryLayer::new(self.policy()).hedge(self.hedge.clone()),
                inner,
            ),
            Kind::Breaker => boxed(&breaker.ignore_rejections(), inner),
            Kind::StrictBreaker => boxed(&breaker, inner),
            Kind::AttemptTimeout => boxed(&TimeoutLayer::new(ATTEMPT), inner),
            Kind::Bulkhead | Kind::AdaptiveBulkhead => boxed(&bulkhead, inner),
            Kind::Queue => boxed(&bulkhead.queue(Queue::new(64, ATTEMPT / 2)), inner),
            Kind::LongQueue => boxed(&bulkhead.queue(Queue::new(64, ATTEMPT * 4)), inner),
        }
    }

    fn policy(&self) -> RetryPolicy<RetryErrors, CloneRequest, NoDeadline, RetryBudget> {
        let backoff = Backoff::constant(BACKOFF).jitter(Jitter::None);
        let policy = RetryPolicy::builder().attempts(4).backoff(backoff).build();
        policy
            .expect("four attempts are legal")
            .budget(self.retries.clone())
    }
}

fn is_late(result: &Result<Answer, CallError>) -> bool {
    matches!(result, Err(CallError::Elapsed(_)))
}

/// A stack with one more layer.
fn boxed<L>(layer: &L, inner: Stack) -> Stack
where
    L: Layer<Stack>,
    L::Service: tower::Service<u32, Response = Answer, Error = CallError, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static,
{
    BoxCloneSyncService::new(layer.layer(inner))
}

// === Orders ===

/// The order with two layers exchanged.
pub(crate) fn swapped(order: &[Kind], one: Kind, other: Kind) -> Vec<Kind> {
    let swap = |kind| match kind {
        kind if kind == one => other,
        kind if kind == other => one,
        kind => kind,
    };
    order.iter().copied().map(swap).collect()
}

/// The order with another layer in place of one.
pub(crate) fn replaced(order: &[Kind], one: Kind, by: Kind) -> Vec<Kind> {
    let replace = |kind| if kind == one { by } else { kind };
    order.iter().copied().map(replace).collect()
}
