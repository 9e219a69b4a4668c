//! The cache of runs: the trait, and the implementation in memory.

use std::time::Duration;

use maestro_bulkhead::Full;
use maestro_circuit_breaker::Open;
use maestro_timeout::Elapsed;
use moka::sync::Cache as Moka;
use thiserror::Error;
use tokio::time::Instant;

use crate::rejection::{Fault, Layer};
use crate::run::{Run, RunId, Status};

/// How long a copy is kept. Much longer than it counts as fresh, because an old copy is better than no answer.
const KEPT: Duration = Duration::from_hours(1);

/// A cache of runs. Another cache, such as Redis, is another `impl`.
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

/// Why the cache did not answer. All variants are rejections: the cache in memory has no errors.
#[derive(Debug, Error)]
pub(crate) enum CacheError {
    #[error(transparent)]
    Open(#[from] Open),
    #[error(transparent)]
    Full(#[from] Full),
    #[error(transparent)]
    Elapsed(#[from] Elapsed),
}

/// A cache in this process.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    runs: Moka<RunId, (Run, Instant)>,
}

// === impl Copied ===

impl Copied {
    /// Whether the copy may be shown as current. A settled run never changes.
    pub(crate) fn is_fresh(&self, fresh_for: Duration) -> bool {
        self.run.status != Status::Queued || self.age < fresh_for
    }
}

// === impl Memory ===

impl Memory {
    /// A cache of at most this number of bytes. It is above that for a moment while up to some hundred runs that have
    /// just been put in wait to be weighed.
    pub(crate) fn new(bytes: u64) -> Self {
        Self {
            runs: Moka::builder()
                .weigher(|_, (run, _): &(Run, Instant)| {
                    u32::try_from(run.bytes()).unwrap_or(u32::MAX)
                })
                .max_capacity(bytes)
                .time_to_live(KEPT)
                .build(),
        }
    }

    /// The bytes of all copies.
    pub(crate) fn bytes(&self) -> u64 {
        self.runs.run_pending_tasks();
        self.runs.weighted_size()
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
