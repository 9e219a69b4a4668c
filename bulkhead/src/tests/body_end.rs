//! What an adaptive and a fixed limit hear of responses whose code comes after their head.

use std::{
    collections::VecDeque,
    future::Future,
    iter, mem,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use http::{HeaderMap, Response, response};
use http_body::{Body, Frame};
use tokio::time::{advance, sleep};
use tower::{BoxError, Layer, Service, service_fn};

use crate::{
    AdaptiveBulkhead, BodyEnd, Bulkhead, BulkheadLayer, Classify, ClassifyHttp, Limit, Outcome,
    Queue, Window, sync::Mutex,
};

type Bytes = VecDeque<u8>;

/// A body of these frames. It knows that it is at its end only if it has none to begin with.
struct Frames {
    frames: VecDeque<Result<Frame<Bytes>, BoxError>>,
    is_empty: bool,
}

impl Body for Frames {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Poll::Ready(self.frames.pop_front())
    }

    fn is_end_stream(&self) -> bool {
        self.is_empty
    }
}

/// What comes after the head and the messages.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Then {
    /// The code is in the head, and there is no body.
    OnlyHead,
    Trailers,
    EndsWithoutCode,
    Fails,
    IsDropped,
}

/// Keeps what it hears: successes with the latency in milliseconds, and overloads.
#[derive(Clone)]
struct Heard(Arc<Mutex<Vec<Sample>>>);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Sample {
    Success(u128),
    Overload,
}

use Sample::Overload;

/// How long each head takes. What is read of the body later does not count.
const HEAD: Duration = Duration::from_millis(10);
const SUCCESS: Sample = Sample::Success(HEAD.as_millis());

impl Limit for Heard {
    fn next(&mut self, window: &Window) -> usize {
        let latency = window.latency().unwrap_or_default().as_millis();
        let mut heard = self.0.lock();
        heard.extend((0..window.successes()).map(|_| Sample::Success(latency)));
        heard.extend((0..window.overloads()).map(|_| Overload));
        window.limit()
    }
}

impl Heard {
    fn take(&self) -> Vec<Sample> {
        mem::take(&mut self.0.lock())
    }
}

/// The bulkhead that hears, with its ear.
fn hears() -> (AdaptiveBulkhead<Heard>, Heard) {
    let heard = Heard(Arc::new(Mutex::new(Vec::new())));
    let builder = Bulkhead::builder()
        .limit(1)
        .window(Duration::from_millis(1));
    let bulkhead = builder.build_adaptive("test", heard.clone()).unwrap();
    (bulkhead, heard)
}

/// The service returns its request.
fn inner()
-> impl Service<Response<Frames>, Response = Response<Frames>, Error = BoxError, Future: Send> + Clone
{
    service_fn(async |response| {
        sleep(HEAD).await;
        Ok(response)
    })
}

fn grpc() -> response::Builder {
    Response::builder().header("content-type", "application/grpc")
}

fn trailers(code: u32) -> Frame<Bytes> {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", code.into());
    Frame::trailers(trailers)
}

fn response(head: response::Builder, messages: usize, then: Then, code: u32) -> Response<Frames> {
    let message = || Ok(Frame::data(Bytes::from([1])));
    let end = match then {
        Then::Trailers => Some(Ok(trailers(code))),
        Then::Fails => Some(Err("cut".into())),
        Then::OnlyHead | Then::EndsWithoutCode | Then::IsDropped => None,
    };
    let head = match then {
        Then::OnlyHead => head.header("grpc-status", code),
        _ => head,
    };
    let frames = iter::repeat_with(message).take(messages).chain(end);
    let body = Frames {
        frames: frames.collect(),
        is_empty: then == Then::OnlyHead,
    };
    head.body(body).unwrap()
}

