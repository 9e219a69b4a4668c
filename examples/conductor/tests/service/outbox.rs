//! The outbox delivers every queued run, whatever the rows of the other runs hold.

use std::time::Duration;

use conductor::Fault;

use crate::client::{RUN, RUNS};
use crate::process::Process;
use crate::rows;
use crate::stage::{Stage, eventually};

#[tokio::test]
async fn runs_that_are_costly_to_parse_are_delivered() {
    // A page of whole runs took longer than this limit to parse, at every attempt.
    let stage = Stage::start_with(|config| {
        config.reads.attempt.timeout = Duration::from_secs(1);
        config.reads.whole = Duration::from_secs(1);
    })
    .await;
    let (database, spec) = (stage.database(), rows::many_values());
    database.execute_batch("BEGIN").expect("a transaction");
    let ids: Vec<_> = (0..64)
        .map(|number| rows::write(&database, number, "queued", &spec))
        .collect();
    database.execute_batch("COMMIT").expect("committed");
    eventually("all delivered", async || {
        ids.iter().all(|id| stage.peer().deliveries(id) > 0)
    })
    .await;
    let metrics = stage.client.get("/metrics").await.text;
    let opened = r#"conductor_breaker_transitions_total{dependency="store-read",to="open"}"#;
    let opened = metrics.lines().find_map(|line| line.strip_prefix(opened));
    assert_eq!(opened.map_or("0", str::trim), "0");
}

#[tokio::test]
async fn unreadable_rows_stop_neither_outbox_nor_lists() {
    let stage = Stage::start().await;
    let database = stage.database();
    let good = rows::spec("{}");
    database.execute_batch("BEGIN").expect("a transaction");
    // Before, between and after the readable rows, and more in a row than one page of the outbox has.
    for number in 0..70 {
        rows::write(&database, number, "queued", "no JSON");
    }
    let first = rows::write(&database, 100, "queued", &good);
    rows::write(&database, 101, "queued", r#"{"name":"no steps"}"#);
    rows::write(&database, 102, "lost", &good);
    let sql = "INSERT INTO runs VALUES (?1, NULL, 'queued', ?2, NULL, CAST(?3 AS TEXT))";
    for (id, created, spec) in [
        ("no id", "2026-01-01T00:00:00Z", good.as_bytes()),
        (&rows::id(103), "yesterday", good.as_bytes()),
        (&rows::id(104), "2026-01-01T00:00:00Z", b"\xff\xfe"),
        // The same id in another notation, which is not found again.
        (
            &rows::id(105).to_uppercase().replace('-', ""),
            "2026-01-01T00:00:00Z",
            good.as_bytes(),
        ),
    ] {
        database
            .execute(sql, rusqlite::params![id, created, spec])
            .expect("a row");
    }
    let last = rows::write(&database, 110, "queued", &good);
    database.execute_batch("COMMIT").expect("committed");

    let peer = stage.peer();
    eventually("both delivered", async || {
        peer.deliveries(&first) > 0 && peer.deliveries(&last) > 0
    })
    .await;
    let listed = stage.client.get(RUNS).await;
    assert_eq!(listed.status, 200, "{}", listed.text);
    assert_eq!(
        (listed.at("/runs/0/id"), listed.at("/runs/1/id")),
        (last.as_str().into(), first.as_str().into())
    );
    assert!(listed.at("/runs/2").is_null() && listed.at("/next_cursor").is_null());
    let page = stage.client.get(&format!("{RUNS}?limit=1")).await;
    assert_eq!(page.at("/next_cursor"), last.as_str());
    // No breaker takes a bad row for a fault of the store, and the read of one says what it is.
    let one = stage.client.get(&format!("{RUNS}/{}", rows::id(0))).await;
    assert_eq!(
        (one.status, one.string("/error/code")),
        (500, "unreadable_run".into())
    );
    assert_eq!(stage.breaker("store-read").await, "closed");
    let metrics = stage.client.get("/metrics").await.text;
    // One row is above every id in hexadecimal, so only the outbox finds it.
    let line = "conductor_store_unreadable_rows 76";
    assert!(metrics.lines().any(|said| said == line), "{metrics}");
}

#[tokio::test]
async fn runs_are_not_sent_again_and_again_while_the_writer_fails() {
    let stage = Stage::start().await;
    stage.peer().set(Fault::Closed).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(stage.client.post(RUN).await.id());
    }
    let lock = stage.database();
    lock.execute_batch("BEGIN EXCLUSIVE").expect("the lock");
    stage.heal().await;
    let opened = r#"conductor_breaker_transitions_total{dependency="store-write",to="open"} "#;
    eventually("the breaker has opened many times", async || {
        let metrics = stage.client.get("/metrics").await.text;
        let count = metrics.lines().find_map(|line| line.strip_prefix(opened));
        count.and_then(|count| count.parse().ok()) > Some(30_u32)
    })
    .await;
    let deliveries = ids.iter().map(|id| stage.peer().deliveries(id));
    let deliveries: u32 = deliveries.sum();
    assert!(deliveries <= 15, "{deliveries} deliveries of 3 runs");
    lock.execute_batch("ROLLBACK").expect("unlocked");
    for id in &ids {
        let path = format!("{RUNS}/{id}");
        eventually("written down", async || {
            stage.client.get(&path).await.string("/status") == "dispatched"
        })
        .await;
    }
}

#[tokio::test]
async fn a_run_on_a_malformed_page_stops_no_other_run() {
    let directory = tempfile::tempdir().expect("a directory");
    let peer = conductor::Peer::start().await.expect("a port");
    let path = directory.path().join("conductor.db");
    let url = peer.url().to_string();
    let process = Process::start(&path, &url);
    process.terminate();
    process.end().await;
    let database = rusqlite::Connection::open(&path).expect("a database");
    let id = rows::write(&database, 1, "queued", &rows::long_text());
    // Closing the only connection moves the log into the file.
    drop(database);
    rows::break_an_overflow_page(&path);

    // In this process, whose timeouts a busy machine does not reach.
    let stage = Stage::start_with(|config| config.database = path).await;
    for _ in 0..20 {
        let answer = stage.client.get(&format!("{RUNS}/{id}")).await;
        assert_eq!(answer.string("/error/code"), "unreadable_run");
    }
    assert_eq!(stage.breaker("store-read").await, "closed");
    assert_eq!(stage.client.get("/readyz").await.status, 200);
    for _ in 0..3 {
        let posted = stage.client.post(RUN).await;
        assert_eq!(posted.status, 201, "{}", posted.text);
    }
    // A client that asks again and again does not burn the budget.
    let slo = stage.client.get("/slo").await;
    assert_eq!(
        (slo.at("/period/bad"), slo.at("/gate/state")),
        (0.into(), "open".into())
    );
}
