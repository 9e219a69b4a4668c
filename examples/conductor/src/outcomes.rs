//! The counters of a stack's calls, by outcome.

use metrics::Counter;

use crate::metrics::Metrics;
use crate::rejection::{Fault, Layer};

/// Calls by outcome.
#[derive(Debug)]
pub(crate) struct Outcomes {
    ok: Counter,
    failed: Counter,
    breaker: Counter,
    bulkhead: Counter,
    timeout: Counter,
}

// === impl Outcomes ===

impl Outcomes {
    pub(crate) fn new(dependency: &str, metrics: &Metrics) -> Self {
        let counter = |outcome| {
            let labels = [("dependency", dependency), ("outcome", outcome)];
            metrics.counter("conductor_dependency_calls_total", &labels)
        };
        Self {
            ok: counter("ok"),
            failed: counter("failed"),
            breaker: counter("breaker"),
            bulkhead: counter("bulkhead"),
            timeout: counter("timeout"),
        }
    }

    pub(crate) fn count<E: Fault>(&self, error: Option<&E>) {
        let counter = match error.map(Fault::layer) {
            None => &self.ok,
            Some(None) => &self.failed,
            Some(Some(Layer::Breaker)) => &self.breaker,
            Some(Some(Layer::Bulkhead)) => &self.bulkhead,
            Some(Some(Layer::Timeout)) => &self.timeout,
        };
        counter.increment(1);
    }
}
