//! The line of waiters and its order.

// A linked list of indices inside a vector: a waiter leaves from the middle in constant time, a line that was once as
// long allocates nothing, and there is no `unsafe`. It has no atomics, since it stands behind the lock that is taken only
// when a caller waits. The bounds of those that wait are beside it (`Heap`), so that the late ones are found without a
// look through the line. Those of granted seats are in a heap of their own: a look takes all the late ones of these, as they
// hold places, and a limited number of the line.
//
// Rejected: tokio's semaphore. loom cannot see into it, a permit needs an `Arc` or a lifetime, a refusal costs 85
// instructions and two bus-locked ones, and an idle clone that holds its future keeps a place in its queue.

mod heap;
#[cfg(all(test, not(loom)))]
mod tests;

use std::task::Waker;

use tokio::time::Instant;

use self::heap::Heap;
use super::{forced::Forced, late::Bound};
use crate::types::Cause;

/// The waiters of a bulkhead, and behind them those that wait until it is empty.
#[derive(Debug)]
pub(super) struct Waiters {
    seats: Vec<Seat>,
    /// The head of the list of vacant seats.
    vacant: Option<usize>,
    first: Option<usize>,
    last: Option<usize>,
    /// Callers that wait for places. Those with granted ones are out of the line.
    len: usize,
    /// Those of the seats in the line.
    bounds: Heap,
    /// Those of the seats with a granted permit that is not fetched.
    granted: Heap,
    /// Here, so that the line and an override have one lock.
    pub(super) forced: Option<Forced>,
    /// Whether the window of an adaptive limit has calls under a forced limit.
    pub(super) was_forced: bool,
}

/// The seat of a waiter. Its holder hands it in once, by [`Waiters::leave`].
#[derive(Debug)]
pub(crate) struct Ticket(usize);

/// What a waiter learns about its turn.
#[derive(Debug)]
#[must_use = "a waker is dropped outside the lock"]
pub(super) enum Turn {
    Granted,
    Refused(Cause),
    // With the waker that is no longer needed. It may be the last reference to a task, and that task may hold another
    // seat of this list. So the caller drops it without the lock: a drop under the lock would take the lock twice. The
    // test `dropping_a_waker_may_leave_the_same_line` hangs if it is dropped there.
    Waits(Option<Waker>),
}

#[derive(Debug)]
enum Seat {
    Waiting {
        /// `None` until the first poll.
        waker: Option<Waker>,
        before: Option<usize>,
        after: Option<usize>,
        /// How many places the caller wants. 0: it waits until the bulkhead is empty.
        places: u32,
    },
    /// Out of the line, with a permit that the waiter has not fetched yet.
    Granted {
        places: u32,
    },
    /// Out of the line, without a permit.
    Refused(Cause),
    Vacant {
        next: Option<usize>,
    },
}

/// How many late waiters a look refuses at most.
// With a deadline that many share, a whole line is late in one moment. The caller that finds it wakes these, and the next
// caller goes on. A free place is served in the order of the line (`Core::serve`), which refuses all late waiters before the
// first one that is in time.
const AT_ONCE: usize = 64;

/// What late waiters leave behind.
#[derive(Debug, Default)]
#[must_use = "wakers are called outside the lock"]
pub(super) struct Late {
    /// How many have left the line.
    pub(super) seats: u32,
    pub(super) wakers: Vec<Waker>,
    /// The places of those that had been granted some.
    pub(super) places: u32,
    /// The earliest bound of the others. It is past if more than [`AT_ONCE`] were late.
    pub(super) earliest: Option<Instant>,
}

impl Waiters {
    pub(super) const fn new() -> Self {
        Self {
            seats: Vec::new(),
            vacant: None,
            first: None,
            last: None,
            len: 0,
            bounds: Heap::new(),
            granted: Heap::new(),
            forced: None,
            was_forced: false,
        }
    }

    /// How many callers wait for places. A caller with a granted permit does not.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// How many places the first of the line wants, and until when.
    pub(super) fn first(&self) -> Option<(u32, Option<Bound>)> {
        let first = self.first?;
        match self.seats[first] {
            Seat::Waiting { places, .. } => Some((places, self.bounds.of(first))),
            Seat::Granted { .. } | Seat::Refused(_) | Seat::Vacant { .. } => None,
        }
    }

    /// Takes a seat at the end of the line, or at its head.
    pub(super) fn join(
        &mut self,
        places: u32,
        at_head: bool,
        bound: Option<Bound>,
        waker: Option<Waker>,
    ) -> Ticket {
        let (before, after) = if at_head {
            (None, self.first)
        } else {
            (self.last, None)
        };
        let seat = Seat::Waiting {
            waker,
            before,
            after,
            places,
        };
        // The vector grows to the longest line that there was, and keeps that memory for the next overload.
        let index = self.free_seat();
        self.seats[index] = seat;
        self.link(before, Some(index));
        self.link(Some(index), after);
        self.len += usize::from(places > 0);
        if let Some(bound) = bound {
            self.bounds.insert(index, bound);
        }
        Ticket(index)
    }

