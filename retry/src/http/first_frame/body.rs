use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;

/// The body of a response of a [`FirstFrameService`](crate::FirstFrameService). Feature `http`.
///
/// It yields what the inner body yields, in order. The frame for which the response was held back comes first, without empty
/// frames before it. If the trailers are in the head, it is empty, and the inner body is dropped.
#[pin_project]
pub struct FirstFrameBody<B: Body> {
    /// What the inner body has yielded already.
    first: Option<First<B>>,
    /// `None` after its end.
    #[pin]
    rest: Option<B>,
}

struct First<B: Body> {
    frame: Result<Frame<B::Data>, B::Error>,
    /// The size hint before that.
    hint: SizeHint,
}

impl<B: Body> FirstFrameBody<B> {
    /// A body that has not been polled.
    pub(super) const fn whole(body: B) -> Self {
        Self {
            first: None,
            rest: Some(body),
        }
    }

    /// A body that has yielded `frame`, and had the size of `hint` before.
    pub(super) const fn begun(
        frame: Result<Frame<B::Data>, B::Error>,
        hint: SizeHint,
        rest: B,
    ) -> Self {
        Self {
            first: Some(First { frame, hint }),
            rest: Some(rest),
        }
    }

    /// A body without frames.
    pub(super) const fn ended() -> Self {
        Self {
            first: None,
            rest: None,
        }
    }
}

/// The body of an answer of a layer outside, which rejects a call.
impl<B: Body + Default> Default for FirstFrameBody<B> {
    fn default() -> Self {
        Self::whole(B::default())
    }
}

impl<B: Body> Body for FirstFrameBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        if let Some(first) = this.first.take() {
            return Poll::Ready(Some(first.frame));
        }
        match this.rest.as_pin_mut() {
            Some(rest) => rest.poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.rest.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.first, &self.rest) {
            #[expect(clippy::clone_on_copy, reason = "`Copy` since http-body 1.1")]
            (Some(first), _) => first.hint.clone(),
            (None, Some(rest)) => rest.size_hint(),
            (None, None) => SizeHint::with_exact(0),
        }
    }
}

impl<B: Body> fmt::Debug for FirstFrameBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FirstFrameBody")
            .field("has_begun", &self.first.is_some())
            .finish_non_exhaustive()
    }
}
