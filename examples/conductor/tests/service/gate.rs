//! The gate: it refuses new runs while the error budget burns, and nothing else.

use std::time::Duration;

use http::Method;

use crate::client::{RUN, RUNS};
use crate::stage::{Stage, eventually};

/// The longest `Retry-After` of the gate, in seconds.
const LONGEST: u64 = 16;

#[tokio::test]
async fn a_burning_budget_refuses_runs_only_until_it_recovers() {
    let stage = Stage::start().await;
    let kept = stage.client.post(RUN).await.id();
    assert_eq!(stage.client.get("/slo").await.string("/gate/state"), "open");
    let lock = stage.database();
    lock.execute_batch("BEGIN EXCLUSIVE").expect("the lock");
    // Reads, health and metrics are answered while runs are refused. A share of the runs is always admitted, so each
    // round waits for a refusal.
    for _ in 0..3 {
        eventually("refused by the gate", async || {
            let refused = stage.client.post(RUN).await;
            assert_eq!(refused.status, 503);
            let by_the_gate = refused.at("/error/rejected_by") == "gate";
            if by_the_gate {
                let wait = refused.headers["retry-after"].to_str().expect("text");
                assert!(
                    (1..=LONGEST).contains(&wait.parse().expect("seconds")),
                    "{wait}"
                );
            }
            by_the_gate
        })
        .await;
        for path in [
            &format!("{RUNS}/{kept}"),
            RUNS,
            "/healthz",
            "/slo",
            "/metrics",
        ] {
            assert_eq!(stage.client.get(path).await.status, 200, "{path}");
        }
    }
    let slo = stage.client.get("/slo").await;
    assert!(slo.at("/gate/refused").as_u64() >= Some(3));

    lock.execute_batch("ROLLBACK").expect("unlocked");
    // By good results or by time: nothing else is needed.
    eventually("open again", async || {
        stage.client.get("/slo").await.at("/gate/state") == "open"
    })
    .await;
    eventually("runs are taken", async || {
        stage.client.post(RUN).await.status == 201
    })
    .await;
}

#[tokio::test]
async fn a_lock_of_a_moment_refuses_runs_for_a_moment() {
    let stage = Stage::start().await;
    let lock = stage.database();
    lock.execute_batch("BEGIN EXCLUSIVE").expect("the lock");
    // Half a second or so. Three failures in a young process closed the gate for half an hour.
    for _ in 0..40 {
        assert_eq!(stage.client.post(RUN).await.status, 503);
    }
    lock.execute_batch("ROLLBACK").expect("unlocked");
    let taken = async {
        let mut row = 0;
        while row < 20 {
            let posted = stage.client.post(RUN).await;
            row = if posted.status == 201 { row + 1 } else { 0 };
        }
    };
    let taken = tokio::time::timeout(Duration::from_secs(10), taken).await;
    taken.expect("normal service within ten seconds");
}

#[tokio::test]
async fn client_errors_do_not_count_in_the_budget() {
    let stage = Stage::start_with(|config| {
        config.objective = "99%".parse().expect("an objective");
    })
    .await;
    for _ in 0..20 {
        assert_eq!(stage.client.post("{}").await.status, 400);
        assert_eq!(
            stage
                .client
                .get(&format!("{RUNS}/no-such-run"))
                .await
                .status,
            404
        );
    }
    let slo = stage.client.get("/slo").await;
    assert_eq!(
        (slo.at("/period/good"), slo.at("/period/bad")),
        (0.into(), 0.into())
    );
    assert_eq!(stage.client.post(RUN).await.status, 201);
    let slo = stage.client.get("/slo").await;
    assert_eq!(
        (slo.at("/period/good"), slo.at("/period/bad")),
        (1.into(), 0.into())
    );
    assert_eq!(slo.at("/objective"), "99%");
    assert_eq!(slo.at("/burn_rates").as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn a_deadline_of_the_client_does_not_count_in_the_budget() {
    let stage = Stage::start_with(|config| config.busy = config.request).await;
    let lock = stage.database();
    lock.execute_batch("BEGIN EXCLUSIVE").expect("the lock");
    let headers = [
        ("content-type", "application/json"),
        ("request-timeout-ms", "0"),
    ];
    for _ in 0..20 {
        let late = stage.client.send(Method::POST, RUNS, &headers, RUN).await;
        assert_eq!(late.status, 504);
        // A read may be faster than its deadline.
        stage.client.send(Method::GET, RUNS, &headers, "").await;
    }
    let slo = stage.client.get("/slo").await;
    assert_eq!(
        (slo.at("/period/bad"), slo.at("/gate/state")),
        (0.into(), "open".into())
    );
    lock.execute_batch("ROLLBACK").expect("unlocked");
}

#[tokio::test]
async fn a_deadline_of_the_service_counts_as_bad() {
    let stage = Stage::start_with(|config| {
        config.busy = config.request;
        config.request = Duration::from_millis(1);
    })
    .await;
    let lock = stage.database();
    lock.execute_batch("BEGIN EXCLUSIVE").expect("the lock");
    assert_eq!(stage.client.post(RUN).await.status, 504);
    // A deadline of the client that is not shorter than the service's own changes nothing.
    let headers = [
        ("content-type", "application/json"),
        ("request-timeout-ms", "9000"),
    ];
    let late = stage.client.send(Method::POST, RUNS, &headers, RUN).await;
    assert_eq!(late.status, 504);
    assert_eq!(stage.client.get("/slo").await.at("/period/bad"), 2);
    lock.execute_batch("ROLLBACK").expect("unlocked");
}

#[tokio::test]
async fn a_full_bulkhead_does_not_count_in_the_budget() {
    let stage = Stage::start_with(|config| {
        let bulkhead = &mut config.writes.attempt.bulkhead;
        *bulkhead = bulkhead.limit(1);
        // The statement waits for the lock for as long as the test holds it.
        config.busy = config.request;
    })
    .await;
    let lock = stage.database();
    lock.execute_batch("BEGIN EXCLUSIVE").expect("the lock");
    let client = stage.client.clone();
    let posted = tokio::spawn(async move { client.post(RUN).await });
    let in_flight = "/dependencies/store-write/bulkhead/in_flight";
    eventually("in flight", async || {
        let health = stage.client.get("/api/maestro/v1/health").await;
        health.at(in_flight) == 1
    })
    .await;
    for _ in 0..20 {
        let refused = stage.client.post(RUN).await;
        assert_eq!(
            (refused.status, refused.string("/error/rejected_by")),
            (503, "store-write bulkhead".into())
        );
    }
    let slo = stage.client.get("/slo").await;
    assert_eq!(
        (slo.at("/period/bad"), slo.at("/gate/state")),
        (0.into(), "open".into())
    );
    lock.execute_batch("ROLLBACK").expect("unlocked");
    assert_eq!(posted.await.expect("an answer").status, 201);
}

#[tokio::test]
async fn a_late_list_does_not_count_in_the_budget() {
    let stage = Stage::start_with(|config| config.lists.attempt.timeout = Duration::ZERO).await;
    eventually("a list is late", async || {
        stage.client.get(RUNS).await.at("/error/rejected_by") == "store-list timeout"
    })
    .await;
    assert_eq!(stage.client.get("/slo").await.at("/period/bad"), 0);
}
