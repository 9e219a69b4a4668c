use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use crate::state::{Core, Pointer, Ticket};

/// A future that is ready when a closed bulkhead has no call in flight. Made by
/// [`Bulkhead::close`](crate::Bulkhead::close).
///
/// # Cancel safety
///
/// Dropping it changes nothing: the bulkhead stays closed.
pub struct Drain<P: Pointer = Arc<Core>> {
    core: P,
    seat: Option<Ticket>,
}

impl<P: Pointer> Drain<P> {
    /// `core` must be closed.
    pub(crate) const fn new(core: P) -> Self {
        Self { core, seat: None }
    }
}

// No field is ever pinned.
impl<P: Pointer> Unpin for Drain<P> {}

impl<P: Pointer> Future for Drain<P> {
    type Output = ();

    /// Ready again when polled after it was ready.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { core, seat } = self.get_mut();
        core.core().poll_drained(seat, cx.waker())
    }
}

impl<P: Pointer> Drop for Drain<P> {
    fn drop(&mut self) {
        if let Some(seat) = &self.seat {
            self.core.core().leave_drain(seat);
        }
    }
}

impl<P: Pointer> fmt::Debug for Drain<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Drain").field(self.core.core()).finish()
    }
}
