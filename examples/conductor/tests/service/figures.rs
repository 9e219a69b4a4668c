//! Health and metrics.

use crate::client::RUN;
use crate::stage::{Stage, eventually};

#[tokio::test]
async fn health_shows_every_dependency() {
    let stage = Stage::start().await;
    stage.client.post(RUN).await;
    let health = stage.client.get("/api/maestro/v1/health").await;
    for dependency in ["store-write", "store-read", "cache", "dispatch"] {
        let at = |what: &str| health.at(&format!("/dependencies/{dependency}/{what}"));
        assert_eq!(at("breaker"), "closed");
        // The outbox queries the store all the time.
        assert!(at("bulkhead/in_flight").as_u64() <= Some(1));
        assert!(at("bulkhead/limit").as_u64() > Some(0));
        assert!(at("last_error").is_null());
    }
    stage.peer().set(conductor::Fault::Failing).await;
    stage.client.post(RUN).await;
    let health = stage.client.get("/api/maestro/v1/health").await;
    let said = health.string("/dependencies/dispatch/last_error/error");
    assert!(said.contains("500"), "{said}");
}

#[tokio::test]
async fn the_metrics_say_what_happened() {
    let stage = Stage::start().await;
    stage.client.post(RUN).await;
    let metrics = stage.client.get("/metrics").await;
    assert!(
        metrics.headers["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/plain")
    );
    for line in [
        r#"conductor_http_requests_total{method="POST",route="/api/maestro/v1/runs",status="201"} 1"#,
        r#"conductor_dependency_calls_total{dependency="dispatch",outcome="ok"} 1"#,
        r#"conductor_dependency_attempts_total{dependency="dispatch"} 1"#,
        r#"conductor_breaker_state{dependency="dispatch",state="closed"} 1"#,
        r#"conductor_breaker_state{dependency="dispatch",state="open"} 0"#,
        r#"conductor_bulkhead_in_flight{dependency="dispatch"} 0"#,
        "conductor_gate_share 1",
    ] {
        assert!(
            metrics.text.lines().any(|said| said == line),
            "{line}\n{}",
            metrics.text
        );
    }
}

#[tokio::test]
async fn the_burn_rate_is_nan_without_traffic() {
    let stage = Stage::start().await;
    let burn = r#"conductor_slo_burn_rate{window_seconds="3600"} "#;
    let says = |metrics: &str| {
        metrics
            .lines()
            .find_map(|line| Some(line.strip_prefix(burn)?.to_owned()))
    };
    let metrics = stage.client.get("/metrics").await.text;
    assert_eq!(says(&metrics).as_deref(), Some("NaN"), "{metrics}");
    stage.client.post(RUN).await;
    let metrics = stage.client.get("/metrics").await.text;
    assert_eq!(says(&metrics).as_deref(), Some("0"), "{metrics}");
}

#[tokio::test]
async fn transitions_and_retries_are_counted() {
    let stage = Stage::start().await;
    stage.peer().set(conductor::Fault::Failing).await;
    let opened = r#"conductor_breaker_transitions_total{dependency="dispatch",to="open"} "#;
    eventually("an opening is counted", async || {
        stage.client.post(RUN).await;
        stage.client.get("/metrics").await.text.contains(opened)
    })
    .await;
    let metrics = stage.client.get("/metrics").await.text;
    let retries = r#"conductor_dependency_retries_total{dependency="dispatch"} "#;
    let retries = metrics.lines().find_map(|line| line.strip_prefix(retries));
    assert!(
        retries.and_then(|count| count.parse().ok()) > Some(0_u64),
        "{metrics}"
    );
}
