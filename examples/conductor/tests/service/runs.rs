//! Runs are accepted, stored, dispatched and listed.

use http::Method;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{RUN, RUNS};
use crate::stage::Stage;

#[tokio::test]
async fn every_sample_run_is_stored_dispatched_and_read_back() {
    let stage = Stage::start().await;
    for run in [
        include_str!("../../runs/minimal.json"),
        include_str!("../../runs/nightly-report.json"),
        include_str!("../../runs/rollout.json"),
    ] {
        let posted = stage.client.post(run).await;
        assert_eq!(posted.status, 201, "{}", posted.text);
        assert_eq!(posted.string("/status"), "dispatched");
        let read = stage.client.get(&format!("{RUNS}/{}", posted.id())).await;
        assert_eq!((read.status, read.at("")), (200, posted.at("")));
        assert_eq!(
            posted.headers["location"],
            format!("{RUNS}/{}", posted.id()).as_str()
        );
        assert_eq!(stage.peer().deliveries(&posted.id()), 1);
        let sent: Value = serde_json::from_str(run).expect("a sample is JSON");
        assert_eq!(posted.at("/spec/name"), sent["name"]);
    }
    assert_eq!(stage.peer().runs(), 3);
}

#[tokio::test]
async fn a_list_is_paged_without_gap_or_repeat() {
    let stage = Stage::start().await;
    let mut posted = Vec::new();
    for _ in 0..5 {
        posted.push(stage.client.post(RUN).await.id());
    }
    let (mut listed, mut query) = (Vec::new(), "?limit=2".to_owned());
    loop {
        let page = stage.client.get(&format!("{RUNS}{query}")).await;
        let runs = page.at("/runs");
        listed.extend(
            runs.as_array()
                .expect("a list")
                .iter()
                .map(|run| run["id"].clone()),
        );
        let Value::String(next) = page.at("/next_cursor") else {
            break;
        };
        query = format!("?limit=2&cursor={next}");
    }
    posted.reverse();
    assert_eq!(listed, posted);
}

#[tokio::test]
async fn a_key_used_twice_is_one_run_and_never_another() {
    let stage = Stage::start().await;
    let headers = [
        ("content-type", "application/json"),
        ("idempotency-key", "order-7"),
    ];
    let first = stage.client.send(Method::POST, RUNS, &headers, RUN).await;
    let again = stage.client.send(Method::POST, RUNS, &headers, RUN).await;
    let other = RUN.replace("hello", "goodbye");
    let other = stage
        .client
        .send(Method::POST, RUNS, &headers, &other)
        .await;
    assert_eq!((first.status, again.status, other.status), (201, 200, 409));
    assert_eq!(first.id(), again.id());
    assert_eq!(stage.peer().runs(), 1);
}

#[tokio::test]
async fn the_error_of_a_malformed_run_names_its_field() {
    let stage = Stage::start().await;
    let too_long = format!(r#"{{"name":"{}","steps":[]}}"#, "n".repeat(64));
    for (body, status, field) in [
        ("", 400, "body"),
        ("{", 400, "body"),
        ("{}", 400, "name"),
        (
            r#"{"name":"a","steps":[{"name":"b"}]}"#,
            400,
            "steps[0].uses",
        ),
        (
            r#"{"name":"a","steps":[{"name":"b","uses":"c","on":1}]}"#,
            400,
            "steps[0].on",
        ),
        (
            r#"{"name":"a","steps":[{"name":"b","uses":"c","timeout_seconds":-1}]}"#,
            400,
            "steps[0].timeout_seconds",
        ),
        (r#"{"name":"a","steps":[],"owner":"me"}"#, 400, "owner"),
        (too_long.as_str(), 400, "name"),
    ] {
        let answer = stage.client.post(body).await;
        assert_eq!(
            (answer.status, answer.string("/error/field")),
            (status, field.into()),
            "{body}"
        );
        assert!(!answer.string("/error/message").contains('\n'));
    }
    assert_eq!(stage.peer().runs(), 0);
}

#[tokio::test]
async fn an_invalid_request_is_refused_with_a_message() {
    let stage = Stage::start().await;
    let large = format!(r#"{{"name":"{}"}}"#, "n".repeat(70_000));
    assert_eq!(stage.client.post(&large).await.status, 413);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(
        stage
            .client
            .send(Method::POST, RUNS, &form, RUN)
            .await
            .status,
        415
    );
    assert_eq!(
        stage.client.send(Method::POST, RUNS, &[], RUN).await.status,
        415
    );
    for (path, status) in [
        (format!("{RUNS}/not-an-id"), 404),
        (format!("{RUNS}/%ff"), 404),
        (format!("{RUNS}/00000000-0000-0000-0000-000000000000"), 404),
        (format!("{RUNS}?limit=0"), 400),
        (format!("{RUNS}?limit=201"), 400),
        (format!("{RUNS}?cursor=x"), 400),
        (format!("{RUNS}?page=2"), 400),
        ("/api/maestro/v1/run".to_owned(), 404),
    ] {
        let answer = stage.client.get(&path).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(!answer.string("/error/message").is_empty());
    }
    let delete = stage.client.send(Method::DELETE, RUNS, &[], "").await;
    assert_eq!(
        (delete.status, delete.string("/error/code")),
        (405, "no_such_method".into())
    );
}

#[tokio::test]
async fn a_client_can_shorten_the_request_timeout() {
    let stage = Stage::start().await;
    let headers = [
        ("content-type", "application/json"),
        ("request-timeout-ms", "0"),
    ];
    let answer = stage.client.send(Method::POST, RUNS, &headers, RUN).await;
    assert_eq!(
        (answer.status, answer.string("/error/code")),
        (504, "too_late".into())
    );
}

#[tokio::test]
async fn a_slow_body_gets_a_408_and_burns_no_budget() {
    let stage = Stage::start().await;
    let mut slow = TcpStream::connect(stage.server.address())
        .await
        .expect("a connection");
    let head = format!(
        "POST {RUNS} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: 100\r\nconnection: close\r\n\r\n{{"
    );
    slow.write_all(head.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    slow.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    let slo = stage.client.get("/slo").await;
    assert_eq!(
        (slo.at("/period/good"), slo.at("/period/bad")),
        (0.into(), 0.into())
    );
}
