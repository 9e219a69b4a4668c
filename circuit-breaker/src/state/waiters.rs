//! Who waits for a circuit, in the order in which they came. No atomics: it stands behind a lock that only
//! waiters, transitions and the ends of probes take.

use std::{
    collections::{BTreeMap, BTreeSet},
    task::Waker,
};

use crate::sync::{Mutex, const_fn};

/// The line of those who wait.
#[derive(Debug)]
pub(crate) struct Waiters(Mutex<Line>);

/// A place in the line. Whoever holds it must hand it in, once, by [`Waiters::leave`].
#[derive(Debug)]
pub(crate) struct Ticket(u64);

#[derive(Debug)]
struct Line {
    asleep: BTreeMap<u64, Waker>,
    /// Those who were woken, or woke by themselves, and have not come to a decision yet.
    awake: BTreeSet<u64>,
    /// How many have ever come.
    came: u64,
}

/// So many are woken between two looks at the line: wakers are called without its lock, as they may be
/// anything.
const BATCH: usize = 16;

impl Waiters {
    const_fn! {
        pub(crate) fn new() -> Self {
            Self(Mutex::new(Line {
                asleep: BTreeMap::new(),
                awake: BTreeSet::new(),
                came: 0,
            }))
        }
    }

    /// Says that who holds the ticket is about to try.
    pub(crate) fn stir(&self, ticket: &Ticket) {
        let mut line = self.0.lock();
        let waker = line.asleep.remove(&ticket.0);
        line.awake.insert(ticket.0);
        drop(line);
        drop(waker);
    }

    /// Goes to sleep until `waker` is woken, at the end of the line, or at its own place in it. Whether that
    /// is the first.
    pub(crate) fn sleep(&self, ticket: &mut Option<Ticket>, waker: &Waker) -> bool {
        let waker = waker.clone();
        let mut line = self.0.lock();
        let number = ticket.as_ref().map_or(line.came, |ticket| ticket.0);
        if ticket.is_none() {
            line.came += 1;
            *ticket = Some(Ticket(number));
        }
        line.awake.remove(&number);
        let old = line.asleep.insert(number, waker);
        let is_first = line.first() == Some(number);
        drop(line);
        drop(old);
        is_first
    }

    /// Leaves the line. Whether that was its first.
    pub(crate) fn leave(&self, ticket: &Ticket) -> bool {
        let mut line = self.0.lock();
        let is_first = line.first() == Some(ticket.0);
        line.awake.remove(&ticket.0);
        let waker = line.asleep.remove(&ticket.0);
        drop(line);
        drop(waker);
        is_first
    }

    /// Sees to it that as many are awake as there is `room` for, and, if asked for, `the_first`.
    ///
    /// Whoever makes room calls this afterwards, and so does whoever leaves: so that of several at once the last
    /// wakes enough.
    pub(crate) fn wake(&self, room: impl Fn() -> usize, mut the_first: bool) {
        // Nobody twice, though some go back to sleep meanwhile.
        let mut left = usize::MAX;
        loop {
            let mut batch = [const { None::<Waker> }; BATCH];
            let mut line = self.0.lock();
            left = left.min(line.asleep.len());
            let room = room();
            let mut woken = 0;
            while woken < BATCH && left > 0 {
                if line.awake.len() >= room && !(the_first && line.is_first_asleep()) {
                    break;
                }
                the_first = false;
                batch[woken] = line.rouse();
                woken += 1;
                left -= 1;
            }
            drop(line);
            batch.into_iter().flatten().for_each(Waker::wake);
            if woken < BATCH {
                return;
            }
        }
    }

    /// What `work` comes to while nobody else may come or go.
    #[cfg(test)]
    #[cfg_attr(loom, expect(dead_code, reason = "not of models"))]
    pub(crate) fn while_locked<T>(&self, work: impl FnOnce() -> T) -> T {
        let _line = self.0.lock();
        work()
    }

    /// How many are in the line.
    pub(crate) fn len(&self) -> usize {
        let line = self.0.lock();
        line.asleep.len() + line.awake.len()
    }
}

impl Line {
    fn first(&self) -> Option<u64> {
        let asleep = self.asleep.keys().next();
        asleep.into_iter().chain(self.awake.first()).min().copied()
    }

    fn is_first_asleep(&self) -> bool {
        self.first()
            .is_some_and(|first| self.asleep.contains_key(&first))
    }

    /// The first who sleeps is awake now, once this waker is called.
    fn rouse(&mut self) -> Option<Waker> {
        let (number, waker) = self.asleep.pop_first()?;
        self.awake.insert(number);
        Some(waker)
    }
}
