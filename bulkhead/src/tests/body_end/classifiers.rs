//! Classifiers of users, and the place of a call that is reported late.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use http::{HeaderMap, Response};
use http_body::{Body, Frame};
use tokio::time::{advance, sleep};
use tower::{BoxError, Layer, Service};

use super::{Frames, HEAD, SUCCESS, Sample::Overload, Then, call, grpc, hears, inner, response};
use crate::{BodyEnd, Bulkhead, BulkheadLayer, Classify, Limit, Outcome, Window, sync::Mutex};

/// A classifier of a user, by a trailer of its own. It panics where that is no number.
#[derive(Clone)]
struct ByLoad;

impl Classify<Response<Frames>, BoxError> for ByLoad {
    fn classify(&self, _: &Result<Response<Frames>, BoxError>) -> Outcome {
        Outcome::Success
    }

    fn classify_end(&self, end: BodyEnd<'_>) -> Outcome {
        let load = end.trailers().and_then(|trailers| trailers.get("x-load"));
        match load.map(|load| load.to_str().unwrap().parse::<u8>().unwrap()) {
            Some(90..) => Outcome::Overload,
            Some(_) => Outcome::Success,
            None => Outcome::Ignored,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_classifier_of_a_user_reads_its_trailers() {
    let (bulkhead, heard) = hears();
    let layer = BulkheadLayer::new(bulkhead.clone()).classifier(ByLoad);
    let mut service = layer.until_body_end().layer(inner());
    let with_load = |head, load: &str| {
        let mut trailers = HeaderMap::new();
        trailers.insert("x-load", load.parse().unwrap());
        let mut response = response(head, 0, Then::EndsWithoutCode, 0);
        response
            .body_mut()
            .frames
            .push_back(Ok(Frame::trailers(trailers)));
        response
    };
    for (load, said) in [("20", SUCCESS), ("95", Overload)] {
        call(&mut service, with_load(grpc(), load), usize::MAX).await;
        assert_eq!(heard.take(), [said]);
    }
    call(
        &mut service,
        with_load(Response::builder(), "95"),
        usize::MAX,
    )
    .await;
    assert_eq!(heard.take(), [SUCCESS, Overload]);
    // An empty body ends with its head: it is reported once.
    call(
        &mut service,
        response(Response::builder(), 0, Then::OnlyHead, 0),
        0,
    )
    .await;
    assert_eq!(heard.take(), []);

    let mut panics = pin!(call(&mut service, with_load(grpc(), "high"), usize::MAX));
    let panicked = loop {
        let mut cx = Context::from_waker(Waker::noop());
        match catch_unwind(AssertUnwindSafe(|| panics.as_mut().poll(&mut cx))) {
            Ok(Poll::Pending) => sleep(HEAD).await,
            Ok(Poll::Ready(())) => break false,
            Err(_) => break true,
        }
    };
    assert!(panicked);
    assert_eq!(bulkhead.in_flight(), 0, "though the body still exists");
}

/// Each end is an overload to it.
#[derive(Clone)]
struct Pessimist;

impl Classify<Response<Frames>, BoxError> for Pessimist {
    fn classify(&self, _: &Result<Response<Frames>, BoxError>) -> Outcome {
        Outcome::Success
    }

    fn classify_end(&self, _: BodyEnd<'_>) -> Outcome {
        Outcome::Overload
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_or_dropped_body_is_not_asked_for_its_end() {
    let (bulkhead, heard) = hears();
    let layer = BulkheadLayer::new(bulkhead.clone()).classifier(Pessimist);
    let mut service = layer.until_body_end().layer(inner());
    for (then, read, asked) in [
        (Then::OnlyHead, 0, true),
        (Then::Trailers, usize::MAX, true),
        (Then::EndsWithoutCode, usize::MAX, true),
        (Then::Fails, usize::MAX, false),
        (Then::IsDropped, 0, false),
    ] {
        call(&mut service, response(grpc(), 0, then, 0), read).await;
        assert_eq!(heard.take(), vec![Overload; usize::from(asked)], "{then:?}");
        assert_eq!(bulkhead.in_flight(), 0);
    }
}

/// The most calls in flight of the last window.
struct MostInFlight(Arc<Mutex<usize>>);

impl Limit for MostInFlight {
    fn next(&mut self, window: &Window) -> usize {
        *self.0.lock() = window.in_flight();
        window.limit()
    }
}

/// Its place went to another caller while its client did not read.
#[tokio::test(start_paused = true)]
async fn a_report_counts_its_call_although_its_place_was_lost() {
    let idle = Duration::from_secs(60);
    for messages in [0, 1] {
        let most = Arc::new(Mutex::new(0));
        let bulkhead = Bulkhead::builder()
            .limit(1)
            .body_idle(idle)
            .build_adaptive("test", MostInFlight(Arc::clone(&most)))
            .unwrap();
        let mut service = BulkheadLayer::new(bulkhead.clone()).grpc().layer(inner());
        let response = service.call(response(grpc(), messages, Then::Trailers, 8));
        let mut body = pin!(response.await.unwrap().into_body());
        advance(idle * 2).await;
        let other = bulkhead.try_acquire().unwrap();
        let mut cx = Context::from_waker(Waker::noop());
        assert!(body.as_mut().poll_frame(&mut cx).is_ready());
        assert_eq!(*most.lock(), 2, "{messages}");
        drop(other);
    }
}

#[tokio::test(start_paused = true)]
async fn trailers_give_the_place_back() {
    let bulkhead = Bulkhead::builder().limit(1).build("test").unwrap();
    let mut service = BulkheadLayer::new(bulkhead.clone()).grpc().layer(inner());
    let response = service.call(response(grpc(), 1, Then::Trailers, 0)).await;
    let mut body = pin!(response.unwrap().into_body());
    let mut cx = Context::from_waker(Waker::noop());
    for in_flight in [1, 0, 0] {
        assert!(body.as_mut().poll_frame(&mut cx).is_ready());
        assert_eq!(bulkhead.in_flight(), in_flight);
    }
}
