//! A future against the clock: the only place that knows a timer.
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
use tokio::time::{Instant, Sleep, sleep_until};

use crate::{Elapsed, allowance::Allowance};

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
}

impl<F: Future> Race<F> {
    /// When it returns `Elapsed`, the inner future and the timer have been dropped.
    // Inlined, as nearly nothing is left of it when the inner future is ready: without the hint the
    // `timeout` row of the benches takes a quarter more instructions.
    #[inline]
    pub(crate) fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<F::Output, Elapsed>> {
        let elapsed = match self.as_mut().project() {
            RaceProjection::Running {
                inner,
                timer,
                allowance,
            } => match (inner.poll(cx), *allowance) {
                (Poll::Ready(output), _) => return Poll::Ready(Ok(output)),
                (Poll::Pending, None) => return Poll::Pending,
                (Poll::Pending, Some(allowance)) => ready!(wait(timer, allowance, cx)),
            },
            RaceProjection::Over(lost) => lost.take().expect("polled after it was ready"),
        };
        // Who hears of it may at once want what the inner future held: a connection, a permit.
        self.set(Self::Over(None));
        Poll::Ready(Err(elapsed))
    }
}

/// Waits for the end of `allowance`; on the first call it arms the timer, if there is still time.
///
/// Not generic, so that it is compiled once and not for every service; and kept out of line, as a call
/// that is ready at once never comes here.
#[inline(never)]
fn wait(
    mut timer: Pin<&mut Option<Sleep>>,
    allowance: Allowance,
    cx: &mut Context<'_>,
) -> Poll<Elapsed> {
    let mut sleep = if let Some(sleep) = timer.as_mut().as_pin_mut() {
        sleep
    } else {
        let Some(end) = allowance.end() else {
            return Poll::Pending;
        };
        // The future may have lain about between `call` and its first poll, or have kept the thread busy:
        // for an end that has passed there is no timer to arm. (tokio would round a zero sleep up to a
        // millisecond.) At the very end it is over too: a result that is ready by then was polled before.
        let now = Instant::now();
        if end <= now {
            return Poll::Ready(allowance.elapsed(now));
        }
        timer.set(Some(sleep_until(end)));
        let mut sleep = timer.as_pin_mut().expect("set in the line above");
        // Enters the timer wheel now. The first poll would do so too, but not while the task is out of
        // tokio's cooperative budget; see below.
        sleep.as_mut().reset(end);
        sleep
    };
    // A future that spends the whole budget of its task at every poll (a busy channel in a loop) leaves
    // none for the timer, whose poll is then pending though its time has come. `is_elapsed` asks no budget.
    if sleep.as_mut().poll(cx).is_ready() || sleep.is_elapsed() {
        Poll::Ready(allowance.elapsed(Instant::now()))
    } else {
        Poll::Pending
    }
}
