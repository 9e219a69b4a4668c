//! Waiting until a call is admitted.
//!
//! A waiting call goes to sleep in the queue and then looks at the breaker once more. A thread that
//! changes the breaker does so and then looks at the queue. Both take the queue's lock, so one of
//! them sees the other, and no wake-up is lost.
//!
//! A waiting call sets a timer for the instant from which time alone may admit it, and for
//! [`LONGEST_SLEEP`] if that is earlier. What is offered to one call only, the free slot of a probe,
//! the others look for after [`PATIENCE`]. A transition wakes all of them, so that each sets its
//! timer by the new state: [`BATCH`] in the thread that makes it, and each that is polled or dropped
//! then wakes as many of the others. Of 100,000 the last is woken by the third poll in a row at the
//! latest. So a call that is not polled holds others up in two cases, within these bounds: it keeps
//! the slot that it was offered from them for `PATIENCE`; and if no call of a batch is polled or
//! dropped, the calls behind it wait for their timers, for `LONGEST_SLEEP` at most.
//!
//! The queue has no atomics: it stands behind a lock that only waiting calls, transitions and the
//! ends of probes take.

use std::{collections::BTreeMap, num::NonZeroU64, task::Waker};

use super::{Admission, StateMachine, word::Phase};
use crate::{
    observe::contained,
    sync::{Mutex, const_fn},
    types::{
        State,
        ticks::{FOREVER, NEVER, after},
    },
};

/// The queue of the waiting calls.
#[derive(Debug)]
pub(super) struct Waiters(
    /// Made by the first call that waits.
    Mutex<Option<Box<Queue>>>,
);

/// A place in the queue. The holder must hand it in, once, by [`StateMachine::leave`].
#[derive(Debug)]
pub(crate) struct Ticket {
    number: NonZeroU64,
    /// The last alarm before the call went to sleep.
    alarm: u64,
    /// The tick from which time alone may admit the call; [`FOREVER`] if it does not know yet.
    due: u64,
}

#[derive(Debug, Default)]
struct Queue {
    // Those that the last alarm has still to wake come first. So a step of it examines no other, however many calls went to
    // sleep after it.
    /// By the last alarm before they went to sleep, and then in the order in which they came. A call is taken out when it is
    /// woken, and enters again, with its number, when it goes on waiting.
    asleep: BTreeMap<(u64, NonZeroU64), Waker>,
    /// How often all of them were to be woken.
    alarms: u64,
    /// How many calls wait, asleep or not.
    waiting: usize,
    /// How many tickets were ever given out.
    tickets: u64,
}

/// The calls that one thread wakes at a time. In unit tests, where few calls wait: two, and under loom one.
// To wake all took the thread of the transition 10 to 130 ms for 100,000 calls. A task or a thread that wakes them would be
// one more thing that can be missing.
pub(super) const BATCH: usize = match (cfg!(test), cfg!(loom)) {
    (true, true) => 1,
    (true, false) => 2,
    (false, _) => 32,
};

// There is no limit on the number of waiting calls, because there is nothing that a call beyond it
// could be told.
//
// Handing a slot over to the woken call was rejected: the slot would be kept from other calls for
// as long as a task takes to be scheduled, or for ever if the call is not polled. A call that is
// not in the queue may be faster; the woken one then keeps its place.
//
// Waking all for each free slot was rejected: if the probes of a thousand waiting calls are ignored
// one after the other, half a million looks admit them. One wake-up a slot needs a thousand. Its
// price is the time that a slot may stay free if the call that it was offered to is not polled, and
// a look of each waiting call in this time while half-open: 0.1 % of a processor for a thousand.
/// The longest time for which a call sleeps while the breaker is half-open, in ticks: one second.
pub(super) const PATIENCE: u64 = 1_000_000_000;
/// The longest time for which a call sleeps, in ticks: a minute. It is for a call that the others were to wake and did not, as
/// they are not polled: the wait or the override that it sleeps by may be over, although its end is hours away.
pub(super) const LONGEST_SLEEP: u64 = 60_000_000_000;

