//! Databases of earlier versions.

use std::path::Path;

use http::Method;
use rusqlite::Connection;

use crate::client::{RUN, RUNS};
use crate::process::{conductor, output};
use crate::rows;
use crate::stage::{Stage, eventually};

/// The schema of version 1, with the index of its first builds and that of its last.
const VERSION_1: &str = "
    PRAGMA journal_mode = WAL;
    CREATE TABLE runs (
        id         TEXT PRIMARY KEY,
        client_key TEXT UNIQUE,
        status     TEXT NOT NULL,
        created_at TEXT NOT NULL,
        settled_at TEXT,
        spec       TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX runs_queued ON runs (id) WHERE status = 'queued';
    CREATE INDEX runs_in_queue ON runs (id, status) WHERE status = 'queued';
    PRAGMA user_version = 1;
";

/// Creates a database of version 1.
fn version_1(path: &Path) -> Connection {
    let database = Connection::open(path).expect("a database");
    database.execute_batch(VERSION_1).expect("a schema");
    database
}

#[tokio::test]
async fn a_database_of_version_1_is_converted_and_loses_no_run() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("conductor.db");
    let database = version_1(&path);
    let spec = rows::spec(r#"{"x":[1,"two"]}"#);
    let kept: Vec<_> = (0..70)
        .map(|number| rows::write(&database, number, "dispatched", &spec))
        .collect();
    let large = rows::write(&database, 100, "queued", &rows::long_text());
    let set = "UPDATE runs SET client_key = 'k' WHERE id = ?1";
    database.execute(set, [&kept[3]]).expect("a key");
    drop(database);

    let stage = Stage::start_with(|config| config.database = path.clone()).await;
    for id in &kept {
        let read = stage.client.get(&format!("{RUNS}/{id}")).await;
        assert_eq!(
            (read.status, read.at("/spec").to_string()),
            (
                200,
                serde_json::from_str::<serde_json::Value>(&spec)
                    .expect("JSON")
                    .to_string()
            )
        );
    }
    let newest = stage.client.get(&format!("{RUNS}?limit=2")).await;
    assert_eq!(newest.at("/runs/0/id"), large.as_str());
    assert_eq!(newest.at("/runs/1/id"), kept[69].as_str());
    eventually("the queued run is dispatched", async || {
        stage.peer().deliveries(&large) > 0
    })
    .await;
    let headers = [
        ("content-type", "application/json"),
        ("idempotency-key", "k"),
    ];
    let taken = stage.client.send(Method::POST, RUNS, &headers, RUN).await;
    assert_eq!(taken.status, 409, "{}", taken.text);
    assert_eq!(stage.client.post(RUN).await.status, 201);
    stage.server.shutdown().await.expect("drained");

    let database = Connection::open(&path).expect("a database");
    let number = |sql| database.query_one(sql, [], |row| row.get::<_, i64>(0));
    assert_eq!(number("PRAGMA user_version"), Ok(2));
    assert_eq!(number("SELECT count(*) FROM runs"), Ok(72));
    // The table, its two automatic indexes, and that of the queue.
    assert_eq!(number("SELECT count(*) FROM sqlite_schema"), Ok(4));
}

#[tokio::test]
async fn a_conversion_leaves_a_short_log() {
    const MOST: u64 = 16 << 20;
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("conductor.db");
    let database = version_1(&path);
    database.execute_batch("BEGIN").expect("begun");
    let spec = rows::long_text();
    for number in 0..300 {
        rows::write(&database, number, "dispatched", &spec);
    }
    database.execute_batch("COMMIT").expect("committed");
    drop(database);
    let log = || {
        let log = std::fs::metadata(path.with_extension("db-wal"));
        log.expect("a log").len()
    };

    let stage = Stage::start_with(|config| config.database = path.clone()).await;
    assert!(log() > MOST, "nothing to truncate");
    assert_eq!(stage.client.post(RUN).await.status, 201);
    assert!(log() <= MOST, "{} bytes", log());
}

#[tokio::test]
async fn a_malformed_database_of_version_1_is_left_unchanged() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("conductor.db");
    let database = version_1(&path);
    rows::write(&database, 1, "queued", &rows::long_text());
    drop(database);
    rows::break_an_overflow_page(&path);
    let before = std::fs::read(&path).expect("a file");

    let text = path.to_str().expect("a plain path");
    let said = output(conductor(["--listen", "127.0.0.1:0", "--database", text])).await;
    let stderr = String::from_utf8_lossy(&said.stderr).into_owned();
    assert_eq!(said.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("was left as it was"), "{stderr}");
    assert!(std::fs::read(&path).expect("a file") == before);
}