/// Calls, and reads so many frames of the body as a slow client does: long after they are there.
async fn call<S, B>(service: &mut S, response: Response<Frames>, mut read: usize)
where
    S: Service<Response<Frames>, Response = Response<B>, Error = BoxError>,
    B: Body<Error = BoxError>,
{
    // Late enough for each sample to close its window.
    advance(Duration::from_secs(1)).await;
    let mut body = pin!(service.call(response).await.unwrap().into_body());
    let mut cx = Context::from_waker(Waker::noop());
    while read > 0 {
        advance(Duration::from_secs(1)).await;
        match body.as_mut().poll_frame(&mut cx) {
            Poll::Ready(Some(Ok(_))) => read -= 1,
            Poll::Ready(Some(Err(_)) | None) => return,
            Poll::Pending => unreachable!("all frames are there"),
        }
    }
}

/// By the table of `guide::meaning`.
fn of_code(code: u32) -> Option<Sample> {
    match code {
        0 | 3 | 5 | 6 | 7 | 9 | 10 | 11 | 16 => Some(SUCCESS),
        4 | 8 | 14 => Some(Overload),
        _ => None,
    }
}

fn expected(messages: usize, then: Then, of_code: Option<Sample>) -> Vec<Sample> {
    match then {
        // The code is all that there is to hear.
        Then::OnlyHead => of_code.into_iter().collect(),
        Then::Trailers if messages == 0 => of_code.into_iter().collect(),
        // The service had capacity for the first message, and perhaps none later.
        Then::Trailers => {
            let later = of_code.filter(|of_code| *of_code == Overload);
            [SUCCESS].into_iter().chain(later).collect()
        }
        Then::EndsWithoutCode | Then::Fails | Then::IsDropped if messages == 0 => vec![],
        Then::EndsWithoutCode | Then::Fails | Then::IsDropped => vec![SUCCESS],
    }
}

/// Checks all codes with all bodies. `of_code` is what the classifier of the layer says.
async fn check<S, B>(
    mut service: S,
    heard: &Heard,
    overloads: impl Fn() -> u64,
    of_code: impl Fn(u32) -> Option<Sample>,
) where
    S: Service<Response<Frames>, Response = Response<B>, Error = BoxError>,
    B: Body<Error = BoxError>,
{
    let mut counted = 0;
    for then in [
        Then::OnlyHead,
        Then::Trailers,
        Then::EndsWithoutCode,
        Then::Fails,
        Then::IsDropped,
    ] {
        for (messages, code) in (0..3).flat_map(|n| (0..=17).map(move |code| (n, code))) {
            if then == Then::OnlyHead && messages > 0 {
                continue;
            }
            let read = if then == Then::IsDropped {
                messages
            } else {
                usize::MAX
            };
            let response = response(grpc(), messages, then, code);
            call(&mut service, response, read).await;
            let expected = expected(messages, then, of_code(code));
            assert_eq!(heard.take(), expected, "{code}, {messages}, {then:?}");
            counted += expected.iter().filter(|said| **said == Overload).count();
            assert_eq!(overloads(), counted as u64, "{code}, {messages}, {then:?}");
        }
    }
    assert!(counted > 0);
}

#[tokio::test(start_paused = true)]
async fn a_grpc_call_is_reported_with_its_code() {
    let (bulkhead, heard) = hears();
    let service = BulkheadLayer::new(bulkhead.clone()).grpc().layer(inner());
    check(service, &heard, || bulkhead.overloads(), of_code).await;
    assert_eq!(bulkhead.in_flight(), 0);

    let (bulkhead, heard) = hears();
    let queue = Queue::new(1, HEAD);
    let layer = BulkheadLayer::new(bulkhead.clone()).queue(queue).grpc();
    let overloads = || bulkhead.overloads();
    check(layer.layer(inner()), &heard, overloads, of_code).await;
}

#[tokio::test(start_paused = true)]
async fn a_fixed_limit_counts_overloads_in_trailers() {
    let bulkhead = Bulkhead::builder().limit(1).build("test").unwrap();
    let mut service = BulkheadLayer::new(bulkhead.clone()).grpc().layer(inner());
    let mut counted = 0;
    for (messages, code) in (0..3).flat_map(|n| (0..=17).map(move |code| (n, code))) {
        let response = response(grpc(), messages, Then::Trailers, code);
        call(&mut service, response, usize::MAX).await;
        counted += u64::from(of_code(code) == Some(Overload));
        assert_eq!(bulkhead.overloads(), counted);
    }
    assert_eq!((counted, bulkhead.in_flight()), (9, 0));
}

