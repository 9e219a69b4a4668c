//! What an adaptive and a fixed limit hear of responses whose code comes after their head.

mod classifiers;
mod codes;

use std::{
    collections::VecDeque,
    iter, mem,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use http::{HeaderMap, Response, response};
use http_body::{Body, Frame};
use tokio::time::{advance, sleep};
use tower::{BoxError, Service, service_fn};

use self::Sample::Overload;
use crate::{AdaptiveBulkhead, Bulkhead, Limit, Window, sync::Mutex};

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
