//! Waiting until a call is admitted.
//!
//! A waiting call goes to sleep in the queue and then looks at the breaker once more. A thread that
//! changes the breaker does so and then looks at the queue. Both take the queue's lock, so one of
//! them sees the other, and no wake-up is lost. The first in the queue alone keeps a timer, for the
//! instant from which time alone may let it in; when it leaves, the next is woken to do so.
//!
//! The queue has no atomics: it stands behind a lock that only waiting calls, transitions and the
//! ends of probes take.

use std::{
    collections::{BTreeMap, BTreeSet},
    task::Waker,
};

use super::{Admission, StateMachine, word::Phase};
use crate::{
    sync::{Mutex, const_fn},
    types::{
        State,
        ticks::{FOREVER, NEVER, after},
    },
};

/// The queue of the waiting calls.
#[derive(Debug)]
pub(super) struct Waiters(Mutex<Queue>);

/// A place in the queue. The holder must hand it in, once, by [`StateMachine::leave`].
#[derive(Debug)]
pub(crate) struct Ticket(u64);

#[derive(Debug)]
struct Queue {
    asleep: BTreeMap<u64, Waker>,
    /// Those that were woken, or woke for another reason, and have not come to a decision yet.
    awake: BTreeSet<u64>,
    /// How many tickets were ever given out.
    tickets: u64,
}

/// The calls that are woken between two looks at the queue: wakers are called without its lock, as
/// they may be anything.
// Handing a slot over to the woken call was rejected: the slot would be kept from other calls for
// as long as a task takes to be scheduled. A call that is not in the queue may be faster; the woken
// one then keeps its place.
//
// There is no limit on the number of waiting calls, because there is nothing that a call beyond it
// could be told.
const BATCH: usize = 16;

// === impl StateMachine ===

impl StateMachine {
    /// Admits a call, or has `waker` woken when something has changed. In that case the one call
    /// that is to set a timer is told at which tick it is worth asking again if nothing does. While
    /// closed the clock is not read.
    pub(crate) fn admit_or_sleep(
        &self,
        ticket: &mut Option<Ticket>,
        waker: &Waker,
        clock: impl Fn() -> u64,
    ) -> Result<Admission, Option<u64>> {
        if let Some(ticket) = ticket {
            // What this look brings about need not wake the call.
            self.waiters.stir(ticket);
        }
        let admission = self.admit(&clock).or_else(|refusal| {
            // First the queue, then a second look at the breaker. Without the second look loom
            // finds a call that sleeps without end: a reset between the first look and the queue
            // wakes nothing.
            let now = clock();
            let is_first = self.waiters.sleep(ticket, waker);
            let worth_asking = || is_first.then(|| self.worth_asking(now)).flatten();
            // The share of a ramp is of the calls that come: a waiting call that asked at every
            // wake-up would come many times. On a ramp each time counts as a call that comes: not
            // twice.
            let is_ramping = matches!(self.state.load().phase(), Phase::Ramping { .. });
            if is_ramping && refusal.state == State::Ramping {
                return Err(worth_asking());
            }
            self.admit(|| now).map_err(|_| worth_asking())
        })?;
        if let Some(ticket) = ticket.take() {
            self.leave(&ticket);
        }
        Ok(admission)
    }

    /// Gives a place in the queue up.
    pub(crate) fn leave(&self, ticket: &Ticket) {
        // Also called for a future that is dropped: a call that was woken and then cancelled must not keep
        // the slot that it was woken for.
        let was_first = self.waiters.leave(ticket);
        // The next call sets the timer now; and if this one was woken for room that it does not
        // take, another is.
        self.waiters.wake(|| self.room(), was_first);
    }

    /// How many calls wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiters.len()
    }

    /// Wakes the calls that a transition concerns: all that may be admitted now, and the one with
    /// the timer. Not under the transition lock.
    pub(super) fn wake_for_transition(&self) {
        self.waiters.wake(|| self.room(), true);
    }

    /// Wakes the calls that may be admitted after a probe has given its slot back.
    pub(super) fn wake_for_room(&self) {
        self.waiters.wake(|| self.room(), false);
    }

    /// How many calls may be admitted now, as far as the state knows.
    fn room(&self) -> usize {
        match self.state.load().phase() {
            Phase::Closed { .. } | Phase::Disabled | Phase::MetricsOnly { .. } => usize::MAX,
            // Ramping, a call that leaves wakes the next in the queue, which asks as any call that
            // comes: if all were woken each time, they would soon all be admitted.
            Phase::Open | Phase::ForcedOpen | Phase::Ramping { .. } => 0,
            Phase::HalfOpen(counts) => {
                let (_, trial) = self.config.trial();
                let missing = trial.results.saturating_sub(counts.results());
                let room = missing.min(trial.in_flight.into());
                room.saturating_sub(counts.in_flight) as usize
            }
        }
    }

    // Why one timer: a timer for each waiting call would wake all of them at the end of each wait, for
    // one slot or three. The first makes the transition, which wakes as many more as there are slots. A
    // call counts as awake until it has left or sleeps again.
    /// From when on time may admit a call that was rejected at `now`; `None` if time never does.
    fn worth_asking(&self, now: u64) -> Option<u64> {
        loop {
            let word = self.state.load();
            let at = match word.phase() {
                Phase::Open | Phase::ForcedOpen => self.state.until(word),
                Phase::Ramping { .. } => {
                    let (_, config) = self.config.read();
                    // When a larger share is admitted. One tick at least, so that it does not ask
                    // without end.
                    after(now, self.ramp(&config, word, now).1.max(1))
                }
                Phase::HalfOpen(_) => {
                    let (_, trial) = self.config.trial();
                    let first = self.probes.earliest(word.generation());
                    // None: the probes that have room are just taking their slots. They read the
                    // clock no later than this call, so their time is over by then.
                    first.map_or(after(now, trial.time), |(_, lease)| lease.deadline())
                }
                _ => now,
            };
            if self.state.load().generation() == word.generation() {
                return (at != FOREVER && at < NEVER).then_some(at);
            }
        }
    }
}

