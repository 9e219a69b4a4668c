//! What was accepted survives anything.

use std::path::Path;

use conductor::{Fault, Peer};

use crate::client::{RUN, RUNS};
use crate::process::Process;
use crate::stage::eventually;

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

#[tokio::test]
async fn a_run_is_read_back_after_kill_9_and_a_restart() {
    let (directory, peer) = (tempfile::tempdir().expect("a directory"), peer().await);
    let process = start(directory.path(), &peer);
    let posted = process.client.post(RUN).await;
    assert_eq!(posted.status, 201);
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
        let posted = process.client.post(RUN).await;
        assert_eq!(
            (posted.status, posted.string("/status")),
            (202, "queued".into())
        );
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
    assert_eq!(peer.runs(), ids.len());
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
                assert!(matches!(answer.status, 201 | 202), "{}", answer.text);
                let _ = accept.send(answer.id());
            }
        });
    }
    drop(accept);
    let mut ids = Vec::new();
    while ids.len() < 60 {
        ids.push(accepted.recv().await.expect("more runs"));
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
    let id = process.client.post(RUN).await.id();
    process.kill();
    // As a kill in that moment leaves it: taken by the peer, queued in the store.
    let database = rusqlite::Connection::open(directory.path().join("conductor.db"));
    let back = "UPDATE runs SET status = 'queued', settled_at = NULL";
    database
        .expect("a database")
        .execute(back, [])
        .expect("one run");

    let process = start(directory.path(), &peer);
    eventually("dispatched", async || {
        status(&process, &id).await == "dispatched"
    })
    .await;
    assert_eq!((peer.runs(), peer.deliveries(&id)), (1, 2));
}

#[tokio::test]
async fn told_to_stop_it_answers_what_is_in_flight_and_ends_with_0() {
    let (directory, peer) = (tempfile::tempdir().expect("a directory"), peer().await);
    let process = start(directory.path(), &peer);
    peer.set(Fault::Stalled).await;
    let client = process.client.clone();
    let posted = tokio::spawn(async move { client.post(RUN).await });
    // In flight: an attempt at the stalled peer is under way.
    let path = "/api/maestro/v1/health";
    let in_flight = "/dependencies/dispatch/bulkhead/in_flight";
    eventually("in flight", async || {
        process.client.get(path).await.at(in_flight) == 1
    })
    .await;
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
}

async fn peer() -> Peer {
    Peer::start().await.expect("a port")
}
