//! The test kit: a clock that passes a limit.

use std::time::Duration;

use maestro_timeout::{
    Elapsed, Override, Timeout, TimeoutLayer,
    test_util::{Script, elapse},
};
use tokio::time::Instant;
use tokio_test::{assert_pending, assert_ready, task};
use tower::{Layer, ServiceExt};

#[tokio::test(start_paused = true)]
async fn a_call_elapses_with_the_limit_and_not_before() {
    let timeout = Timeout::new(Duration::from_millis(250)).named("store");
    let script = Script::<(), (), Elapsed>::new().pending();
    let mut call = task::spawn(
        TimeoutLayer::new(timeout.clone())
            .layer(script.clone())
            .oneshot(()),
    );
    assert_pending!(call.poll());
    tokio::time::advance(Duration::from_millis(249)).await;
    assert_pending!(call.poll());
    assert_eq!(script.in_flight(), 1);

    elapse(&timeout).await;
    assert!(call.is_woken());
    let elapsed = assert_ready!(call.poll()).unwrap_err();
    assert_eq!((elapsed.name(), script.cancelled()), ("store", 1));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_has_just_begun_elapses() {
    let timeout = Timeout::new(Duration::from_millis(250));
    let script = Script::<(), (), Elapsed>::new().pending();
    let begun = Instant::now();
    let mut call = task::spawn(TimeoutLayer::new(timeout.clone()).layer(script).oneshot(()));
    assert_pending!(call.poll());
    elapse(&timeout).await;
    assert!(assert_ready!(call.poll()).is_err());
    assert_eq!(begun.elapsed(), Duration::from_millis(250));
}

#[tokio::test(start_paused = true)]
async fn the_limit_of_an_operator_is_the_one_that_passes() {
    let timeout = Timeout::new(Duration::from_secs(1));
    timeout.force_limit(
        Duration::from_millis(5),
        Override::new("alice", "an outage"),
    );
    let begun = Instant::now();
    elapse(&timeout).await;
    assert_eq!(begun.elapsed(), Duration::from_millis(5));
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "timeout `store` has no limit: no call elapses")]
async fn a_timeout_without_a_limit_does_not_elapse() {
    elapse(&Timeout::new(Duration::MAX).named("store")).await;
}
