//! A thread that owns a connection. SQLite blocks and a connection cannot be shared, so each connection has a
//! thread outside of the runtime.

use std::convert::Infallible;
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::{Query, Reply, StoreError, statements};

/// The capacity of the channel. The bulkhead admits fewer calls; this only bounds the channel.
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
    /// Starts the thread. `open` is locked while the connection is closed, and then dropped.
    ///
    /// The lock makes the two connections close one after the other. If they close at the same time, each takes the
    /// other for a user of the log, and neither merges the log into the database (seen once in ten runs under load).
    /// Nothing is lost, but the file alone is then not complete.
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

    /// Returns when the thread has ended. It ends only by a panic while this handle exists.
    pub(super) async fn ended(&self) {
        self.jobs.closed().await;
    }

    /// # Cancel safety
    /// Dropping the future cancels a query that has not begun; one that has begun is finished.
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
        // Skips queries whose callers have gone. Otherwise a lock that is released late is followed by a burst of
        // writes for which no caller waits.
        if !answer.is_closed() {
            // An error means that the caller has gone while the query ran.
            let _ = answer.send(statements::run(connection, &query));
        }
    }
}
