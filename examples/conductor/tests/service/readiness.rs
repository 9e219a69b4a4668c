//! `/readyz` answers 200 only if a run can be stored.

use std::os::unix::fs::FileExt;

use crate::client::{Client, RUN};
use crate::process::{Process, conductor, shell};
use crate::rows;
use crate::stage::{Stage, eventually};

async fn becomes(client: &Client, status: u16) {
    eventually("readiness", async || {
        client.get("/readyz").await.status == status
    })
    .await;
}

#[tokio::test]
async fn a_store_whose_inserts_fail_is_not_ready() {
    let stage = Stage::start().await;
    assert_eq!(stage.client.get("/readyz").await.status, 200);
    let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON runs
        BEGIN SELECT RAISE(ABORT, 'refused'); END";
    stage.database().execute_batch(refuse).expect("a trigger");
    becomes(&stage.client, 503).await;
    let heal = "DROP TRIGGER refuse";
    stage.database().execute_batch(heal).expect("healed");
    becomes(&stage.client, 200).await;
    eventually("runs are taken", async || {
        stage.client.post(RUN).await.status == 201
    })
    .await;
    // The probe leaves nothing behind.
    let count = "SELECT count(*) FROM runs";
    let rows: i64 = stage
        .database()
        .query_one(count, [], |row| row.get(0))
        .expect("a count");
    assert_eq!(rows, 1);
}

#[tokio::test]
async fn a_malformed_database_is_not_ready() {
    let directory = tempfile::tempdir().expect("a directory");
    let peer = conductor::Peer::start().await.expect("a port");
    let (database, peer) = (
        directory.path().join("conductor.db"),
        peer.url().to_string(),
    );
    let process = Process::start(&database, &peer);
    eventually("stored", async || {
        process.client.post(RUN).await.status == 201
    })
    .await;
    process.terminate();
    process.end().await;
    // Every page but the first, which holds the schema.
    let file = std::fs::OpenOptions::new().write(true).open(&database);
    let file = file.expect("a file");
    let rest = file.metadata().expect("a size").len() - 4096;
    let noise = vec![0xff; usize::try_from(rest).expect("small")];
    file.write_all_at(&noise, 4096).expect("written");
    drop(file);

    let process = Process::start(&database, &peer);
    for _ in 0..10 {
        assert_eq!(process.client.post(RUN).await.status, 503);
        assert_eq!(process.client.get("/readyz").await.status, 503);
    }
    assert_eq!(process.client.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn a_full_disk_is_not_ready_and_does_not_flap() {
    let directory = tempfile::tempdir().expect("a directory");
    let peer = conductor::Peer::start().await.expect("a port");
    // A file may have 1 MiB or 2 MiB, depending on the shell; a write beyond that fails.
    let url = peer.url().to_string();
    let mut command = conductor(["--listen", "127.0.0.1:0", "--peer", &url, "--database"]);
    command.arg(directory.path().join("conductor.db"));
    let full = r#"trap '' XFSZ; ulimit -f 2048; exec "$0" "$@""#;
    let process = Process::serving(shell(full, &command));
    let body = rows::long_text();
    eventually("the disk is full", async || {
        let posted = process.client.post(&body).await;
        posted.text.contains("database failed")
    })
    .await;
    // Until the query of readiness has reached the store several times. Each time it closed the breaker before.
    let first = attempts(&process.client).await;
    eventually("asked", async || {
        assert_eq!(process.client.get("/readyz").await.status, 503);
        attempts(&process.client).await >= first + 4
    })
    .await;
    assert_eq!(process.client.post(&body).await.status, 503);
}

/// The attempts that reached the writer.
async fn attempts(client: &Client) -> u64 {
    let metrics = client.get("/metrics").await.text;
    let name = r#"conductor_dependency_attempts_total{dependency="store-write"} "#;
    let count = metrics.lines().find_map(|line| line.strip_prefix(name));
    count.and_then(|count| count.parse().ok()).expect("a count")
}

#[tokio::test]
async fn a_deleted_database_takes_no_run() {
    for deleted in ["conductor.db", "conductor.db-wal"] {
        let stage = Stage::start().await;
        assert_eq!(stage.client.post(RUN).await.status, 201);
        std::fs::remove_file(stage.file(deleted)).expect("deleted");
        // A run that is accepted now is in a file that no restart finds.
        let answer = stage.client.post(RUN).await;
        assert_eq!(answer.status, 503, "{deleted}: {}", answer.text);
        // Where the file was is not for clients.
        let directory = stage.file("").display().to_string();
        assert!(!answer.text.contains(&directory), "{}", answer.text);
        becomes(&stage.client, 503).await;
        let health = stage.client.get("/api/maestro/v1/health").await;
        let said = health.string("/dependencies/store-write/last_error/error");
        assert!(said.contains(deleted) && said.contains("restart"), "{said}");
        // A new file in its place is another one.
        std::fs::write(stage.file(deleted), "").expect("a file");
        becomes(&stage.client, 503).await;
    }
}
