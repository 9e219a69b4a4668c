//! The `Host` header. A web page can make its own name resolve to 127.0.0.1 (DNS rebinding); its requests then carry
//! that name.

use crate::client::RUNS;
use crate::process::{Process, conductor, output};
use crate::raw::exchange;
use crate::stage::Stage;

fn request(target: &str, headers: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nconnection: close\r\n{headers}\r\n")
}

#[tokio::test]
async fn only_known_hosts_are_served() {
    let stage = Stage::start_with(|config| config.hosts = vec!["conductor.example".into()]).await;
    for (host, status) in [
        ("127.0.0.1:4000", 200),
        ("127.0.0.1", 200),
        ("[::1]:4000", 200),
        ("localhost", 200),
        ("LOCALHOST:80", 200),
        ("localhost.", 200),
        ("conductor.example", 200),
        ("Conductor.Example:8080", 200),
        ("evil.example", 421),
        ("evil.example:4000", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("", 400),
        ("a b", 400),
        ("me@localhost", 400),
    ] {
        for path in [RUNS, "/healthz", "/metrics", "/nowhere"] {
            let answer =
                exchange(&stage.client, &request(path, &format!("host: {host}\r\n"))).await;
            let status = if (status, path) == (200, "/nowhere") {
                404
            } else {
                status
            };
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {status}")),
                "{host}: {answer}"
            );
        }
    }
}

#[tokio::test]
async fn a_request_names_exactly_one_host() {
    let stage = Stage::start().await;
    for (target, headers, status) in [
        ("/healthz", "", 400),
        ("/healthz", "host: localhost\r\nhost: localhost\r\n", 400),
        // The host of an absolute target is the one that counts.
        ("http://evil.example/healthz", "host: localhost\r\n", 421),
        ("http://localhost/healthz", "host: localhost\r\n", 200),
    ] {
        let answer = exchange(&stage.client, &request(target, headers)).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{target} {headers}: {answer}"
        );
    }
    let old = exchange(&stage.client, "GET /healthz HTTP/1.0\r\n\r\n").await;
    assert!(old.starts_with("HTTP/1.0 200"), "{old}");
}

#[tokio::test]
async fn listening_beyond_loopback_needs_a_flag() {
    for address in ["0.0.0.0:0", "[::]:0"] {
        let output = output(conductor(["--listen", address])).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            said.contains("--allow-remote") && said.contains("authentication"),
            "{said}"
        );
    }
    let directory = tempfile::tempdir().expect("a directory");
    let (database, log) = (
        directory.path().join("conductor.db"),
        directory.path().join("log"),
    );
    let mut command = conductor(["--listen", "0.0.0.0:0", "--database"]);
    command.arg(database).env("CONDUCTOR_ALLOW_REMOTE", "1");
    command.stderr(std::fs::File::create(&log).expect("a file"));
    let process = Process::logging(command);
    process.terminate();
    assert_eq!(process.end().await.code(), Some(0));
    let said = std::fs::read_to_string(log).expect("a log");
    assert!(said.contains("authentication"), "{said}");
}