// === impl StateMachine ===

impl StateMachine {
    /// Admits a call, or has `waker` woken when something has changed. In that case the caller is
    /// to set a timer for the returned tick, and to ask again then. While closed the clock is not
    /// read.
    pub(crate) fn admit_or_sleep(
        &self,
        ticket: &mut Option<Ticket>,
        waker: &Waker,
        clock: impl Fn() -> u64,
    ) -> Result<Admission, Option<u64>> {
        // What this look brings about need not wake the call.
        let was_asleep = (ticket.as_ref()).is_some_and(|ticket| self.waiters.rouse(ticket));
        let due = ticket.as_ref().map_or(0, |ticket| ticket.due);
        let has_asked = was_asleep && self.is_ramping() && clock() < due;
        let admission = if has_asked {
            // Polled for another reason, such as a neighbour in its task, or to look after a minute. The share of a ramp is
            // of the calls that come: a call that asked at each poll would come many times.
            Err(State::Ramping)
        } else {
            self.admit(&clock).map_err(|refusal| refusal.state)
        };
        let admission = admission.or_else(|state| {
            // First the queue, then a second look at the breaker. Without the second look loom
            // finds a call that sleeps without end: a reset between the first look and the queue
            // wakes nothing.
            let now = clock();
            let ticket = self.waiters.sleep(ticket, waker);
            // On a ramp the second look would be a second call that comes.
            let admission = if state == State::Ramping && self.is_ramping() {
                None
            } else {
                self.admit(|| now).ok()
            };
            admission.ok_or_else(|| {
                ticket.due = self.worth_asking(now);
                let timer = ticket.due.min(after(now, LONGEST_SLEEP));
                (timer < NEVER).then_some(timer)
            })
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
        if !self.waiters.leave(ticket) {
            self.wake_for_room();
        }
    }

    /// How many calls wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiters.len()
    }

    /// Wakes all waiting calls after a transition or with other numbers, the first of them at once: they may be admitted now,
    /// or have to set another timer. Not under the transition lock.
    pub(super) fn wake_for_transition(&self) {
        self.waiters.wake_all();
    }

    /// Wakes the first waiting call if a probe may be admitted, after another has given its slot
    /// back.
    pub(super) fn wake_for_room(&self) {
        // In no other state: all calls were woken when it began.
        let word = self.state.load();
        if matches!(word.phase(), Phase::HalfOpen(_)) && self.has_room(word) {
            self.waiters.wake_first();
        }
    }

    fn is_ramping(&self) -> bool {
        matches!(self.state.load().phase(), Phase::Ramping { .. })
    }

    /// The tick from which time alone may admit a call that was rejected at `now`.
    fn worth_asking(&self, now: u64) -> u64 {
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
                    let first = self.probes.earliest(word.generation());
                    // None: the probes that have room are just taking their slots.
                    let deadline = first.map_or(NEVER, |(_, lease)| lease.deadline());
                    deadline.min(after(now, PATIENCE))
                }
                _ => now,
            };
            if self.state.load().generation() == word.generation() {
                return at;
            }
        }
    }
}

// === impl Waiters ===

// Wakers are woken, cloned and dropped without the lock: they may be anything.
impl Waiters {
    const_fn! {
        pub(super) fn new() -> Self {
            Self(Mutex::new(None))
        }
    }

    /// Takes the call out of those that are asleep: it is about to ask. Returns whether it was asleep without a reason to
    /// wake up.
    fn rouse(&self, ticket: &Ticket) -> bool {
        let (waker, alarms) = self.take(ticket, |_| {});
        waker.is_some() && ticket.alarm == alarms
    }