// === impl Waiters ===

impl Waiters {
    const_fn! {
        pub(super) fn new() -> Self {
            Self(Mutex::new(Queue {
                asleep: BTreeMap::new(),
                awake: BTreeSet::new(),
                tickets: 0,
            }))
        }
    }

    /// Marks the holder of the ticket as awake: it is about to try.
    fn stir(&self, ticket: &Ticket) {
        let mut queue = self.0.lock();
        let waker = queue.asleep.remove(&ticket.0);
        queue.awake.insert(ticket.0);
        drop(queue);
        drop(waker);
    }

    /// Goes to sleep until `waker` is woken, at the end of the queue, or at the place of the
    /// ticket. Returns whether that is the first.
    fn sleep(&self, ticket: &mut Option<Ticket>, waker: &Waker) -> bool {
        let waker = waker.clone();
        let mut queue = self.0.lock();
        let number = ticket.as_ref().map_or(queue.tickets, |ticket| ticket.0);
        if ticket.is_none() {
            queue.tickets += 1;
            *ticket = Some(Ticket(number));
        }
        queue.awake.remove(&number);
        // A waker that is replaced is dropped without the lock: its drop may run any code.
        let old = queue.asleep.insert(number, waker);
        let is_first = queue.first() == Some(number);
        drop(queue);
        drop(old);
        is_first
    }

    /// Leaves the queue. Returns whether that was its first.
    fn leave(&self, ticket: &Ticket) -> bool {
        let mut queue = self.0.lock();
        let is_first = queue.first() == Some(ticket.0);
        queue.awake.remove(&ticket.0);
        let waker = queue.asleep.remove(&ticket.0);
        drop(queue);
        drop(waker);
        is_first
    }

    /// Wakes calls until as many are awake as there is `room` for, and, if asked for, `the_first`.
    ///
    /// A thread that makes room calls this afterwards, and so does a call that leaves: of several
    /// at once the last wakes enough.
    fn wake(&self, room: impl Fn() -> usize, mut the_first: bool) {
        // None twice, though some go back to sleep meanwhile.
        let mut left = usize::MAX;
        loop {
            let mut batch = [const { None::<Waker> }; BATCH];
            let mut queue = self.0.lock();
            left = left.min(queue.asleep.len());
            // Asked under the lock: of several threads that make room at once, the last to lock
            // sees what all of them did.
            let room = room();
            let mut woken = 0;
            while woken < BATCH && left > 0 {
                if queue.awake.len() >= room && !(the_first && queue.is_first_asleep()) {
                    break;
                }
                the_first = false;
                batch[woken] = queue.rouse();
                woken += 1;
                left -= 1;
            }
            drop(queue);
            batch.into_iter().flatten().for_each(Waker::wake);
            if woken < BATCH {
                return;
            }
        }
    }

    /// Runs `work` while no other thread may enter or leave the queue.
    #[cfg(test)]
    #[cfg_attr(loom, expect(dead_code, reason = "not of models"))]
    pub(super) fn while_locked<T>(&self, work: impl FnOnce() -> T) -> T {
        let _queue = self.0.lock();
        work()
    }

    fn len(&self) -> usize {
        let queue = self.0.lock();
        queue.asleep.len() + queue.awake.len()
    }
}

// === impl Queue ===

impl Queue {
    fn first(&self) -> Option<u64> {
        let asleep = self.asleep.keys().next();
        asleep.into_iter().chain(self.awake.first()).min().copied()
    }

    fn is_first_asleep(&self) -> bool {
        self.first()
            .is_some_and(|first| self.asleep.contains_key(&first))
    }

    /// Moves the first sleeper to the awake ones, and returns its waker.
    fn rouse(&mut self) -> Option<Waker> {
        let (number, waker) = self.asleep.pop_first()?;
        self.awake.insert(number);
        Some(waker)
    }
}
