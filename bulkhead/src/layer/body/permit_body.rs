use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::Response;
use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;

use crate::{Core, Outcome, Permit, Pointer};

/// A response body that holds a place of a bulkhead until it ends, fails or is dropped.
// Fields drop in this order: the body may still hold a connection.
#[pin_project]
pub struct PermitBody<B, P: Pointer = Arc<Core>> {
    #[pin]
    body: B,
    /// `None` where the bulkhead refused and somebody answered instead, and at the end.
    permit: Option<Permit<P>>,
    outcome: Outcome,
}

impl<B: Body, P: Pointer> PermitBody<B, P> {
    pub(crate) fn new(body: B, permit: Permit<P>, outcome: Outcome) -> Self {
        // A body that has nothing to give may never be polled.
        let permit = if body.is_end_stream() {
            permit.finish(outcome);
            None
        } else {
            Some(permit)
        };
        Self {
            body,
            permit,
            outcome,
        }
    }

    /// The answer to a refusal, which holds no place.
    pub(crate) fn answer<E>(answer: Result<Response<B>, E>) -> Result<Response<Self>, E> {
        answer.map(|response| {
            response.map(|body| Self {
                body,
                permit: None,
                outcome: Outcome::Ignored,
            })
        })
    }
}

impl<B: Body, P: Pointer> Body for PermitBody<B, P> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let frame = ready!(this.body.as_mut().poll_frame(cx));
        match frame {
            // Said of the head; of a body that broke off nothing is known.
            Some(Err(_)) => drop(this.permit.take()),
            Some(Ok(_)) if !this.body.is_end_stream() => {}
            Some(Ok(_)) | None => {
                if let Some(permit) = this.permit.take() {
                    permit.finish(*this.outcome);
                }
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B, P: Pointer> fmt::Debug for PermitBody<B, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PermitBody")
            .field("holds_a_place", &self.permit.is_some())
            .finish_non_exhaustive()
    }
}
