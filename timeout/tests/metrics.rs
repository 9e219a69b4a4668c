//! Metrics with a recorder that is installed after the first calls: the handles must record.

use std::time::Duration;

use http::Response;
use http_body_util::{BodyExt, Empty};
use maestro_timeout::{
    BodyTimeout, BodyTimeoutLayer, Deadline, DeadlineFilter, Elapsed, Timeout, TimeoutLayer,
};
use tower::{Layer, Service, service_fn};

#[path = "recorder/mod.rs"]
mod recorder;
use recorder::Recorded;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// One test, because a process installs its recorder once.
#[tokio::test(start_paused = true)]
async fn metrics_work_with_a_recorder_installed_later() {
    let timeout = Timeout::new(ms(250)).named("store");
    let mut service = TimeoutLayer::new(timeout.clone())
        .deadline(|(_, deadline): &(Duration, Deadline)| deadline.at())
        .layer(service_fn(async |(how_long, _)| {
            tokio::time::sleep(how_long).await;
            Ok::<_, Elapsed>(())
        }));
    let filter = DeadlineFilter::builder()
        .max_share(1.0)
        .dark(true)
        .build("orders")
        .unwrap();
    let late = Deadline::after(ms(0));
    tokio::time::advance(ms(500)).await;

    assert!(service.call((ms(100), Deadline::NEVER)).await.is_ok());
    assert!(service.call((ms(300), Deadline::NEVER)).await.is_err());
    assert!(filter.check(late).is_ok());

    let recorded = Recorded::install();
    assert!(service.call((ms(100), Deadline::NEVER)).await.is_ok());
    assert!(
        service
            .call((ms(50), Deadline::after(ms(60))))
            .await
            .is_ok()
    );
    for _ in 0..3 {
        assert!(service.call((ms(300), Deadline::NEVER)).await.is_err());
    }
    assert!(service.call((ms(300), late)).await.is_err());
    assert_eq!(
        recorded.count("maestro_timeout_elapsed_total", "store", Some("call")),
        3
    );
    assert_eq!(
        recorded.count("maestro_timeout_elapsed_total", "store", Some("before")),
        1
    );
    assert_eq!(
        recorded.values("maestro_timeout_remaining_seconds", "store", Some("call")),
        [0.15, 0.01]
    );

    // An unbounded call has no time left to record.
    timeout.set_limit(Duration::MAX);
    assert!(service.call((ms(100), Deadline::NEVER)).await.is_ok());
    assert_eq!(
        recorded
            .values("maestro_timeout_remaining_seconds", "store", Some("call"))
            .len(),
        2
    );

    let past = Deadline::after(ms(0));
    tokio::time::advance(ms(40)).await;
    assert!(filter.check(past).is_ok());
    assert!(filter.check(Deadline::NEVER).is_ok());
    assert_eq!(
        recorded.count("maestro_deadline_filter_expired_total", "orders", None),
        1
    );
    assert_eq!(
        recorded.count("maestro_deadline_filter_rejected_total", "orders", None),
        1
    );
    assert_eq!(
        recorded.values("maestro_deadline_filter_late_seconds", "orders", None),
        [0.04]
    );

    let limits = BodyTimeout::builder()
        .headers(ms(100))
        .whole(ms(1_000))
        .build("files");
    limits.resolve_metrics();
    assert_eq!(
        recorded.count("maestro_timeout_elapsed_total", "files", Some("body")),
        0
    );
    let mut files = BodyTimeoutLayer::new(limits).layer(service_fn(async |()| {
        tokio::time::sleep(ms(40)).await;
        Ok::<_, Elapsed>(Response::new(Empty::<&[u8]>::new()))
    }));
    let mut body = Box::pin(files.call(()).await.unwrap().into_body());
    tokio::time::advance(ms(750)).await;
    assert!(body.frame().await.is_none() && body.frame().await.is_none());
    assert_eq!(
        recorded.values(
            "maestro_timeout_remaining_seconds",
            "files",
            Some("headers")
        ),
        [0.06]
    );
    assert_eq!(
        recorded.values("maestro_timeout_remaining_seconds", "files", Some("body")),
        [0.25]
    );
}
