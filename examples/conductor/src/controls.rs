//! The shared objects and the counters of a stack.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use maestro_bulkhead::Bulkhead;
use maestro_circuit_breaker::{CircuitBreaker, State};
use maestro_retry::RetryBudget;

use crate::config::Attempt;
use crate::metrics::Metrics;
use crate::start::Cause;

/// The shared objects of a stack.
#[derive(Clone, Debug)]
pub(crate) struct Controls {
    pub(crate) breaker: CircuitBreaker,
    pub(crate) bulkhead: Bulkhead,
    /// The retry budget, if the stack retries.
    pub(crate) retries: Option<RetryBudget>,
    pub(crate) counts: Arc<Counts>,
}

/// The counters of a stack.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Calls of the stack.
    calls: AtomicU64,
    /// Attempts that left the retry layer, first ones included.
    tries: AtomicU64,
    /// Attempts that reached the client: neither the breaker nor the bulkhead rejected them.
    attempts: AtomicU64,
}

/// The states that occur here: no operator overrides the breaker.
const STATES: [State; 3] = [State::Closed, State::Open, State::HalfOpen];

/// The name of a state in logs, labels and JSON.
pub(crate) const fn word(state: State) -> &'static str {
    match state {
        State::Closed => "closed",
        State::Open => "open",
        State::HalfOpen => "half-open",
        _ => "other",
    }
}

// === impl Controls ===

impl Controls {
    pub(crate) fn build(
        name: &'static str,
        attempt: &Attempt,
        retries: Option<RetryBudget>,
    ) -> Result<Self, Cause> {
        Ok(Self {
            breaker: attempt.breaker.build(name).map_err(Cause::config)?,
            bulkhead: attempt.bulkhead.build(name).map_err(Cause::config)?,
            retries,
            counts: Arc::default(),
        })
    }

    /// Counts and logs every transition of the breaker, for as long as the breaker lives.
    pub(crate) fn tell(&self, metrics: &Metrics) {
        let name = self.breaker.name();
        let counters = STATES.map(|to| {
            let labels = [("dependency", name), ("to", word(to))];
            let counter = metrics.counter("conductor_breaker_transitions_total", &labels);
            (to, counter)
        });
        self.breaker
            .on_transition(move |transition| {
                let (from, to) = (transition.from(), transition.to());
                if let Some((_, counter)) = counters.iter().find(|(state, _)| *state == to) {
                    counter.increment(1);
                }
                let (dependency, from, to) = (transition.name(), word(from), word(to));
                // Only an opening has the field.
                let cause = transition.cause();
                let cause = cause.opens().then(|| tracing::field::display(cause));
                tracing::warn!(dependency, from, to, cause, "breaker");
            })
            .detach();
    }

    /// Sets the gauges to their current values.
    pub(crate) fn report(&self, metrics: &Metrics) {
        let name = self.breaker.name();
        let now = self.breaker.state();
        for state in STATES {
            let labels = [("dependency", name), ("state", word(state))];
            let on = if state == now { 1.0 } else { 0.0 };
            metrics.gauge("conductor_breaker_state", &labels).set(on);
        }
        let labels = [("dependency", name)];
        let gauge = |name, value: usize| {
            metrics
                .gauge(name, &labels)
                .set(u32::try_from(value).unwrap_or(u32::MAX));
        };
        let counter = |name, value| metrics.counter(name, &labels).absolute(value);
        counter(
            "conductor_dependency_attempts_total",
            self.counts.attempts(),
        );
        counter("conductor_dependency_retries_total", self.counts.retries());
        gauge("conductor_bulkhead_in_flight", self.bulkhead.in_flight());
        gauge("conductor_bulkhead_limit", self.bulkhead.limit());
        if let Some(retries) = &self.retries {
            gauge(
                "conductor_retry_budget",
                usize::try_from(retries.balance()).unwrap_or(usize::MAX),
            );
        }
    }
}

// === impl Counts ===

// Relaxed: each counter is read alone, for display.
impl Counts {
    pub(crate) fn called(&self) {
        self.calls.fetch_add(1, Relaxed);
    }

    pub(crate) fn tried(&self) {
        self.tries.fetch_add(1, Relaxed);
    }

    pub(crate) fn attempted(&self) {
        self.attempts.fetch_add(1, Relaxed);
    }

    pub(crate) fn attempts(&self) -> u64 {
        self.attempts.load(Relaxed)
    }

    pub(crate) fn retries(&self) -> u64 {
        self.tries
            .load(Relaxed)
            .saturating_sub(self.calls.load(Relaxed))
    }
}
