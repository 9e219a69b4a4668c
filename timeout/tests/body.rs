//! Limits for the phases of an HTTP response, on the paused clock.

use std::{
    convert::Infallible,
    error::Error,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Empty};
use maestro_timeout::{
    BodyError, BodyResponseFuture, BodyTimeout, BodyTimeoutBuilder, BodyTimeoutLayer,
    BodyTimeoutService, Deadline, Elapsed, Phase, TimeoutBody,
};
use static_assertions::{assert_impl_all, assert_not_impl_any};
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_test::{assert_pending, assert_ready, task};
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A body with a frame after each gap. Then it ends, fails, or hangs.
struct Slow {
    gaps: std::vec::IntoIter<u64>,
    then: End,
    timer: Option<Pin<Box<Sleep>>>,
    held: Arc<()>,
}

#[derive(Clone, Copy)]
enum End {
    Ends,
    Fails,
    Hangs,
}

impl Body for Slow {
    type Data = &'static [u8];
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        if self.timer.is_none() {
            let Some(gap) = self.gaps.next() else {
                return match self.then {
                    End::Ends => Poll::Ready(None),
                    End::Fails => Poll::Ready(Some(Err(std::io::Error::other("cut off")))),
                    End::Hangs => Poll::Pending,
                };
            };
            self.timer = Some(Box::pin(sleep_until(Instant::now() + ms(gap))));
        }
        let timer = self.timer.as_mut().expect("set above").as_mut();
        // A gap of zero sets no timer, which would take a tick.
        if timer.deadline() > Instant::now() && timer.poll(cx).is_pending() {
            return Poll::Pending;
        }
        self.timer = None;
        Poll::Ready(Some(Ok(Frame::data(b"frame"))))
    }
}

fn slow(gaps: &[u64], then: End) -> Slow {
    Slow {
        gaps: Vec::from(gaps).into_iter(),
        then,
        timer: None,
        held: Arc::new(()),
    }
}

fn none() -> BodyTimeoutBuilder {
    BodyTimeout::builder()
}

/// Returns `body` under these limits. The head takes no time.
async fn response<B: Body>(limits: BodyTimeoutBuilder, body: B) -> TimeoutBody<B> {
    let mut body = Some(body);
    let mut service = BodyTimeoutLayer::new(limits.build("files")).layer(service_fn(move |()| {
        let body = body.take().expect("called once");
        async { Ok::<_, Elapsed>(Response::new(body)) }
    }));
    service.call(()).await.expect("in time").into_body()
}

/// Reads to the end, with a pause after each frame. Returns the number of frames and the error.
async fn read<B>(body: TimeoutBody<B>, pause: Duration) -> (usize, Option<BodyError>)
where
    B: Body<Error: Into<BoxError>>,
{
    let mut body = Box::pin(body);
    let mut frames = 0;
    loop {
        match body.frame().await {
            Some(Ok(_)) => frames += 1,
            Some(Err(error)) => {
                assert!(body.frame().await.is_none() || matches!(error, BodyError::Inner(_)));
                return (frames, Some(error));
            }
            None => return (frames, None),
        }
        if pause > Duration::ZERO {
            tokio::time::sleep(pause).await;
        }
    }
}

fn elapsed(error: Option<BodyError>) -> Elapsed {
    let error = error.expect("the body elapsed");
    Elapsed::find(&error).expect("the error holds it").clone()
}

// === The head ===

#[tokio::test(start_paused = true)]
async fn a_late_head_is_answered_by_the_service_error() {
    let layer = BodyTimeoutLayer::new(none().headers(ms(250)).build("files"));
    let mut service = layer.layer(service_fn(async |how_long: Duration| {
        tokio::time::sleep(how_long).await;
        Ok::<_, Elapsed>(Response::new(Empty::<&[u8]>::new()))
    }));
    assert!(service.call(ms(250)).await.is_ok(), "a tie");
    let elapsed = service.call(ms(251)).await.unwrap_err();
    assert_eq!((elapsed.name(), elapsed.phase()), ("files", Phase::Headers));
    assert_eq!((elapsed.after(), elapsed.limit()), (ms(250), ms(250)));
    assert_eq!(
        elapsed.to_string(),
        "timeout `files` elapsed: no response head within 250ms"
    );
}

