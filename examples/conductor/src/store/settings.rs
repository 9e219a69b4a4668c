//! How a connection is opened: durability before speed, and a held lock is reported soon.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use thiserror::Error;

/// The version of the schema below. A database of an earlier version is converted, one of a later version is refused.
const SCHEMA: i64 = 2;

/// The bytes of the log that are kept once they are in the database. SQLite moves them there after 4 MiB.
const MAX_LOG: i64 = 16 << 20;

/// SQLite numbers the rows, and the index of the ids has only ids.
///
/// The table of version 1 was `WITHOUT ROWID`: its rows were the index. A search of an id then compares whole rows, so an
/// insert read the 64 KiB of each row on its way, and one malformed page among them stopped all inserts.
///
/// `status` is in the index of the queue although it is always the same there: without it SQLite reads each run as well, to
/// see its status, and a page of large runs is slow.
const CREATE: &str = "
    CREATE TABLE runs (
        id         TEXT NOT NULL PRIMARY KEY,
        client_key TEXT UNIQUE,
        status     TEXT NOT NULL,
        created_at TEXT NOT NULL,
        settled_at TEXT,
        spec       TEXT NOT NULL
    ) STRICT;
    CREATE INDEX runs_in_queue ON runs (id, status) WHERE status = 'queued';
    PRAGMA user_version = 2;
";

/// Before and after [`CREATE`], in a database of version 1. Its indexes end with its table.
const RENAME: &str = "
    DROP INDEX IF EXISTS runs_in_queue;
    ALTER TABLE runs RENAME TO runs_of_version_1;
";
const COPY: &str = "
    INSERT INTO runs (id, client_key, status, created_at, settled_at, spec)
        SELECT id, client_key, status, created_at, settled_at, spec FROM runs_of_version_1 ORDER BY id;
    DROP TABLE runs_of_version_1;
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
    #[error(
        "its runs cannot be moved to the layout of this version, and it was left as it was: {0}; free twice as much space as it takes, or, if it is malformed, recover it with sqlite3"
    )]
    Converted(#[source] rusqlite::Error),
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
    // WAL: readers continue while the writer writes. FULL: an acknowledged commit is on the disk.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // A long transaction, such as a conversion, leaves a log of its size. The next one truncates it.
    connection.pragma_update(None, "journal_size_limit", MAX_LOG)?;
    // A read-only file or directory fails at the first write, so this begins one.
    connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK;")?;
    connection.busy_timeout(busy)?;
    Ok(connection)
}

/// Creates the schema in an empty database, converts one of an earlier version, and checks any other.
fn own(connection: &Connection) -> Result<(), SchemaError> {
    let number = |sql| connection.query_one(sql, [], |row| row.get::<_, i64>(0));
    let version = || number("PRAGMA user_version");
    if version()? < SCHEMA {
        // Under the lock, because another process may start on the same file. After an error the transaction is
        // rolled back when the connection is dropped.
        connection.execute_batch("BEGIN IMMEDIATE")?;
        match version()? {
            0 if number("SELECT count(*) FROM sqlite_schema")? > 0 => {
                return Err(SchemaError::Foreign);
            }
            0 => connection.execute_batch(CREATE)?,
            1 => {
                has_our_columns(connection)?;
                tracing::info!("moving the runs to the layout of this version");
                for step in [RENAME, CREATE, COPY] {
                    connection
                        .execute_batch(step)
                        .map_err(SchemaError::Converted)?;
                }
            }
            _ => {}
        }
        connection.execute_batch("COMMIT")?;
    }
    match version()? {
        SCHEMA => has_our_columns(connection),
        later => Err(SchemaError::Later(later)),
    }
}

/// Other programs also number their first schemas 1 and 2, so the columns are checked.
fn has_our_columns(connection: &Connection) -> Result<(), SchemaError> {
    let ours = connection
        .prepare("SELECT id, client_key, status, created_at, settled_at, spec FROM runs LIMIT 0");
    ours.map(drop).map_err(|_| SchemaError::Foreign)
}