    /// Goes to sleep until `waker` is woken, at the end of the queue, or at the place of the
    /// ticket.
    fn sleep<'a>(&self, ticket: &'a mut Option<Ticket>, waker: &Waker) -> &'a mut Ticket {
        let waker = waker.clone();
        let mut lock = self.0.lock();
        let queue = lock.get_or_insert_default();
        let ticket = ticket.get_or_insert_with(|| {
            let number = NonZeroU64::MIN.saturating_add(queue.tickets);
            queue.tickets += 1;
            queue.waiting += 1;
            Ticket {
                number,
                alarm: 0,
                due: FOREVER,
            }
        });
        ticket.alarm = queue.alarms;
        // Under no other alarm: `rouse` has taken it out.
        queue.asleep.insert(ticket.place(), waker);
        ticket
    }

    /// Leaves the queue. Returns whether the call was asleep, and not woken.
    fn leave(&self, ticket: &Ticket) -> bool {
        let (waker, _) = self.take(ticket, |queue| queue.waiting -= 1);
        waker.is_some()
    }

    /// Takes the call out of those that are asleep, and wakes some that the last alarm has not reached yet: whichever call is
    /// polled or leaves passes it on. Returns the number of alarms as well.
    fn take(&self, ticket: &Ticket, change: impl FnOnce(&mut Queue)) -> (Option<Waker>, u64) {
        let mut lock = self.0.lock();
        let queue = lock.as_mut().expect("made for the first ticket");
        change(queue);
        let waker = queue.asleep.remove(&ticket.place());
        let (others, alarms) = (queue.alarmed(), queue.alarms);
        drop(lock);
        wake(others);
        (waker, alarms)
    }

    /// Wakes a call that the last alarm has still to wake, or else the one that has waited for the longest time.
    fn wake_first(&self) {
        let mut lock = self.0.lock();
        let first = lock.as_mut().and_then(|queue| queue.asleep.pop_first());
        drop(lock);
        wake(first.map(|(_, waker)| waker));
    }

    /// Wakes all calls, in the order in which they came: the first of them here.
    fn wake_all(&self) {
        let mut lock = self.0.lock();
        let first = lock.as_mut().map(|queue| {
            queue.alarms += 1;
            queue.alarmed()
        });
        drop(lock);
        wake(first.into_iter().flatten());
    }

    /// Runs `work` while no other thread may enter or leave the queue.
    #[cfg(test)]
    #[cfg_attr(loom, expect(dead_code, reason = "not of models"))]
    pub(super) fn while_locked<T>(&self, work: impl FnOnce() -> T) -> T {
        let _queue = self.0.lock();
        work()
    }

    /// Whether this call is asleep, and the last alarm is still to wake it.
    #[cfg(test)]
    #[cfg_attr(loom, expect(dead_code, reason = "not of models"))]
    pub(super) fn is_unalarmed(&self, ticket: &Ticket) -> bool {
        let queue = self.0.lock();
        queue.as_ref().is_some_and(|queue| {
            ticket.alarm < queue.alarms && queue.asleep.contains_key(&ticket.place())
        })
    }

    fn len(&self) -> usize {
        self.0.lock().as_ref().map_or(0, |queue| queue.waiting)
    }
}

/// Wakes tasks. A panic belongs to the task that is woken: the others are woken all the same, and the thread that wakes them
/// goes on.
fn wake(wakers: impl IntoIterator<Item = Waker>) {
    for waker in wakers {
        contained(|| waker.wake());
    }
}

// === impl Ticket ===

impl Ticket {
    const fn place(&self) -> (u64, NonZeroU64) {
        (self.alarm, self.number)
    }
}

// === impl Queue ===

impl Queue {
    /// Takes out the next calls that the last alarm is to wake: at most [`BATCH`].
    fn alarmed(&mut self) -> Vec<Waker> {
        let mut wakers = Vec::new();
        let mut next = || {
            let first = self.asleep.first_entry()?;
            (first.key().0 < self.alarms).then(|| first.remove())
        };
        while let Some(waker) = (wakers.len() < BATCH).then(&mut next).flatten() {
            // Room for all at once: the lock is held.
            wakers.reserve(BATCH - wakers.len());
            wakers.push(waker);
        }
        wakers
    }
}