#[tokio::test(start_paused = true)]
async fn on_reject_answers_with_an_unlimited_body() {
    let limits = none().headers(ms(250)).idle(ms(1)).whole(ms(1));
    let mut service = BodyTimeoutLayer::new(limits.build("files"))
        .on_reject(|_| {
            let mut answer = Response::new(slow(&[400, 400], End::Ends));
            *answer.status_mut() = StatusCode::GATEWAY_TIMEOUT;
            Ok(answer)
        })
        .layer(service_fn(|()| {
            std::future::pending::<Result<Response<Slow>, Infallible>>()
        }));
    let answer = service.call(()).await.unwrap();
    assert_eq!(answer.status(), 504);
    assert!(matches!(read(answer.into_body(), ms(0)).await, (2, None)));
}

// === Events ===

// === Between frames ===

#[tokio::test(start_paused = true)]
async fn a_body_that_stops_ends_after_the_idle_limit() {
    let began = Instant::now();
    let body = response(none().idle(ms(250)), slow(&[200, 250, 0, 100], End::Hangs)).await;
    let (frames, error) = read(body, ms(0)).await;
    assert_eq!((frames, began.elapsed()), (4, ms(200 + 250 + 100 + 250)));
    let elapsed = elapsed(error);
    assert_eq!(
        (elapsed.phase(), elapsed.after(), elapsed.limit()),
        (Phase::Idle, ms(250), ms(250))
    );
    assert!(
        elapsed
            .to_string()
            .contains("no frame of the body within 250ms")
    );
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_slow_reader_is_not_idle() {
    let body = response(none().idle(ms(250)), slow(&[0, 200, 200], End::Ends)).await;
    assert!(matches!(read(body, ms(60_000)).await, (3, None)));
}

#[tokio::test(start_paused = true)]
async fn an_idle_limit_of_zero_takes_ready_frames() {
    let body = response(none().idle(ms(0)), slow(&[0, 0, 1], End::Ends)).await;
    let (frames, error) = read(body, ms(0)).await;
    assert_eq!((frames, elapsed(error).phase()), (2, Phase::Idle));
}

// === The whole ===

#[tokio::test(start_paused = true)]
async fn a_body_that_trickles_ends_after_the_whole_limit() {
    let began = Instant::now();
    let limits = none().idle(ms(250)).whole(ms(1_000));
    let body = response(limits, slow(&[150; 100], End::Ends)).await;
    let (frames, error) = read(body, ms(0)).await;
    assert_eq!((frames, began.elapsed()), (6, ms(1_000)));
    let elapsed = elapsed(error);
    assert_eq!(
        (elapsed.phase(), elapsed.after(), elapsed.limit()),
        (Phase::Body, ms(1_000), ms(1_000))
    );
    assert!(elapsed.to_string().contains("no end of the body within 1s"));
}

#[tokio::test(start_paused = true)]
async fn the_earlier_of_idle_and_whole_is_named() {
    for (idle, whole, phase, after) in [
        (250, 400, Phase::Body, 400),
        (250, 600, Phase::Idle, 250),
        (300, 500, Phase::Body, 500),
    ] {
        let limits = none().idle(ms(idle)).whole(ms(whole));
        let body = response(limits, slow(&[200], End::Hangs)).await;
        let elapsed = elapsed(read(body, ms(0)).await.1);
        assert_eq!((elapsed.phase(), elapsed.after()), (phase, ms(after)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_always_has_a_frame_ends_after_a_tie() {
    let began = Instant::now();
    let body = response(none().whole(ms(1_000)), slow(&[0; 1_000], End::Ends)).await;
    let (frames, error) = read(body, ms(100)).await;
    assert_eq!((frames, began.elapsed()), (11, ms(1_100)), "0, 100 … 1,000");
    assert_eq!(elapsed(error).phase(), Phase::Body);
}

#[tokio::test(start_paused = true)]
async fn a_late_end_of_a_body_is_no_error() {
    let body = response(none().whole(ms(100)), slow(&[0], End::Ends)).await;
    assert!(matches!(read(body, ms(60_000)).await, (1, None)));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_bounds_head_and_body_together() {
    let deadline = Deadline::after(ms(500));
    let mut service = BodyTimeoutLayer::new(none().build("files"))
        .deadline(move |()| deadline.at())
        .layer(service_fn(async |()| {
            tokio::time::sleep(ms(300)).await;
            Ok::<_, Elapsed>(Response::new(slow(&[100; 100], End::Ends)))
        }));
    let body = service.call(()).await.unwrap().into_body();
    let (frames, error) = read(body, ms(0)).await;
    let elapsed = elapsed(error);
    // At 500 ms the second frame and the deadline tie.
    assert_eq!(
        (frames, elapsed.phase(), elapsed.limit()),
        (2, Phase::Body, ms(200))
    );

    // 500 ms have passed: a tie, so the call is made.
    assert_eq!(service.call(()).await.unwrap_err().phase(), Phase::Headers);
    tokio::time::sleep(ms(1)).await;
    assert_eq!(service.call(()).await.unwrap_err().phase(), Phase::Before);
}

// === Drops and errors ===

#[tokio::test(start_paused = true)]
async fn the_inner_body_is_dropped_before_the_error() {
    let body = slow(&[], End::Hangs);
    let held = Arc::downgrade(&body.held);
    let mut body = Box::pin(response(none().idle(ms(250)), body).await);
    assert!(held.upgrade().is_some());
    assert!(body.frame().await.unwrap().is_err());
    assert!(held.upgrade().is_none(), "the outer body still exists");
    assert!(body.is_end_stream() && body.frame().await.is_none());
    assert_eq!(body.size_hint().exact(), Some(0));
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_inner_body_passes_with_its_chain() {
    let limits = none().idle(ms(250)).whole(ms(1_000));
    let (frames, error) = read(response(limits, slow(&[100], End::Fails)).await, ms(0)).await;
    let error = error.unwrap();
    assert_eq!(
        (frames, error.to_string().as_str()),
        (1, "the response body failed")
    );
    assert_eq!(error.source().unwrap().to_string(), "cut off");
    assert!(Elapsed::find(&error).is_none());

    // The same for a body inside a body.
    let inner = response(none().idle(ms(100)), slow(&[], End::Hangs)).await;
    let (_, error) = read(response(none().idle(ms(250)), inner).await, ms(0)).await;
    let error: BoxError = error.unwrap().into();
    assert_eq!(Elapsed::find(error.as_ref()).unwrap().after(), ms(100));
}

#[test]
fn a_body_that_does_not_wait_needs_no_runtime() {
    struct Never;
    impl Body for Never {
        type Data = &'static [u8];
        type Error = Infallible;
        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Self::Data>, Infallible>>> {
            Poll::Pending
        }
        fn size_hint(&self) -> SizeHint {
            SizeHint::with_exact(7)
        }
    }
    let mut unbounded = task::spawn(response(none(), Never));
    let mut body = Box::pin(assert_ready!(unbounded.poll()));
    assert_pending!(task::spawn(body.frame()).poll());
    assert!(!body.is_end_stream());
    assert_eq!(body.size_hint().exact(), Some(7));

    let limits = none().headers(ms(1_000)).idle(ms(1_000)).whole(ms(1_000));
    let mut bounded = task::spawn(response(limits, Empty::<&[u8]>::new()));
    let mut body = Box::pin(assert_ready!(bounded.poll()));
    assert!(assert_ready!(task::spawn(body.frame()).poll()).is_none());
}

#[tokio::test(start_paused = true)]
async fn changed_body_limits_bound_later_calls() {
    let timeout = none().idle(ms(250)).build("files");
    let service = BodyTimeoutLayer::new(timeout.clone()).layer(service_fn(async |()| {
        Ok::<_, Elapsed>(Response::new(slow(&[], End::Hangs)))
    }));
    let before = service.clone().oneshot(()).await.unwrap().into_body();
    let numbers = none().headers(ms(50)).idle(ms(100)).whole(ms(1_000));
    timeout.reconfigure(numbers).unwrap();
    assert_eq!(timeout.numbers(), numbers);
    let after = service.oneshot(()).await.unwrap().into_body();
    assert_eq!(elapsed(read(before, ms(0)).await.1).limit(), ms(250));
    assert_eq!(elapsed(read(after, ms(0)).await.1).limit(), ms(100));
}

#[test]
fn readiness_is_the_inner_services() {
    type Answer = Response<Empty<&'static [u8]>>;
    let layer = BodyTimeoutLayer::new(none().headers(ms(250)).build("files"));
    let (mut service, mut handle) = tower_test::mock::spawn_layer::<(), Answer, _>(layer);
    handle.allow(0);
    assert_pending!(service.poll_ready());
    handle.send_error("connect failed");
    let error = assert_ready!(service.poll_ready()).unwrap_err();
    assert_eq!(error.to_string(), "connect failed");
}

// === Types ===

#[test]
fn sizes_stay_what_they_are() {
    type Inner = std::future::Ready<Result<Response<Empty<&'static [u8]>>, Elapsed>>;
    let watch = if cfg!(feature = "metrics") { 8 } else { 0 };
    // A call through a `TimeoutLayer`, and the name, limits and deadline for the body.
    let race = size_of::<maestro_timeout::future::Run<Inner>>();
    assert_eq!(
        size_of::<BodyResponseFuture<Inner>>(),
        race + 16 + 24 + 16 + watch
    );
    // One timer, two allowances, the name and the idle limit.
    let timer = size_of::<Sleep>() + 2 * 40 + 16 + 8;
    assert_eq!(size_of::<TimeoutBody<[u64; 2]>>(), 24 + timer + watch);
}

type Inner = tower::util::ServiceFn<
    fn(Request<()>) -> std::future::Ready<Result<Response<Empty<&'static [u8]>>, Elapsed>>,
>;
assert_impl_all!(BodyTimeout: Clone, Send, Sync, Unpin, fmt::Debug);
assert_impl_all!(BodyTimeoutLayer: Clone, Send, Sync, Unpin, fmt::Debug);
assert_impl_all!(BodyTimeoutService<Inner>: Clone, Send, Sync, fmt::Debug, Service<Request<()>>);
assert_impl_all!(BodyResponseFuture<std::future::Ready<Result<Response<Empty<&'static [u8]>>, Elapsed>>>: Send, fmt::Debug);
assert_impl_all!(TimeoutBody<Empty<&'static [u8]>>: Send, Sync, fmt::Debug, Body);
assert_not_impl_any!(TimeoutBody<Empty<&'static [u8]>>: Unpin);
assert_impl_all!(BodyError: Error, Send, Sync);

#[test]
fn doubtful_body_limits_are_refused_by_check() {
    let secs = Duration::from_secs;
    let builder = BodyTimeout::builder();
    assert!(builder.check().is_ok());
    assert!(builder.idle(secs(5)).whole(secs(90)).check().is_ok());
    for (doubtful, found) in [
        (builder.headers(Duration::ZERO), "`headers` is zero"),
        (builder.idle(Duration::ZERO), "`idle` is zero"),
        (builder.whole(secs(90_000)), "`whole` is 90000s"),
        (
            builder.idle(secs(9)).whole(secs(9)),
            "`idle` is 9s and `whole` is 9s",
        ),
    ] {
        let error = doubtful.check().unwrap_err().to_string();
        assert!(error.starts_with(found), "{error}");
    }
}
