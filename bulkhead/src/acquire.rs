use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use crate::{
    config::Line,
    permit::Permit,
    state::{Core, Entry, Patience, Pointer, Ticket},
    types::Full,
};

/// A future that waits for a place, made by [`Bulkhead::acquire`](crate::Bulkhead::acquire), or for several, made by
/// [`Bulkhead::acquire_many`](crate::Bulkhead::acquire_many).
///
/// # Cancel safety
///
/// Dropping it takes the caller out of the line. A place that it was granted goes to the next caller. The order of the
/// others does not change.
#[must_use = "futures do nothing unless polled"]
pub struct Acquire<P: Pointer = Arc<Core>> {
    /// `None` after a permit was given.
    core: Option<P>,
    line: Line,
    seat: Option<Ticket>,
}

/// How a call in front of a queue was received.
#[derive(Debug)]
#[expect(unnameable_types, reason = "only `Source`, which is sealed, names it")]
pub enum Begun<P: Pointer> {
    Inside(Permit<P>),
    /// Inside, and counted as refused.
    Watched(Permit<P>),
    Queued(Acquire<P>),
    Refused(Full),
    /// Only in a family: the caller asks it again for the key.
    // Rejected: `Option<Begun>` instead. A call through a queue then takes 20 instructions more.
    Retired,
}

impl<P: Pointer> Acquire<P> {
    pub(crate) const fn new(core: P, line: Line) -> Self {
        Self {
            core: Some(core),
            line,
            seat: None,
        }
    }

    /// Takes a place or a seat before the first poll. The pointer is cloned only if there is one.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "as `QueueService::call`, whose future is made in its final place"
    )]
    pub(crate) fn begin(core: &P, line: &Line, patience: &Patience) -> Begun<P>
    where
        P: Clone,
    {
        match core
            .core()
            .enter_or_queue(core.places(), line, patience, None)
        {
            Entry::Inside => Begun::Inside(Permit::new(core.clone())),
            Entry::Watched => Begun::Watched(Permit::new(core.clone())),
            Entry::Queued(seat) => Begun::Queued(Self {
                core: Some(core.clone()),
                line: *line,
                seat: Some(seat),
            }),
            Entry::Refused(full) => Begun::Refused(full),
            Entry::Retired => Begun::Retired,
        }
    }

    pub(crate) fn core(&self) -> &Core<P::Regulator> {
        self.core
            .as_ref()
            .expect("polled after it was ready")
            .core()
    }

    /// Looks for places of late waiters and bodies, at the end of the wait. Returns whether there were any.
    pub(crate) fn look_again(&self) -> bool {
        if let Some(seat) = &self.seat {
            self.core().unbind(seat);
        }
        self.core().reclaim()
    }

    /// `waited` is how long the caller has waited, for a refusal.
    pub(crate) fn poll_permit(
        &mut self,
        waker: &Waker,
        waited: impl FnOnce() -> Duration,
    ) -> Poll<Result<Permit<P>, Full>> {
        let pointer = self.core.as_ref().expect("polled after it was ready");
        let (core, places) = (pointer.core(), pointer.places());
        let result = match &self.seat {
            Some(seat) => {
                let turn = ready!(core.poll_turn(seat, places, waker, waited));
                self.seat = None;
                turn
            }
            None => match core.enter_or_queue(places, &self.line, &Patience::NONE, Some(waker)) {
                Entry::Inside | Entry::Watched => Ok(()),
                Entry::Queued(seat) => {
                    self.seat = Some(seat);
                    return Poll::Pending;
                }
                Entry::Refused(full) => Err(full),
                Entry::Retired => unreachable!("a family retires no member that has a handle"),
            },
        };
        let core = self.core.take().expect("it was there above");
        Poll::Ready(result.map(|()| Permit::new(core)))
    }
}

// No field is ever pinned.
impl<P: Pointer> Unpin for Acquire<P> {}

impl<P: Pointer> Future for Acquire<P> {
    type Output = Result<Permit<P>, Full>;

    /// # Panics
    ///
    /// When polled again after it was ready.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.get_mut().poll_permit(cx.waker(), || Duration::ZERO)
    }
}

impl<P: Pointer> Drop for Acquire<P> {
    fn drop(&mut self) {
        if let (Some(core), Some(seat)) = (&self.core, &self.seat) {
            core.core().leave(seat, core.places());
        }
    }
}

impl<P: Pointer> fmt::Debug for Acquire<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acquire")
            .field("queued", &self.seat.is_some())
            .finish_non_exhaustive()
    }
}
