use std::time::Duration;

use http::Response;

use super::{EVENTS, Scene, Sent, table};
use crate::{layer::ClassifyHttp, types::Event};

/// Counts every status in `scene`. Only a status that is good at its head may be counted as `if_good`.
async fn check(scene: Scene, if_good: Event) {
    let table = table::statuses();
    for status in 100..1000 {
        let head = Response::builder().status(status);
        let expected = match table(status) {
            Event::Good => if_good,
            event => event,
        };
        assert_eq!(scene.count(ClassifyHttp, head).await, expected, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_status_is_as_published() {
    check(Scene::new([]), Event::Good).await;
    let mut scene = Scene::new([Sent::Data]);
    scene.foresees_end = true;
    check(scene, Event::Good).await;
}

#[tokio::test(start_paused = true)]
async fn every_good_status_with_a_failed_body_is_bad() {
    check(Scene::new([Sent::Data, Sent::Reset]), Event::Bad).await;
}

#[tokio::test(start_paused = true)]
async fn every_good_status_with_a_dropped_body_was_cancelled() {
    for on_cancel in EVENTS {
        let mut scene = Scene::new([Sent::Data]);
        (scene.on_cancel, scene.is_dropped) = (on_cancel, true);
        check(scene, on_cancel).await;
    }
}

#[tokio::test(start_paused = true)]
async fn every_good_status_with_a_slow_body_is_bad() {
    let mut scene = Scene::new([Sent::Data]);
    scene.read_after += Duration::from_nanos(1);
    check(scene, Event::Bad).await;
}

#[tokio::test(start_paused = true)]
async fn a_code_beside_a_status_that_failed_is_not_read() {
    let scene = Scene::new([]);
    for (status, code, expected) in [
        (503, 0, Event::Bad),
        (404, 13, Event::Good),
        (200, 13, Event::Bad),
        (204, 1, Event::Excluded),
    ] {
        let head = Response::builder().status(status);
        let head = head.header("grpc-status", code);
        assert_eq!(
            scene.count(ClassifyHttp, head).await,
            expected,
            "{status} {code}"
        );
    }
}
