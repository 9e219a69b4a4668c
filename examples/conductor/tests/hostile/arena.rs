//! The service under attack, its peer, and the runs that it has accepted.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use conductor::Peer;
use http::Method;
use parking_lot::Mutex;
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::client::{Answer, Client, RUNS};
use crate::load::keeping;
use crate::process::{Process, conductor, shell};
use crate::stage::{PATIENCE, eventually};

/// The limit of the resident memory of the process: the cache has 64 MiB of it.
#[cfg(target_os = "linux")]
const MEMORY: usize = 128 << 20;
/// The number of honest runs in a row that are accepted in normal service.
const IN_A_ROW: u32 = 20;
/// The process may open 256 files. It reserves 64 of them, so it has 192 connections.
const DESCRIPTORS: &str = r#"ulimit -n 256; exec "$0" "$@""#;

pub(crate) struct Arena {
    directory: TempDir,
    pub(crate) peer: Peer,
    _apart: Apart,
    process: Option<Process>,
    pub(crate) ledger: Arc<Ledger>,
}

/// A separate thread for a peer, so that the load does not slow it down.
pub(crate) struct Apart(Option<Runtime>);

/// The accepted runs, each by its id and with the name that it was sent with.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    accepted: Mutex<HashMap<String, String>>,
    names: AtomicU32,
}

// === impl Arena ===

impl Arena {
    pub(crate) async fn start() -> Self {
        let apart = Apart::new();
        let peer = apart.run(Peer::start()).await;
        let mut arena = Self {
            directory: TempDir::new().expect("a directory"),
            peer: peer.expect("a port"),
            _apart: apart,
            process: None,
            ledger: Arc::default(),
        };
        arena.serve();
        arena
    }

    fn serve(&mut self) {
        let peer = self.peer.url().to_string();
        let mut command = conductor(["--listen", "127.0.0.1:0", "--peer", &peer, "--database"]);
        command.arg(self.directory.path().join("conductor.db"));
        self.process = Some(Process::serving(shell(DESCRIPTORS, &command)));
    }

    fn process(&self) -> &Process {
        self.process.as_ref().expect("it serves")
    }

    /// A client of the process that serves now.
    pub(crate) fn client(&self) -> Client {
        self.process().client.clone()
    }

    pub(crate) fn kill_and_restart(&mut self) {
        self.process.take().expect("it serves").kill();
        self.serve();
    }

    fn database(&self) -> Connection {
        let database = Connection::open(self.directory.path().join("conductor.db"));
        let database = database.expect("a second connection");
        database.busy_timeout(PATIENCE).expect("it waits");
        database
    }

    /// Holds the lock of the database as another program does.
    pub(crate) async fn lock_for(&self, time: Duration) {
        let database = self.database();
        let locked = tokio::task::spawn_blocking(move || {
            let locked = database.execute_batch("BEGIN EXCLUSIVE");
            locked.map(|()| database)
        });
        let database = locked.await.expect("no panic").expect("the lock");
        sleep(time).await;
        database.execute_batch("ROLLBACK").expect("unlocked");
    }

    /// Checks that the process is alive and small, becomes normal again, and has lost nothing.
    pub(crate) async fn withstood(&self, after: &str) {
        let client = self.client();
        let (mut row, mut last) = (0, String::new());
        let normal = async {
            while row < IN_A_ROW {
                let ready = client.try_get("/readyz").await;
                let ready = ready.is_some_and(|answer| answer.status == 200);
                let name = self.ledger.name();
                let posted = client.try_post(&run(&name, "{}")).await;
                let taken = posted.as_ref().is_some_and(|answer| {
                    self.ledger.note(&name, answer);
                    [201, 202].contains(&answer.status)
                });
                last = posted.map_or("no answer".to_owned(), |answer| answer.text);
                row = if ready && taken { row + 1 } else { 0 };
                if row == 0 {
                    sleep(Duration::from_millis(50)).await;
                }
            }
        };
        let normal = timeout(PATIENCE, normal).await.is_ok();
        assert!(normal, "not normal after {after}: {last}");
        assert_eq!(client.get("/healthz").await.status, 200);
        #[cfg(target_os = "linux")]
        {
            let peak = self.process().peak();
            assert!(peak < MEMORY, "{} MiB after {after}", peak >> 20);
        }
        self.has_lost_nothing().await;
    }

