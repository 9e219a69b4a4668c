//! What was accepted survives anything.

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

/// Posts until it is answered so, and returns that answer. The stacks of the process are in their usual
/// hurry, and a busy machine may make them refuse a run.
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
async fn a_run_is_read_back_after_kill_9_and_a_restart() {
    let (directory, peer) = (tempfile::tempdir().expect("a directory"), peer().await);
    let process = start(directory.path(), &peer);
    let posted = post_until(&process, 201).await;
    process.kill();

    let process = start(directory.path(), &peer);
    let read = process.client.get(&format!("{RUNS}/{}", posted.id())).await;
    assert_eq!((read.status, read.at("")), (200, posted.at("")));
}

#[tokio::test]
async fn runs_queued_at_kill_9_are_dispatched_after_the_restart() {
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
async fn nothing_that_was_answered_is_lost_by_kill_9_in_the_middle_of_a_storm() {
    let (directory, peer) = (tempfile::tempdir().expect("a directory"), peer().await);
    let process = start(directory.path(), &peer);
    let (accept, mut accepted) = tokio::sync::mpsc::unbounded_channel();
    for _ in 0..4 {
        let (client, accept) = (process.client.clone(), accept.clone());
        tokio::spawn(async move {
            while let Some(answer) = client.try_post(RUN).await {
                match answer.status {
                    201 | 202 => drop(accept.send(answer.id())),
                    // Not accepted: a busy machine. Nothing was promised.
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
            // From here on some are on their way to the peer, some are queued.
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
async fn killed_between_dispatch_and_record_a_run_is_one_run_to_the_peer() {
    let (directory, peer) = (tempfile::tempdir().expect("a directory"), peer().await);
    let process = start(directory.path(), &peer);
    let id = post_until(&process, 201).await.id();
    process.kill();
    let (before, runs) = (peer.deliveries(&id), peer.runs());
    // As a kill in that moment leaves it: taken by the peer, queued in the store.
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
async fn told_to_stop_it_answers_what_is_in_flight_and_ends_with_0() {
    let (directory, peer) = (tempfile::tempdir().expect("a directory"), peer().await);
    let process = start(directory.path(), &peer);
    peer.set(Fault::Stalled).await;
    // In flight: an attempt at the stalled peer is under way. It is so for a part of a second only; should
    // we look too late, then once more.
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
    let ended = tokio::task::spawn_blocking(|| process.wait())
        .await
        .expect("it ends");
    assert_eq!(ended.code(), Some(0));
    // Closed: the log is folded into the database, which is now one file.
    assert!(directory.path().join("conductor.db").exists());
    assert!(!directory.path().join("conductor.db-wal").exists());
}

async fn peer() -> Peer {
    Peer::start().await.expect("a port")
}
