//! More clients than the service has capacity for. They post on, whatever the answers are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use http::Method;
use hyper_util::client::legacy::Client as Pool;
use hyper_util::rt::TokioExecutor;
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::arena::{Ledger, run};
use crate::client::{Client, RUNS};
use crate::stage::eventually;

pub(crate) struct Load {
    ledger: Arc<Ledger>,
    stop: Arc<AtomicBool>,
    counts: Arc<Counts>,
    clients: JoinSet<Option<String>>,
    before: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) accepted: AtomicU32,
    pub(crate) offered: AtomicU32,
    /// Refused runs, by the layer that refused.
    pub(crate) rejected: Mutex<BTreeMap<String, u32>>,
}

impl Load {
    /// Starts this number of clients. Each keeps its connection, and posts again as soon as it has its answer.
    pub(crate) fn start(client: &Client, ledger: &Arc<Ledger>, clients: u32) -> Self {
        let mut load = Self {
            ledger: ledger.clone(),
            stop: Arc::default(),
            counts: Arc::default(),
            clients: JoinSet::new(),
            before: ledger.accepted(),
        };
        for _ in 0..clients {
            let client = keeping(client);
            let (ledger, stop) = (load.ledger.clone(), load.stop.clone());
            let counts = load.counts.clone();
            load.clients.spawn(async move {
                while !stop.load(Relaxed) {
                    let name = ledger.name();
                    let headers = [
                        ("content-type", "application/json"),
                        ("idempotency-key", &*name),
                    ];
                    let body = run(&name, "{}");
                    let posted = client.try_send(Method::POST, RUNS, &headers, &body).await;
                    counts.offered.fetch_add(1, Relaxed);
                    let Some(answer) = posted else {
                        return Some(name);
                    };
                    ledger.note(&name, &answer);
                    match answer.status {
                        201 | 202 => drop(counts.accepted.fetch_add(1, Relaxed)),
                        // 408: a busy machine may be slow to send a body.
                        408 | 503 | 504 => {
                            // Never the half hour of an earlier gate.
                            let wait = answer.headers.get("retry-after");
                            let wait = wait.and_then(|wait| wait.to_str().ok()?.parse().ok());
                            assert!(wait.is_none_or(|seconds: u32| seconds <= 16), "{wait:?}");
                            let by = answer.at("/error/rejected_by").to_string();
                            *counts.rejected.lock().entry(by).or_default() += 1;
                        }
                        _ => panic!("{}: {}", answer.status, answer.text),
                    }
                }
                None
            });
        }
        load
    }

    /// Returns when this number of runs has been accepted since the start.
    pub(crate) async fn has_accepted(&self, runs: usize) {
        let enough = self.before + runs;
        eventually("runs are accepted under load", async || {
            self.ledger.accepted() >= enough
        })
        .await;
    }

    /// The accepted runs a second during this time, and the posted ones.
    pub(crate) async fn rates(&self, time: Duration) -> (f64, f64) {
        let counts = || {
            let Counts {
                accepted, offered, ..
            } = &*self.counts;
            (accepted.load(Relaxed), offered.load(Relaxed))
        };
        let (before, begun) = (counts(), Instant::now());
        sleep(time).await;
        let (after, seconds) = (counts(), begun.elapsed().as_secs_f64());
        let rate = |after: u32, before: u32| f64::from(after - before) / seconds;
        (rate(after.0, before.0), rate(after.1, before.1))
    }

    /// Ends the load. Returns the names of the runs that got no answer.
    pub(crate) async fn stop(self) -> Vec<String> {
        println!("{:?}", self.counts);
        self.stop.store(true, Relaxed);
        let unanswered = self.clients.join_all().await;
        unanswered.into_iter().flatten().collect()
    }
}

/// A client of the same service that keeps its connections.
pub(crate) fn keeping(client: &Client) -> Client {
    Client {
        pool: Pool::builder(TokioExecutor::new()).build_http(),
        service: client.service,
    }
}
