//! Feature `http-body`: a place that is held until the response body ends.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;

use crate::{
    permit::Permit,
    state::{Core, Lease, Pointer},
};

/// A response body that holds a place of a bulkhead until it ends, fails or is dropped, or is not polled for
/// [`Builder::body_idle`](crate::Builder::body_idle).
// Fields drop in this order: the body first, as it may still hold a connection.
#[pin_project]
pub struct PermitBody<B, P: Pointer = Arc<Core>> {
    #[pin]
    body: B,
    /// `None` at the end, and in the answer to a refusal.
    held: Option<Held<P>>,
}

/// A permit whose place is leased while the server may poll its body and does not.
// A body that was pending at its last poll waits for its backend, and its server polls it when it is woken: a stream of
// events may be silent for hours. A server that does not read on stops after a frame, because its buffers are full.
struct Held<P: Pointer> {
    permit: Permit<P>,
    /// `None` while the body waits for its backend, and where places are not leased.
    lease: Option<Lease>,
}

impl<P: Pointer> Held<P> {
    fn renew(&mut self) {
        let permit = &self.permit;
        permit.core().renew(&mut self.lease, permit.places());
    }

    fn end_lease(&mut self) {
        if let Some(lease) = self.lease.take() {
            self.permit.core().end_lease(&lease, self.permit.places());
        }
    }
}

impl<P: Pointer> Drop for Held<P> {
    fn drop(&mut self) {
        // Before the permit gives its places back: after this they are its own.
        self.end_lease();
    }
}

impl<B: Body, P: Pointer> PermitBody<B, P> {
    pub(super) fn new(body: B, permit: Permit<P>) -> Self {
        // An empty body may never be polled.
        let held = (!body.is_end_stream()).then(|| {
            let mut held = Held {
                permit,
                lease: None,
            };
            held.renew();
            held
        });
        Self { body, held }
    }

    /// The body of the answer to a refusal.
    pub(super) const fn without_place(body: B) -> Self {
        Self { body, held: None }
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
        let poll = this.body.as_mut().poll_frame(cx);
        match (&poll, &mut *this.held) {
            (Poll::Pending, Some(held)) => held.end_lease(),
            (Poll::Ready(Some(Ok(_))), Some(held)) if !this.body.is_end_stream() => held.renew(),
            (Poll::Pending, None) => {}
            (Poll::Ready(_), held) => *held = None,
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

impl<B, P: Pointer> fmt::Debug for PermitBody<B, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PermitBody")
            .field("holds_a_place", &self.held.is_some())
            .finish_non_exhaustive()
    }
}
