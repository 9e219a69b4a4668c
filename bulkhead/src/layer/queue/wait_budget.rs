use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use pin_project::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::Cause;

/// How long a call waits, and for what reason it then stops. The clock is read and the timer armed only
/// when it does wait.
#[pin_project]
#[derive(Debug)]
pub(crate) struct Patience {
    bounds: Bounds,
    #[pin]
    timer: Option<Sleep>,
}

/// The numbers of a [`Patience`], which go from hand to hand before there is a place for its timer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) max_wait: Duration,
    /// The latest moment at which the call may begin.
    pub(crate) latest: Option<Instant>,
    pub(crate) began: Option<Instant>,
}

impl Bounds {
    /// For as long as it takes: for a bulkhead that only watches, and has counted that the wait ran out.
    pub(crate) const NONE: Self = Self {
        max_wait: Duration::MAX,
        latest: None,
        began: None,
    };
}

impl Patience {
    pub(crate) const fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            timer: None,
        }
    }

    /// Whether it is too late to begin. Reads the clock only where there is a deadline.
    pub(crate) fn is_too_late(&self) -> bool {
        self.bounds
            .latest
            .is_some_and(|latest| latest < Instant::now())
    }

    /// From now on without end.
    pub(crate) fn lift(self: Pin<&mut Self>) {
        let mut this = self.project();
        (this.bounds.max_wait, this.bounds.latest) = (Duration::MAX, None);
        this.timer.set(None);
    }

    /// How long it has waited.
    pub(crate) fn waited(&self) -> Duration {
        self.bounds
            .began
            .map_or(Duration::ZERO, |began| began.elapsed())
    }

    /// Ready, with the reason, when it has waited long enough.
    pub(crate) fn poll_end(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Cause> {
        let mut this = self.project();
        let began = *this.bounds.began.get_or_insert_with(Instant::now);
        // `None`: further away than the clock goes.
        let (end, cause) = match (began.checked_add(this.bounds.max_wait), this.bounds.latest) {
            (Some(end), Some(latest)) if latest < end => (latest, Cause::DeadlineTooNear),
            (Some(end), _) => (end, Cause::WaitedTooLong),
            (None, Some(latest)) => (latest, Cause::DeadlineTooNear),
            (None, None) => return Poll::Pending,
        };
        if this.timer.is_none() {
            if end <= Instant::now() {
                return Poll::Ready(cause); // never a zero sleep: it would last a tick, and need a runtime
            }
            this.timer.set(Some(sleep_until(end)));
        }
        match this.timer.as_pin_mut() {
            // `is_elapsed` beside `poll`: a task that has spent tokio's budget cannot poll a timer.
            Some(timer) if timer.is_elapsed() => Poll::Ready(cause),
            Some(timer) => timer.poll(cx).map(|()| cause),
            None => Poll::Pending,
        }
    }
}
