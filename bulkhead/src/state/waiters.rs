//! Who waits, in which order: a linked list inside a vector, so that a waiter leaves from the middle in
//! constant time and a list that has once been long waits without allocating. No atomics: it stands behind
//! the lock that is taken only when somebody waits.

use std::task::Waker;

/// The waiters of a bulkhead.
#[derive(Debug)]
pub(crate) struct Waiters {
    seats: Vec<Seat>,
    vacant: Option<usize>,
    first: Option<usize>,
    last: Option<usize>,
    len: usize,
}

/// A waiter's seat. Whoever holds it must hand it in, once, by [`Waiters::leave`].
#[derive(Debug)]
pub(crate) struct Ticket(usize);

/// Whether a waiter's turn has come.
#[derive(Debug)]
#[must_use = "a waker is dropped outside the lock"]
pub(crate) enum Turn {
    Granted,
    /// Not yet. With the waker that is not needed any more: it may be the last reference to a task, which may hold
    /// another seat of this very list, so it is dropped when the list is not locked.
    Waits(Option<Waker>),
}

#[derive(Debug)]
enum Seat {
    Waiting {
        /// `None` until it is polled.
        waker: Option<Waker>,
        before: Option<usize>,
        after: Option<usize>,
    },
    /// Out of the list, with a permit; until the waiter comes for it.
    Granted,
    Vacant {
        next: Option<usize>,
    },
}

impl Waiters {
    pub(crate) const fn new() -> Self {
        Self {
            seats: Vec::new(),
            vacant: None,
            first: None,
            last: None,
            len: 0,
        }
    }

    /// How many wait. Those who were granted a permit do not.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Takes a seat at the end of the list, or at its head.
    pub(crate) fn join(&mut self, at_head: bool, waker: Option<Waker>) -> Ticket {
        let (before, after) = if at_head {
            (None, self.first)
        } else {
            (self.last, None)
        };
        let seat = Seat::Waiting {
            waker,
            before,
            after,
        };
        let index = self.free_seat();
        self.seats[index] = seat;
        self.link(before, Some(index));
        self.link(Some(index), after);
        self.len += 1;
        Ticket(index)
    }

    /// Takes the first, if there is one, out of the list and grants it a permit; who is to be woken for that.
    pub(crate) fn grant_first(&mut self) -> Option<Waker> {
        let first = self.first?;
        let waker = self.unlink(first);
        self.seats[first] = Seat::Granted;
        waker
    }

    /// Whether the waiter has been granted a permit; else `new` is who to wake.
    pub(crate) fn look(&mut self, ticket: &Ticket, new: &Waker) -> Turn {
        match &mut self.seats[ticket.0] {
            Seat::Waiting { waker, .. } => {
                let is_known = waker.as_ref().is_some_and(|old| old.will_wake(new));
                Turn::Waits(if is_known {
                    None
                } else {
                    waker.replace(new.clone())
                })
            }
            Seat::Granted | Seat::Vacant { .. } => Turn::Granted,
        }
    }

    /// Gives the seat up. A permit that it had been granted is then the caller's.
    pub(crate) fn leave(&mut self, ticket: &Ticket) -> Turn {
        let turn = match &self.seats[ticket.0] {
            Seat::Granted | Seat::Vacant { .. } => Turn::Granted,
            Seat::Waiting { .. } => Turn::Waits(self.unlink(ticket.0)),
        };
        self.seats[ticket.0] = Seat::Vacant { next: self.vacant };
        self.vacant = Some(ticket.0);
        turn
    }

    /// A vacant seat, off the list of those; a new one where there is none.
    fn free_seat(&mut self) -> usize {
        let index = self.vacant.unwrap_or(self.seats.len());
        match self.seats.get(index) {
            Some(Seat::Vacant { next }) => self.vacant = *next,
            _ => self.seats.push(Seat::Vacant { next: None }),
        }
        index
    }

    fn unlink(&mut self, index: usize) -> Option<Waker> {
        let Seat::Waiting {
            waker,
            before,
            after,
        } = &mut self.seats[index]
        else {
            return None;
        };
        let (waker, before, after) = (waker.take(), *before, *after);
        self.link(before, after);
        self.len -= 1;
        waker
    }

    /// Makes `right` follow `left`; `None` is the end of the list.
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
