use std::{
    convert::Infallible,
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::Poll,
    time::Duration,
};

use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use proptest::prelude::*;
use static_assertions::{assert_impl_all, assert_not_impl_any};
use tokio::time::{Instant, timeout};
use tokio_test::{assert_pending, assert_ready, assert_ready_ok, block_on, task};
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};
use tower_test::mock;

use super::{
    meaning::verdict,
    script::{Failed, Script, Step, trailers},
};
use crate::{
    backoff::{Backoff, Jitter},
    budget::HalfFull,
    hedge::Hedge,
    http::{
        FirstFrameBody, FirstFrameFuture, FirstFrameLayer, FirstFrameService, HttpReplay, RetryHttp,
    },
    layer::RetryLayer,
    policy::RetryPolicy,
    types::Verdict,
};

type Sent = Full<&'static [u8]>;
type Answer = Response<FirstFrameBody<Script>>;

const GRPC: &str = "application/grpc+proto";

fn request() -> Request<Sent> {
    Request::post("/shop.Items/Get")
        .body(Full::default())
        .expect("a legal request")
}

/// The head of a response with these headers.
fn head(status: u16, fields: &[(&'static str, &'static str)]) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = status.try_into().expect("a legal status");
    *response.headers_mut() = trailers(fields);
    response
}

/// A gRPC response whose body follows a script.
fn grpc(steps: impl Into<std::collections::VecDeque<Step>>) -> Response<Script> {
    head(200, &[("content-type", GRPC)]).map(|()| Script::new(steps))
}

fn code(code: &'static str) -> Step {
    Step::Trailers(vec![("grpc-status", code)])
}

fn layer() -> FirstFrameLayer {
    FirstFrameLayer::new(HttpReplay::new().paths(|path| path != "/shop.Items/Buy"))
}

/// The response of a service that answers with `response`, through the layer.
async fn through(response: Response<Script>, request: Request<Sent>) -> Answer {
    let mut response = Some(response);
    let service = service_fn(move |_: Request<Sent>| {
        let response = response.take().expect("called once");
        async { Ok::<_, Infallible>(response) }
    });
    layer().layer(service).oneshot(request).await.unwrap()
}

/// What a body still yields, with its hints checked on the way.
fn rest(mut body: impl Body<Data = &'static [u8], Error = Failed> + Unpin) -> Vec<String> {
    let mut seen = Vec::new();
    let mut sizes = Vec::new();
    loop {
        sizes.push(body.size_hint().exact().expect("scripted"));
        let ends = body.is_end_stream();
        let frame = block_on(body.frame());
        assert!(!ends || frame.is_none(), "a frame after the end");
        let Some(frame) = frame else { break };
        let length = |frame: &Frame<&[u8]>| frame.data_ref().map_or(0, |data| data.len() as u64);
        let length = frame.as_ref().map_or(0, length);
        for size in &mut sizes {
            *size -= length;
        }
        seen.push(format!("{frame:?}"));
    }
    assert!(body.is_end_stream());
    assert!(sizes.iter().all(|size| *size == 0), "{sizes:?}");
    seen
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::Pending),
        Just(Step::Data(b"")),
        Just(Step::Data(b"abc")),
        Just(Step::Reset),
        Just(Step::Reject),
        prop::sample::select(vec!["0", "1", "5", "14", "soon"]).prop_map(code),
        Just(Step::Trailers(vec![("x", "y")])),
    ]
}

fn kind() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "application/grpc",
        GRPC,
        "application/grpc-web+proto",
        "text/event-stream",
    ])
}

