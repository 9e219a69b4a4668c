//! Calls that are counted when their response bodies end.

use std::{
    convert::Infallible,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{Empty, Full, channel::Channel};
use maestro_slo_budget::{
    AtBodyEnd, Classify, Core, Counts, ErrIsBad, ErrorBudget, ErrorBudgetLayer, Event,
    ObservedBody, future::ErrorBudgetFuture,
};
use static_assertions::assert_impl_all;
use tokio::time::advance;
use tokio_test::{assert_ready, assert_ready_err, assert_ready_ok, task};
use tower::{BoxError, Layer, Service, service_fn};

type Bytes = std::collections::VecDeque<u8>;

const SECOND: Duration = Duration::from_secs(1);
const NONE: Counts = Counts::new(0, 0);
const GOOD: Counts = Counts::new(1, 0);
const BAD: Counts = Counts::new(0, 1);

assert_impl_all!(ObservedBody<Empty<Bytes>>: Send, Sync, Unpin, Default, std::fmt::Debug);
type BodyFuture = ErrorBudgetFuture<std::future::Ready<()>, ErrIsBad, Arc<Core>, AtBodyEnd>;
assert_impl_all!(BodyFuture: Send, Sync, Unpin, std::fmt::Debug);

fn budget(on_cancel: Event) -> ErrorBudget {
    let builder = ErrorBudget::builder().on_cancel(on_cancel);
    builder.build("b").expect("the defaults are valid")
}

fn counts(budget: &ErrorBudget) -> Counts {
    budget.counts(Duration::from_secs(3600))
}

/// The head of a response with `body`, made by a layer with `slow_after`.
fn head<B: Body, C>(
    layer: ErrorBudgetLayer<C>,
    status: u16,
    body: B,
) -> Response<ObservedBody<B, Arc<Core>, C>>
where
    C: Classify<Response<B>, Infallible> + Clone,
{
    let mut body = Some(body);
    let mut service = layer
        .until_body_end()
        .layer(service_fn(move |_: Request<()>| {
            let body = body.take().expect("one call");
            let response = Response::builder().status(status).body(body);
            std::future::ready(Ok::<_, Infallible>(response.expect("a valid response")))
        }));
    assert_ready_ok!(task::spawn(service.call(Request::new(()))).poll())
}

type Framed<B> = Option<Result<Frame<<B as Body>::Data>, <B as Body>::Error>>;

fn frame<B: Body>(body: Pin<&mut B>) -> Poll<Framed<B>> {
    let mut body = Some(body);
    task::spawn(()).enter(|cx, _| body.take().expect("once").poll_frame(cx))
}

#[tokio::test(start_paused = true)]
async fn a_call_is_good_when_its_body_has_ended() {
    let budget = budget(Event::Bad);
    let (mut send, body) = Channel::<Bytes, BoxError>::new(4);
    let response = head(ErrorBudgetLayer::new(budget.clone()), 200, body);
    let mut body = pin!(response.into_body());
    assert!(frame(body.as_mut()).is_pending());
    send.try_send(Frame::data(Bytes::from([1]))).unwrap();
    assert!(assert_ready!(frame(body.as_mut())).is_some());
    assert_eq!(counts(&budget), NONE);
    drop(send);
    assert!(assert_ready!(frame(body.as_mut())).is_none());
    assert_eq!(counts(&budget), GOOD);
}

#[test]
fn a_body_without_further_frames_is_counted_at_once() {
    let budget = budget(Event::Bad);
    let response = head(
        ErrorBudgetLayer::new(budget.clone()),
        200,
        Full::new(Bytes::from([1])),
    );
    let mut body = pin!(response.into_body());
    assert!(assert_ready!(frame(body.as_mut())).is_some());
    assert_eq!(counts(&budget), GOOD);
    // Once, whatever happens afterwards.
    assert!(assert_ready!(frame(body.as_mut())).is_none());
    assert_eq!(counts(&budget), GOOD);
    drop(head(
        ErrorBudgetLayer::new(budget.clone()),
        200,
        Empty::<Bytes>::new(),
    ));
    assert_eq!(counts(&budget), Counts::new(2, 0));
}

#[test]
fn a_failed_body_is_bad_and_a_dropped_one_cancelled() {
    for (on_cancel, expected) in [(Event::Excluded, NONE), (Event::Bad, BAD)] {
        let budget = budget(on_cancel);
        let (_send, body) = Channel::<Bytes, BoxError>::new(4);
        drop(head(ErrorBudgetLayer::new(budget.clone()), 200, body));
        assert_eq!(counts(&budget), expected);
    }
    let budget = budget(Event::Excluded);
    let (send, body) = Channel::<Bytes, BoxError>::new(4);
    let response = head(ErrorBudgetLayer::new(budget.clone()), 200, body);
    send.abort("the connection broke".into());
    let mut body = pin!(response.into_body());
    assert!(assert_ready!(frame(body.as_mut())).is_some_and(|frame| frame.is_err()));
    assert_eq!(counts(&budget), BAD);
}

#[test]
fn a_bad_or_excluded_head_is_counted_at_once() {
    let budget = budget(Event::Good);
    let layer = ErrorBudgetLayer::new(budget.clone());
    let (_send, body) = Channel::<Bytes, BoxError>::new(4);
    let failed = layer.clone().bad_if(
        |r: &Result<Response<_>, _>| matches!(r, Ok(head) if head.status().is_server_error()),
    );
    drop(head(failed, 500, body));
    assert_eq!(counts(&budget), BAD);
    let (_send, body) = Channel::<Bytes, BoxError>::new(4);
    drop(head(layer.clone().classify(|_| Event::Excluded), 200, body));
    assert_eq!(counts(&budget), BAD);
    // An error has no body.
    let mut service = layer
        .until_body_end()
        .layer(service_fn(async |_: Request<()>| {
            Err::<Response<Empty<Bytes>>, _>(BoxError::from("no"))
        }));
    assert_ready_err!(task::spawn(Box::pin(service.call(Request::new(())))).poll());
    assert_eq!(counts(&budget), Counts::new(0, 2));
}

#[tokio::test(start_paused = true)]
async fn the_latency_includes_the_body() {
    for (takes, expected) in [(SECOND, GOOD), (SECOND + Duration::from_nanos(1), BAD)] {
        let budget = budget(Event::Excluded);
        let (send, body) = Channel::<Bytes, BoxError>::new(4);
        let layer = ErrorBudgetLayer::new(budget.clone()).slow_after(SECOND);
        let response = head(layer, 200, body);
        let mut body = pin!(response.into_body());
        advance(takes).await;
        drop(send);
        assert!(assert_ready!(frame(body.as_mut())).is_none());
        assert_eq!(counts(&budget), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_head_is_bad_whatever_follows() {
    let budget = budget(Event::Excluded);
    let layer = ErrorBudgetLayer::new(budget.clone()).slow_after(SECOND);
    let mut service = layer
        .until_body_end()
        .layer(service_fn(async |_: Request<()>| {
            tokio::time::sleep(2 * SECOND).await;
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from([1]))))
        }));
    let response = service.call(Request::new(())).await.unwrap();
    assert_eq!(counts(&budget), BAD);
    drop(response);
    // Also a call that is dropped before its head.
    drop(service.call(Request::new(())));
    assert_eq!(counts(&budget), BAD);
}

/// Panics when it is polled.
struct Broken;

impl Body for Broken {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        panic!("a body that panics");
    }
}

