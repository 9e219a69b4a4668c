//! Calls that end with the body of their response.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

use futures_util::stream;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::{Body, Frame};
use http_body_util::{
    BodyExt, Empty, Full, StreamBody, channel::Channel, combinators::UnsyncBoxBody,
};
use maestro_circuit_breaker::{
    AtBodyEnd, BodyEnd, CallBody, CircuitBreaker, CircuitBreakerLayer, Classify, ClassifyHttp,
    IntoError, MayReject, OnCancel, Open, Outcome, Override, Probes, Ramp, State,
    StaticCircuitBreaker, Wait,
};
use tokio::time::advance;
use tokio_test::{assert_ready_ok, task};
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};

const WAIT: Duration = Duration::from_secs(5);
const PROBE_TIME: Duration = Duration::from_secs(2);

type Data = &'static [u8];
type AnyBody = UnsyncBoxBody<Data, BoxError>;

/// What comes after a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    /// The code is in the head.
    Nothing,
    Trailers,
    DataAndTrailers,
    /// The end without trailers.
    End,
    DataAndEnd,
    /// An error.
    Cut,
    DataAndCut,
    /// A client that drops the body.
    Dropped,
    /// A client that reads one frame and drops the body.
    DataAndDropped,
}

use Rest::{
    Cut, DataAndCut, DataAndDropped, DataAndEnd, DataAndTrailers, Dropped, End, Nothing, Trailers,
};

fn trailers(code: u32) -> HeaderMap {
    HeaderMap::from_iter([(
        "grpc-status".parse().expect("a name"),
        HeaderValue::from(code),
    )])
}

fn grpc(code: u32, rest: Rest) -> Response<AnyBody> {
    let data = || Ok(Frame::data(&b"message"[..]));
    let code_at_end = || Ok(Frame::trailers(trailers(code)));
    let cut = || Err(BoxError::from("connection reset"));
    let frames: Vec<Result<Frame<Data>, BoxError>> = match rest {
        Nothing => {
            let mut response = Response::new(Empty::new().map_err(|e| match e {}).boxed_unsync());
            *response.headers_mut() = trailers(code);
            response.headers_mut().insert(
                "content-type",
                HeaderValue::from_static("application/grpc+proto"),
            );
            return response;
        }
        Trailers => vec![code_at_end()],
        End => vec![],
        DataAndEnd => vec![data()],
        Cut => vec![cut()],
        DataAndCut => vec![data(), cut()],
        DataAndTrailers | Dropped | DataAndDropped => vec![data(), data(), code_at_end()],
    };
    let body = StreamBody::new(stream::iter(frames));
    let response = Response::builder().header("content-type", "application/grpc");
    response.body(body.boxed_unsync()).expect("legal")
}

/// Reads what `rest` says and drops the body.
async fn read<B: Body<Data = Data>>(body: B, rest: Rest) {
    let mut body = pin!(body);
    let mut left = match rest {
        Dropped => 0,
        DataAndDropped => 1,
        _ => usize::MAX,
    };
    while left > 0 && matches!(body.frame().await, Some(Ok(_))) {
        left -= 1;
    }
}

type Grpc<N> = CircuitBreakerLayer<ClassifyHttp, IntoError, CircuitBreaker, AtBodyEnd<N>>;

async fn call<B: Body<Error: MayReject<N>> + 'static, N>(
    layer: &Grpc<N>,
    response: Response<B>,
) -> Response<CallBody<B, ClassifyHttp>> {
    let mut response = Some(response);
    let service = layer.layer(service_fn(
        move |_: Request<()>| -> Ready<Result<_, Open>> {
            ready(Ok(response.take().expect("one call")))
        },
    ));
    service.oneshot(Request::new(())).await.expect("admitted")
}

/// With a window in which nothing opens it.
fn closed() -> CircuitBreaker {
    CircuitBreaker::builder()
        .failure_ratio(1.0)
        .minimum_calls(1_000)
        .build("greeter")
        .expect("legal")
}

async fn half_open() -> CircuitBreaker {
    let breaker = CircuitBreaker::builder()
        .consecutive_failures(1)
        .slow_after(Duration::from_secs(1))
        .on_cancel(OnCancel::Ignored)
        .wait_in_open(Wait::fixed(WAIT))
        .probe_deadline(PROBE_TIME)
        .probes(Probes::one())
        .build("greeter")
        .expect("legal");
    breaker.try_acquire().expect("closed").failure();
    advance(WAIT).await;
    breaker
}

