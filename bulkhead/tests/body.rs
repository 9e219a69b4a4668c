//! A place that is held until the response body ends.

use std::{convert::Infallible, pin::pin, task::Poll, time::Duration};

use http::{Request, Response};
use http_body::Body;
use http_body_util::{Empty, Full as Whole, channel::Channel};
use maestro_bulkhead::{Aimd, Bulkhead, BulkheadLayer, Cause, Full, PermitBody, Queue};
use tokio::time::advance;
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
fn an_adaptive_limit_learns_when_the_body_ends() {
    let bulkhead = Bulkhead::builder()
        .limit(2)
        .build_adaptive("a", Aimd::new())
        .unwrap();
    let mut service = BulkheadLayer::new(bulkhead.clone())
        .overload_if(|r: &Result<Response<Whole<Bytes>>, BoxError>| r.is_ok())
        .until_body_end()
        .layer(service_fn(async |_: Request<()>| {
            Ok::<_, BoxError>(Response::new(Whole::new(Bytes::from([1]))))
        }));
    drop(assert_ready_ok!(call(&mut service)));
    assert_eq!(
        bulkhead.overloads(),
        0,
        "dropped before its end, it says nothing"
    );
    let mut body = pin!(assert_ready_ok!(call(&mut service)).into_body());
    let mut frame = task::spawn(());
    assert!(assert_ready!(frame.enter(|cx, _| body.as_mut().poll_frame(cx))).is_some());
    assert_eq!((bulkhead.overloads(), bulkhead.in_flight()), (1, 0));
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
            1,
            "said once of the whole body, not of the one that broke off"
        );
    }
}
