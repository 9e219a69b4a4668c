//! A place that is held until the response body ends.

use std::{
    convert::Infallible,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    task::Poll,
    time::Duration,
};

use http::{Request, Response};
use http_body::Body;
use http_body_util::{Empty, Full as Whole, channel::Channel};
use maestro_bulkhead::{Bulkhead, BulkheadLayer, Cause, Full, Limit, PermitBody, Queue, Window};
use tokio::time::{advance, sleep};
use tokio_test::{assert_pending, assert_ready, assert_ready_err, assert_ready_ok, task};
use tower::{BoxError, Layer, Service, service_fn};

type Bytes = std::collections::VecDeque<u8>;

fn one_place() -> Bulkhead {
    Bulkhead::builder()
        .limit(1)
        .build("test")
        .expect("a limit of 1 is legal")
}

fn call<S: Service<Request<()>>>(service: &mut S) -> Poll<Result<S::Response, S::Error>> {
    task::spawn(Box::pin(service.call(Request::new(())))).poll()
}

/// The place is held for the head and both frames, and free at the end.
#[test]
fn a_finished_body_gives_its_place_back() {
    let bulkhead = one_place();
    let (mut send, body) = Channel::<Bytes, BoxError>::new(4);
    let mut body = Some(body);
    let mut service = BulkheadLayer::new(bulkhead.clone())
        .until_body_end()
        .layer(service_fn(move |_: Request<()>| {
            let body = body.take().expect("one call");
            std::future::ready(Ok::<_, BoxError>(Response::new(body)))
        }));
    let response = assert_ready_ok!(call(&mut service));
    assert_eq!(
        bulkhead.in_flight(),
        1,
        "the head is there, the body is not"
    );
    let mut body = pin!(response.into_body());
    let mut frame = task::spawn(());
    assert_pending!(frame.enter(|cx, _| body.as_mut().poll_frame(cx)));
    send.try_send(http_body::Frame::data(Bytes::from([1])))
        .unwrap();
    assert!(assert_ready!(frame.enter(|cx, _| body.as_mut().poll_frame(cx))).is_some());
    assert_eq!(bulkhead.in_flight(), 1);
    drop(send);
    assert!(assert_ready!(frame.enter(|cx, _| body.as_mut().poll_frame(cx))).is_none());
    assert_eq!(bulkhead.in_flight(), 0);
}

#[test]
fn a_dropped_or_empty_body_gives_its_place_back() {
    let bulkhead = one_place();
    let layer = BulkheadLayer::new(bulkhead.clone()).until_body_end();
    let mut service = layer.layer(service_fn(async |_: Request<()>| {
        Ok::<_, BoxError>(Response::new(Whole::new(Bytes::from([1]))))
    }));
    let response = assert_ready_ok!(call(&mut service));
    assert_eq!(
        (bulkhead.in_flight(), response.body().size_hint().exact()),
        (1, Some(1))
    );
    drop(response);
    assert_eq!(bulkhead.in_flight(), 0);

    let mut service = layer.layer(service_fn(async |_: Request<()>| {
        Ok::<_, BoxError>(Response::new(Empty::<Bytes>::new()))
    }));
    let response = assert_ready_ok!(call(&mut service));
    assert!(response.body().is_end_stream());
    assert_eq!(bulkhead.in_flight(), 0);
}

#[test]
fn errors_and_refusals_hold_no_place() {
    let bulkhead = one_place();
    let mut fails = BulkheadLayer::new(bulkhead.clone())
        .until_body_end()
        .layer(service_fn(async |_: Request<()>| {
            Err::<Response<Empty<Bytes>>, BoxError>("down".into())
        }));
    assert_ready_err!(call(&mut fails));
    assert_eq!(bulkhead.in_flight(), 0);
    let _held = bulkhead.try_acquire().unwrap();
    let refused = assert_ready_err!(call(&mut fails));
    assert!(Full::find(refused.as_ref()).is_some());
    let mut answers = BulkheadLayer::new(bulkhead.clone())
        .on_reject(|full| {
            Ok(Response::new(Whole::new(Bytes::from([u8::try_from(
                full.limit(),
            )
            .unwrap()]))))
        })
        .until_body_end()
        .layer(service_fn(async |_: Request<()>| {
            Ok::<_, Infallible>(Response::new(Whole::new(Bytes::new())))
        }));
    let response: Response<PermitBody<Whole<Bytes>>> = assert_ready_ok!(call(&mut answers));
    assert_eq!(
        (response.body().size_hint().exact(), bulkhead.in_flight()),
        (Some(1), 1)
    );
}

