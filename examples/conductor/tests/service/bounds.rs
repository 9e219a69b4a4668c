//! What clients send and ask for is bounded in structure, in bytes and in its effect on others.

use std::time::Duration;

use http::Method;
use serde_json::Value;

use crate::client::RUNS;
use crate::process::Process;
use crate::rows;
use crate::stage::{Stage, eventually};

/// The bytes of the largest response of a list: its page, and one run.
const LARGEST_LIST: usize = 384 * 1024;

#[tokio::test]
async fn a_run_of_too_many_values_is_refused() {
    let stage = Stage::start().await;
    let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(100), "]".repeat(100));
    for body in [rows::many_values(), rows::spec(&deep)] {
        let answer = stage.client.post(&body).await;
        assert_eq!(answer.status, 400, "{}", answer.text);
        assert_eq!(answer.string("/error/field"), "body");
    }
    assert_eq!(stage.client.post(&rows::long_text()).await.status, 201);
}

#[tokio::test]
async fn a_list_is_bounded_in_bytes_and_loses_no_run() {
    let stage = Stage::start().await;
    let (database, specs) = (stage.database(), [rows::many_values(), rows::long_text()]);
    database.execute_batch("BEGIN").expect("a transaction");
    let mut ids: Vec<_> = (0..40)
        .map(|number| rows::write(&database, number, "dispatched", &specs[number as usize % 2]))
        .collect();
    database.execute_batch("COMMIT").expect("committed");
    ids.reverse();
    let (mut listed, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = stage.client.get(&format!("{RUNS}?limit=200{cursor}")).await;
        assert_eq!(page.status, 200, "{}", page.text);
        assert!(page.text.len() <= LARGEST_LIST, "{} bytes", page.text.len());
        let runs = page.at("/runs");
        let runs = runs.as_array().expect("a list");
        listed.extend(runs.iter().map(|run| run["id"].clone()));
        let Value::String(next) = page.at("/next_cursor") else {
            break;
        };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(listed, ids);
}

/// Replaces the table by a view of rows with this id, which no query finds and no scan reaches the end of.
fn endless(stage: &Stage, id: &str) {
    let view = format!(
        "ALTER TABLE runs RENAME TO kept;
        CREATE VIEW runs AS WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n)
        SELECT {id} AS id, '' AS client_key, '' AS status, '' AS created_at, '' AS settled_at,
            '' AS spec FROM n WHERE i < (SELECT -count(*) FROM kept)"
    );
    stage.database().execute_batch(&view).expect("a view");
}

#[tokio::test]
async fn a_query_whose_caller_has_gone_is_interrupted() {
    let stage = Stage::start_with(|config| {
        // The outbox is one of the callers that go.
        config.reads.attempt.timeout = Duration::from_millis(200);
    })
    .await;
    // SQLite does not know which rows have which id, so it looks at all.
    endless(&stage, "CAST(i AS TEXT)");
    let impatient = [("request-timeout-ms", "100")];
    let one = format!("{RUNS}/{}", rows::id(7));
    for path in [RUNS, &one] {
        let answer = stage.client.send(Method::GET, path, &impatient, "").await;
        assert!([503, 504].contains(&answer.status), "{}", answer.text);
    }
    stage
        .database()
        .execute_batch("DROP VIEW runs; ALTER TABLE kept RENAME TO runs")
        .expect("the table again");
    eventually("the threads answer again", async || {
        let (list, one) = (stage.client.get(RUNS).await, stage.client.get(&one).await);
        list.status == 200 && one.status == 404
    })
    .await;
}

#[tokio::test]
async fn late_lists_open_no_breaker() {
    let stage = Stage::start_with(|config| {
        config.lists.attempt.timeout = Duration::from_millis(20);
    })
    .await;
    // Only a list looks at these rows: all others ask for ids that they do not have.
    endless(&stage, "''");
    for _ in 0..12 {
        let answer = stage.client.get(RUNS).await;
        assert_eq!(answer.string("/error/rejected_by"), "store-list timeout");
    }
    for dependency in ["store-list", "store-read"] {
        assert_eq!(stage.breaker(dependency).await, "closed");
    }
    let one = format!("{RUNS}/{}", rows::id(7));
    assert_eq!(stage.client.get(&one).await.status, 404);
}

#[tokio::test]
async fn the_cache_is_bounded_in_bytes() {
    const BYTES: u64 = 512 * 1024;
    let stage = Stage::start_with(|config| config.cache_bytes = BYTES).await;
    let body = rows::long_text();
    for _ in 0..20 {
        assert_eq!(stage.client.post(&body).await.status, 201);
    }
    let metrics = stage.client.get("/metrics").await.text;
    let held = metrics
        .lines()
        .find_map(|line| line.strip_prefix("conductor_cache_bytes "));
    let held = held.and_then(|held| held.parse().ok()).unwrap_or(0);
    assert!((60_000..=BYTES).contains(&held), "{metrics}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_memory_is_bounded_whatever_runs_are_posted() {
    let directory = tempfile::tempdir().expect("a directory");
    let peer = conductor::Peer::start().await.expect("a port");
    let database = directory.path().join("conductor.db");
    let process = Process::start(&database, &peer.url().to_string());
    let before = process.peak();
    for body in [rows::many_values(), rows::long_text()] {
        for _ in 0..60 {
            // On a busy machine some are not accepted.
            process.client.post(&body).await;
        }
    }
    let list = format!("{RUNS}?limit=200");
    for _ in 0..3 {
        process.client.get(&list).await;
    }
    let grown = process.peak() - before;
    assert!(grown < 100 << 20, "{} MiB more", grown >> 20);
}
