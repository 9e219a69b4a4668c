//! A thread that owns a connection. SQLite blocks, and a connection is not shared; a thread a
//! connection keeps both facts away from the runtime.

use std::convert::Infallible;
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::{Query, Reply, StoreError, statements};

/// The bulkhead above admits fewer; this only keeps the channel from being unbounded.
const BACKLOG: usize = 256;

#[derive(Clone, Debug)]
pub(super) struct Worker {
    jobs: mpsc::Sender<Job>,
}

#[derive(Debug)]
struct Job {
    query: Query,
    answer: oneshot::Sender<Result<Reply, StoreError>>,
}

impl Worker {
    /// `open` is dropped when the connection has been closed, and locked meanwhile: one connection after
    /// the other, or each takes the other for a user of the log and neither folds it into the database.
    pub(super) fn start(
        name: &str,
        connection: Connection,
        open: Arc<Mutex<mpsc::Sender<Infallible>>>,
    ) -> Self {
        let (jobs, queue) = mpsc::channel(BACKLOG);
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                let mut connection = connection;
                serve(&mut connection, queue);
                let _alone = open.lock();
                drop(connection);
            })
            .expect("a process that has just started can start two threads");
        Self { jobs }
    }

    /// # Cancel safety
    /// A query whose asker is gone before it begins is skipped; one that has begun is finished.
    pub(super) async fn ask(&self, query: Query) -> Result<Reply, StoreError> {
        let (answer, reply) = oneshot::channel();
        self.jobs
            .send(Job { query, answer })
            .await
            .map_err(|_| StoreError::Closed)?;
        reply.await.map_err(|_| StoreError::Closed)?
    }
}

fn serve(connection: &mut Connection, mut queue: mpsc::Receiver<Job>) {
    while let Some(Job { query, answer }) = queue.blocking_recv() {
        // Without this a lock that is released late would be followed by a burst of writes that
        // nobody waits for any more.
        if !answer.is_closed() {
            // The asker may leave while the query runs: then nobody is told, which is what it wants.
            let _ = answer.send(statements::run(connection, &query));
        }
    }
}
