//! Accepted runs survive a crash.

use std::path::Path;
use std::time::Duration;

use conductor::{Fault, Peer};
use tokio::time::Instant;

use crate::client::{Answer, RUN, RUNS};
use crate::process::Process;
use crate::stage::{PATIENCE, eventually};

async fn status(process: &Process, id: &str) -> String {
    process
        .client
        .get(&format!("{RUNS}/{id}"))
        .await
        .string("/status")
}

fn start(directory: &Path, peer: &Peer) -> Process {
    Process::start(&directory.join("conductor.db"), &peer.url().to_string())
}

/// Posts until the response has this status, and returns it. The process has the default timeouts, so on a busy
/// machine it may reject a run.
async fn post_until(process: &Process, status: u16) -> Answer {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = process.client.post(RUN).await;
        if answer.status == status {
            return answer;
        }
        assert!(Instant::now() < deadline, "{}", answer.text);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_run_survives_kill_9_and_a_restart() {
    let (directory, peer) = (tempfile::tempdir().expect("a directory"), peer().await);
    let process = start(directory.path(), &peer);
    let posted = post_until(&process, 201).await;
    process.kill();

    let process = start(directory.path(), &peer);
    let read = process.client.get(&format!("{RUNS}/{}", posted.id())).await;
    assert_eq!((read.status, read.at("")), (200, posted.at("")));
}

#[tokio::test]
async fn a_restart_dispatches_runs_queued_at_kill_9() {
    let (directory, peer) = (tempfile::tempdir().expect("a directory"), peer().await);
    peer.set(Fault::Closed).await;
    let process = start(directory.path(), &peer);
    let mut ids = Vec::new();
    for _ in 0..8 {
        let posted = post_until(&process, 202).await;
        assert_eq!(posted.string("/status"), "queued");
        ids.push(posted.id());
    }
    process.kill();
    assert_eq!(peer.runs(), 0);

    peer.set(Fault::None).await;
    let process = start(directory.path(), &peer);
    for id in &ids {
        eventually("dispatched", async || {
            status(&process, id).await == "dispatched"
        })
        .await;
        assert!(peer.deliveries(id) > 0);
    }
    assert!(peer.runs() >= ids.len());
}

#[tokio::test]
async fn kill_9_under_load_loses_no_accepted_run() {
    let (directory, peer) = (tempfile::tempdir().expect("a directory"), peer().await);
    let process = start(directory.path(), &peer);
    let (accept, mut accepted) = tokio::sync::mpsc::unbounded_channel();
    for _ in 0..4 {
        let (client, accept) = (process.client.clone(), accept.clone());
        tokio::spawn(async move {
            while let Some(answer) = client.try_post(RUN).await {
                match answer.status {
                    201 | 202 => drop(accept.send(answer.id())),
                    // Not accepted, because the machine is busy.
                    503 | 504 => {}
                    _ => panic!("{}", answer.text),
                }
            }
        });
    }
    drop(accept);
    let mut ids = Vec::new();
    while ids.len() < 60 {
        let run = tokio::time::timeout(PATIENCE, accepted.recv()).await;
        ids.push(run.expect("in time").expect("more runs"));
        if ids.len() == 30 {
            // From now on some runs are being dispatched and some are queued.
            peer.set(Fault::Failing).await;
        }
    }
    process.kill();
    while let Some(id) = accepted.recv().await {
        ids.push(id);
    }

    peer.set(Fault::None).await;
    let process = start(directory.path(), &peer);
    for id in &ids {
        eventually("dispatched", async || {
            status(&process, id).await == "dispatched"
        })
        .await;
        assert!(peer.deliveries(id) > 0);
    }
}

#[tokio::test]
async fn the_peer_takes_a_run_once_after_kill_9_at_dispatch() {
    let (directory, peer) = (tempfile::tempdir().expect("a directory"), peer().await);
    let process = start(directory.path(), &peer);
    let id = post_until(&process, 201).await.id();
    process.kill();
    let (before, runs) = (peer.deliveries(&id), peer.runs());
    // The state after a kill at that moment: taken by the peer, queued in the store.
    let database = rusqlite::Connection::open(directory.path().join("conductor.db"));
    let back = "UPDATE runs SET status = 'queued', settled_at = NULL WHERE id = ?1";
    database
        .expect("a database")
        .execute(back, [&id])
        .expect("one run");

    let process = start(directory.path(), &peer);
    eventually("dispatched", async || {
        status(&process, &id).await == "dispatched"
    })
    .await;
    assert!(peer.deliveries(&id) > before);
    assert_eq!(peer.runs(), runs);
}

#[tokio::test]
async fn sigterm_finishes_requests_in_flight_and_exits_with_0() {
    let (directory, peer) = (tempfile::tempdir().expect("a directory"), peer().await);
    let process = start(directory.path(), &peer);
    peer.set(Fault::Stalled).await;
    // Waits until an attempt at the stalled peer is in flight. An attempt lasts for a part of a second, so the loop
    // posts again if it looks too late.
    let path = "/api/maestro/v1/health";
    let in_flight = "/dependencies/dispatch/bulkhead/in_flight";
    let deadline = Instant::now() + PATIENCE;
    let posted = 'posting: loop {
        let client = process.client.clone();
        let posted = tokio::spawn(async move { client.post(RUN).await });
        while !posted.is_finished() {
            if process.client.get(path).await.at(in_flight) != 0 {
                break 'posting posted;
            }
        }
        assert!(Instant::now() < deadline, "never seen in flight");
    };
    process.terminate();
    let answer = posted.await.expect("an answer");
    assert_eq!(
        (answer.status, answer.string("/status")),
        (202, "queued".into())
    );
    assert_eq!(process.end().await.code(), Some(0));
    // The log is merged into the database, which is now one file.
    assert!(directory.path().join("conductor.db").exists());
    assert!(!directory.path().join("conductor.db-wal").exists());
}

async fn peer() -> Peer {
    Peer::start().await.expect("a port")
}