    /// Takes the first waiter out of the line, grants it its permit or refuses it, and returns the waker to call.
    pub(super) fn settle_first(&mut self, refused: Option<Cause>) -> Option<Waker> {
        let first = self.first?;
        let (places, _) = self.first()?;
        let waker = self.unlink(first);
        // The permit is handed to this waiter and not made free: the order of the line holds, and a newcomer cannot take
        // the place before the waiter runs.
        let bound = self.bounds.of(first);
        self.bounds.remove(first);
        self.seats[first] = if let Some(cause) = refused {
            Seat::Refused(cause)
        } else {
            if let Some(bound) = bound {
                self.granted.insert(first, bound);
            }
            Seat::Granted { places }
        };
        waker
    }

    /// Refuses waiters whose bound is past, at most [`AT_ONCE`], and takes the permits back that they were granted.
    // It looks at the waiters that are late, and at the earliest of the others.
    pub(super) fn refuse_late(&mut self, now: Instant) -> Late {
        let mut late = Late::default();
        // All of them: they wake nobody, and a caller wants their places.
        while let Some((bound, index)) =
            self.granted.first().filter(|(bound, _)| bound.is_past(now))
        {
            self.granted.remove(index);
            if let Seat::Granted { places } = self.seats[index] {
                late.places += places;
            }
            self.seats[index] = Seat::Refused(bound.cause);
        }
        for _ in 0..AT_ONCE {
            let Some((bound, index)) = self.bounds.first() else {
                break;
            };
            if !bound.is_past(now) {
                break;
            }
            self.bounds.remove(index);
            late.seats += 1;
            late.wakers.extend(self.unlink(index));
            self.seats[index] = Seat::Refused(bound.cause);
        }
        let firsts = [self.bounds.first(), self.granted.first()].into_iter();
        late.earliest = firsts.flatten().map(|(bound, _)| bound.end).min();
        late
    }

    /// Removes the bound of a waiter.
    pub(super) fn unbind(&mut self, ticket: &Ticket) {
        self.bounds.remove(ticket.0);
        self.granted.remove(ticket.0);
    }

    /// Gives the seat up if the waiter was granted a permit or refused. Otherwise the waiter is woken through `new`.
    pub(super) fn leave_if_settled(&mut self, ticket: &Ticket, new: &Waker) -> Turn {
        match &mut self.seats[ticket.0] {
            Seat::Waiting { waker, .. } => {
                // A task that polls twice with one waker pays for no clone of it.
                let is_known = waker.as_ref().is_some_and(|old| old.will_wake(new));
                Turn::Waits(if is_known {
                    None
                } else {
                    waker.replace(new.clone())
                })
            }
            Seat::Granted { .. } | Seat::Refused(_) | Seat::Vacant { .. } => self.leave(ticket),
        }
    }

    /// Gives the seat up. A granted permit then belongs to the caller.
    pub(super) fn leave(&mut self, ticket: &Ticket) -> Turn {
        let turn = match &self.seats[ticket.0] {
            Seat::Granted { .. } | Seat::Vacant { .. } => Turn::Granted,
            Seat::Refused(cause) => Turn::Refused(*cause),
            Seat::Waiting { .. } => Turn::Waits(self.unlink(ticket.0)),
        };
        self.bounds.remove(ticket.0);
        self.granted.remove(ticket.0);
        // Vacant seats form a list inside the same vector, so that the next `join` finds one in constant time.
        self.seats[ticket.0] = Seat::Vacant { next: self.vacant };
        self.vacant = Some(ticket.0);
        turn
    }

    /// A vacant seat, or a new one where none is vacant.
    fn free_seat(&mut self) -> usize {
        let index = self.vacant.unwrap_or(self.seats.len());
        if let Some(Seat::Vacant { next }) = self.seats.get(index) {
            self.vacant = *next;
        } else {
            self.seats.push(Seat::Vacant { next: None });
        }
        index
    }

    fn unlink(&mut self, index: usize) -> Option<Waker> {
        let Seat::Waiting {
            waker,
            before,
            after,
            places,
            ..
        } = &mut self.seats[index]
        else {
            return None;
        };
        let (waker, before, after, places) = (waker.take(), *before, *after, *places);
        self.link(before, after);
        self.len -= usize::from(places > 0);
        waker
    }

    /// Makes `right` follow `left`. `None` is the end of the line.
    fn link(&mut self, left: Option<usize>, right: Option<usize>) {
        match left.map(|left| &mut self.seats[left]) {
            Some(Seat::Waiting { after, .. }) => *after = right,
            _ => self.first = right,
        }
        match right.map(|right| &mut self.seats[right]) {
            Some(Seat::Waiting { before, .. }) => *before = left,
            _ => self.last = left,
        }
    }
}
