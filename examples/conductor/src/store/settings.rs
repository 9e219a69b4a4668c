//! How a connection is opened: durability before speed, and a held lock is reported soon.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use thiserror::Error;

/// The version of the schema below. A database of a later version is refused.
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
    PRAGMA user_version = 1;
";

/// The queue. `status` is in the index although it is always the same there: without it SQLite reads each run as well, to
/// see its status, and a page of large runs is slow. The index of earlier versions lacked it.
const QUEUE: &str = "
    CREATE INDEX IF NOT EXISTS runs_in_queue ON runs (id, status) WHERE status = 'queued';
    DROP INDEX IF EXISTS runs_queued;
";

/// Why a file cannot serve as the store.
#[derive(Debug, Error)]
pub(crate) enum SchemaError {
    #[error("{0}")]
    Sql(#[from] rusqlite::Error),
    #[error("{0}")]
    Path(#[from] std::io::Error),
    #[error("it was written by a later version (layout {0}, this one knows {SCHEMA})")]
    Later(i64),
    #[error("it is a database of another program, and was left as it was")]
    Foreign,
}

/// Opens one connection.
///
/// `busy` is how long a statement waits for a lock: longer than another writer's commit, shorter than an attempt, so that
/// a held lock is an error of the store and not a timeout.
pub(super) fn open(path: &Path, busy: Duration) -> Result<Connection, SchemaError> {
    let connection = Connection::open(path)?;
    // Another process that starts or stops may hold the lock for the first statements. No request waits for them.
    connection.busy_timeout(Duration::from_secs(2))?;
    // First of all, so that a database of another program is refused before anything in it is changed.
    own(&connection)?;
    connection.execute_batch(QUEUE)?;
    // WAL: readers continue while the writer writes. FULL: an acknowledged commit is on the disk.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // A read-only file or directory fails at the first write, so this begins one.
    connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK;")?;
    connection.busy_timeout(busy)?;
    Ok(connection)
}

/// Creates the schema in an empty database, and checks it in any other.
fn own(connection: &Connection) -> Result<(), SchemaError> {
    let number = |sql| connection.query_one(sql, [], |row| row.get::<_, i64>(0));
    if number("PRAGMA user_version")? == 0 {
        // Under the lock, because another process may start on the same file. After an error the transaction is
        // rolled back when the connection is dropped.
        connection.execute_batch("BEGIN IMMEDIATE")?;
        if number("PRAGMA user_version")? == 0 {
            if number("SELECT count(*) FROM sqlite_schema")? > 0 {
                return Err(SchemaError::Foreign);
            }
            connection.execute_batch(CREATE)?;
        }
        connection.execute_batch("COMMIT")?;
    }
    match number("PRAGMA user_version")? {
        SCHEMA => {}
        later => return Err(SchemaError::Later(later)),
    }
    // Other programs also number their first schema 1, so the columns are checked.
    let ours = connection
        .prepare("SELECT id, client_key, status, created_at, settled_at, spec FROM runs LIMIT 0");
    ours.map(drop).map_err(|_| SchemaError::Foreign)
}
