use std::{
    borrow::Borrow,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Buf;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;
use tokio::time::Instant;

use crate::{
    layer::ErrIsBad,
    observation::Observation,
    record::Core,
    types::{BodyEnd, Event},
};

/// A response body that records the outcome of its call when it ends, fails or is dropped.
#[pin_project]
pub struct ObservedBody<B, P: Borrow<Core> = Arc<Core>, C = ErrIsBad> {
    #[pin]
    body: B,
    /// `None` if the outcome was recorded already.
    awaited: Option<Awaited<P, C>>,
}

/// A call with a good head, whose body decides.
// Fields drop in this order: a classifier that panics when it is dropped changes no count.
pub(super) struct Awaited<P: Borrow<Core>, C> {
    pub(super) observation: Observation<P>,
    pub(super) classifier: C,
    // A pointer, so that the type of a body does not name the error of the service.
    pub(super) classify_end: fn(&C, BodyEnd<'_>) -> Event,
    /// Whether a gRPC code is due in the trailers.
    pub(super) awaits_code: bool,
    /// The bytes that are due by `Content-Length`, if no code is. hyper drops the body after them, and never asks for its
    /// end.
    pub(super) bytes_left: Option<u64>,
    /// A body that ends later is bad.
    pub(super) deadline: Option<Instant>,
}

impl<P: Borrow<Core>, C> Awaited<P, C> {
    /// Whether these bytes complete the content that the head announced.
    fn is_completed_by(&mut self, bytes: usize) -> bool {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.bytes_left = self.bytes_left.map(|left| left.saturating_sub(bytes));
        self.bytes_left == Some(0)
    }

    /// If the classifier panics, the observation is dropped while unwinding, and is bad.
    fn end(self, trailers: Option<&HeaderMap>) {
        let now = Instant::now();
        let end = BodyEnd::new(self.awaits_code, trailers);
        let event = (self.classify_end)(&self.classifier, end);
        let is_late = self.deadline.is_some_and(|deadline| now > deadline);
        let event = match event {
            Event::Good if is_late => Event::Bad,
            event => event,
        };
        self.observation.finish_at(event, now);
    }
}

impl<B: Body, P: Borrow<Core>, C> ObservedBody<B, P, C> {
    pub(super) fn new(body: B, mut awaited: Option<Awaited<P, C>>) -> Self {
        // An empty body may never be polled.
        let is_empty =
            |awaited: &mut Awaited<P, C>| body.is_end_stream() || awaited.bytes_left == Some(0);
        if let Some(awaited) = awaited.take_if(is_empty) {
            awaited.end(None);
        }
        Self { body, awaited }
    }
}

/// The body of an answer that is not counted: of a layer outside, which rejects a call.
impl<B: Default, P: Borrow<Core>, C> Default for ObservedBody<B, P, C> {
    fn default() -> Self {
        Self {
            body: B::default(),
            awaited: None,
        }
    }
}

impl<B: Body, P: Borrow<Core>, C> Body for ObservedBody<B, P, C> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        // Held on the stack while other code runs: a panic drops it while unwinding, and is bad.
        let awaited = this.awaited.take();
        let frame = this.body.as_mut().poll_frame(cx);
        let Some(mut awaited) = awaited else {
            return frame;
        };
        match &frame {
            Poll::Ready(Some(Ok(frame))) => {
                // Trailers are the last frame, after which a server does not poll again.
                let trailers = frame.trailers_ref();
                let is_last = trailers.is_some() || this.body.is_end_stream();
                let bytes = frame.data_ref().map_or(0, Buf::remaining);
                if is_last || awaited.is_completed_by(bytes) {
                    awaited.end(trailers);
                } else {
                    *this.awaited = Some(awaited);
                }
            }
            Poll::Ready(Some(Err(_))) => awaited.observation.bad(),
            Poll::Ready(None) => awaited.end(None),
            Poll::Pending => *this.awaited = Some(awaited),
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B, P: Borrow<Core>, C> fmt::Debug for ObservedBody<B, P, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObservedBody")
            .field("is_counted", &self.awaited.is_none())
            .finish_non_exhaustive()
    }
}
