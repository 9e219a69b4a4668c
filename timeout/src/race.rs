//! A future against the clock.
//!
//! The future is polled before the clock is read. Three properties follow: a result that is ready is never
//! thrown away, a tie at the deadline goes to the result, and a call that is ready at once needs no timer and
//! no runtime. If two nested timeouts have the same limit, the inner one answers: its rejection is a result that
//! is ready at the deadline of the outer one.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project::pin_project;
use tokio::time::{Instant, Sleep};

use crate::{
    timer::wait,
    types::{Allowance, Elapsed, Phase},
};

// Fields drop in this order: the inner future first, then the timer.
#[pin_project(project = RaceProjection)]
pub(crate) enum Race<F> {
    Running {
        #[pin]
        inner: F,
        /// Armed when `inner` is first pending. Stored inline, so it takes no allocation.
        #[pin]
        timer: Option<Sleep>,
        /// `None` if nothing bounds the call.
        allowance: Option<Allowance>,
    },
    /// `Some` if the race was lost before it began; `None` once the result was returned.
    Over(Option<Elapsed>),
}

impl<F> Race<F> {
    pub(crate) const fn new(inner: F, allowance: Option<Allowance>) -> Self {
        Self::Running {
            inner,
            timer: None,
            allowance,
        }
    }

    /// A race that is lost before it begins: the inner call is not made.
    pub(crate) const fn lost(elapsed: Elapsed) -> Self {
        Self::Over(Some(elapsed))
    }

    /// The time of the call; `None` if nothing bounds it or if it has elapsed.
    pub(crate) const fn allowance(&self) -> Option<Allowance> {
        match self {
            Self::Running { allowance, .. } => *allowance,
            Self::Over(_) => None,
        }
    }
}

impl<F: Future> Race<F> {
    /// When it returns `Elapsed`, the inner future and the timer have been dropped.
    ///
    /// A future that is ready is not dropped early. It has finished, and dropping it here as well took 159
    /// instructions a call against 103.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "a call frame costs as much as the function"
    )]
    pub(crate) fn poll(
        mut self: Pin<&mut Self>,
        phase: Phase,
        cx: &mut Context<'_>,
    ) -> Poll<Result<F::Output, Elapsed>> {
        let elapsed = match self.as_mut().project() {
            RaceProjection::Running {
                inner,
                timer,
                allowance,
            } => match (inner.poll(cx), allowance) {
                (Poll::Ready(output), _) => return Poll::Ready(Ok(output)),
                (Poll::Pending, None) => return Poll::Pending,
                (Poll::Pending, Some(allowance)) => {
                    ready!(wait(timer, allowance, cx));
                    elapsed_now(allowance, phase)
                }
            },
            RaceProjection::Over(lost) => lost.take().expect("polled after it was ready"),
        };
        // The caller may need at once what the inner future holds (a connection, a permit), so the future is
        // dropped before the rejection is returned.
        self.set(Self::Over(None));
        Poll::Ready(Err(elapsed))
    }
}

/// Out of line: a call that does not elapse does not pay for its size.
#[cold]
#[inline(never)]
fn elapsed_now(allowance: &Allowance, phase: Phase) -> Elapsed {
    allowance.elapsed(phase, Instant::now())
}
