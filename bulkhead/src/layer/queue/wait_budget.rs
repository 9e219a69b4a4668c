use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use pin_project::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::{
    state::{Bound, Patience},
    types::Cause,
};

/// How long a call waits, and why it stops. The clock is read and the timer is armed only when the call does wait.
#[pin_project]
#[derive(Debug)]
pub(super) struct WaitBudget {
    bounds: Bounds,
    #[pin]
    timer: Option<Sleep>,
}

/// The bounds of a wait. Apart from the timer, so that they are moved before the future is pinned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) patience: Patience,
    pub(super) began: Option<Instant>,
}

impl Bounds {
    /// No bound: for a bulkhead that only counts, after the wait was counted as too long.
    pub(super) const NONE: Self = Self {
        patience: Patience::NONE,
        began: None,
    };
}

impl WaitBudget {
    pub(super) const fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            timer: None,
        }
    }

    /// Whether it is too late to begin. Reads the clock only if there is a deadline.
    pub(super) fn is_too_late(&self) -> bool {
        self.bounds
            .patience
            .latest
            .is_some_and(|latest| latest < Instant::now())
    }

    /// Removes the bounds.
    pub(super) fn lift(self: Pin<&mut Self>) {
        let mut this = self.project();
        this.bounds.patience = Patience::NONE;
        this.timer.set(None);
    }

    /// How long the call has waited.
    pub(super) fn waited(&self) -> Duration {
        self.bounds
            .began
            .map_or(Duration::ZERO, |began| began.elapsed())
    }

    /// Ready with the cause when the wait has reached a bound.
    pub(super) fn poll_end(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Cause> {
        let mut this = self.project();
        let began = *this.bounds.began.get_or_insert_with(Instant::now);
        let Some(Bound { end, cause }) = this.bounds.patience.bound_from(began) else {
            return Poll::Pending;
        };
        if this.timer.is_none() {
            if end <= Instant::now() {
                return Poll::Ready(cause); // no zero sleep: it would last a tick and need a runtime
            }
            this.timer.set(Some(sleep_until(end)));
            // `reset` enters the timer wheel without tokio's cooperative budget. The first `poll` enters it only while
            // the task has budget left, and a busy inner service or neighbour leaves none.
            if let Some(timer) = this.timer.as_mut().as_pin_mut() {
                timer.reset(end);
            }
        }
        match this.timer.as_pin_mut() {
            // `is_elapsed` beside `poll`: the timer of a task that has spent tokio's budget is never ready.
            Some(timer) if timer.is_elapsed() => Poll::Ready(cause),
            Some(timer) => timer.poll(cx).map(|()| cause),
            None => Poll::Pending,
        }
    }
}
