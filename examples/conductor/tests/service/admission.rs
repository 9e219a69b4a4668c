//! The admission of new runs: too many at once are refused before anything is done for them.

use std::time::Duration;

use http::Method;
use maestro_bulkhead::Queue;

use crate::client::{RUN, RUNS};
use crate::raw::{post, sent};
use crate::stage::{Stage, eventually};

/// A service that takes one run at a time, and whose statements wait for a lock for as long as a test holds it.
async fn stage(queue: Queue) -> Stage {
    Stage::start_with(|config| {
        config.admission = config.admission.limit(1);
        config.queue = queue;
        config.busy = config.request;
    })
    .await
}

#[tokio::test]
async fn too_many_runs_are_refused_unparsed_and_uncounted() {
    let stage = stage(Queue::new(0, Duration::ZERO)).await;
    let lock = stage.database();
    lock.execute_batch("BEGIN EXCLUSIVE").expect("the lock");
    let client = stage.client.clone();
    let first = tokio::spawn(async move { client.post(RUN).await });
    eventually("admitted", async || {
        let metrics = stage.client.get("/metrics").await.text;
        metrics.contains("conductor_admission_in_flight 1")
    })
    .await;
    for body in [RUN, "no JSON"] {
        for _ in 0..10 {
            let refused = stage.client.post(body).await;
            assert_eq!(
                (refused.status, refused.string("/error/rejected_by")),
                (503, "admission".into())
            );
            assert_eq!(refused.headers["retry-after"], "1");
        }
    }
    assert_eq!(stage.client.get(RUNS).await.status, 200);
    let slo = stage.client.get("/slo").await;
    assert_eq!(
        (slo.at("/period/bad"), slo.at("/gate/refused")),
        (0.into(), 0.into())
    );
    lock.execute_batch("ROLLBACK").expect("unlocked");
    assert_eq!(first.await.expect("an answer").status, 201);
    let metrics = stage.client.get("/metrics").await.text;
    assert!(
        metrics.contains("conductor_admission_refused_total 20"),
        "{metrics}"
    );
}

#[tokio::test]
async fn a_burst_waits_for_its_places() {
    let stage = Stage::start_with(|config| {
        config.busy = config.request;
        config.queue = Queue::new(64, Duration::from_mins(1));
    })
    .await;
    let lock = stage.database();
    lock.execute_batch("BEGIN EXCLUSIVE").expect("the lock");
    let posted: Vec<_> = (0..48)
        .map(|_| {
            let client = stage.client.clone();
            tokio::spawn(async move { client.post(RUN).await })
        })
        .collect();
    eventually("queued", async || {
        let metrics = stage.client.get("/metrics").await.text;
        metrics.contains("conductor_admission_queued 36")
    })
    .await;
    // A client that has no time does not wait.
    let headers = [
        ("content-type", "application/json"),
        ("request-timeout-ms", "5"),
    ];
    let late = stage.client.send(Method::POST, RUNS, &headers, RUN).await;
    assert_eq!(
        (late.status, late.string("/error/code")),
        (504, "too_late".into())
    );
    lock.execute_batch("ROLLBACK").expect("unlocked");
    for posted in posted {
        assert_eq!(posted.await.expect("an answer").status, 201);
    }
    let slo = stage.client.get("/slo").await;
    assert_eq!(
        (slo.at("/period/bad"), slo.at("/gate/refused")),
        (0.into(), 0.into())
    );
}

#[tokio::test]
async fn a_body_that_is_being_sent_has_no_place() {
    let stage = stage(Queue::new(0, Duration::ZERO)).await;
    let mut slow = Vec::new();
    for _ in 0..20 {
        slow.push(sent(&stage.client, &post(100, "{")).await);
    }
    for _ in 0..5 {
        assert_eq!(stage.client.post(RUN).await.status, 201);
    }
}
