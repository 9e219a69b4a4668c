//! A dependency as the rest of the service sees it: one call, and its health.

use jiff::Timestamp;
use maestro_retry::RetryBudget;
use parking_lot::Mutex;
use serde::Serialize;
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;

use crate::controls::{Controls, word};
use crate::metrics::Metrics;
use crate::outcomes::Outcomes;
use crate::rejection::{Fault, Layer};

/// A stack of layers over a client, with the handles of these layers.
#[derive(Debug)]
pub(crate) struct Dependency<Q, A, E> {
    stack: BoxCloneSyncService<Q, A, E>,
    controls: Controls,
    outcomes: Outcomes,
    last_error: Mutex<Option<LastError>>,
}

/// The health of a dependency in `/api/maestro/v1/health`.
#[derive(Debug, Serialize)]
pub(crate) struct Health {
    breaker: &'static str,
    bulkhead: Use,
    /// The number of retries that the budget allows now.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_budget: Option<u64>,
    last_error: Option<LastError>,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Use {
    in_flight: usize,
    limit: usize,
}

/// The last error of the dependency, timeouts included. Rejections of the breaker and the bulkhead say nothing
/// about the dependency and are not kept.
#[derive(Clone, Debug, Serialize)]
struct LastError {
    at: Timestamp,
    error: String,
}

// === impl Dependency ===

impl<Q, A, E: Fault> Dependency<Q, A, E> {
    pub(crate) fn new(
        stack: BoxCloneSyncService<Q, A, E>,
        controls: Controls,
        metrics: &Metrics,
    ) -> Self {
        let outcomes = Outcomes::new(controls.breaker.name(), metrics);
        controls.tell(metrics);
        Self {
            stack,
            controls,
            outcomes,
            last_error: Mutex::default(),
        }
    }

    /// Sends one query through the stack.
    pub(crate) async fn call(&self, question: Q) -> Result<A, E> {
        self.controls.counts.called();
        let answer = self.stack.clone().oneshot(question).await;
        self.outcomes.count(answer.as_ref().err());
        if let Err(error) = &answer
            && !matches!(error.layer(), Some(Layer::Breaker | Layer::Bulkhead))
        {
            let error = LastError {
                at: Timestamp::now(),
                error: error.to_string(),
            };
            *self.last_error.lock() = Some(error);
        }
        answer
    }

    pub(crate) fn name(&self) -> &'static str {
        self.controls.breaker.name()
    }

    pub(crate) fn health(&self) -> Health {
        let Controls {
            breaker,
            bulkhead,
            retries,
            ..
        } = &self.controls;
        Health {
            breaker: word(breaker.state()),
            bulkhead: Use {
                in_flight: bulkhead.in_flight(),
                limit: bulkhead.limit(),
            },
            retry_budget: retries.as_ref().map(RetryBudget::balance),
            last_error: self.last_error.lock().clone(),
        }
    }

    pub(crate) fn controls(&self) -> &Controls {
        &self.controls
    }
}
