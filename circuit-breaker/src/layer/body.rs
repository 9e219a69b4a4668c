//! Feature `http-body`: a call whose outcome is known when the body of its response ends.

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

use crate::{
    call::{AnsweredCall, Call, Core},
    types::{BodyEnd, Outcome},
};

/// A response body that records the outcome of its call when it ends, fails or is dropped. Feature `http-body`.
// Fields drop in this order: the body first, as it may still hold a connection.
#[pin_project]
pub struct CallBody<B: Body, C, P: Borrow<Core> = Arc<Core>> {
    #[pin]
    body: B,
    /// `None` once the call has ended.
    ongoing: Option<Ongoing<B::Error, C, P>>,
}

/// A call that has not ended with its head.
struct Ongoing<E, C, P: Borrow<Core>> {
    call: AnsweredCall<P>,
    end: End<E, C>,
}

/// What the end of a body is, and how to classify it.
pub(super) struct End<E, C> {
    pub(super) awaits_code: bool,
    /// The bytes that are due by `Content-Length`, if no code is. hyper drops the body of a server after them, and never
    /// asks for its end.
    pub(super) bytes_left: Option<u64>,
    pub(super) classifier: C,
    // A pointer, because the types of the result, by which the classifier is a classifier, are known only at the head.
    pub(super) classify: fn(&C, BodyEnd<'_>) -> Outcome,
    // A pointer, so that the type of a body does not say in what way rejections are seen in its error.
    pub(super) of_error: fn(&E) -> Outcome,
}

// === impl CallBody ===

impl<B: Body, C, P: Borrow<Core>> CallBody<B, C, P> {
    /// The body of a response whose head is a success.
    pub(super) fn new(body: B, token: Call<P>, end: End<B::Error, C>) -> Self {
        // An empty body may never be polled.
        let ongoing = if body.is_end_stream() || end.bytes_left == Some(0) {
            let outcome = end.outcome(None);
            token.end(outcome);
            None
        } else {
            // Without a code to come, the head of a probe is all that its breaker waits for.
            token
                .answered(end.awaits_code)
                .map(|call| Ongoing { call, end })
        };
        Self { body, ongoing }
    }

    /// The body of a response whose call has ended.
    pub(super) const fn ended(body: B) -> Self {
        Self {
            body,
            ongoing: None,
        }
    }
}

/// The body of an answer of a layer outside, which rejects a call.
impl<B: Body + Default, C, P: Borrow<Core>> Default for CallBody<B, C, P> {
    fn default() -> Self {
        Self {
            body: B::default(),
            ongoing: None,
        }
    }
}

impl<B: Body, C, P: Borrow<Core>> Body for CallBody<B, C, P> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        // Held on the stack while other code runs: a panic drops it while unwinding, and is a failure.
        let ongoing = this.ongoing.take();
        let poll = this.body.as_mut().poll_frame(cx);
        if let Some(Ongoing { call, mut end }) = ongoing {
            let outcome = match &poll {
                Poll::Pending => None,
                Poll::Ready(None) => Some(end.outcome(None)),
                Poll::Ready(Some(Err(error))) => Some((end.of_error)(error)),
                Poll::Ready(Some(Ok(frame))) => match frame.trailers_ref() {
                    Some(trailers) => Some(end.outcome(Some(trailers))),
                    None if this.body.is_end_stream() || end.is_completed_by(frame) => {
                        Some(end.outcome(None))
                    }
                    // A message holds a probe no longer: its client may read slowly. HTTP/2 allows data without bytes at
                    // any place.
                    None => (call.is_probe() && has_bytes(frame)).then_some(Outcome::Success),
                },
            };
            match outcome {
                Some(outcome) => call.end(outcome),
                None => *this.ongoing = Some(Ongoing { call, end }),
            }
        }
        poll
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B: Body, C, P: Borrow<Core>> fmt::Debug for CallBody<B, C, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallBody")
            .field("has_ended", &self.ongoing.is_none())
            .finish_non_exhaustive()
    }
}

// === impl End ===

impl<E, C> End<E, C> {
    /// Whether the frame completes the content that the head announced.
    fn is_completed_by<D: Buf>(&mut self, frame: &Frame<D>) -> bool {
        let bytes = frame.data_ref().map_or(0, Buf::remaining);
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.bytes_left = self.bytes_left.map(|left| left.saturating_sub(bytes));
        self.bytes_left == Some(0)
    }

    fn outcome(&self, trailers: Option<&HeaderMap>) -> Outcome {
        (self.classify)(&self.classifier, BodyEnd::new(self.awaits_code, trailers))
    }
}

fn has_bytes<D: Buf>(frame: &Frame<D>) -> bool {
    frame.data_ref().is_some_and(Buf::has_remaining)
}