/// HTTP/2 allows data without bytes at any place.
#[tokio::test(start_paused = true)]
async fn an_empty_frame_is_no_message() {
    let (bulkhead, heard) = hears();
    let mut service = BulkheadLayer::new(bulkhead).grpc().layer(inner());
    let mut response = response(grpc(), 0, Then::Trailers, 14);
    let empty = Ok(Frame::data(Bytes::new()));
    response.body_mut().frames.push_front(empty);
    call(&mut service, response, usize::MAX).await;
    assert_eq!(heard.take(), [Overload]);
}

#[tokio::test(start_paused = true)]
async fn chosen_codes_count_in_head_and_trailers() {
    let (bulkhead, heard) = hears();
    let chosen = ClassifyHttp::codes(|code| matches!(code, 0 | 13));
    let layer = BulkheadLayer::new(bulkhead.clone()).classifier(chosen);
    let of_code = |code| match of_code(code) {
        _ if code == 13 => Some(Overload),
        Some(Overload) => None,
        said => said,
    };
    let overloads = || bulkhead.overloads();
    let service = layer.until_body_end().layer(inner());
    check(service, &heard, overloads, of_code).await;
}

/// A closure sees the head only. The trailers follow the table.
#[tokio::test(start_paused = true)]
async fn every_classifier_sees_trailers() {
    let (bulkhead, heard) = hears();
    let layer = BulkheadLayer::new(bulkhead.clone()).until_body_end();
    let mut default = layer.clone().layer(inner());
    let mut closure = layer
        .overload_if(|result: &Result<Response<Frames>, BoxError>| {
            result
                .as_ref()
                .is_ok_and(|response| response.status() == 503)
        })
        .layer(inner());
    for code in 0..=17 {
        let response = || response(grpc(), 0, Then::Trailers, code);
        let expected = Vec::from_iter(of_code(code));
        call(&mut default, response(), usize::MAX).await;
        assert_eq!(heard.take(), expected, "{code}");
        call(&mut closure, response(), usize::MAX).await;
        assert_eq!(heard.take(), expected, "{code}");
    }
    // What the head says is said once.
    let refused = response(grpc().status(503), 1, Then::Trailers, 14);
    call(&mut closure, refused, usize::MAX).await;
    assert_eq!(heard.take(), [Overload]);
}

#[tokio::test(start_paused = true)]
async fn a_response_without_grpc_is_reported_at_its_head() {
    let (bulkhead, heard) = hears();
    let mut service = BulkheadLayer::new(bulkhead.clone()).grpc().layer(inner());
    // The code of gRPC for browsers is in the data.
    for other in [
        "text/html",
        "application/grpc-web",
        "application/grpc-web+proto",
        "application/grpcs",
    ] {
        let begin = || Response::builder().header("content-type", other);
        let is_read = response(begin(), 0, Then::EndsWithoutCode, 0);
        call(&mut service, is_read, usize::MAX).await;
        assert_eq!(heard.take(), [SUCCESS], "{other}");
        let is_dropped = response(begin(), 1, Then::IsDropped, 0);
        call(&mut service, is_dropped, 0).await;
        assert_eq!(heard.take(), [SUCCESS], "{other}");
        let of_a_proxy = response(begin(), 0, Then::Trailers, 14);
        call(&mut service, of_a_proxy, usize::MAX).await;
        assert_eq!(heard.take(), [SUCCESS, Overload], "{other}");
    }
    for grpc in [
        "application/grpc",
        "application/grpc+proto",
        "application/grpc;a=b",
    ] {
        let begin = Response::builder().header("content-type", grpc);
        let is_dropped = response(begin, 1, Then::IsDropped, 0);
        call(&mut service, is_dropped, 0).await;
        assert_eq!(heard.take(), [], "{grpc}");
    }
}

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
