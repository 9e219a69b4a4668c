//! Whether runs can be stored.

use std::time::Duration;

use maestro_circuit_breaker::State;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::dependency::Dependency;
use crate::store::{Query, Reply, StoreError};

/// How long a good answer is repeated. The query writes as much as the largest run, so requests for readiness must not
/// be able to fill the writer.
const KEPT: Duration = Duration::from_secs(1);

/// The time of the last good answer. There is one query at a time; the requests that wait for it share a good answer.
#[derive(Debug, Default)]
pub(crate) struct Readiness {
    good: Mutex<Option<Instant>>,
}

// === impl Readiness ===

impl Readiness {
    /// Asks the writer through its stack, unless it has just answered.
    ///
    /// A breaker that is not closed is always asked, because the query is its probe.
    pub(crate) async fn ask(
        &self,
        writes: &Dependency<Query, Reply, StoreError>,
    ) -> Result<(), StoreError> {
        let mut good = self.good.lock().await;
        let closed = writes.controls().breaker.state() == State::Closed;
        if closed && good.is_some_and(|at| at.elapsed() < KEPT) {
            return Ok(());
        }
        *good = None;
        writes.call(Query::PingWrite).await?;
        *good = Some(Instant::now());
        Ok(())
    }
}