#[test]
fn an_outer_answer_has_a_body_of_the_inner_layer() {
    let (outer, inner) = (one_place(), one_place());
    let mut service = tower::ServiceBuilder::new()
        .layer(BulkheadLayer::new(outer.clone()).on_reject(Full::http_response))
        .layer(
            BulkheadLayer::new(inner.clone())
                .grpc()
                .on_reject(Full::grpc_response),
        )
        .service(service_fn(async |_: Request<()>| {
            Ok::<_, Infallible>(Response::new(Whole::new(Bytes::from([1]))))
        }));
    let held = (outer.try_acquire().unwrap(), inner.try_acquire().unwrap());
    let answer = assert_ready_ok!(call(&mut service));
    assert_eq!((answer.status().as_u16(), inner.in_flight()), (503, 1));
    assert!(answer.body().is_end_stream());
    let (outer_place, _inner_place) = held;
    drop(outer_place);
    let answer = assert_ready_ok!(call(&mut service));
    assert_eq!(answer.headers()["grpc-status"], "14");
    assert_eq!((outer.overloads(), inner.overloads()), (0, 0));
}

/// Keeps the latency of the last window, in milliseconds.
struct Latency(Arc<AtomicU64>);

impl Limit for Latency {
    fn next(&mut self, window: &Window) -> usize {
        let millis = window.latency().unwrap_or_default().as_millis();
        self.0
            .store(u64::try_from(millis).unwrap_or(u64::MAX), SeqCst);
        window.limit()
    }
}

#[tokio::test(start_paused = true)]
async fn an_adaptive_limit_learns_the_latency_of_the_head() {
    let latency = Arc::new(AtomicU64::new(0));
    let bulkhead = Bulkhead::builder()
        .limit(50)
        .build_adaptive("a", Latency(Arc::clone(&latency)))
        .unwrap();
    let mut service = BulkheadLayer::new(bulkhead.clone())
        .overload_if(|r: &Result<Response<Whole<Bytes>>, BoxError>| r.is_err())
        .until_body_end()
        .layer(service_fn(async |_: Request<()>| {
            sleep(Duration::from_millis(10)).await;
            Ok::<_, BoxError>(Response::new(Whole::new(Bytes::from([1]))))
        }));
    let mut bodies = Vec::new();
    for _ in 0..20 {
        let mut call = task::spawn(service.call(Request::new(())));
        assert_pending!(call.poll());
        advance(Duration::from_millis(10)).await;
        bodies.push(assert_ready_ok!(call.poll()));
        // The clients read slowly.
        advance(Duration::from_millis(500)).await;
    }
    assert_eq!(bulkhead.in_flight(), 20, "the places are held");
    assert_eq!(latency.load(SeqCst), 10);
    drop(bodies);
    assert_eq!((bulkhead.limit(), bulkhead.in_flight()), (50, 0));
}

#[tokio::test(start_paused = true)]
async fn a_restarted_clock_leaves_a_slow_upload_out() {
    let latency = Arc::new(AtomicU64::new(0));
    let bulkhead = Bulkhead::builder()
        .limit(2)
        .build_adaptive("a", Latency(Arc::clone(&latency)))
        .unwrap();
    for _ in 0..20 {
        let mut permit = bulkhead.try_acquire().unwrap();
        advance(Duration::from_millis(700)).await;
        permit.restart_clock();
        advance(Duration::from_millis(5)).await;
        permit.success();
    }
    assert_eq!(latency.load(SeqCst), 5);
}

// === Bodies that are not polled ===

