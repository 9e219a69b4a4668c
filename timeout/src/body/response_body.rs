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
    Elapsed, Phase, observe::metrics::Watch, timer::poll_until, types::allowance::Allowance,
    types::nanos::Nanos,
};

/// A response body that is bounded in time, made by a [`BodyTimeoutService`](super::BodyTimeoutService).
///
/// The inner body is asked first, so that a frame that is there when the timer fires wins. When the
/// time is up the inner body is dropped, with the connection it holds, before the error is given;
/// after it the body is at its end. An end that comes late is still the end.
///
/// One timer, inside the body, armed when it has nothing to give. With a limit for the whole body each frame
/// costs a clock read: a body that always has one would never be asked otherwise.
///
/// # Panics
///
/// When it has to wait for a bounded time and there is no tokio runtime with its time driver enabled.
#[pin_project]
pub struct TimeoutBody<B> {
    /// `None` when the time is up.
    #[pin]
    inner: Option<B>,
    #[pin]
    timer: Option<Sleep>,
    timeout: &'static str,
    idle: Nanos,
    /// The wait for the next frame, while there is one.
    wait: Option<Allowance>,
    whole: Option<Allowance>,
    watch: Watch,
}

impl<B> TimeoutBody<B> {
    pub(super) fn new(
        inner: B,
        timeout: &'static str,
        limits: Limits,
        deadline: Option<Instant>,
        watch: Watch,
    ) -> Self {
        let is_bounded = !limits.whole.is_unbounded() || deadline.is_some();
        Self {
            timeout,
            idle: limits.idle,
            whole: is_bounded
                .then(|| Allowance::new(timeout, Instant::now(), limits.whole, deadline)),
            ..Self::unbounded(inner, watch)
        }
    }

    pub(super) const fn unbounded(inner: B, watch: Watch) -> Self {
        Self {
            inner: Some(inner),
            timer: None,
            timeout: "",
            idle: Nanos::UNBOUNDED,
            wait: None,
            whole: None,
            watch,
        }
    }
}

/// What bounds a body that has nothing to give: the wait or the whole, whichever ends first.
fn first(wait: Option<Allowance>, whole: Option<Allowance>) -> Option<(Phase, Allowance, Instant)> {
    let end = |phase, allowance: Option<Allowance>| {
        allowance.and_then(|allowance| Some((phase, allowance, allowance.end()?)))
    };
    match (end(Phase::Idle, wait), end(Phase::Body, whole)) {
        (Some(idle), Some(whole)) => Some(if idle.2 < whole.2 { idle } else { whole }),
        (idle, whole) => idle.or(whole),
    }
}

impl<B> TimeoutBody<B> {
    /// When it is ready the inner body has nothing to give and the time is up.
    fn poll_elapsed(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Elapsed> {
        let this = self.project();
        if this.wait.is_none() && !this.idle.is_unbounded() {
            let wait = Allowance::new(this.timeout, Instant::now(), *this.idle, None);
            *this.wait = Some(wait);
        }
        let Some((phase, allowance, end)) = first(*this.wait, *this.whole) else {
            return Poll::Pending;
        };
        if !allowance.is_zero() {
            ready!(poll_until(this.timer, end, cx));
        }
        Poll::Ready(allowance.elapsed(phase, Instant::now()))
    }

    /// The end of the whole, if it has passed. A tie goes to the frame.
    fn overdue(&self) -> Option<Elapsed> {
        let whole = self.whole?;
        let now = Instant::now();
        (whole.end()? < now).then(|| whole.elapsed(Phase::Body, now))
    }

    fn give_up(self: Pin<&mut Self>, elapsed: Elapsed) -> BodyError {
        let mut this = self.project();
        this.inner.set(None);
        this.timer.set(None);
        this.watch.elapsed(&elapsed);
        crate::observe::trace::elapsed(&elapsed);
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
                // Once: whoever asks again after the end gets the end again.
                this.watch.finished(Phase::Body, this.whole.take());
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
