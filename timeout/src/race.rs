//! A future against the clock.
//!
//! The property that chose the design: the future is polled before anything asks what time it is. So a
//! result that is there is never thrown away, a call that is ready at once costs nothing here, and a
//! tie at the deadline goes to the result.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project::pin_project;
use tokio::time::{Instant, Sleep};

use crate::{Elapsed, Phase, timer::poll_until, types::allowance::Allowance};

// Fields drop in this order: the inner future first, then the timer.
#[pin_project(project = RaceProjection)]
pub(crate) enum Race<F> {
    Running {
        #[pin]
        inner: F,
        /// Armed when `inner` is first pending. Inline: no allocation.
        #[pin]
        timer: Option<Sleep>,
        /// `None` when nothing bounds the call.
        allowance: Option<Allowance>,
    },
    /// `Some` when it was lost before it began; `None` once it was decided.
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

    /// A race that `inner` does not even enter.
    pub(crate) const fn lost(elapsed: Elapsed) -> Self {
        Self::Over(Some(elapsed))
    }

    /// The time it has, until it is lost.
    pub(crate) const fn allowance(&self) -> Option<Allowance> {
        match self {
            Self::Running { allowance, .. } => *allowance,
            Self::Over(_) => None,
        }
    }
}

impl<F: Future> Race<F> {
    /// When it returns `Elapsed`, the inner future and the timer have been dropped.
    // Nearly nothing is left of it in one piece with its caller.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "a function's frame costs as much as all that it does"
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
                (Poll::Pending, Some(allowance)) => ready!(wait(timer, allowance, phase, cx)),
            },
            RaceProjection::Over(lost) => lost.take().expect("polled after it was ready"),
        };
        // Who hears of it may at once want what the inner future held: a connection, a permit.
        self.set(Self::Over(None));
        Poll::Ready(Err(elapsed))
    }
}

/// Waits for the end of `allowance`; on the first call it arms the timer.
///
/// Not generic, so that it is compiled once and not for every service; and out of line, as a call that is
/// ready at once never comes here.
#[inline(never)]
fn wait(
    timer: Pin<&mut Option<Sleep>>,
    allowance: &Allowance,
    phase: Phase,
    cx: &mut Context<'_>,
) -> Poll<Elapsed> {
    // Never a zero sleep, which tokio rounds up to a millisecond. An end that has passed for another reason
    // (the future lay about before its first poll) is left to the timer, which fires within its resolution:
    // to ask the clock here would cost every call that waits.
    if !allowance.is_zero() {
        let Some(end) = allowance.end() else {
            return Poll::Pending;
        };
        ready!(poll_until(timer, end, cx));
    }
    Poll::Ready(allowance.elapsed(phase, Instant::now()))
}