proptest! {
    #[test]
    fn caller_sees_the_frames_of_the_body_in_order(
        steps in prop::collection::vec(step(), 0..6),
        kind in kind(),
        status in prop::sample::select(vec![200, 200, 204, 204, 404, 503]),
        // Most heads wait for their first frame, so that each kind of it comes up in any run.
        has_code in prop::bool::weighted(0.2),
        may_repeat in prop::bool::weighted(0.8),
    ) {
        let mut fields = vec![("content-type", kind), ("x", "head")];
        if has_code {
            fields.push(("grpc-status", "0"));
        }
        let response = head(status, &fields).map(|()| Script::new(steps.clone()));
        let polls = response.body().polls();
        let mut request = request();
        if !may_repeat {
            *request.uri_mut() = "/shop.Items/Buy".parse().unwrap();
        }
        let response = block_on(through(response, request));
        let waits = may_repeat && !has_code && status < 300 && [GRPC, "application/grpc"].contains(&kind);
        let is_nothing = |step: &&Step| matches!(step, Step::Pending | Step::Data(b""));
        let delay = steps.iter().take_while(is_nothing).count();
        let moved = match steps.get(delay) {
            Some(Step::Trailers(fields)) if waits => match fields[0] {
                ("grpc-status", "0") | ("x", _) => None,
                _ => Some(trailers(fields)),
            },
            _ => None,
        };
        if moved.is_none() && steps.len() > delay {
            let polled = polls.upgrade().expect("the body is not dropped").load(SeqCst);
            prop_assert_eq!(polled, if waits { delay + 1 } else { 0 });
        }
        let mut headers = trailers(&fields);
        let expected = if let Some(moved) = moved {
            headers.extend(moved);
            prop_assert!(response.body().is_end_stream(), "trailers only");
            prop_assert!(polls.upgrade().is_none(), "the inner body is dropped");
            Vec::new()
        } else {
            rest(Script::new(if waits { steps[delay..].to_vec() } else { steps }))
        };
        prop_assert_eq!(response.headers(), &headers);
        prop_assert_eq!(rest(response.into_body()), expected);
    }
}

#[test]
fn a_code_in_trailers_has_the_verdict_of_one_in_the_head() {
    for code in 0..30_u32 {
        let fields = vec![("grpc-status", &*code.to_string().leak())];
        let only = head(200, &[("content-type", GRPC), fields[0]]);
        let only = Ok::<_, Infallible>(only);
        let behind = block_on(through(grpc([Step::Trailers(fields)]), request()));
        let behind = Ok::<_, Infallible>(behind);
        assert_eq!(
            verdict(&RetryHttp, &behind),
            verdict(&RetryHttp, &only),
            "{code}"
        );
    }
}

#[test]
fn a_response_without_messages_has_the_verdict_of_its_end() {
    let chosen = RetryHttp::codes(|code| code == 2);
    for (steps, expected, with_unknown) in [
        (vec![], Verdict::Never, Verdict::Retry),
        (
            vec![Step::Trailers(vec![("x", "y")])],
            Verdict::Never,
            Verdict::Retry,
        ),
        (vec![Step::Reset], Verdict::Retry, Verdict::Retry),
        (vec![Step::Reject], Verdict::Ignored, Verdict::Ignored),
        (
            vec![Step::Data(b"a"), Step::Reset],
            Verdict::Done,
            Verdict::Done,
        ),
        (
            vec![Step::Data(b"a"), code("14")],
            Verdict::Done,
            Verdict::Done,
        ),
        (vec![Step::Data(b"a")], Verdict::Done, Verdict::Done),
    ] {
        let answer = block_on(through(grpc(steps.clone()), request()));
        let result = Ok::<_, Infallible>(answer);
        assert_eq!(verdict(&RetryHttp, &result), expected, "{steps:?}");
        assert_eq!(verdict(&chosen, &result), with_unknown, "{steps:?}");
    }
}

#[test]
fn a_trailer_replaces_the_header_of_its_name() {
    let mut response = grpc([Step::Trailers(vec![
        ("grpc-status", "14"),
        ("grpc-message", "down"),
        ("grpc-retry-pushback-ms", "7"),
        ("b", "3"),
        ("b", "4"),
    ])]);
    let fields = [("grpc-retry-pushback-ms", "9"), ("a", "1"), ("b", "2")];
    response.headers_mut().extend(trailers(&fields));
    let answer = block_on(through(response, request()));
    let expected = [
        ("content-type", GRPC),
        ("grpc-status", "14"),
        ("grpc-message", "down"),
        ("grpc-retry-pushback-ms", "7"),
        ("a", "1"),
        ("b", "3"),
        ("b", "4"),
    ];
    assert_eq!(answer.headers(), &trailers(&expected));
    let result = Ok::<_, Infallible>(answer);
    let wait = Verdict::RetryAfter(Duration::from_millis(7));
    assert_eq!(verdict(&RetryHttp, &result), wait);
}

