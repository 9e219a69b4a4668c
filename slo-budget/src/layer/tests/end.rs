use std::{
    convert::Infallible,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    time::Duration,
};

use http::{HeaderValue, Request, Response};
use tokio_test::{assert_ready_ok, task};
use tower::{Layer, Service, service_fn};

use super::{Scene, Script, Sent, event, grpc, poll};
use crate::{
    budget::ErrorBudget,
    layer::{BadIf, Classify, ClassifyWith, ErrIsBad, ErrorBudgetLayer},
    types::{BodyEnd, Event},
};

type Answer = Result<Response<Script>, Infallible>;

#[tokio::test(start_paused = true)]
async fn every_classifier_follows_the_trailers() {
    for (code, expected) in [(0, Event::Good), (1, Event::Excluded), (13, Event::Bad)] {
        let scene = Scene::new([Sent::Data, Sent::Code(code)]);
        assert_eq!(scene.count(ErrIsBad, grpc()).await, expected);
        let bad_if = BadIf(|_: &Answer| false);
        assert_eq!(scene.count(bad_if, grpc()).await, expected);
        let with = ClassifyWith(|_: &Answer| Event::Good);
        assert_eq!(scene.count(with, grpc()).await, expected);
        // What the head decided stays.
        let with = ClassifyWith(|_: &Answer| Event::Excluded);
        assert_eq!(scene.count(with, grpc()).await, Event::Excluded);
    }
}

/// Asks `end` at the end of the body.
#[derive(Clone)]
struct AtEnd(fn(BodyEnd<'_>) -> Event);

impl Classify<Response<Script>, Infallible> for AtEnd {
    fn classify(&self, _: &Answer, _: Duration) -> Event {
        Event::Good
    }

    fn classify_end(&self, end: BodyEnd<'_>) -> Event {
        (self.0)(end)
    }
}

#[tokio::test(start_paused = true)]
async fn a_classifier_may_decide_at_the_end() {
    let mut scene = Scene::new([Sent::Data, Sent::Code(5)]);
    let not_found = AtEnd(|end| {
        assert!(end.trailers().is_some_and(|trailers| trailers.len() == 1));
        match end.grpc_code() {
            Some(5) => Event::Bad,
            _ => Event::Good,
        }
    });
    assert_eq!(scene.count(not_found, grpc()).await, Event::Bad);
    let plain = AtEnd(|end| match (end.trailers(), end.grpc_code()) {
        (None, None) => Event::Excluded,
        _ => Event::Bad,
    });
    scene.frames.pop();
    let head = Response::builder();
    assert_eq!(scene.count(plain, head).await, Event::Excluded);
}

/// hyper drops a body of HTTP/1 after the bytes that `Content-Length` announced, and does not ask for its end.
#[tokio::test(start_paused = true)]
async fn a_body_of_the_announced_length_has_ended() {
    for (length, reads, expected) in [
        ("0", 0, Event::Good),
        ("9", 1, Event::Good),
        ("18", 2, Event::Good),
        ("10", 2, Event::Good),
        ("18", 1, Event::Bad),
        ("9", 0, Event::Bad),
        ("many", 2, Event::Bad),
    ] {
        let budget = ErrorBudget::builder().on_cancel(Event::Bad);
        let budget = budget.build("b").expect("the defaults are valid");
        let layer = ErrorBudgetLayer::new(budget.clone()).until_body_end();
        let mut service = layer.layer(service_fn(async |_: Request<()>| {
            let mut response = Response::new(Script {
                frames: vec![Sent::Data, Sent::Data].into_iter(),
                foresees_end: false,
            });
            let length = HeaderValue::from_static(length);
            response.headers_mut().insert("content-length", length);
            Ok::<_, Infallible>(response)
        }));
        let mut call = task::spawn(Box::pin(service.call(Request::new(()))));
        let mut body = Box::pin(assert_ready_ok!(call.poll()).into_body());
        for _ in 0..reads {
            assert!(poll(body.as_mut()).is_some_and(|frame| frame.is_ok()));
        }
        drop(body);
        assert_eq!(event(&budget), expected, "{length} {reads}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_grpc_body_of_an_announced_length_awaits_its_code() {
    for (code, expected) in [(0, Event::Good), (1, Event::Excluded), (13, Event::Bad)] {
        let scene = Scene::new([Sent::Data, Sent::Code(code)]);
        let head = grpc().header("content-length", 9);
        assert_eq!(scene.count(ErrIsBad, head).await, expected);
    }
}

#[test]
fn a_classifier_that_panics_at_the_end_is_bad() {
    let budget = ErrorBudget::builder().on_cancel(Event::Good);
    let budget = budget.build("b").expect("the defaults are valid");
    let mut service = ErrorBudgetLayer::new(budget.clone())
        .classifier(AtEnd(|_| panic!("at the end")))
        .until_body_end()
        .layer(service_fn(async |_: Request<()>| {
            Ok::<_, Infallible>(Response::new(Script {
                frames: vec![].into_iter(),
                foresees_end: false,
            }))
        }));
    let mut call = task::spawn(Box::pin(service.call(Request::new(()))));
    let mut body = pin!(assert_ready_ok!(call.poll()).into_body());
    let caught = catch_unwind(AssertUnwindSafe(|| drop(poll(body.as_mut()))));
    assert!(caught.is_err());
    assert_eq!(event(&budget), Event::Bad);
}
