use std::{
    error::Error,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;
use tokio::time::{Instant, Sleep};

use super::{BodyError, Limits};
use crate::{
    observe::Watch,
    timer::wait,
    types::{Allowance, Elapsed, Label, Nanos, Phase},
};

/// A response body that is bounded in time. Created by a [`BodyTimeoutService`](super::BodyTimeoutService).
///
/// The inner body is polled first, so a frame that is ready when the timer fires wins. If a limit is reached,
/// the inner body is dropped with the connection that it holds, and then the error is returned. After the error
/// the body is at its end. The end of the inner body is never turned into an error, however late it is.
///
/// It acts only when it is polled. A server such as hyper does not poll it while its client does not read, so that no
/// limit ends it then: see [clients that do not read](crate::guide#clients-that-do-not-read).
///
/// The body has one timer for both limits, armed when the inner body is pending. With a limit for the whole body
/// each frame costs a clock read: a body that always has a frame would otherwise never reach the limit.
///
/// # Panics
///
/// If it must wait for a bounded time and there is no tokio runtime with its time driver enabled.
#[pin_project]
pub struct TimeoutBody<B> {
    /// `None` once a limit was reached.
    #[pin]
    inner: Option<B>,
    #[pin]
    timer: Option<Sleep>,
    timeout: Label,
    idle: Nanos,
    /// The current wait for a frame. It begins at the poll that found none, so that the time in which the body
    /// is not polled does not count.
    wait: Option<Allowance>,
    whole: Option<Allowance>,
    /// `None` for a body without limits.
    watch: Option<Watch>,
}

impl<B> TimeoutBody<B> {
    pub(super) fn new(
        inner: B,
        timeout: Label,
        limits: Limits,
        deadline: Option<Instant>,
        watch: Watch,
    ) -> Self {
        let [_, idle, whole] = limits;
        let is_bounded = whole != Nanos::UNBOUNDED || deadline.is_some();
        Self {
            timeout,
            idle,
            whole: is_bounded.then(|| Allowance::new(timeout, Instant::now(), whole, deadline)),
            watch: Some(watch),
            ..Self::unbounded(inner)
        }
    }

    pub(super) const fn unbounded(inner: B) -> Self {
        Self {
            inner: Some(inner),
            timer: None,
            timeout: Label::of_literal(&""),
            idle: Nanos::UNBOUNDED,
            wait: None,
            whole: None,
            watch: None,
        }
    }
}

/// A body without limits: that of an answer which a layer further out makes, such as `Elapsed::http_response`.
impl<B: Default> Default for TimeoutBody<B> {
    fn default() -> Self {
        Self::unbounded(B::default())
    }
}

/// The limit that ends first. A tie goes to the whole body.
fn first(wait: Option<Allowance>, whole: Option<Allowance>) -> Option<(Phase, Allowance)> {
    [(Phase::Body, whole), (Phase::Idle, wait)]
        .into_iter()
        .filter_map(|(phase, allowance)| Some((allowance?.end()?, phase, allowance?)))
        .min_by_key(|(end, ..)| *end)
        .map(|(_, phase, allowance)| (phase, allowance))
}

impl<B> TimeoutBody<B> {
    /// Waits for the earlier limit. The inner body must be pending.
    fn poll_elapsed(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Elapsed> {
        let this = self.project();
        if this.wait.is_none() && *this.idle != Nanos::UNBOUNDED {
            let wait = Allowance::new(*this.timeout, Instant::now(), *this.idle, None);
            *this.wait = Some(wait);
        }
        match first(*this.wait, *this.whole) {
            Some((phase, allowance)) => {
                ready!(wait(this.timer, &allowance, cx));
                Poll::Ready(allowance.elapsed(phase, Instant::now()))
            }
            None => Poll::Pending,
        }
    }

    /// The rejection if the end of the whole body has passed. A tie goes to the frame.
    fn overdue(&self) -> Option<Elapsed> {
        let whole = self.whole?;
        let now = Instant::now();
        (whole.end()? < now).then(|| whole.elapsed(Phase::Body, now))
    }

    fn give_up(self: Pin<&mut Self>, elapsed: Elapsed) -> BodyError {
        let mut this = self.project();
        this.inner.set(None);
        this.timer.set(None);
        if let Some(watch) = this.watch {
            watch.elapsed("body_timeout", &elapsed);
        }
        BodyError::Elapsed(elapsed)
    }
}

impl<B> Body for TimeoutBody<B>
where
    B: Body,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Data = B::Data;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, BodyError>>> {
        let this = self.as_mut().project();
        let Some(inner) = this.inner.as_pin_mut() else {
            return Poll::Ready(None);
        };
        let Poll::Ready(frame) = inner.poll_frame(cx) else {
            let elapsed = ready!(self.as_mut().poll_elapsed(cx));
            return Poll::Ready(Some(Err(self.give_up(elapsed))));
        };
        *this.wait = None;
        Poll::Ready(match frame {
            Some(Ok(frame)) => Some(match self.overdue() {
                Some(elapsed) => Err(self.give_up(elapsed)),
                None => Ok(frame),
            }),
            Some(Err(error)) => Some(Err(BodyError::Inner(error.into()))),
            None => {
                // `take`: a poll after the end returns the end again, and is not counted again.
                if let Some(watch) = this.watch {
                    watch.finished(Phase::Body, this.whole.take());
                }
                None
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl<B> fmt::Debug for TimeoutBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimeoutBody").finish_non_exhaustive()
    }
}
