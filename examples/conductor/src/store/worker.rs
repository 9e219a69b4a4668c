//! A thread that owns a connection. SQLite blocks and a connection cannot be shared, so each connection has a
//! thread outside of the runtime.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::thread;

use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::{Query, Reply, StoreError, Unreadable, statements};

/// The capacity of the channel. The bulkhead admits fewer calls; this only bounds the channel.
const BACKLOG: usize = 256;
/// The number of SQLite's instructions between two checks whether the caller has gone: some microseconds.
const CHECK: i32 = 1_000;

#[derive(Clone, Debug)]
pub(super) struct Worker {
    jobs: mpsc::Sender<Job>,
}

#[derive(Debug)]
struct Job {
    query: Query,
    /// Dead when the caller has gone.
    caller: Weak<()>,
    answer: oneshot::Sender<Result<Reply, StoreError>>,
}

impl Worker {
    /// Starts the thread. `open` is locked while the connection is closed, and then dropped.
    ///
    /// The lock makes the connections close one after the other. If two close at the same time, each takes the
    /// other for a user of the log, and neither merges the log into the database (seen once in ten runs under load).
    /// Nothing is lost, but the file alone is then not complete.
    pub(super) fn start(
        name: &str,
        connection: Connection,
        open: Arc<Mutex<mpsc::Sender<Infallible>>>,
        unreadable: Arc<Unreadable>,
    ) -> Self {
        let (jobs, queue) = mpsc::channel(BACKLOG);
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                let mut connection = connection;
                serve(&mut connection, &unreadable, queue);
                let _alone = open.lock();
                drop(connection);
            })
            .expect("a process that has just started can start three threads");
        Self { jobs }
    }

    /// Returns when the thread has ended. It ends only by a panic while this handle exists.
    pub(super) async fn ended(&self) {
        self.jobs.closed().await;
    }

    /// # Cancel safety
    /// Dropping the future cancels a query that has not begun, and interrupts one that reads. One that writes is finished:
    /// it is short, and a run that was dispatched is better marked as such.
    pub(super) async fn ask(&self, query: Query) -> Result<Reply, StoreError> {
        let here = Arc::new(());
        let (answer, reply) = oneshot::channel();
        let job = Job {
            query,
            caller: Arc::downgrade(&here),
            answer,
        };
        self.jobs.send(job).await.map_err(|_| StoreError::Closed)?;
        let reply = reply.await.map_err(|_| StoreError::Panicked)?;
        drop(here);
        reply
    }
}

fn serve(connection: &mut Connection, unreadable: &Unreadable, mut queue: mpsc::Receiver<Job>) {
    while let Some(job) = queue.blocking_recv() {
        let Job {
            query,
            caller,
            answer,
        } = job;
        // Skips queries whose callers have gone. Otherwise a lock that is released late is followed by a burst of
        // writes for which no caller waits.
        if caller.strong_count() == 0 {
            continue;
        }
        let run = || {
            // Not an `InterruptHandle`: an interrupt between two statements is lost, or meets the next query.
            let gone = move || caller.strong_count() == 0;
            let gone = (!query.writes()).then_some(gone);
            connection.progress_handler(CHECK, gone)?;
            statements::run(connection, unreadable, &query)
        };
        // A panic, which the hook has reported, does not end the thread. It drops the answer, and the caller gets
        // an error.
        if let Ok(reply) = catch_unwind(AssertUnwindSafe(run)) {
            // An error means that the caller has gone while the query ran.
            let _ = answer.send(reply);
        }
    }
}
