//! The gate: it refuses new runs while the error budget burns, and nothing else.

use std::time::Duration;

use http::Method;
use maestro_circuit_breaker::Wait;

use crate::client::{RUN, RUNS};
use crate::stage::{Stage, eventually};

/// A service whose budget has a month in ten minutes, so that "1 h" is less than a second.
async fn stage() -> Stage {
    Stage::start_with(|config| {
        config.objective = "99%".parse().expect("an objective");
        config.period = Duration::from_mins(10);
        // A probe of the locked writer waits for the lock, so a longer wait in open makes fewer of them.
        let breaker = &mut config.writes.attempt.breaker;
        *breaker = breaker.wait_in_open(Wait::fixed(Duration::from_millis(500)));
    })
    .await
}

#[tokio::test]
async fn a_burning_budget_refuses_runs_only_until_it_recovers() {
    let stage = stage().await;
    let kept = stage.client.post(RUN).await.id();
    assert_eq!(stage.client.get("/slo").await.string("/gate/state"), "open");
    let lock = stage.database();
    lock.execute_batch("BEGIN EXCLUSIVE").expect("the lock");
    // Reads, health and metrics are answered while runs are refused. Each round waits for a refusal, because the
    // reads are good requests and may open the gate for a moment (its scaled "5 m" is 0.07 s).
    for _ in 0..10 {
        eventually("refused by the gate", async || {
            let refused = stage.client.post(RUN).await;
            assert_eq!(refused.status, 503);
            refused.at("/error/rejected_by") == "gate"
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
    assert!(slo.at("/gate/refused").as_u64() >= Some(10));

    lock.execute_batch("ROLLBACK").expect("unlocked");
    eventually("open again", async || {
        // Probes and reads are the good requests that open the gate.
        stage.client.post(RUN).await;
        stage.client.get(RUNS).await.status == 200
            && stage.client.get("/slo").await.at("/gate/state") == "open"
    })
    .await;
    eventually("runs are taken", async || {
        stage.client.post(RUN).await.status == 201
    })
    .await;
}

#[tokio::test]
async fn client_errors_do_not_count_in_the_budget() {
    let stage = stage().await;
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
