use std::{
    borrow::Borrow,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use pin_project::{pin_project, pinned_drop};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::{
    call::{Call, Core},
    state::Ticket,
};

/// Waits until the breaker admits a call; made by
/// [`CircuitBreaker::acquire`](crate::CircuitBreaker::acquire).
///
/// # Cancel safety
///
/// Dropping it leaves the queue of the waiting calls, and wakes the next one if this was first. A
/// slot for a probe that was just meant for it goes to another.
#[pin_project(PinnedDrop)]
#[must_use = "futures do nothing unless polled"]
pub struct Acquire<P: Borrow<Core> = Arc<Core>> {
    /// `None` once a call was admitted.
    core: Option<P>,
    ticket: Option<Ticket>,
    /// Of the first in the queue.
    #[pin]
    timer: Option<Sleep>,
}

impl<P: Borrow<Core>> Acquire<P> {
    pub(crate) const fn new(core: P) -> Self {
        Self {
            core: Some(core),
            ticket: None,
            timer: None,
        }
    }

    /// Waits once more, after it was ready.
    pub(crate) fn restart(self: Pin<&mut Self>, core: P) {
        *self.project().core = Some(core);
    }
}

impl<P: Borrow<Core>> Future for Acquire<P> {
    type Output = Call<P>;

    /// # Panics
    ///
    /// When polled again after it was ready; and where it must wait without a tokio runtime and its
    /// timer.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Call<P>> {
        let mut this = self.project();
        let slot = this.core;
        loop {
            let core = slot.as_ref().expect("polled after it was ready").borrow();
            let clock = || core.ticks(Instant::now());
            let waker = cx.waker();
            let admitted = core.machine().admit_or_sleep(this.ticket, waker, clock);
            let at = match admitted {
                Ok(admission) => {
                    this.timer.set(None);
                    let core = slot.take().expect("it was there above");
                    return Poll::Ready(Call::new(core, admission, Instant::now));
                }
                Err(None) => None,
                // Not beyond what an instant can represent: as good as never.
                Err(Some(at)) => core
                    .start(Instant::now())
                    .checked_add(Duration::from_nanos(at)),
            };
            let Some(at) = at else {
                this.timer.set(None);
                return Poll::Pending;
            };
            match this.timer.as_mut().as_pin_mut() {
                Some(timer) if timer.deadline() == at => {}
                Some(timer) => timer.reset(at),
                None => this.timer.set(Some(sleep_until(at))),
            }
            let timer = this.timer.as_mut().as_pin_mut();
            ready!(timer.expect("it was set above").poll(cx));
        }
    }
}

#[pinned_drop]
impl<P: Borrow<Core>> PinnedDrop for Acquire<P> {
    fn drop(self: Pin<&mut Self>) {
        if let (Some(core), Some(ticket)) = (&self.core, &self.ticket) {
            core.borrow().machine().leave(ticket);
        }
    }
}

impl<P: Borrow<Core>> fmt::Debug for Acquire<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acquire")
            .field("waits", &self.ticket.is_some())
            .finish_non_exhaustive()
    }
}
