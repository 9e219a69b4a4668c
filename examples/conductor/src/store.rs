//! The store of runs: what it is asked, what it answers, and the seam where another one goes.

mod settings;
mod sqlite;
mod statements;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use maestro_bulkhead::Full;
use maestro_circuit_breaker::Open;
use maestro_timeout::Elapsed;
use thiserror::Error;

pub(crate) use self::settings::SchemaError;
pub(crate) use self::sqlite::{Closing, Sqlite};
use crate::rejection::{Fault, Layer};
use crate::run::{Run, RunId, Status};

/// Whatever keeps runs. SQLite is one; PostgreSQL is another `impl` and nothing else.
pub(crate) trait Store: Clone + Send + Sync + 'static {
    /// Runs one query. Dropping the future withdraws a query that has not begun.
    fn run(&self, query: Query) -> impl Future<Output = Result<Reply, StoreError>> + Send;
}

/// A question to the store. All of them may be asked twice: that is what lets them be retried.
#[derive(Clone, Debug)]
pub(crate) enum Query {
    /// Keep this run; if its id or its client's key is known already, say what is there.
    Insert(Arc<Run>),
    /// A queued run has left the queue. One that already has stays as it is.
    Settle {
        id: RunId,
        status: Status,
        at: Timestamp,
    },
    /// Can anything be written at all?
    PingWrite,
    Get(RunId),
    /// Newest first, older than `before`.
    List {
        limit: u32,
        before: Option<RunId>,
    },
    /// Oldest first, younger than `after`.
    Queued {
        limit: u32,
        after: Option<RunId>,
    },
    CountQueued,
}

#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Done,
    /// What the store holds for an `Insert` that found something.
    Found(Box<Run>),
    Missing,
    Runs(Vec<Run>),
    Count(u32),
}

/// Why the store did not answer: one of our rejections, or its own words.
#[derive(Debug, Error)]
pub(crate) enum StoreError {
    #[error(transparent)]
    Open(#[from] Open),
    #[error(transparent)]
    Full(#[from] Full),
    #[error(transparent)]
    Elapsed(#[from] Elapsed),
    /// Another connection holds the lock.
    #[error("the database is locked by another connection")]
    Locked,
    #[error("the database failed: {0}")]
    Sql(rusqlite::Error),
    #[error("a stored run cannot be read: {0}")]
    Unreadable(&'static str),
    #[error("its thread has ended; restart the service")]
    Closed,
}

// === impl Query ===

impl Query {
    /// Whether it needs the one writer.
    pub(crate) const fn writes(&self) -> bool {
        matches!(
            self,
            Self::Insert(_) | Self::Settle { .. } | Self::PingWrite
        )
    }
}

// === impl StoreError ===

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
        match error.sqlite_error_code() {
            Some(DatabaseBusy | DatabaseLocked) => Self::Locked,
            _ => Self::Sql(error),
        }
    }
}

impl Fault for StoreError {
    fn layer(&self) -> Option<Layer> {
        match self {
            Self::Open(_) => Some(Layer::Breaker),
            Self::Full(_) => Some(Layer::Bulkhead),
            Self::Elapsed(_) => Some(Layer::Timeout),
            _ => None,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Open(open) => Some(open.retry_after()),
            _ => None,
        }
    }
}
