//! SQLite in this process: one thread that writes, one that reads.

use std::path::Path;
use std::time::Duration;

use super::settings::{self, SchemaError};
use super::worker::Worker;
use super::{Query, Reply, Store, StoreError};

/// A handle; the threads end, and the database is closed, with the last clone.
#[derive(Clone, Debug)]
pub(crate) struct Sqlite {
    writer: Worker,
    reader: Worker,
}

impl Sqlite {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// The path cannot be written, is no database, or is one of a later version.
    pub(crate) fn open(path: &Path, busy: Duration) -> Result<Self, SchemaError> {
        let writer = settings::open(path, busy)?;
        let reader = settings::open(path, busy)?;
        Ok(Self {
            writer: Worker::start("store-write", writer),
            reader: Worker::start("store-read", reader),
        })
    }
}

impl Store for Sqlite {
    async fn run(&self, query: Query) -> Result<Reply, StoreError> {
        let worker = if query.writes() {
            &self.writer
        } else {
            &self.reader
        };
        worker.ask(query).await
    }
}