#[test]
fn a_body_that_panics_is_bad() {
    let budget = budget(Event::Good);
    let response = head(ErrorBudgetLayer::new(budget.clone()), 200, Broken);
    let mut body = Box::pin(response.into_body());
    let caught = catch_unwind(AssertUnwindSafe(|| drop(frame(body.as_mut()))));
    assert!(caught.is_err());
    assert_eq!(counts(&budget), BAD);
    drop(body);
    assert_eq!(counts(&budget), BAD);
}

#[test]
fn a_classifier_sees_the_head() {
    #[derive(Clone)]
    struct Heads;
    impl<B> Classify<Response<B>, Infallible> for Heads {
        fn classify(&self, result: &Result<Response<B>, Infallible>, _: Duration) -> Event {
            match result {
                Ok(head) if head.status() == 200 => Event::Good,
                _ => Event::Bad,
            }
        }
    }
    let budget = budget(Event::Excluded);
    let layer = ErrorBudgetLayer::new(budget.clone()).classifier(Heads);
    drop(head(layer.clone(), 200, Empty::<Bytes>::new()));
    drop(head(layer, 404, Empty::<Bytes>::new()));
    assert_eq!(counts(&budget), Counts::new(1, 1));
    let _: ErrIsBad = ErrIsBad;
}
