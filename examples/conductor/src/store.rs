//! The store of runs: the trait, its queries and replies, and the implementation with SQLite.

mod file;
mod rows;
mod settings;
mod sqlite;
mod statements;
mod unreadable;
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
pub(crate) use self::unreadable::Unreadable;
use crate::rejection::{Fault, Layer};
use crate::run::{Run, RunId, Status};

/// A store of runs. Another store, such as PostgreSQL, is another `impl`.
pub(crate) trait Store: Clone + Send + Sync + 'static {
    /// Runs one query. Dropping the future cancels a query that has not begun.
    fn run(&self, query: Query) -> impl Future<Output = Result<Reply, StoreError>> + Send;
}

/// A query to the store. Every query may be repeated, so every query can be retried.
#[derive(Clone, Debug)]
pub(crate) enum Query {
    /// Stores a run. If its id or its client's key exists already, the reply is the stored run.
    Insert(Arc<Run>),
    /// Moves a queued run out of the queue. A run that has left the queue stays as it is.
    Settle {
        id: RunId,
        status: Status,
        at: Timestamp,
    },
    /// Checks that a run of the largest size can be stored.
    PingWrite,
    Get(RunId),
    /// Runs older than `before`, newest first. Ends early at [`MAX_PAGE`].
    List {
        limit: u32,
        before: Option<RunId>,
    },
    /// The ids of queued runs newer than `after`, oldest first.
    Queued {
        limit: u32,
        after: Option<RunId>,
    },
    /// The number of queued runs, up to 100,000: the count of a longer queue would take longer than an attempt may.
    CountQueued,
}

#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Done,
    /// The run of a `Get`, or the run that an `Insert` found.
    Found(Box<Run>),
    Missing,
    Runs(Page<Run>),
    Ids(Page<RunId>),
    Count(u32),
}

/// A part of a list. Rows that cannot be read are left out.
#[derive(Clone, Debug)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// There are more after the last item.
    pub(crate) more: bool,
}

/// Why the store did not answer: a rejection of our layers, or an error of the store.
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
    /// The row exists and its content is broken: the column, or "page" if SQLite cannot load it.
    #[error("a stored run cannot be read: {0}")]
    Unreadable(&'static str),
    /// What is written now would be lost.
    #[error("{0} was deleted or replaced; restart the service")]
    Gone(String),
    #[error("the query panicked; the log has the reason")]
    Panicked,
    #[error("its thread has ended; restart the service")]
    Closed,
}

/// The largest sum of the bytes of the runs in a page, except that a page has at least one run.
pub(crate) const MAX_PAGE: usize = 256 * 1024;

// === impl Page ===

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            more: false,
        }
    }
}

// === impl Query ===

impl Query {
    /// Whether the query needs the writer.
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
