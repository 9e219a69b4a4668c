//! SQLite in this process: one thread that writes, one that reads.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::settings::{self, SchemaError};
use super::worker::Worker;
use super::{Query, Reply, Store, StoreError};

/// A handle; the threads end, and the database is closed, with the last clone.
#[derive(Clone, Debug)]
pub(crate) struct Sqlite {
    writer: Worker,
    reader: Worker,
}

/// Waits for the end of both threads. They end with the last handle, so this is for whoever has dropped it.
#[derive(Debug)]
pub(crate) struct Closing {
    open: mpsc::Receiver<Infallible>,
}

// === impl Closing ===

impl Closing {
    /// Returns when both connections are closed: the log is then folded into the database, and the file
    /// can be copied as it is.
    pub(crate) async fn closed(mut self) {
        let _: Option<Infallible> = self.open.recv().await;
    }
}

// === impl Sqlite ===

impl Sqlite {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// The path cannot be written, is no database, or is one of a later version.
    pub(crate) fn open(path: &Path, busy: Duration) -> Result<(Self, Closing), SchemaError> {
        // Absolute, so that SQLite takes it for the name of a file whatever it looks like: `:memory:` and
        // `file:…?mode=memory` would be accepted, be two databases instead of one, and forget every run.
        let path = std::path::absolute(path)?;
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