#[test]
fn trailers_do_not_change_how_the_head_is_read() {
    let mut response = grpc([Step::Trailers(vec![
        ("grpc-status", "14"),
        ("content-length", "5"),
        ("content-type", "text/html"),
        ("content-encoding", "gzip"),
        ("transfer-encoding", "chunked"),
        ("connection", "close"),
        ("x", "y"),
    ])]);
    response
        .headers_mut()
        .extend(trailers(&[("content-length", "0")]));
    let answer = block_on(through(response, request()));
    let expected = [
        ("content-type", GRPC),
        ("content-length", "0"),
        ("grpc-status", "14"),
        ("x", "y"),
    ];
    assert_eq!(answer.headers(), &trailers(&expected));
}

/// A policy of three attempts that waits `wait` before each retry.
fn policy(wait: Duration) -> RetryPolicy<RetryHttp, HttpReplay> {
    RetryPolicy::builder()
        .backoff(Backoff::constant(wait).jitter(Jitter::None))
        .build()
        .expect("legal")
        .grpc(|path| path != "/shop.Items/Buy")
}

/// The answer through a policy without waits, and how many attempts were made.
async fn answer(steps: &[Step], request: Request<Sent>) -> (Answer, usize) {
    let made = AtomicUsize::new(0);
    let server = service_fn(|_: Request<Sent>| {
        made.fetch_add(1, SeqCst);
        let response = grpc(steps.to_vec());
        async { Ok::<_, Infallible>(response) }
    });
    let client = RetryLayer::new(policy(Duration::ZERO))
        .until_first_frame()
        .layer(server);
    let answer = client.oneshot(request).await.unwrap();
    (answer, made.load(SeqCst))
}

