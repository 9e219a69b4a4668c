//! Closing: no caller comes in any more, and a drain waits until the last call has left.

use std::task::{Poll, Waker};

use super::{
    Core,
    refuse::DRAINED,
    serve,
    waiters::{Ticket, Turn},
};
use crate::{sync::atomic::Ordering::Relaxed, types::Event};

impl<R> Core<R> {
    /// Refuses every later caller, and every one that waits.
    pub(crate) fn close(&self) {
        let waiters = self.waiters.lock();
        if !self.snapshot().is_closed() {
            self.events.put(|| Event::Closed);
        }
        self.permits.close();
        drop(waiters);
        // Before the event is told, as a listener may take its time.
        //
        // It ends: no caller joins the line of a closed bulkhead. Each round takes one out before a waker can panic.
        while self.waiters.lock().len() > 0 {
            serve(self);
        }
        self.events.deliver();
        self.note_drained();
    }

    /// Tells once that the last call has left.
    pub(super) fn note_drained(&self) {
        if !self.permits.is_drained() {
            return;
        }
        let waiters = self.waiters.lock();
        // Relaxed: every writer holds the lock.
        let aside = self.aside.load(Relaxed);
        if aside & DRAINED != 0 {
            return;
        }
        self.aside.store(aside | DRAINED, Relaxed);
        self.events.put(|| Event::Drained);
        drop(waiters);
        self.events.deliver();
    }

    pub(crate) fn poll_drained(&self, seat: &mut Option<Ticket>, waker: &Waker) -> Poll<()> {
        self.reclaim();
        let mut waiters = self.waiters.lock();
        // Under the lock. A call that ends before it is seen here. One that ends after it takes the lock and finds the seat.
        // The model `the_last_call_ends_a_starting_drain` holds it.
        let turn = if self.permits.is_drained() {
            seat.as_ref().map(|seat| waiters.leave(seat))
        } else if let Some(ticket) = seat {
            Some(waiters.leave_if_settled(ticket, waker))
        } else {
            *seat = Some(waiters.join(0, false, None, Some(waker.clone())));
            return Poll::Pending;
        };
        let is_drained = self.permits.is_drained() || matches!(turn, Some(Turn::Granted));
        drop(waiters);
        drop(turn);
        if is_drained {
            *seat = None;
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Removes a caller of [`poll_drained`](Self::poll_drained).
    pub(crate) fn leave_drain(&self, ticket: &Ticket) {
        let turn = self.waiters.lock().leave(ticket);
        drop(turn); // a waker: outside the lock
    }
}
