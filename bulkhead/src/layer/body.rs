//! Feature `http-body`: a place that is held until the response body ends.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Buf;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;

use super::{OkIsSuccess, report::Report};
use crate::{
    permit::Permit,
    state::{Core, Lease, Pointer},
};

/// A response body that holds a place of a bulkhead until it ends, fails or is dropped, or is not polled for
/// [`Builder::body_idle`](crate::Builder::body_idle).
// Fields drop in this order: the body first, as it may still hold a connection.
#[pin_project]
pub struct PermitBody<B, P: Pointer = Arc<Core>, C = OkIsSuccess> {
    #[pin]
    body: B,
    /// `None` at the end, and in the answer to a refusal.
    held: Option<Held<P, C>>,
}

/// A permit whose place is leased while the server may poll its body and does not.
// A body that was pending at its last poll waits for its backend, and its server polls it when it is woken: a stream of
// events may be silent for hours. A server that does not read on stops after a frame, because its buffers are full.
struct Held<P: Pointer, C> {
    permit: Permit<P>,
    /// `None` while the body waits for its backend, and where places are not leased.
    lease: Option<Lease>,
    /// `None` if the head said all.
    report: Option<Report<P, C>>,
}

// The lease before the report: a place that went to another caller counts again, as that of a call in flight.
impl<P: Pointer, C> Held<P, C> {
    /// The server has the frame. One of HTTP/2 may be empty at any place, and is no message then.
    fn data<D: Buf>(&mut self, frame: &Frame<D>, is_last: bool) {
        // No later frame would end or renew the lease.
        if is_last {
            self.end_lease();
        } else {
            self.renew();
        }
        if let Some(report) = &mut self.report {
            if frame.data_ref().is_some_and(Buf::has_remaining) {
                report.data(&self.permit);
            }
        }
    }

    /// Dropped afterwards, also if the classifier panics.
    fn end(mut self, trailers: Option<&HeaderMap>) {
        self.end_lease();
        if let Some(report) = self.report.take() {
            report.end(&self.permit, trailers);
        }
    }

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

impl<P: Pointer, C> Drop for Held<P, C> {
    fn drop(&mut self) {
        // Before the permit gives its places back: after this they are its own.
        self.end_lease();
    }
}

impl<B: Body, P: Pointer, C> PermitBody<B, P, C> {
    pub(super) fn new(body: B, permit: Permit<P>, report: Option<Report<P, C>>) -> Self {
        let mut held = Held {
            permit,
            lease: None,
            report,
        };
        // An empty body may never be polled.
        let held = if body.is_end_stream() {
            held.end(None);
            None
        } else {
            held.renew();
            Some(held)
        };
        Self { body, held }
    }

    /// The body of the answer to a refusal.
    pub(super) const fn without_place(body: B) -> Self {
        Self { body, held: None }
    }
}

impl<B: Body, P: Pointer, C> Body for PermitBody<B, P, C> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let poll = this.body.as_mut().poll_frame(cx);
        let Some(held) = &mut *this.held else {
            return poll;
        };
        match &poll {
            Poll::Pending => held.end_lease(),
            Poll::Ready(Some(Ok(frame))) => {
                let trailers = frame.trailers_ref();
                // Trailers are the last frame.
                let is_last = trailers.is_some() || this.body.is_end_stream();
                if trailers.is_none() {
                    held.data(frame, is_last);
                }
                if is_last {
                    if let Some(held) = this.held.take() {
                        held.end(trailers);
                    }
                }
            }
            Poll::Ready(None) => {
                if let Some(held) = this.held.take() {
                    held.end(None);
                }
            }
            Poll::Ready(Some(Err(_))) => *this.held = None,
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

/// A body without a place: that of an answer which a layer further out makes, such as
/// [`http_response`](crate::Full::http_response) of another bulkhead.
impl<B: Default, P: Pointer, C> Default for PermitBody<B, P, C> {
    fn default() -> Self {
        Self {
            body: B::default(),
            held: None,
        }
    }
}

impl<B, P: Pointer, C> fmt::Debug for PermitBody<B, P, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PermitBody")
            .field("holds_a_place", &self.held.is_some())
            .finish_non_exhaustive()
    }
}