#[tokio::test(start_paused = true)]
async fn an_unavailable_code_in_trailers_is_retried() {
    let (answer, made) = answer(&[Step::Pending, code("14")], request()).await;
    assert_eq!(made, 3);
    assert_eq!(answer.headers()["grpc-status"], "14");
    assert!(answer.body().is_end_stream());
    let empty = [Step::Data(b""), Step::Pending, Step::Data(b""), code("14")];
    let (_, made) = self::answer(&empty, request()).await;
    assert_eq!(made, 3, "an empty frame is no message");
    for other in ["0", "1", "2", "4", "5", "8", "13"] {
        assert_eq!(
            self::answer(&[code(other)], request()).await.1,
            1,
            "{other}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_cut_before_data_is_retried_and_still_fails() {
    let (answer, made) = answer(&[Step::Pending, Step::Reset], request()).await;
    assert_eq!(made, 3);
    assert!(answer.into_body().collect().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_body_cut_after_data_is_the_answer() {
    for end in [Step::Reset, code("14"), Step::Hang] {
        let steps = [Step::Data(b"abc"), end];
        let (answer, made) = answer(&steps, request()).await;
        assert_eq!(made, 1, "{steps:?}");
        let frame = answer.into_body().frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), b"abc");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_must_not_run_twice_is_not_held_back() {
    let mut buy = request();
    *buy.uri_mut() = "/shop.Items/Buy".parse().unwrap();
    let answer = timeout(Duration::from_secs(1), answer(&[Step::Hang], buy));
    let (answer, made) = answer.await.expect("ready at once");
    assert_eq!((answer.status().as_u16(), made), (200, 1));
}

#[tokio::test(start_paused = true)]
async fn a_pushback_in_trailers_is_obeyed() {
    let attempts = |pushback: &'static str| async move {
        let start = Instant::now();
        let fields = vec![("grpc-status", "14"), ("grpc-retry-pushback-ms", pushback)];
        let (_, made) = answer(&[Step::Trailers(fields)], request()).await;
        (made, start.elapsed())
    };
    assert_eq!(attempts("2000").await, (3, Duration::from_secs(4)));
    assert_eq!(attempts("-1").await, (1, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_missing_code_is_a_failure_for_the_budget() {
    for (step, left) in [
        (None, 9.0),
        (Some(Step::Reject), 10.0),
        (Some(code("1")), 10.0),
    ] {
        let throttle = HalfFull::builder().build("test").unwrap();
        let policy = policy(Duration::ZERO).budget(throttle.clone());
        let server = service_fn(|_: Request<Sent>| {
            let response = grpc(Vec::from_iter(step.clone()));
            async { Ok::<_, Infallible>(response) }
        });
        let client = RetryLayer::new(policy).until_first_frame().layer(server);
        let _ = client.oneshot(request()).await;
        assert!((throttle.tokens() - left).abs() < 1e-9, "{step:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_failed_body_is_dropped_before_the_wait() {
    for step in [Step::Reset, code("14")] {
        let (bodies, mut seen) = tokio::sync::mpsc::unbounded_channel();
        let server = service_fn(move |_: Request<Sent>| {
            let response = grpc([step.clone()]);
            let polls = response.body().polls();
            bodies.send(polls).unwrap();
            async { Ok::<_, Infallible>(response) }
        });
        let policy = policy(Duration::from_secs(10));
        let client = RetryLayer::new(policy).until_first_frame().layer(server);
        let call = pin!(client.oneshot(request()));
        assert!(timeout(Duration::from_secs(5), call).await.is_err());
        assert_eq!(seen.len(), 1);
        assert!(seen.try_recv().unwrap().upgrade().is_none());
    }
}

#[test]
fn the_future_of_the_call_is_dropped_at_the_head() {
    let held = Arc::new(());
    let weak = Arc::downgrade(&held);
    let response = grpc([Step::Hang]);
    let polls = response.body().polls();
    let mut parts = Some((held, response));
    let service = service_fn(move |_: Request<Sent>| {
        let (held, response) = parts.take().unwrap();
        let mut response = Some(response);
        poll_fn(move |_| {
            let _ = &held;
            Poll::Ready(Ok::<_, Infallible>(response.take().unwrap()))
        })
    });
    let mut call = task::spawn(layer().layer(service).call(request()));
    assert_pending!(call.poll());
    assert!(weak.upgrade().is_none());
    assert_eq!(polls.upgrade().unwrap().load(SeqCst), 1);
    drop(call);
    assert!(polls.upgrade().is_none(), "cancelled with its body");
}

#[test]
fn an_error_of_the_service_passes_at_once() {
    let service = service_fn(async |_: Request<Sent>| Err::<Response<Script>, _>("refused"));
    let answer = block_on(layer().layer(service).oneshot(request()));
    assert_eq!(answer.unwrap_err(), "refused");
}

#[test]
fn readiness_is_that_of_the_inner_service() {
    type Mock = mock::Mock<Request<Sent>, Response<Script>>;
    let (mut service, mut handle): (mock::Spawn<FirstFrameService<Mock>>, _) =
        mock::spawn_layer(layer());
    handle.allow(0);
    assert_pending!(service.poll_ready());
    handle.allow(1);
    assert_ready_ok!(service.poll_ready());
    handle.send_error("gone");
    let error: BoxError = assert_ready!(service.poll_ready()).unwrap_err();
    assert!(error.to_string().contains("gone"));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_panics_harms_only_its_call() {
    let (calls, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let server = service_fn(move |_: Request<Sent>| {
        let first = seen.try_recv().is_err();
        let response = grpc([if first { Step::Panic } else { code("0") }]);
        async { Ok::<_, Infallible>(response) }
    });
    let mut client = layer().layer(server);
    let call = client.call(request());
    assert!(tokio::spawn(call).await.unwrap_err().is_panic());
    calls.send(()).unwrap();
    assert_eq!(client.call(request()).await.unwrap().status(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_boxed_error_of_the_body_is_seen_as_well() {
    let made = AtomicUsize::new(0);
    let server = service_fn(|_: Request<Sent>| {
        made.fetch_add(1, SeqCst);
        let steps = [[Step::Reset], [Step::Reject]][made.load(SeqCst) - 1].clone();
        let response = grpc(steps).map(|body| body.map_err(BoxError::from).boxed());
        async { Ok::<Response<BoxBody<_, BoxError>>, BoxError>(response) }
    });
    let client = RetryLayer::new(policy(Duration::ZERO))
        .until_first_frame()
        .layer(server);
    let _ = client.oneshot(request()).await.unwrap();
    assert_eq!(
        made.load(SeqCst),
        2,
        "the reset is retried, the rejection is not"
    );
}

/// The heads come at once. The first call pays for the hedge of the second.
#[tokio::test(start_paused = true)]
async fn a_slow_first_message_is_hedged() {
    let made = Arc::new(AtomicUsize::new(0));
    let server = service_fn(move |_: Request<Sent>| {
        let steps = [Step::Data(b"fast"), Step::Hang, Step::Data(b"hedge")];
        let response = grpc([steps[made.fetch_add(1, SeqCst)].clone()]);
        async { Ok::<_, Infallible>(response) }
    });
    let hedge = Hedge::after(Duration::from_secs(1))
        .share(1.0)
        .build()
        .unwrap();
    let layer = RetryLayer::new(policy(Duration::ZERO)).hedge(hedge);
    let client = layer.until_first_frame().layer(server);
    client.clone().oneshot(request()).await.unwrap();
    let start = Instant::now();
    let answer = timeout(Duration::from_secs(9), client.oneshot(request())).await;
    let body = answer.expect("it is hedged").unwrap().into_body();
    assert_eq!(start.elapsed(), Duration::from_secs(1));
    assert_eq!(body.collect().await.unwrap().to_bytes(), "hedge");
}

/// A hedge whose code in the trailers is a failure leaves the answer to the first attempt, and the other way round.
#[tokio::test(start_paused = true)]
async fn a_code_in_trailers_does_not_end_a_hedged_call() {
    let secs = Duration::from_secs;
    for (waits, codes) in [([3, 1], ["0", "14"]), ([2, 2], ["14", "0"])] {
        let made = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&made);
        let server = service_fn(move |_: Request<Sent>| {
            // The first call is fast.
            let n = count.fetch_add(1, SeqCst).checked_sub(1);
            async move {
                if let Some(n) = n {
                    tokio::time::sleep(secs(waits[n])).await;
                }
                Ok::<_, Infallible>(grpc([code(n.map_or("0", |n| codes[n]))]))
            }
        });
        let hedge = Hedge::after(secs(1)).share(1.0).build().unwrap();
        let layer = RetryLayer::new(policy(Duration::ZERO)).hedge(hedge);
        let client = layer.until_first_frame().layer(server);
        client.clone().oneshot(request()).await.unwrap();
        let start = Instant::now();
        let response = client.oneshot(request()).await.unwrap();
        assert!(!response.headers().contains_key("grpc-status"), "code 0");
        assert_eq!((start.elapsed(), made.load(SeqCst)), (secs(3), 3));
    }
}

assert_impl_all!(FirstFrameLayer: Copy, Send, Sync);
assert_impl_all!(FirstFrameService<HttpReplay>: Copy, Send, Sync, Unpin);
assert_impl_all!(FirstFrameBody<Script>: Send, Sync, Unpin);
assert_impl_all!(FirstFrameFuture<std::future::Ready<()>, Script>: Send, Sync, Unpin);
assert_not_impl_any!(FirstFrameFuture<std::marker::PhantomPinned, Script>: Unpin);

// For an answer of a layer outside.
assert_impl_all!(FirstFrameBody<Sent>: Default);
