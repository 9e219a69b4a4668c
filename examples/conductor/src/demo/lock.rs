//! The store's fault: a second connection that holds the lock.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

/// The lock, held until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _held: Connection,
}

impl Lock {
    /// Takes the exclusive lock, between two writes of the service.
    pub(super) fn take(database: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(database)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        // In WAL mode this stops every writer and no reader, which is why reads have a separate stack.
        connection.execute_batch("BEGIN EXCLUSIVE")?;
        Ok(Self { _held: connection })
    }
}
