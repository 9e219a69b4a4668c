//! Real faults, and the responses during and after them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use conductor::{Fault, Peer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::client::{RUN, RUNS};
use crate::stage::{PATIENCE, Stage, eventually, hurried};

/// Posts until the breaker of a dependency is open, and returns the ids of the accepted runs.
async fn post_until_open(stage: &Stage, dependency: &str, status: u16) -> Vec<String> {
    let mut accepted = Vec::new();
    let deadline = Instant::now() + PATIENCE;
    while stage.breaker(dependency).await == "closed" {
        assert!(Instant::now() < deadline, "{dependency} stays closed");
        let posted = stage.client.post(RUN).await;
        assert_eq!(posted.status, status, "{}", posted.text);
        if status == 202 {
            accepted.push(posted.id());
        }
    }
    accepted
}

async fn a_broken_peer_queues_runs_and_a_healed_one_gets_them(fault: Fault) {
    let stage = Stage::start_with(hurried).await;
    stage.peer().set(fault).await;
    let queued = post_until_open(&stage, "dispatch", 202).await;
    assert!(!queued.is_empty());
    let held = stage.client.post(RUN).await;
    assert_eq!(held.status, 202);
    assert!(held.string("/detail").contains("will be dispatched"));
    // Reads and readiness are not affected.
    let read = stage.client.get(&format!("{RUNS}/{}", queued[0])).await;
    assert_eq!(
        (read.status, read.string("/status")),
        (200, "queued".into())
    );
    assert_eq!(stage.client.get("/readyz").await.status, 200);

    stage.heal().await;
    let peer = stage.peer();
    eventually("all dispatched", async || {
        queued.iter().all(|id| peer.deliveries(id) > 0)
    })
    .await;
    for id in &queued {
        let path = format!("{RUNS}/{id}");
        eventually("written down", async || {
            stage.client.get(&path).await.string("/status") == "dispatched"
        })
        .await;
    }
    // The first run may be the first of two probes.
    eventually("taken at once again", async || {
        stage.client.post(RUN).await.status == 201 && stage.breaker("dispatch").await == "closed"
    })
    .await;
}

#[tokio::test]
async fn a_closed_peer_queues_runs_and_a_healed_one_gets_them() {
    a_broken_peer_queues_runs_and_a_healed_one_gets_them(Fault::Closed).await;
}

#[tokio::test]
async fn a_stalled_peer_queues_runs_and_a_healed_one_gets_them() {
    a_broken_peer_queues_runs_and_a_healed_one_gets_them(Fault::Stalled).await;
}

#[tokio::test]
async fn a_failing_peer_queues_runs_and_a_healed_one_gets_them() {
    a_broken_peer_queues_runs_and_a_healed_one_gets_them(Fault::Failing).await;
}

#[tokio::test]
async fn a_locked_store_refuses_runs_opens_its_breaker_and_heals() {
    let stage = Stage::start().await;
    let kept = stage.client.post(RUN).await.id();
    let lock = stage.database();
    lock.execute_batch("BEGIN EXCLUSIVE").expect("the lock");

    post_until_open(&stage, "store-write", 503).await;
    eventually("refused by the breaker", async || {
        let refused = stage.client.post(RUN).await;
        assert_eq!(
            (refused.status, refused.string("/error/code")),
            (503, "store_unavailable".into())
        );
        assert!(refused.headers.contains_key("retry-after"));
        refused.at("/error/rejected_by") == "store-write breaker"
    })
    .await;
    assert_eq!(stage.client.get("/readyz").await.status, 503);
    assert_eq!(stage.client.get("/healthz").await.status, 200);
    // In WAL mode the lock stops the writer. Reads have a separate stack and continue.
    assert_eq!(
        stage.client.get(&format!("{RUNS}/{kept}")).await.status,
        200
    );
    assert_eq!(stage.client.get(RUNS).await.at("/runs/0/id"), kept.as_str());

    lock.execute_batch("ROLLBACK").expect("unlocked");
    // No run is posted: the readiness query closes the breaker.
    eventually("ready", async || {
        stage.client.get("/readyz").await.status == 200
    })
    .await;
    eventually("closed", async || {
        stage.client.get("/readyz").await;
        stage.breaker("store-write").await == "closed"
    })
    .await;
    assert_eq!(stage.client.post(RUN).await.status, 201);
}