fn by_code(code: u32) -> Outcome {
    match code {
        0 | 3 | 5..=7 | 9..=11 | 16 => Outcome::Success,
        1 => Outcome::Ignored,
        _ => Outcome::Failure,
    }
}

/// How a call ends that a closed breaker admitted.
fn expected(code: u32, rest: Rest) -> Outcome {
    match rest {
        Nothing | Trailers | DataAndTrailers => by_code(code),
        End | DataAndEnd | Cut | DataAndCut => Outcome::Failure,
        Dropped | DataAndDropped => Outcome::Ignored,
    }
}

/// How a probe ends.
fn expected_of_probe(code: u32, rest: Rest) -> Outcome {
    match rest {
        DataAndTrailers | DataAndEnd | DataAndCut | DataAndDropped => Outcome::Success,
        _ => expected(code, rest),
    }
}

const ALL: [Rest; 9] = [
    Nothing,
    Trailers,
    DataAndTrailers,
    End,
    DataAndEnd,
    Cut,
    DataAndCut,
    Dropped,
    DataAndDropped,
];

#[tokio::test(start_paused = true)]
async fn every_code_counts_at_every_end_of_a_response() {
    for code in 0..=17 {
        for rest in ALL {
            let breaker = closed();
            let layer = CircuitBreakerLayer::new(breaker.clone()).grpc();
            let response = call(&layer, grpc(code, rest)).await;
            if rest != Nothing {
                assert_eq!(
                    breaker.snapshot().calls(),
                    0,
                    "{rest:?}: not before its end"
                );
            }
            read(response.into_body(), rest).await;
            let snapshot = breaker.snapshot();
            let counted = match expected(code, rest) {
                Outcome::Success => (1, 0),
                Outcome::Failure => (1, 1),
                _ => (0, 0),
            };
            assert_eq!(
                (snapshot.calls(), snapshot.failures()),
                counted,
                "{code} {rest:?}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_ends_with_the_first_frame_after_its_head() {
    for code in 0..=17 {
        for rest in ALL {
            let breaker = half_open().await;
            let layer = CircuitBreakerLayer::new(breaker.clone()).grpc();
            let response = call(&layer, grpc(code, rest)).await;
            if rest != Nothing {
                assert_eq!(breaker.snapshot().probes_in_flight(), 1, "{rest:?}");
            }
            read(response.into_body(), rest).await;
            let state = match expected_of_probe(code, rest) {
                Outcome::Success => State::Closed,
                Outcome::Failure => State::Open,
                _ => State::HalfOpen,
            };
            assert_eq!(breaker.state(), state, "{code} {rest:?}");
            assert_eq!(breaker.snapshot().probes_in_flight(), 0);
        }
    }
}

fn grpc_of<E>(frames: Vec<Result<Frame<Data>, E>>) -> Response<UnsyncBoxBody<Data, E>>
where
    E: Send + 'static,
{
    let body = StreamBody::new(stream::iter(frames)).boxed_unsync();
    let response = Response::builder().header("content-type", "application/grpc");
    response.body(body).expect("legal")
}

fn cut<E>(error: E) -> Response<UnsyncBoxBody<Data, E>>
where
    E: Send + 'static,
{
    grpc_of(vec![Ok(Frame::data(&b"message"[..])), Err(error)])
}

/// HTTP/2 allows data without bytes at any place. It is no message.
#[tokio::test(start_paused = true)]
async fn an_empty_frame_does_not_end_a_probe() {
    for (code, state) in [(0, State::Closed), (13, State::Open)] {
        let breaker = half_open().await;
        let layer = CircuitBreakerLayer::new(breaker.clone()).grpc();
        let frames = vec![
            Ok(Frame::data(&b""[..])),
            Ok(Frame::trailers(trailers(code))),
        ];
        let response: Response<AnyBody> = grpc_of(frames);
        read(call(&layer, response).await.into_body(), Trailers).await;
        assert_eq!(breaker.state(), state, "{code}");
    }
}

/// The deadline of a caller may cut a body off. It says nothing about the backend.
#[tokio::test(start_paused = true)]
async fn a_body_that_fails_with_a_rejection_is_ignored() {
    let other = CircuitBreaker::builder().consecutive_failures(1);
    let other = other.build("replica").expect("legal");
    other.try_acquire().expect("closed").failure();
    let rejection = other.try_acquire().expect_err("it is open");

    let breaker = closed();
    let layer = CircuitBreakerLayer::new(breaker.clone()).grpc();
    read(
        call(&layer, cut(rejection.clone())).await.into_body(),
        DataAndCut,
    )
    .await;
    let layer = CircuitBreakerLayer::new(breaker.clone())
        .failure_if(|_| false)
        .until_body_end();
    for (error, counted) in [
        (BoxError::from(rejection.clone()), (0, 0)),
        (BoxError::from("connection reset"), (1, 1)),
    ] {
        let mut response = Some(cut(error));
        let service = layer.layer(service_fn(|_: Request<()>| {
            ready(Ok::<_, Open>(response.take().expect("one call")))
        }));
        let response = service.oneshot(Request::new(())).await.expect("admitted");
        read(response.into_body(), DataAndCut).await;
        let snapshot = breaker.snapshot();
        assert_eq!((snapshot.calls(), snapshot.failures()), counted);
    }

    let breaker = half_open().await;
    let layer = CircuitBreakerLayer::new(breaker.clone()).grpc();
    read(
        call(&layer, grpc_of(vec![Err(rejection.clone())]))
            .await
            .into_body(),
        Cut,
    )
    .await;
    assert_eq!(breaker.state(), State::HalfOpen);
    assert_eq!(breaker.snapshot().probes_in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_probe_without_a_code_to_come_ends_with_its_head() {
    let breaker = half_open().await;
    let layer = CircuitBreakerLayer::new(breaker.clone()).grpc();
    let response = call(&layer, Response::new(Full::new(&b"page"[..]))).await;
    assert_eq!(breaker.state(), State::Closed);
    drop(response);
}

/// Neither a client that does not read, nor a stream that has nothing to say, makes a probe fail.
#[tokio::test(start_paused = true)]
async fn a_probe_without_a_frame_by_its_deadline_has_succeeded() {
    for polled in [false, true] {
        let breaker = half_open().await;
        let layer = CircuitBreakerLayer::new(breaker.clone()).grpc();
        let (_send, body) = Channel::<Data, BoxError>::new(1);
        let mut head = Response::new(body);
        head.headers_mut()
            .insert("content-type", HeaderValue::from_static("application/grpc"));
        let mut body = Box::pin(call(&layer, head).await.into_body());
        if polled {
            let poll = task::spawn(()).enter(|cx, _| body.as_mut().poll_frame(cx));
            assert!(poll.is_pending());
        }
        advance(PROBE_TIME.saturating_sub(Duration::from_nanos(1))).await;
        assert_eq!(breaker.state(), State::HalfOpen);
        assert!(breaker.try_acquire().is_err(), "the slot is held");
        advance(Duration::from_nanos(1)).await;
        assert_eq!(breaker.state(), State::Closed);
        drop(body);
        assert_eq!(breaker.state(), State::Closed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_with_a_slow_head_fails_and_a_slow_frame_does_not() {
    let probe = async |head: u64, frame: u64| {
        let breaker = half_open().await;
        let service = CircuitBreakerLayer::new(breaker.clone())
            .grpc()
            .layer(service_fn(move |_: Request<()>| async move {
                tokio::time::sleep(Duration::from_millis(head)).await;
                Ok::<_, Open>(grpc(0, Trailers))
            }));
        let response = service.oneshot(Request::new(())).await.unwrap();
        advance(Duration::from_millis(frame)).await;
        read(response.into_body(), Trailers).await;
        breaker.state()
    };
    assert_eq!(probe(999, 1_000).await, State::Closed);
    assert_eq!(probe(1_000, 0).await, State::Open);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_read_slowly_makes_no_slow_call() {
    let slow = async |head: u64, rest: Rest| {
        let breaker = CircuitBreaker::builder()
            .slow_ratio(1.0)
            .slow_after(Duration::from_secs(1))
            .minimum_calls(100)
            .build("greeter")
            .unwrap();
        let service = CircuitBreakerLayer::new(breaker.clone())
            .grpc()
            .layer(service_fn(move |_: Request<()>| async move {
                tokio::time::sleep(Duration::from_millis(head)).await;
                Ok::<_, Open>(grpc(0, rest))
            }));
        let response = service.oneshot(Request::new(())).await.unwrap();
        advance(Duration::from_secs(3_600)).await;
        read(response.into_body(), rest).await;
        let snapshot = breaker.snapshot();
        (snapshot.calls(), snapshot.slow_calls())
    };
    assert_eq!(slow(999, DataAndTrailers).await, (1, 0));
    assert_eq!(slow(1_000, DataAndTrailers).await, (1, 1));
    // `FailureIfSlow`, the default.
    assert_eq!(slow(999, Dropped).await, (0, 0));
    assert_eq!(slow(1_000, Dropped).await, (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_body_counts_as_on_cancel_says() {
    let breaker = CircuitBreaker::builder()
        .consecutive_failures(1)
        .on_cancel(OnCancel::Failure)
        .build("greeter")
        .unwrap();
    let layer = CircuitBreakerLayer::new(breaker.clone()).grpc();
    drop(call(&layer, grpc(0, Trailers)).await);
    assert_eq!(breaker.state(), State::Open);
}

/// hyper drops a body of HTTP/1 after the bytes that `Content-Length` announced, and does not ask for its end.
#[tokio::test(start_paused = true)]
async fn a_body_of_the_announced_length_has_ended() {
    for (length, reads, calls) in [
        ("0", 0, 1),
        ("7", 1, 1),
        ("14", 2, 1),
        ("8", 2, 1),
        ("14", 1, 0),
        ("7", 0, 0),
        ("many", 2, 0),
    ] {
        let breaker = closed();
        let layer = CircuitBreakerLayer::new(breaker.clone()).grpc();
        let (mut sender, body) = Channel::<Data, Infallible>::new(2);
        for _ in 0..2 {
            sender.try_send(Frame::data(b"message")).expect("room");
        }
        let response = Response::builder().header("content-length", length);
        let response = call(&layer, response.body(body).expect("legal")).await;
        let mut body = response.into_body();
        for _ in 0..reads {
            assert!(body.frame().await.expect("a frame").is_ok());
        }
        drop(body);
        let snapshot = breaker.snapshot();
        assert_eq!(
            (snapshot.calls(), snapshot.failures()),
            (calls, 0),
            "{length} {reads}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_grpc_body_of_an_announced_length_awaits_its_code() {
    let breaker = closed();
    let layer = CircuitBreakerLayer::new(breaker.clone()).grpc();
    let mut response = grpc(0, DataAndTrailers);
    let length = HeaderValue::from_static("14");
    response.headers_mut().insert("content-length", length);
    read(call(&layer, response).await.into_body(), DataAndTrailers).await;
    let snapshot = breaker.snapshot();
    // Without the code it would be a failure.
    assert_eq!((snapshot.calls(), snapshot.failures()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_head_that_is_no_success_ends_the_call_at_once() {
    let breaker = closed();
    let layer = CircuitBreakerLayer::new(breaker.clone()).grpc();
    for (status, counted) in [(503, (1, 1)), (499, (1, 1)), (408, (2, 2))] {
        let mut response = grpc(0, DataAndTrailers);
        *response.status_mut() = status.try_into().unwrap();
        let response = call(&layer, response).await;
        let snapshot = breaker.snapshot();
        assert_eq!((snapshot.calls(), snapshot.failures()), counted);
        read(response.into_body(), DataAndTrailers).await;
        let snapshot = breaker.snapshot();
        assert_eq!((snapshot.calls(), snapshot.failures()), counted);
    }
}

#[tokio::test(start_paused = true)]
async fn an_empty_body_ends_with_its_head() {
    let breaker = closed();
    let layer = CircuitBreakerLayer::new(breaker.clone()).grpc();
    let response = call(&layer, Response::new(Empty::<Data>::new())).await;
    assert_eq!(breaker.snapshot().calls(), 1);
    assert!(response.body().is_end_stream());
    // The code is missing.
    let mut head = Response::new(Empty::<Data>::new());
    head.headers_mut()
        .insert("content-type", HeaderValue::from_static("application/grpc"));
    drop(call(&layer, head).await);
    assert_eq!(breaker.snapshot().failures(), 1);
    // That of grpc-web is in its data.
    let mut head = Response::new(Empty::<Data>::new());
    head.headers_mut().insert(
        "content-type",
        HeaderValue::from_static("application/grpc-web"),
    );
    drop(call(&layer, head).await);
    assert_eq!(
        (breaker.snapshot().calls(), breaker.snapshot().failures()),
        (3, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn a_body_of_an_earlier_generation_changes_nothing() {
    let breaker = half_open().await;
    let layer = CircuitBreakerLayer::new(breaker.clone()).grpc();
    let probe = call(&layer, grpc(14, Trailers)).await;
    breaker.reset(Override::new("test", "reset"));
    let before = call(&layer, grpc(14, Trailers)).await;
    breaker.reset(Override::new("test", "reset"));
    for late in [probe, before] {
        read(late.into_body(), Trailers).await;
        assert_eq!(breaker.state(), State::Closed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_on_the_ramp_counts_until_the_ramp_is_over() {
    for (late, state) in [(false, State::Open), (true, State::Closed)] {
        let breaker = CircuitBreaker::builder()
            .consecutive_failures(1)
            .wait_in_open(Wait::fixed(WAIT))
            .probes(Probes::one())
            .ramp(Ramp::new(WAIT).percent(&[99]))
            .build("greeter")
            .unwrap();
        breaker.try_acquire().unwrap().failure();
        advance(WAIT).await;
        breaker.try_acquire().unwrap().success();
        advance(WAIT / 10 * 9).await;
        assert_eq!(breaker.state(), State::Ramping);
        let layer = CircuitBreakerLayer::new(breaker.clone()).grpc();
        let response = loop {
            let service = layer.layer(service_fn(|_: Request<()>| {
                ready(Ok::<_, Open>(grpc(13, Trailers)))
            }));
            if let Ok(response) = service.oneshot(Request::new(())).await {
                break response;
            }
        };
        if late {
            advance(WAIT).await;
        }
        read(response.into_body(), Trailers).await;
        assert_eq!(breaker.state(), state);
    }
}

struct Panics;

impl Body for Panics {
    type Data = Data;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Data>, Infallible>>> {
        panic!("in the body")
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_panics_is_a_failure() {
    let breaker = half_open().await;
    breaker.reset(Override::new("test", "reset"));
    let layer = CircuitBreakerLayer::new(breaker.clone()).grpc();
    let mut body = Box::pin(call(&layer, Response::new(Panics)).await.into_body());
    let poll = || task::spawn(()).enter(|cx, _| body.as_mut().poll_frame(cx).is_ready());
    assert!(catch_unwind(AssertUnwindSafe(poll)).is_err());
    assert_eq!(breaker.state(), State::Open);
    drop(body);
}

#[tokio::test(start_paused = true)]
async fn a_classifier_decides_by_the_end_of_the_body() {
    #[derive(Clone)]
    struct BySum;

    impl<E> Classify<Response<AnyBody>, E> for BySum {
        fn classify(&self, _: &Result<Response<AnyBody>, E>) -> Outcome {
            Outcome::Success
        }

        fn classify_end(&self, end: BodyEnd<'_>) -> Outcome {
            match end.trailers() {
                Some(trailers) if trailers.contains_key("checksum") => Outcome::Success,
                _ => Outcome::Failure,
            }
        }
    }

    let breaker = closed();
    for (rest, failures) in [(DataAndEnd, 1), (DataAndTrailers, 2)] {
        let service = CircuitBreakerLayer::new(breaker.clone())
            .classifier(BySum)
            .until_body_end()
            .layer(service_fn(move |_: Request<()>| {
                ready(Ok::<_, Open>(grpc(0, rest)))
            }));
        let response = service.oneshot(Request::new(())).await.unwrap();
        read(response.into_body(), rest).await;
        assert_eq!(breaker.snapshot().failures(), failures);
    }
    // The codes that were chosen hold for trailers too, and closures follow the table.
    let chosen = CircuitBreakerLayer::new(breaker.clone())
        .classifier(ClassifyHttp::codes(|code| matches!(code, 0 | 5)))
        .until_body_end();
    let closure = CircuitBreakerLayer::new(breaker.clone())
        .failure_if(|result: &Result<Response<AnyBody>, Open>| result.is_err())
        .until_body_end();
    for (code, by_chosen, by_closure) in [(5, 1, 0), (14, 0, 1), (1, 0, 0), (0, 0, 0)] {
        let server = move |_: Request<()>| ready(Ok::<_, Open>(grpc(code, DataAndTrailers)));
        breaker.reset(Override::new("test", "reset"));
        let response = chosen
            .layer(service_fn(server))
            .oneshot(Request::new(()))
            .await;
        read(response.unwrap().into_body(), DataAndTrailers).await;
        assert_eq!(breaker.snapshot().failures(), by_chosen);
        breaker.reset(Override::new("test", "reset"));
        let response = closure
            .layer(service_fn(server))
            .oneshot(Request::new(()))
            .await;
        read(response.unwrap().into_body(), DataAndTrailers).await;
        assert_eq!(breaker.snapshot().failures(), by_closure);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waited_ends_with_its_body_too() {
    let breaker = half_open().await;
    for layer in [
        CircuitBreakerLayer::new(breaker.clone()).grpc().wait(),
        CircuitBreakerLayer::new(breaker.clone()).wait().grpc(),
    ] {
        let mut service = layer.layer(service_fn(|_: Request<()>| {
            ready(Ok::<_, Infallible>(grpc(14, Trailers)))
        }));
        assert_ready_ok!(task::spawn(()).enter(|cx, _| service.poll_ready(cx)));
        let response = service.call(Request::new(())).await.unwrap();
        assert_eq!(breaker.state(), State::HalfOpen);
        read(response.into_body(), Trailers).await;
        assert_eq!(breaker.state(), State::Open);
    }
}

#[tokio::test(start_paused = true)]
async fn a_static_breaker_and_a_member_wait_for_the_body() {
    static GREETER: StaticCircuitBreaker = CircuitBreaker::builder()
        .consecutive_failures(1)
        .build_static("greeter");

    async fn fail(
        service: impl Service<
            Request<()>,
            Response = Response<impl Body<Data = Data> + Send>,
            Error = Open,
        >,
    ) {
        let response = service.oneshot(Request::new(())).await.unwrap();
        read(response.into_body(), DataAndTrailers).await;
    }

    let server = service_fn(|_: Request<()>| ready(Ok::<_, Open>(grpc(13, DataAndTrailers))));
    fail(CircuitBreakerLayer::new(&GREETER).grpc().layer(server)).await;
    assert_eq!(GREETER.try_acquire().unwrap_err().state(), State::Open);

    #[cfg(feature = "family")]
    {
        let builder = CircuitBreaker::builder().consecutive_failures(1);
        let hosts = builder.build_family("hosts", 2).unwrap();
        let by_host = hosts.by(|_: &Request<()>| 1);
        fail(CircuitBreakerLayer::new(by_host).grpc().layer(server)).await;
        assert_eq!(hosts.get(&1).state(), State::Open);
    }
}

/// Each change of the state that comes while a probe is answered.
#[tokio::test(start_paused = true)]
async fn a_change_of_state_makes_an_answered_probe_late() {
    type Change = fn(&CircuitBreaker);

    fn by() -> Override {
        Override::new("alice", "a test")
    }

    let changes: [(State, Change); 4] = [
        (State::Open, |breaker| assert!(breaker.trip(by()))),
        (State::Disabled, |breaker| breaker.disable(by())),
        (State::MetricsOnly, |breaker| breaker.metrics_only(by())),
        (State::ForcedOpen, |breaker| breaker.force_open(by())),
    ];
    for (state, change) in changes {
        for rest in ALL.into_iter().filter(|rest| *rest != Nothing) {
            let breaker = half_open().await;
            let layer = CircuitBreakerLayer::new(breaker.clone()).grpc();
            let response = call(&layer, grpc(13, rest)).await;
            change(&breaker);
            let before = breaker.snapshot();
            read(response.into_body(), rest).await;
            let after = breaker.snapshot();
            assert_eq!(breaker.state(), state);
            assert_eq!(
                (after.calls(), after.would_have_opened()),
                (before.calls(), before.would_have_opened()),
                "{state:?} {rest:?}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_a_rejection_has_a_body_that_counts_nothing() {
    let breaker = half_open().await;
    breaker.trip(Override::new("alice", "a test"));
    let service = CircuitBreakerLayer::new(breaker.clone())
        .grpc()
        .on_reject(Open::grpc_response)
        .layer(service_fn(|_: Request<()>| {
            ready(Ok::<_, Infallible>(Response::new(Full::new(&b""[..]))))
        }));
    let response = service.oneshot(Request::new(())).await.unwrap();
    assert_eq!(response.headers()["grpc-status"], "14");
    response.into_body().collect().await.unwrap();
    assert_eq!(breaker.state(), State::Open);
}