fn stuck(bulkhead: &Bulkhead) -> Response<PermitBody<Whole<Bytes>>> {
    let mut service = BulkheadLayer::new(bulkhead.clone())
        .until_body_end()
        .layer(service_fn(async |_: Request<()>| {
            Ok::<_, BoxError>(Response::new(Whole::new(Bytes::from([1]))))
        }));
    assert_ready_ok!(call(&mut service))
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_not_polled_loses_its_place_to_a_caller() {
    let bulkhead = one_place();
    let body = stuck(&bulkhead);
    advance(Duration::from_secs(60)).await;
    assert!(bulkhead.try_acquire().is_err(), "not before its time");
    advance(Duration::from_secs(16)).await;
    assert_eq!(bulkhead.in_flight(), 1, "until a caller needs it");
    let permit = bulkhead.try_acquire().expect("the lease is over");
    assert!(bulkhead.try_acquire().is_err(), "one place");
    drop(body);
    assert_eq!(bulkhead.in_flight(), 1, "the late body gives nothing back");
    drop(permit);
    assert_eq!(bulkhead.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_late_body_that_goes_on_counts_again() {
    let bulkhead = one_place();
    let mut body = pin!(stuck(&bulkhead).into_body());
    advance(Duration::from_secs(76)).await;
    let permit = bulkhead.try_acquire().expect("the lease is over");
    let mut frame = task::spawn(());
    // The only frame: the body ends, and has counted in between.
    assert!(assert_ready!(frame.enter(|cx, _| body.as_mut().poll_frame(cx))).is_some());
    assert_eq!(bulkhead.in_flight(), 1);
    drop(permit);
    assert_eq!(bulkhead.in_flight(), 0);

    let (mut send, channel) = Channel::<Bytes, BoxError>::new(4);
    let mut channel = Some(channel);
    let mut service = BulkheadLayer::new(bulkhead.clone())
        .until_body_end()
        .layer(service_fn(move |_: Request<()>| {
            let body = channel.take().expect("one call");
            std::future::ready(Ok::<_, BoxError>(Response::new(body)))
        }));
    let mut body = pin!(assert_ready_ok!(call(&mut service)).into_body());
    advance(Duration::from_secs(76)).await;
    let permit = bulkhead.try_acquire().expect("the lease is over");
    send.try_send(http_body::Frame::data(Bytes::from([1])))
        .unwrap();
    assert!(assert_ready!(frame.enter(|cx, _| body.as_mut().poll_frame(cx))).is_some());
    assert_eq!(bulkhead.in_flight(), 2, "both are there");
    drop(permit);
    assert!(bulkhead.try_acquire().is_err());
    drop(send);
    assert!(assert_ready!(frame.enter(|cx, _| body.as_mut().poll_frame(cx))).is_none());
    assert_eq!(bulkhead.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_polled_keeps_its_place() {
    let bulkhead = one_place();
    let (_send, channel) = Channel::<Bytes, BoxError>::new(4);
    let mut channel = Some(channel);
    let mut service = BulkheadLayer::new(bulkhead.clone())
        .until_body_end()
        .layer(service_fn(move |_: Request<()>| {
            let body = channel.take().expect("one call");
            std::future::ready(Ok::<_, BoxError>(Response::new(body)))
        }));
    let mut body = pin!(assert_ready_ok!(call(&mut service)).into_body());
    let mut frame = task::spawn(());
    for _ in 0..10 {
        advance(Duration::from_secs(50)).await;
        assert_pending!(frame.enter(|cx, _| body.as_mut().poll_frame(cx)));
        assert!(bulkhead.try_acquire().is_err());
    }
    // No limit: the place is kept for ever.
    let unlimited = Bulkhead::builder().limit(1).body_idle(Duration::MAX);
    bulkhead.reconfigure(unlimited).unwrap();
    assert_pending!(frame.enter(|cx, _| body.as_mut().poll_frame(cx)));
    advance(Duration::from_secs(100_000)).await;
    assert!(bulkhead.try_acquire().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_waits_for_its_backend_keeps_its_place() {
    let bulkhead = one_place();
    let (mut send, channel) = Channel::<Bytes, BoxError>::new(4);
    let mut channel = Some(channel);
    let mut service = BulkheadLayer::new(bulkhead.clone())
        .until_body_end()
        .layer(service_fn(move |_: Request<()>| {
            let body = channel.take().expect("one call");
            std::future::ready(Ok::<_, BoxError>(Response::new(body)))
        }));
    let mut body = pin!(assert_ready_ok!(call(&mut service)).into_body());
    let mut frame = task::spawn(());
    assert_pending!(frame.enter(|cx, _| body.as_mut().poll_frame(cx)));
    advance(Duration::from_secs(3_600)).await; // no event in an hour
    assert!(bulkhead.try_acquire().is_err());
    send.try_send(http_body::Frame::data(Bytes::from([1])))
        .unwrap();
    assert!(assert_ready!(frame.enter(|cx, _| body.as_mut().poll_frame(cx))).is_some());
    advance(Duration::from_secs(59)).await;
    assert!(bulkhead.try_acquire().is_err());
    advance(Duration::from_secs(17)).await; // the client reads no more
    let permit = bulkhead.try_acquire().expect("the lease is over");
    // The server polls on, and the body waits for its backend again: it counts.
    assert_pending!(frame.enter(|cx, _| body.as_mut().poll_frame(cx)));
    assert_eq!(bulkhead.in_flight(), 2);
    drop(permit);
    assert!(bulkhead.try_acquire().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_queue_finds_a_lease_that_is_over() {
    let bulkhead = one_place();
    let body = stuck(&bulkhead);
    let mut service = BulkheadLayer::new(bulkhead.clone())
        .queue(Queue::new(2, Duration::from_secs(80)))
        .layer(service_fn(async |_: Request<()>| {
            Ok::<_, BoxError>(Response::new(()))
        }));
    let mut first = task::spawn(service.call(Request::new(())));
    assert_pending!(first.poll());
    // Its own timer, at the end of its wait.
    advance(Duration::from_secs(80)).await;
    assert!(first.is_woken());
    assert_ready_ok!(first.poll());
    assert_eq!(bulkhead.in_flight(), 0);
    drop(body);

    let body = stuck(&bulkhead);
    let mut first = task::spawn(bulkhead.acquire());
    assert_pending!(first.poll());
    advance(Duration::from_secs(76)).await;
    // A caller that arrives, and stands behind it.
    let mut second = task::spawn(bulkhead.acquire());
    assert_pending!(second.poll());
    assert!(first.is_woken());
    let permit = assert_ready_ok!(first.poll());
    drop((body, permit));
    drop(assert_ready_ok!(second.poll()));
}

#[tokio::test(start_paused = true)]
async fn a_drain_does_not_wait_for_a_lease_that_is_over() {
    let bulkhead = one_place();
    let body = stuck(&bulkhead);
    let mut drained = task::spawn(bulkhead.close());
    assert_pending!(drained.poll());
    advance(Duration::from_secs(76)).await;
    assert_ready!(drained.poll());
    drop(body);
    assert_eq!(bulkhead.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_body_admits_the_next_waiter() {
    let bulkhead = one_place();
    let mut service = BulkheadLayer::new(bulkhead.clone())
        .queue(Queue::new(1, Duration::from_secs(1)))
        .until_body_end()
        .layer(service_fn(async |_: Request<()>| {
            Ok::<_, BoxError>(Response::new(Whole::new(Bytes::from([1]))))
        }));
    let first = assert_ready_ok!(call(&mut service));
    let mut waits = task::spawn(service.call(Request::new(())));
    assert_pending!(waits.poll());
    let refused = assert_ready_err!(call(&mut service));
    assert_eq!(
        Full::find(refused.as_ref()).map(Full::cause),
        Some(Cause::QueueFull)
    );
    let mut body = pin!(first.into_body());
    let mut frame = task::spawn(());
    assert!(assert_ready!(frame.enter(|cx, _| body.as_mut().poll_frame(cx))).is_some());
    assert!(waits.is_woken());
    let second = assert_ready_ok!(waits.poll());
    assert_eq!((bulkhead.in_flight(), bulkhead.queued()), (1, 0));
    drop(second);
    assert_eq!(bulkhead.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_a_long_wait_holds_no_place() {
    let bulkhead = one_place();
    let held = bulkhead.try_acquire().unwrap();
    let mut service = BulkheadLayer::new(bulkhead.clone())
        .on_reject(|_| Ok(Response::new(Whole::new(Bytes::from([5, 0, 3])))))
        .queue(Queue::new(1, Duration::from_secs(1)))
        .deadline(|_: &Request<()>| None)
        .until_body_end()
        .layer(service_fn(async |_: Request<()>| {
            Ok::<_, Infallible>(Response::new(Whole::new(Bytes::new())))
        }));
    let mut waits = task::spawn(service.call(Request::new(())));
    assert_pending!(waits.poll());
    advance(Duration::from_secs(1)).await;
    let answer = assert_ready_ok!(waits.poll());
    drop(held);
    assert_eq!(answer.body().size_hint().exact(), Some(3));
    assert_eq!((bulkhead.in_flight(), bulkhead.queued()), (0, 0));
}

#[test]
fn trailers_and_failed_bodies_give_their_place_back() {
    let bulkhead = one_place();
    for breaks_off in [false, true] {
        let (mut send, body) = Channel::<Bytes, BoxError>::new(4);
        let mut body = Some(body);
        let mut service = BulkheadLayer::new(bulkhead.clone())
            .overload_if(|_: &Result<Response<Channel<Bytes, BoxError>>, BoxError>| true)
            .until_body_end()
            .layer(service_fn(move |_: Request<()>| {
                let body = body.take().expect("one call");
                std::future::ready(Ok::<_, BoxError>(Response::new(body)))
            }));
        let mut body = pin!(assert_ready_ok!(call(&mut service)).into_body());
        let mut frame = task::spawn(());
        send.try_send(http_body::Frame::data(Bytes::from([1])))
            .unwrap();
        assert!(assert_ready!(frame.enter(|cx, _| body.as_mut().poll_frame(cx))).is_some());
        assert_eq!(bulkhead.in_flight(), 1);
        if breaks_off {
            send.abort("gone".into());
            let end = assert_ready!(frame.enter(|cx, _| body.as_mut().poll_frame(cx)));
            assert!(end.expect("an error").is_err());
        } else {
            send.try_send(http_body::Frame::trailers(http::HeaderMap::new()))
                .unwrap();
            drop(send);
            let last = assert_ready!(frame.enter(|cx, _| body.as_mut().poll_frame(cx)));
            assert!(last.expect("trailers").unwrap().is_trailers());
            assert!(assert_ready!(frame.enter(|cx, _| body.as_mut().poll_frame(cx))).is_none());
        }
        assert_eq!(bulkhead.in_flight(), 0, "though the body still exists");
        assert_eq!(
            bulkhead.overloads(),
            1 + u64::from(breaks_off),
            "said once of each head"
        );
    }
}