#[tokio::test]
async fn an_unreadable_store_is_replaced_by_stale_copies() {
    let stage = Stage::start_with(|config| config.fresh_for = Duration::ZERO).await;
    stage.peer().set(Fault::Closed).await;
    let queued = stage.client.post(RUN).await;
    assert_eq!(queued.status, 202);
    let path = format!("{RUNS}/{}", queued.id());
    assert_eq!(
        stage.client.get(&path).await.at("/stale"),
        serde_json::Value::Null
    );

    stage
        .database()
        .execute_batch("ALTER TABLE runs RENAME TO lost")
        .expect("renamed");
    let copy = stage.client.get(&path).await;
    assert_eq!((copy.status, copy.at("/stale")), (200, true.into()));
    let unknown = format!("{RUNS}/00000000-0000-0000-0000-000000000000");
    assert_eq!(stage.client.get(&unknown).await.status, 503);

    stage
        .database()
        .execute_batch("ALTER TABLE lost RENAME TO runs")
        .expect("renamed back");
    eventually("read again", async || {
        stage.client.get(&path).await.at("/stale").is_null()
    })
    .await;
}

#[tokio::test]
async fn a_run_refused_by_the_peer_is_settled() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let peer = format!("http://{}", listener.local_addr().expect("an address"));
    let asked = Arc::new(AtomicU32::new(0));
    let counted = asked.clone();
    let refuse = post(move || async move {
        counted.fetch_add(1, Relaxed);
        StatusCode::UNPROCESSABLE_ENTITY
    });
    let routes = Router::new().route("/v1/dispatches", refuse);
    let serving = tokio::spawn(async move { axum::serve(listener, routes).await });
    let stage = Stage::start_with(|config| config.peer = Some(peer.parse().unwrap())).await;

    for _ in 0..8 {
        let posted = stage.client.post(RUN).await;
        assert_eq!(
            (posted.status, posted.string("/status")),
            (201, "refused".into())
        );
    }
    // A refusal is a successful call: one request for each run, and the breaker stays closed.
    assert_eq!(asked.load(Relaxed), 8);
    assert_eq!(stage.breaker("dispatch").await, "closed");
    serving.abort();
}

#[tokio::test]
async fn failing_runs_do_not_block_the_other_runs() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let peer = format!("http://{}", listener.local_addr().expect("an address"));
    let down = Arc::new(AtomicBool::new(true));
    let still_down = down.clone();
    let choke = post(move |body: String| async move {
        let fails = still_down.load(Relaxed) || body.contains("poison");
        if fails {
            StatusCode::INTERNAL_SERVER_ERROR
        } else {
            StatusCode::ACCEPTED
        }
    });
    let routes = Router::new().route("/v1/dispatches", choke);
    let serving = tokio::spawn(async move { axum::serve(listener, routes).await });
    let stage = Stage::start_with(|config| config.peer = Some(peer.parse().unwrap())).await;

    // They are older than the good run, more than the outbox sends at a time, and more consecutive failures than
    // the breaker allows.
    let poison = RUN.replace("hello", "poison");
    for _ in 0..9 {
        assert_eq!(stage.client.post(&poison).await.status, 202);
    }
    let good = stage.client.post(RUN).await;
    assert_eq!(good.status, 202);
    down.store(false, Relaxed);
    let path = format!("{RUNS}/{}", good.id());
    eventually("dispatched", async || {
        stage.client.get(&path).await.string("/status") == "dispatched"
    })
    .await;
    serving.abort();
}

