//! Feature `http-body`: a place that is held until the response body ends.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;

use crate::{
    permit::Permit,
    state::{Core, Pointer},
    types::Outcome,
};

/// A response body that holds a place of a bulkhead until it ends, fails or is dropped.
// Fields drop in this order: the body first, as it may still hold a connection.
#[pin_project]
pub struct PermitBody<B, P: Pointer = Arc<Core>> {
    #[pin]
    body: B,
    /// `None` at the end, and in the answer to a refusal.
    permit: Option<Permit<P>>,
    outcome: Outcome,
}

impl<B: Body, P: Pointer> PermitBody<B, P> {
    pub(super) fn new(body: B, permit: Permit<P>, outcome: Outcome) -> Self {
        // An empty body may never be polled.
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

    /// The body of the answer to a refusal.
    pub(super) const fn without_place(body: B) -> Self {
        Self {
            body,
            permit: None,
            outcome: Outcome::Ignored,
        }
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
            // The outcome is that of the head. A body that fails says nothing about load.
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