    /// Sends runs again whose answers were lost, with the keys that they had.
    pub(crate) async fn repeat(&self, unanswered: Vec<String>) {
        let client = self.client();
        for name in unanswered {
            eventually("a repeated run is accepted", async || {
                let key = [
                    ("content-type", "application/json"),
                    ("idempotency-key", &*name),
                ];
                let body = run(&name, "{}");
                let answer = client.send(Method::POST, RUNS, &key, &body).await;
                self.ledger.note(&name, &answer);
                [200, 201, 202].contains(&answer.status)
            })
            .await;
        }
    }

    /// Checks that each accepted run is stored as it was sent, was dispatched, and was taken once.
    async fn has_lost_nothing(&self) {
        let database = self.database();
        let count = |sql| database.query_one(sql, [], |row| row.get::<_, u32>(0));
        let queued = "SELECT count(*) FROM runs WHERE status = 'queued'";
        eventually("the queue is empty", async || count(queued) == Ok(0)).await;
        let rows = count("SELECT count(*) FROM runs").expect("a count") as usize;
        assert_eq!(
            self.peer.runs(),
            rows,
            "the peer took another number of runs"
        );

        let client = keeping(&self.client());
        let accepted = self.ledger.accepted.lock().clone();
        assert!(accepted.len() <= rows, "{} of {rows}", accepted.len());
        let mut checks = JoinSet::new();
        let accepted: Vec<_> = accepted.into_iter().collect();
        for some in accepted.chunks(accepted.len() / 8 + 1) {
            let (client, some) = (client.clone(), some.to_vec());
            checks.spawn(async move {
                for (id, name) in &some {
                    let found = client.get(&format!("{RUNS}/{id}")).await;
                    assert_eq!(found.status, 200, "{}", found.text);
                    assert_eq!(found.string("/status"), "dispatched");
                    assert_eq!(found.string("/spec/name"), *name);
                }
                some
            });
        }
        for (id, _) in checks.join_all().await.concat() {
            assert!(self.peer.deliveries(&id) > 0, "{id} was never delivered");
        }
    }
}

// === impl Apart ===

impl Apart {
    pub(crate) fn new() -> Self {
        let mut runtime = Builder::new_multi_thread();
        runtime.worker_threads(1).enable_all();
        Self(Some(runtime.build().expect("a runtime")))
    }

    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let runtime = self.0.as_ref().expect("it runs");
        runtime.spawn(work).await.expect("no panic")
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        // A runtime must not wait for its threads where another one runs.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

// === impl Ledger ===

impl Ledger {
    /// A name that no other run has.
    pub(crate) fn name(&self) -> String {
        format!("run-{}", self.names.fetch_add(1, Relaxed))
    }

    /// Notes the run if the answer says that it is accepted.
    pub(crate) fn note(&self, name: &str, answer: &Answer) {
        if [200, 201, 202].contains(&answer.status) {
            let before = self.accepted.lock().insert(answer.id(), name.to_owned());
            assert!(
                before.is_none_or(|before| before == name),
                "two runs in one"
            );
        }
    }

    pub(crate) fn accepted(&self) -> usize {
        self.accepted.lock().len()
    }

    /// One of the accepted runs.
    pub(crate) fn some(&self) -> Option<String> {
        self.accepted.lock().keys().next().cloned()
    }
}

/// A run of this name, with this `with`.
pub(crate) fn run(name: &str, with: &str) -> String {
    format!(r#"{{"name":"{name}","steps":[{{"name":"a","uses":"b","with":{with}}}]}}"#)
}
