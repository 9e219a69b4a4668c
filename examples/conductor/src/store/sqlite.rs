//! SQLite in this process: one thread writes, one reads single runs, and one reads lists.

use std::convert::Infallible;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::file::Files;
use super::settings::{self, SchemaError};
use super::worker::Worker;
use super::{Query, Reply, Store, StoreError, Unreadable};

/// A handle of the store. Dropping the last clone ends the threads and closes the database.
#[derive(Clone, Debug)]
pub(crate) struct Sqlite {
    writer: Worker,
    reader: Worker,
    lister: Worker,
    files: Arc<Files>,
    unreadable: Arc<Unreadable>,
}

/// Waits for the end of all threads. They end when the last handle is dropped.
#[derive(Debug)]
pub(crate) struct Closing {
    open: mpsc::Receiver<Infallible>,
}

// === impl Closing ===

impl Closing {
    /// Returns when all connections are closed. The log is then merged into the database, so that the file alone is
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
    ///
    /// # Panics
    /// If the process cannot start three threads.
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
        let lister = settings::open(&path, busy)?;
        // The log exists by now: the connections have used the database.
        let files = Arc::new(Files::at(&path)?);
        let unreadable = Arc::<Unreadable>::default();
        let (held, open) = mpsc::channel(1);
        let held = Arc::new(Mutex::new(held));
        let sqlite = Self {
            writer: Worker::start("store-write", writer, held.clone(), unreadable.clone()),
            reader: Worker::start("store-read", reader, held.clone(), unreadable.clone()),
            lister: Worker::start("store-list", lister, held, unreadable.clone()),
            files,
            unreadable,
        };
        Ok((sqlite, Closing { open }))
    }

    /// Returns when one of the threads has ended.
    pub(crate) async fn ended(&self) {
        tokio::select! {
            () = self.writer.ended() => {}
            () = self.reader.ended() => {}
            () = self.lister.ended() => {}
        }
    }

    /// The rows that cannot be read.
    pub(crate) fn unreadable(&self) -> Arc<Unreadable> {
        self.unreadable.clone()
    }
}

impl Store for Sqlite {
    async fn run(&self, query: Query) -> Result<Reply, StoreError> {
        let worker = match &query {
            query if query.writes() => {
                self.files.check()?;
                &self.writer
            }
            Query::List { .. } => &self.lister,
            _ => &self.reader,
        };
        worker.ask(query).await
    }
}
