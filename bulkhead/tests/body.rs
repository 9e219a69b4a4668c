//! A place that is held until the response body ends.

use std::{convert::Infallible, pin::pin, task::Poll};

use http::{Request, Response};
use http_body::Body;
use http_body_util::{Empty, Full as Whole, channel::Channel};
use maestro_bulkhead::{Aimd, Bulkhead, BulkheadLayer, Full, PermitBody};
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
fn the_place_is_free_when_the_body_has_ended_though_it_still_exists() {
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
fn a_body_that_is_dropped_or_has_nothing_to_give_makes_room() {
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
fn an_error_makes_room_and_a_refusal_is_answered_with_a_body_that_holds_none() {
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
fn an_adaptive_limit_hears_of_a_call_when_its_body_has_ended() {
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
