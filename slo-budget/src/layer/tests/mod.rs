//! Calls that end in every way, against the published table.

mod choice;
mod codes;
mod end;
mod statuses;
mod table;

use std::{
    convert::Infallible,
    future::ready,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
    vec,
};

use http::{HeaderMap, HeaderValue, Request, Response, response};
use http_body::{Body, Frame};
use tokio::time::advance;
use tokio_test::{assert_ready, assert_ready_ok, task};
use tower::{Layer, Service, service_fn};

use crate::{
    budget::ErrorBudget,
    layer::{Classify, ErrorBudgetLayer},
    types::{Counts, Event},
};

const SECOND: Duration = Duration::from_secs(1);
const EVENTS: [Event; 3] = [Event::Good, Event::Bad, Event::Excluded];

type Data = &'static [u8];

/// What the server sends of a body.
#[derive(Clone, Copy)]
enum Sent {
    Data,
    /// Trailers with a code.
    Code(u32),
    /// Trailers whose code is this text, or without one.
    Trailers(Option<&'static str>),
    /// Nothing more: the body fails.
    Reset,
}

impl Sent {
    fn frame(self) -> Result<Frame<Data>, &'static str> {
        let mut trailers = HeaderMap::new();
        match self {
            Self::Data => return Ok(Frame::data(b"a message")),
            Self::Reset => return Err("reset"),
            Self::Code(code) => {
                trailers.insert("grpc-status", code.into());
            }
            Self::Trailers(Some(code)) => {
                trailers.insert("grpc-status", HeaderValue::from_static(code));
            }
            Self::Trailers(None) => {}
        }
        Ok(Frame::trailers(trailers))
    }
}

/// A body that the server sends so.
struct Script {
    frames: vec::IntoIter<Sent>,
    /// Whether it knows that a frame was the last one.
    foresees_end: bool,
}

impl Body for Script {
    type Data = Data;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Data>, &'static str>>> {
        Poll::Ready(self.frames.next().map(Sent::frame))
    }

    fn is_end_stream(&self) -> bool {
        self.foresees_end && self.frames.len() == 0
    }
}

/// A call, what its server sends, and how it is read.
#[derive(Clone)]
struct Scene {
    frames: Vec<Sent>,
    foresees_end: bool,
    on_cancel: Event,
    /// How long after the head the body is read. The layer's limit is a second.
    read_after: Duration,
    is_dropped: bool,
}

impl Scene {
    fn new(frames: impl Into<Vec<Sent>>) -> Self {
        Self {
            frames: frames.into(),
            foresees_end: false,
            on_cancel: Event::Excluded,
            read_after: SECOND,
            is_dropped: false,
        }
    }

    /// How a layer with this classifier counts a response with this head.
    async fn count<C>(&self, classifier: C, head: response::Builder) -> Event
    where
        C: Classify<Response<Script>, Infallible> + Clone,
    {
        let budget = ErrorBudget::builder().on_cancel(self.on_cancel);
        let budget = budget.build("b").expect("the defaults are valid");
        let layer = ErrorBudgetLayer::new(budget.clone())
            .classifier(classifier)
            .slow_after(SECOND)
            .until_body_end();
        let body = Script {
            frames: self.frames.clone().into_iter(),
            foresees_end: self.foresees_end,
        };
        let mut response = Some(head.body(body).expect("a valid response"));
        let mut service = layer.layer(service_fn(move |_: Request<()>| {
            ready(Ok::<_, Infallible>(response.take().expect("one call")))
        }));
        let response = assert_ready_ok!(task::spawn(service.call(Request::new(()))).poll());
        advance(self.read_after).await;
        if self.is_dropped {
            drop(response);
            return event(&budget);
        }
        let mut body = Box::pin(response.into_body());
        while is_followed(poll(body.as_mut())) {}
        // A server polls no body again after its last frame. If it does, or drops it, nothing changes.
        let counted = event(&budget);
        let _ = poll(body.as_mut());
        drop(body);
        assert_eq!(event(&budget), counted);
        counted
    }
}

/// Whether a reader asks for another frame.
fn is_followed(frame: Option<Result<Frame<Data>, &'static str>>) -> bool {
    frame.is_some_and(|frame| frame.is_ok_and(|frame| frame.is_data()))
}

fn poll<B: Body>(body: Pin<&mut B>) -> Option<Result<Frame<B::Data>, B::Error>> {
    let mut body = Some(body);
    let mut poll = task::spawn(());
    assert_ready!(poll.enter(|cx, _| body.take().expect("once").poll_frame(cx)))
}

/// How the one call was counted.
fn event(budget: &ErrorBudget) -> Event {
    let counts = budget.counts(Duration::MAX);
    let found = |event: &Event| {
        counts
            == match event {
                Event::Good => Counts::new(1, 0),
                Event::Bad => Counts::new(0, 1),
                Event::Excluded => Counts::new(0, 0),
            }
    };
    let event = EVENTS.into_iter().find(found);
    event.unwrap_or_else(|| panic!("a call counted twice: {counts:?}"))
}

fn grpc() -> response::Builder {
    Response::builder().header("content-type", "application/grpc+proto")
}
