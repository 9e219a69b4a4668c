//! How a connection is opened: durable before fast, and a lock that is seen at once.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use thiserror::Error;

/// The layout below. A database written by a later version is refused instead of guessed at.
const SCHEMA: i64 = 1;

const CREATE: &str = "
    CREATE TABLE IF NOT EXISTS runs (
        id         TEXT PRIMARY KEY,
        client_key TEXT UNIQUE,
        status     TEXT NOT NULL,
        created_at TEXT NOT NULL,
        settled_at TEXT,
        spec       TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS runs_queued ON runs (id) WHERE status = 'queued';
    PRAGMA user_version = 1;
";

/// Why a file cannot serve as the store.
#[derive(Debug, Error)]
pub(crate) enum SchemaError {
    #[error("{0}")]
    Sql(#[from] rusqlite::Error),
    #[error("it was written by a later version (layout {0}, this one knows {SCHEMA})")]
    Later(i64),
}

/// Opens one connection. `busy` is how long a statement waits for a lock before it says so: longer
/// than another writer's commit, shorter than an attempt, so that a held lock shows as an error of
/// the store and not as a silence.
pub(super) fn open(path: &Path, busy: Duration) -> Result<Connection, SchemaError> {
    let connection = Connection::open(path)?;
    // The first statements may meet a starting or stopping process; no request waits for them.
    connection.busy_timeout(Duration::from_secs(2))?;
    // WAL: readers go on while one writes. FULL: a commit is on the disk when it is acknowledged.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match found {
        0 => connection.execute_batch(&format!("BEGIN IMMEDIATE; {CREATE} COMMIT;"))?,
        SCHEMA => {}
        later => return Err(SchemaError::Later(later)),
    }
    // What a read-only file or directory answers only at the first write is asked for now.
    connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK;")?;
    connection.busy_timeout(busy)?;
    Ok(connection)
}
