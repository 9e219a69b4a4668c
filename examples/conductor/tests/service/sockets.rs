//! Clients that send slowly, send nothing, or close one half of their connection.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::client::RUN;
use crate::process::{Process, conductor, shell};
use crate::raw::{HALF_A_HEAD, narrow, post, rest, sent};
use crate::stage::{PATIENCE, Stage, eventually};

#[tokio::test]
async fn a_head_that_is_not_finished_in_time_ends_its_connection() {
    let stage = Stage::start_with(|config| config.head = Duration::from_millis(50)).await;
    for text in ["", HALF_A_HEAD] {
        let mut slow = sent(&stage.client, text).await;
        let answer = rest(&mut slow).await;
        assert!(!answer.contains(" 2"), "{answer}");
    }
}

#[tokio::test]
async fn an_idle_connection_ends_in_time() {
    let stage = Stage::start_with(|config| config.head = Duration::from_millis(50)).await;
    let request = "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let mut idle = sent(&stage.client, request).await;
    let answer = rest(&mut idle).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn idle_connections_make_room_for_new_ones() {
    let stage = Stage::start_with(|config| config.connections = 4).await;
    let mut idle = Vec::new();
    for _ in 0..12 {
        idle.push(sent(&stage.client, HALF_A_HEAD).await);
    }
    assert_eq!(stage.client.get("/healthz").await.status, 200);
    // The oldest has made room.
    rest(&mut idle[0]).await;
    let metrics = stage.client.get("/metrics").await.text;
    let displaced = "conductor_http_connections_displaced_total ";
    let displaced = metrics
        .lines()
        .find_map(|line| line.strip_prefix(displaced));
    assert!(
        displaced.and_then(|count| count.parse().ok()) > Some(0_u64),
        "{metrics}"
    );
}

#[tokio::test]
async fn requests_in_service_do_not_make_room_for_new_ones() {
    let stage = Stage::start_with(|config| config.connections = 4).await;
    stage.peer().set(conductor::Fault::Stalled).await;
    let mut posted = Vec::new();
    for _ in 0..3 {
        posted.push(sent(&stage.client, &post(RUN.len(), RUN)).await);
    }
    eventually("in flight", async || {
        let health = stage.client.get("/api/maestro/v1/health").await;
        health.at("/dependencies/dispatch/bulkhead/in_flight") == 3
    })
    .await;
    let mut idle = Vec::new();
    for _ in 0..8 {
        idle.push(sent(&stage.client, HALF_A_HEAD).await);
    }
    assert_eq!(stage.client.get("/healthz").await.status, 200);
    stage.heal().await;
    for stream in &mut posted {
        let mut status = [0; 12];
        let read = tokio::time::timeout(PATIENCE, stream.read_exact(&mut status)).await;
        read.expect("in time").expect("an answer");
        assert_eq!(&status, b"HTTP/1.1 201");
    }
}

#[tokio::test]
async fn idle_connections_leave_descriptors_for_others() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut command = conductor(["--listen", "127.0.0.1:0", "--database"]);
    command.arg(directory.path().join("conductor.db"));
    let process = Process::serving(shell(r#"ulimit -n 64; exec "$0" "$@""#, &command));
    let mut idle = Vec::new();
    for _ in 0..70 {
        idle.push(sent(&process.client, "").await);
    }
    assert_eq!(process.client.get("/healthz").await.status, 200);
    eventually("runs are dispatched", async || {
        process.client.post(RUN).await.status == 201
    })
    .await;
}

#[tokio::test]
async fn half_a_head_does_not_hold_up_sigterm() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut command = conductor(["--listen", "127.0.0.1:0", "--database"]);
    command.arg(directory.path().join("conductor.db"));
    let process = Process::serving(command);
    let mut slow = Vec::new();
    for text in ["", HALF_A_HEAD, &post(100, "{")] {
        slow.push(sent(&process.client, text).await);
    }
    assert_eq!(process.client.get("/healthz").await.status, 200);
    process.terminate();
    assert_eq!(process.end().await.code(), Some(0));
}

#[tokio::test]
async fn a_response_that_is_not_read_ends_its_connection() {
    let stage = Stage::start_with(|config| {
        config.head = Duration::from_millis(50);
        config.stalled = Duration::from_millis(50);
    })
    .await;
    let request = "GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(1_000);
    let mut deaf = narrow(&stage.client).await;
    // Nothing is read. When the buffers are full, the service cannot write its responses and reads no more requests,
    // so these writes wait until it ends the connection.
    let ended = async { while deaf.write_all(request.as_bytes()).await.is_ok() {} };
    let ended = tokio::time::timeout(PATIENCE, ended).await;
    ended.expect("the connection ends");
}

#[tokio::test]
async fn a_response_that_is_not_read_does_not_fail_the_shutdown() {
    let stage = Stage::start_with(|config| config.stalled = PATIENCE).await;
    let request = "GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(1_000);
    let mut deaf = narrow(&stage.client).await;
    // Until the buffers are full, and the service waits for the client to read.
    let full = Duration::from_millis(500);
    while tokio::time::timeout(full, deaf.write_all(request.as_bytes()))
        .await
        .is_ok()
    {}
    stage.server.shutdown().await.expect("drained in time");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let stage = Stage::start().await;
    let filler = "x".repeat(1_000_000);
    let mut stream = sent(
        &stage.client,
        "GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: ",
    )
    .await;
    let (mut reading, mut writing) = stream.split();
    let mut status = [0; 12];
    let (read, ()) = tokio::join!(reading.read_exact(&mut status), async {
        let _ = writing.write_all(filler.as_bytes()).await;
    });
    read.expect("an answer");
    assert_eq!(&status, b"HTTP/1.1 431");
}

#[tokio::test]
async fn a_client_that_has_closed_its_half_gets_its_response() {
    let stage = Stage::start().await;
    let mut stream = sent(&stage.client, &post(RUN.len(), RUN)).await;
    stream.shutdown().await.expect("the half is closed");
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
}

#[tokio::test]
async fn a_body_announced_as_too_large_is_refused_unread() {
    let stage = Stage::start().await;
    // Nothing follows, or more than the buffers hold.
    for body in [String::new(), " ".repeat(8_000_000)] {
        let mut stream = sent(&stage.client, &post(100_000_000, "")).await;
        let (mut reading, mut writing) = stream.split();
        let mut status = [0; 12];
        let (read, ()) = tokio::join!(reading.read_exact(&mut status), async {
            let _ = writing.write_all(body.as_bytes()).await;
        });
        read.expect("an answer");
        assert_eq!(&status, b"HTTP/1.1 413");
    }
}
