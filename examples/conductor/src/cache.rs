//! The cache of runs, and the seam where another one goes.

use std::time::Duration;

use maestro_bulkhead::Full;
use maestro_circuit_breaker::Open;
use maestro_timeout::Elapsed;
use moka::sync::Cache as Moka;
use thiserror::Error;
use tokio::time::Instant;

use crate::rejection::{Fault, Layer};
use crate::run::{Run, RunId, Status};

/// Enough for the runs a day's readers ask about, a few tens of megabytes at most.
const CAPACITY: u64 = 10_000;
/// Kept far longer than it counts as fresh: an old copy, marked as such, beats no answer.
const KEPT: Duration = Duration::from_hours(1);

/// Whatever keeps copies. Memory is one; Redis is another `impl` and nothing else.
pub(crate) trait Cache: Clone + Send + Sync + 'static {
    fn run(
        &self,
        query: CacheQuery,
    ) -> impl Future<Output = Result<Option<Copied>, CacheError>> + Send;
}

#[derive(Clone, Debug)]
pub(crate) enum CacheQuery {
    Get(RunId),
    Put(Box<Run>),
}

/// A copy of a run and its age.
#[derive(Clone, Debug)]
pub(crate) struct Copied {
    pub(crate) run: Run,
    age: Duration,
}

/// Why the cache did not answer. The one in memory never has words of its own.
#[derive(Debug, Error)]
pub(crate) enum CacheError {
    #[error(transparent)]
    Open(#[from] Open),
    #[error(transparent)]
    Full(#[from] Full),
    #[error(transparent)]
    Elapsed(#[from] Elapsed),
}

/// In this process.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    runs: Moka<RunId, (Run, Instant)>,
}

// === impl Copied ===

impl Copied {
    /// Whether it may be shown as the truth. A settled run never changes again.
    pub(crate) fn is_fresh(&self, fresh_for: Duration) -> bool {
        self.run.status != Status::Queued || self.age < fresh_for
    }
}

// === impl Memory ===

impl Memory {
    pub(crate) fn new() -> Self {
        Self {
            runs: Moka::builder()
                .max_capacity(CAPACITY)
                .time_to_live(KEPT)
                .build(),
        }
    }
}

impl Cache for Memory {
    async fn run(&self, query: CacheQuery) -> Result<Option<Copied>, CacheError> {
        match query {
            CacheQuery::Get(id) => Ok(self.runs.get(&id).map(|(run, put_at)| Copied {
                run,
                age: put_at.elapsed(),
            })),
            CacheQuery::Put(run) => {
                self.runs.insert(run.id, (*run, Instant::now()));
                Ok(None)
            }
        }
    }
}

// === impl CacheError ===

impl Fault for CacheError {
    fn layer(&self) -> Option<Layer> {
        Some(match self {
            Self::Open(_) => Layer::Breaker,
            Self::Full(_) => Layer::Bulkhead,
            Self::Elapsed(_) => Layer::Timeout,
        })
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Open(open) => Some(open.retry_after()),
            _ => None,
        }
    }
}