#[tokio::test]
async fn shutdown_reports_requests_that_outlast_the_drain() {
    let stage = Stage::start_with(|config| config.drain = Duration::from_millis(1)).await;
    stage.peer().set(Fault::Stalled).await;
    let client = stage.client.clone();
    // The shutdown closes its connection, so there is no response.
    let posted = tokio::spawn(async move { client.post(RUN).await });
    let in_flight = "/dependencies/dispatch/bulkhead/in_flight";
    eventually("in flight", async || {
        stage
            .client
            .get("/api/maestro/v1/health")
            .await
            .at(in_flight)
            == 1
    })
    .await;
    let late = stage.server.shutdown().await.expect_err("it is in flight");
    assert!(late.to_string().contains("--drain-seconds"), "{late}");
    posted.abort();
}

#[tokio::test]
async fn in_process_shutdown_finishes_requests_in_flight() {
    let peer = Peer::start().await.expect("a port");
    let url = peer.url();
    let stage = Stage::start_with(|config| config.peer = Some(url)).await;
    peer.set(Fault::Stalled).await;
    let client = stage.client.clone();
    let posted = tokio::spawn(async move { client.post(RUN).await });
    let in_flight = "/dependencies/dispatch/bulkhead/in_flight";
    let health = "/api/maestro/v1/health";
    eventually("in flight", async || {
        stage.client.get(health).await.at(in_flight) == 1
    })
    .await;
    let Stage { server, client, .. } = stage;
    let stopping = tokio::spawn(server.shutdown());
    eventually("no more connections", async || {
        client.try_get(health).await.is_none()
    })
    .await;
    peer.set(Fault::None).await;
    stopping.await.expect("no panic").expect("drained in time");
    assert_eq!(posted.await.expect("an answer").status, 201);
}

#[tokio::test]
async fn a_404_of_the_peer_keeps_runs_queued() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let peer = format!("http://{}", listener.local_addr().expect("an address"));
    let wrong = Arc::new(AtomicBool::new(true));
    let still_wrong = wrong.clone();
    // A receipt that is longer than the client reads is still a receipt.
    let take = post(move || async move {
        if still_wrong.load(Relaxed) {
            (StatusCode::NOT_FOUND, String::new())
        } else {
            (StatusCode::OK, "thanks ".repeat(10_000))
        }
    });
    let routes = Router::new().route("/v1/dispatches", take);
    let serving = tokio::spawn(async move { axum::serve(listener, routes).await });
    let stage = Stage::start_with(|config| config.peer = Some(peer.parse().unwrap())).await;

    let posted = stage.client.post(RUN).await;
    assert_eq!(
        (posted.status, posted.string("/status")),
        (202, "queued".into())
    );
    wrong.store(false, Relaxed);
    let path = format!("{RUNS}/{}", posted.id());
    eventually("dispatched", async || {
        stage.client.get(&path).await.string("/status") == "dispatched"
    })
    .await;
    serving.abort();
}

#[tokio::test]
async fn a_receipt_that_never_ends_settles_its_run_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let peer = format!("http://{}", listener.local_addr().expect("an address"));
    let asked = Arc::new(AtomicU32::new(0));
    let counted = asked.clone();
    let serving = tokio::spawn(async move {
        let mut open = JoinSet::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let counted = counted.clone();
            open.spawn(async move {
                let mut request = [0; 4096];
                while stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                    if request.starts_with(b"POST") {
                        counted.fetch_add(1, Relaxed);
                        let head = b"HTTP/1.1 202 Accepted\r\ncontent-length: 9\r\n\r\n{";
                        let _ = stream.write_all(head).await;
                    }
                    request.fill(0);
                }
            });
        }
    });
    let stage = Stage::start_with(|config| {
        hurried(config);
        config.peer = Some(peer.parse().unwrap());
    })
    .await;

    let posted = stage.client.post(RUN).await;
    assert_eq!(
        (posted.status, posted.string("/status")),
        (201, "dispatched".into())
    );
    assert_eq!(asked.load(Relaxed), 1);
    serving.abort();
}
