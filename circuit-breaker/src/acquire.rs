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
/// Dropping it leaves the queue of the waiting calls. A slot for a probe that was just offered to it
/// is offered to another. Kept and no longer polled, it delays the other calls only if a slot is
/// offered to it, and then by a second at most.
#[pin_project(PinnedDrop)]
#[must_use = "futures do nothing unless polled"]
pub struct Acquire<P: Borrow<Core> = Arc<Core>> {
    /// `None` once a call was admitted.
    core: Option<P>,
    ticket: Option<Ticket>,
    /// Where time may admit it.
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
                // Not beyond what an instant can represent: as good as never.
                Err(at) => at.and_then(|at| {
                    let start = core.start(Instant::now());
                    start.checked_add(Duration::from_nanos(at))
                }),
            };
            let Some(at) = at else {
                this.timer.set(None);
                return Poll::Pending;
            };
            ready!(poll_until(this.timer.as_mut(), at, cx));
        }
    }
}

/// Waits until `at`. Sets the timer if there is none, and moves it if it is set to another instant.
fn poll_until(mut timer: Pin<&mut Option<Sleep>>, at: Instant, cx: &mut Context<'_>) -> Poll<()> {
    let is_new = timer.is_none();
    if is_new {
        timer.set(Some(sleep_until(at)));
    }
    let mut sleep = timer.as_pin_mut().expect("it was set above");
    if is_new || sleep.deadline() != at {
        // `reset` enters the timer wheel without tokio's cooperative budget, the first `poll` only
        // while the task has some left.
        sleep.as_mut().reset(at);
    }
    // Pending in a task that spends its whole budget at every poll, although the time has come. Such a
    // task is polled again at once, and each poll asks the breaker first.
    sleep.poll(cx)
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
