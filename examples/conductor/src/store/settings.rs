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
    #[error("{0}")]
    Path(#[from] std::io::Error),
    #[error("it was written by a later version (layout {0}, this one knows {SCHEMA})")]
    Later(i64),
    #[error("it is a database of another program, and was left as it was")]
    Foreign,
}

/// Opens one connection. `busy` is how long a statement waits for a lock before it says so: longer
/// than another writer's commit, shorter than an attempt, so that a held lock shows as an error of
/// the store and not as a silence.
pub(super) fn open(path: &Path, busy: Duration) -> Result<Connection, SchemaError> {
    let connection = Connection::open(path)?;
    // The first statements may meet a starting or stopping process; no request waits for them.
    connection.busy_timeout(Duration::from_secs(2))?;
    // Whose it is comes first: a file that is not ours is refused before anything in it is changed.
    own(&connection)?;
    // WAL: readers go on while one writes. FULL: a commit is on the disk when it is acknowledged.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // What a read-only file or directory answers only at the first write is asked for now.
    connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK;")?;
    connection.busy_timeout(busy)?;
    Ok(connection)
}

/// Makes the layout in a database that is empty, and makes sure of it in any other.
fn own(connection: &Connection) -> Result<(), SchemaError> {
    let number = |sql| connection.query_one(sql, [], |row| row.get::<_, i64>(0));
    if number("PRAGMA user_version")? == 0 {
        // Under the lock: another process may be starting on the same file. What fails here is rolled
        // back when the connection is dropped.
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
    // Many programs number their first layout 1.
    let ours = connection
        .prepare("SELECT id, client_key, status, created_at, settled_at, spec FROM runs LIMIT 0");
    ours.map(drop).map_err(|_| SchemaError::Foreign)
}
