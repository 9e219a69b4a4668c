//! SQLite in this process: one thread writes, one reads.

use std::convert::Infallible;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::settings::{self, SchemaError};
use super::worker::Worker;
use super::{Query, Reply, Store, StoreError};

/// A handle of the store. Dropping the last clone ends the threads and closes the database.
#[derive(Clone, Debug)]
pub(crate) struct Sqlite {
    writer: Worker,
    reader: Worker,
}

/// Waits for the end of both threads. They end when the last handle is dropped.
#[derive(Debug)]
pub(crate) struct Closing {
    open: mpsc::Receiver<Infallible>,
}

// === impl Closing ===

impl Closing {
    /// Returns when both connections are closed. The log is then merged into the database, so that the file alone is
    /// complete.
    pub(crate) async fn closed(mut self) {
        let _: Option<Infallible> = self.open.recv().await;
    }
}

// === impl Sqlite ===

impl Sqlite {
    /// Opens the file, or creates it.
    ///
    /// # Errors
    /// The path cannot be written, is not a database, or is a database of a later version.
    pub(crate) fn open(path: &Path, busy: Duration) -> Result<(Self, Closing), SchemaError> {
        // An absolute path is always a file name. SQLite gives `:memory:` and `file:…?mode=memory` another meaning:
        // the writer and the reader would each have a database in memory, and every accepted run would be lost.
        let path = std::path::absolute(path)?;
        // Runs may contain secrets. SQLite gives its other files the mode of this one. An existing file keeps its
        // mode: it may have been chosen.
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)?;
        let writer = settings::open(&path, busy)?;
        let reader = settings::open(&path, busy)?;
        let (held, open) = mpsc::channel(1);
        let held = Arc::new(Mutex::new(held));
        let sqlite = Self {
            writer: Worker::start("store-write", writer, held.clone()),
            reader: Worker::start("store-read", reader, held),
        };
        Ok((sqlite, Closing { open }))
    }

    /// Returns when one of the threads has ended.
    pub(crate) async fn ended(&self) {
        tokio::select! {
            () = self.writer.ended() => {}
            () = self.reader.ended() => {}
        }
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
