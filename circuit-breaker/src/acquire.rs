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

use crate::{Call, CircuitBreaker, Core, StaticCircuitBreaker, waiters::Ticket};

/// Waits until the circuit lets a call in; made by [`CircuitBreaker::acquire`].
///
/// # Cancel safety
///
/// Dropping it leaves the line of those who wait; who was next is woken. A place for a probe that was just
/// meant for it goes to another.
#[pin_project(PinnedDrop)]
#[must_use = "futures do nothing unless polled"]
pub struct Acquire<P: Borrow<Core> = Arc<Core>> {
    /// `None` once a call was let in.
    core: Option<P>,
    ticket: Option<Ticket>,
    /// Of the first in the line.
    #[pin]
    timer: Option<Sleep>,
}

impl CircuitBreaker {
    /// Waits until a call may be made, and then counts as that call until it says how it ended.
    ///
    /// At once while closed. Else it is woken by any transition, an operator's among them, when a probe gives
    /// its place back, and when the time comes at which time alone lets a call in: one timer for all who
    /// wait, and no polling. Half-open as many are woken as there are places, in the order in which they
    /// came; who comes at that very moment may be faster.
    ///
    /// It waits for as long as it takes, which for a forced-open circuit may be for ever: put a timeout
    /// around it.
    ///
    /// Nothing is asked and nothing taken before the first poll. To wait takes a lock and a node in a tree,
    /// and a tokio runtime with its timer.
    ///
    /// # Examples
    ///
    /// ```
    /// # use maestro_circuit_breaker::{CircuitBreaker, Override, State};
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mail = CircuitBreaker::builder().consecutive_failures(1).build("mail")?;
    /// mail.try_acquire()?.failure();
    /// let begun = tokio::time::Instant::now();
    /// let probe = mail.acquire().await;
    /// assert_eq!((mail.state(), begun.elapsed().as_secs()), (State::HalfOpen, 5));
    /// probe.success();
    /// # Ok(())
    /// # }
    /// ```
    pub fn acquire(&self) -> Acquire {
        Acquire::new(Arc::clone(&self.0))
    }
}

impl StaticCircuitBreaker {
    /// Waits until a call may be made, as [`CircuitBreaker::acquire`] does.
    pub fn acquire(&'static self) -> Acquire<&'static Core> {
        Acquire::new(&self.0)
    }
}

impl<P: Borrow<Core>> CircuitBreaker<P> {
    /// How many calls wait now to be let in. For people and gauges: it takes the lock of those who wait.
    pub fn waiting(&self) -> usize {
        self.core().circuit().waiters.len()
    }
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
    /// When polled again after it was ready; and where it must wait and there is no tokio runtime with its
    /// timer.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Call<P>> {
        let mut this = self.project();
        let slot = this.core;
        loop {
            let core = slot.as_ref().expect("polled after it was ready").borrow();
            let clock = || core.ticks(Instant::now());
            let waker = cx.waker();
            let admitted = core.circuit().admit_or_sleep(this.ticket, waker, clock);
            let at = match admitted {
                Ok(admission) => {
                    this.timer.set(None);
                    let core = slot.take().expect("it was there above");
                    return Poll::Ready(Call::new(core, admission, Instant::now));
                }
                Err(None) => None,
                // Not beyond what an instant can be: as good as never.
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
            core.borrow().circuit().leave(ticket);
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
