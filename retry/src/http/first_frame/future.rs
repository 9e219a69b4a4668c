use std::{
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Buf;
use http::{
    HeaderName, Response,
    header::{
        CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TRAILER, TRANSFER_ENCODING,
    },
};
use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;

use super::{FirstFrameBody, NoMessage};
use crate::types::{MayReject, awaits_code, grpc_code};

/// The response of a [`FirstFrameService`](crate::FirstFrameService): its head, and of gRPC the first frame of its body.
/// Feature `http`.
///
/// # Panics
///
/// Polled again after it was ready.
///
/// # Cancel safety
///
/// Dropping the future drops the call, or the response with what has come of it. Nothing runs in the background.
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct FirstFrameFuture<F, B, M = ()> {
    #[pin]
    state: State<F, B>,
    errors: PhantomData<fn() -> M>,
}

#[pin_project(project = StateProjection)]
enum State<F, B> {
    Calling {
        #[pin]
        call: F,
        /// Whether the request may be repeated.
        waits: bool,
    },
    /// The head is there, and the first frame is not.
    Waiting {
        /// `None` after the frame has come.
        response: Option<Response<B>>,
    },
}

impl<F, B, M> FirstFrameFuture<F, B, M> {
    #[inline]
    pub(super) const fn new(call: F, waits: bool) -> Self {
        Self {
            state: State::Calling { call, waits },
            errors: PhantomData,
        }
    }
}

impl<F, B, E, M> Future for FirstFrameFuture<F, B, M>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body<Error: MayReject<M>> + Unpin,
{
    type Output = Result<Response<FirstFrameBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        if let StateProjection::Calling { call, waits } = state.as_mut().project() {
            let response = ready!(call.poll(cx))?;
            // A head that is not 2xx is judged by its status.
            if !(*waits && response.status().is_success() && awaits_code(&response)) {
                return Poll::Ready(Ok(response.map(FirstFrameBody::whole)));
            }
            // Drops the future of the call, and what it may still hold.
            let response = Some(response);
            state.set(State::Waiting { response });
        }
        let StateProjection::Waiting { response } = state.project() else {
            unreachable!("set above");
        };
        let waiting = response.as_mut().expect("polled after it was ready");
        let body = waiting.body_mut();
        let hint = body.size_hint();
        let first = ready!(Pin::new(body).poll_frame(cx));
        if matches!(&first, Some(Ok(frame)) if is_empty(frame)) {
            // Other tasks have a turn, however many of them there are.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let response = response.take().expect("present above");
        Poll::Ready(Ok(begin(response, first, hint)))
    }
}

/// Whether it is data without bytes, which HTTP/2 allows at any place. It is no message.
fn is_empty<D: Buf>(frame: &Frame<D>) -> bool {
    frame.data_ref().is_some_and(|data| !data.has_remaining())
}

/// What says how to read a message, which a trailer must not change:
/// <https://www.rfc-editor.org/rfc/rfc9110#section-6.5.1>.
const FRAMING: [HeaderName; 6] = [
    CONNECTION,
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    TRAILER,
    TRANSFER_ENCODING,
];

/// The response whose body has begun with `first`. `hint` is the size of the body before it.
fn begin<B: Body<Error: MayReject<M>>, M>(
    response: Response<B>,
    first: Option<Result<Frame<B::Data>, B::Error>>,
    hint: SizeHint,
) -> Response<FirstFrameBody<B>> {
    let (mut head, rest) = response.into_parts();
    let (first, no_message) = match first {
        None => (None, Some(NoMessage::NoCode)),
        Some(Err(error)) if error.is_rejection() => (Some(Err(error)), Some(NoMessage::Rejected)),
        Some(Err(error)) => (Some(Err(error)), Some(NoMessage::Failed)),
        Some(Ok(frame)) => match frame.into_trailers() {
            Err(data) => (Some(Ok(data)), None),
            Ok(mut trailers) => match grpc_code(&trailers) {
                None => (Some(Ok(Frame::trailers(trailers))), Some(NoMessage::NoCode)),
                Some(0) => (Some(Ok(Frame::trailers(trailers))), None),
                Some(_) => {
                    for name in FRAMING {
                        trailers.remove(name);
                    }
                    head.headers.extend(trailers);
                    (None, None)
                }
            },
        },
    };
    if let Some(no_message) = no_message {
        head.extensions.insert(no_message);
    }
    let body = match first {
        Some(first) => FirstFrameBody::begun(first, hint, rest),
        None => FirstFrameBody::ended(),
    };
    Response::from_parts(head, body)
}

impl<F, B, M> fmt::Debug for FirstFrameFuture<F, B, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has_head = matches!(self.state, State::Waiting { .. });
        f.debug_struct("FirstFrameFuture")
            .field("has_head", &has_head)
            .finish_non_exhaustive()
    }
}
