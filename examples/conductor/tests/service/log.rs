//! A log that cannot be written neither stops nor blocks the service.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Stdio;

use conductor::{Fault, Peer};

use crate::client::RUN;
use crate::process::{Process, conductor, output, shell};
use crate::stage::eventually;

/// Every write fails: the disk is full.
fn full() -> Stdio {
    File::options()
        .write(true)
        .open("/dev/full")
        .expect("the device")
        .into()
}

/// Every write fails: the reader has gone.
fn closed() -> Stdio {
    let (log, _) = UnixStream::pair().expect("a pair");
    OwnedFd::from(log).into()
}

/// Every write blocks: the reader does not read. The second value is the reader.
fn unread() -> (Stdio, UnixStream) {
    let (mut log, reader) = UnixStream::pair().expect("a pair");
    log.set_nonblocking(true).expect("it does not block");
    let filled = loop {
        if let Err(error) = log.write(&[b'.'; 4096]) {
            break error;
        }
    };
    assert_eq!(filled.kind(), ErrorKind::WouldBlock);
    log.set_nonblocking(false).expect("it blocks");
    (OwnedFd::from(log).into(), reader)
}

/// Serves, logs changes of a breaker, heals, and exits with 0.
async fn serves_with(stderr: Stdio) {
    let directory = tempfile::tempdir().expect("a directory");
    let peer = Peer::start().await.expect("a port");
    let url = peer.url().to_string();
    let mut command = conductor(["--listen", "127.0.0.1:0", "--peer", &url, "--database"]);
    command.arg(directory.path().join("conductor.db"));
    command.env("CONDUCTOR_LOG", "debug").stderr(stderr);
    let process = Process::logging(command);
    let breaker = "/dependencies/dispatch/breaker";
    let health = "/api/maestro/v1/health";
    peer.set(Fault::Failing).await;
    eventually("an opening is logged", async || {
        process.client.post(RUN).await;
        process.client.get(health).await.at(breaker) == "open"
    })
    .await;
    peer.set(Fault::None).await;
    eventually("runs are dispatched", async || {
        process.client.post(RUN).await.status == 201
    })
    .await;
    process.terminate();
    assert_eq!(process.end().await.code(), Some(0));
}

#[tokio::test]
async fn a_full_log_disk_does_not_stop_the_service() {
    serves_with(full()).await;
}

#[tokio::test]
async fn a_closed_log_pipe_does_not_stop_the_service() {
    serves_with(closed()).await;
}

#[tokio::test]
async fn an_unread_log_pipe_does_not_block_the_service() {
    let (stderr, _reader) = unread();
    serves_with(stderr).await;
}

#[tokio::test]
async fn an_error_that_cannot_be_printed_keeps_its_exit_code() {
    // `output` replaces stderr, so a shell redirects it.
    for (flag, value, code) in [("--databse", "x", 2), ("--database", "/", 1)] {
        let command = conductor(["--listen", "127.0.0.1:0", flag, value]);
        let command = shell(r#"exec "$0" "$@" 2>/dev/full"#, &command);
        assert_eq!(output(command).await.status.code(), Some(code));
    }
}
