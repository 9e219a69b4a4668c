//! Waiting: a caller without a place takes a seat, and a call that leaves serves the line.

// How no wake-up is lost: a caller that finds no place takes the lock and marks the word that counts the places, by one
// compare-and-swap (`Permits::take_or_announce`). A release is either before the mark, and the caller takes its place, or
// after it, and the release sees the mark, takes the lock and grants the place in the line. The models
// `a_release_wakes_a_starting_waiter` and `a_dropped_waiter_passes_its_grant_on` hold both halves.
//
// No foreign code runs under the lock: a waker is called and dropped, and a recorder is told, after it is given back. The
// test `a_recorder_may_use_its_own_bulkhead` hangs otherwise.

use std::{task::Waker, time::Duration};

use super::{
    Core,
    permits::Admit,
    refuse::{Caller, MAX_TOLD, WATCHES},
    waiters::{Ticket, Turn, Waiters},
};
use crate::{
    config::Queue,
    observe::Observe,
    sync::atomic::Ordering::Relaxed,
    types::{Cause, Full},
};

/// How callers wait: how many at most, and in which order.
#[derive(Clone, Copy, Debug)]
#[expect(unnameable_types, reason = "only `Source`, which is sealed, names it")]
pub struct Line {
    /// How many callers may wait, this one included.
    pub(super) length: usize,
    pub(super) newest_first: bool,
}

/// How a caller that may wait was received.
#[derive(Debug)]
pub(crate) enum Entry {
    Inside,
    /// Inside without a free place, because the bulkhead only counts.
    Watched,
    Queued(Ticket),
    Refused(Full),
    /// Only in a family: the caller asks it again for the key.
    Retired,
}

impl From<Queue> for Line {
    fn from(queue: Queue) -> Self {
        Self {
            length: queue.length,
            newest_first: queue.newest_first,
        }
    }
}

// === The caller ===

impl<R> Core<R> {
    /// Takes a place, or a seat in the line.
    #[inline]
    pub(crate) fn enter_or_queue(&self, line: Line, waker: Option<&Waker>) -> Entry {
        if self.permits.try_acquire().is_ok() {
            self.meter.entered(self);
            return Entry::Inside;
        }
        // Relaxed: the length is written under the lock, and a seat that was given up before this call is seen as free. A
        // full line then refuses without the lock, so that an overload does not make callers wait for it.
        let aside = self.aside.load(Relaxed);
        if aside & WATCHES == 0 && (aside & MAX_TOLD) as usize >= line.length {
            return self.line_is_full();
        }
        self.queue(line, waker)
    }

    #[inline(never)]
    fn queue(&self, line: Line, waker: Option<&Waker>) -> Entry {
        let mut waiters = self.waiters.lock();
        // Under the lock: `reconfigure` writes the mode under it, and then admits all waiters that have a seat.
        if self.watches() {
            drop(waiters);
            return match self.enter_beyond_limit() {
                Admit::Inside => Entry::Watched,
                Admit::Retired => Entry::Retired,
                Admit::MustWait => self.line_is_full(),
            };
        }
        if waiters.len() >= line.length {
            drop(waiters);
            return self.line_is_full();
        }
        match self.permits.take_or_announce() {
            Admit::Inside => {
                drop(waiters);
                self.meter.entered(self);
                Entry::Inside
            }
            Admit::Retired => Entry::Retired,
            Admit::MustWait => {
                let ticket = waiters.join(line.newest_first, waker.cloned());
                self.note_length(&waiters);
                drop(waiters);
                self.meter.joined(self);
                Entry::Queued(ticket)
            }
        }
    }

    fn line_is_full(&self) -> Entry {
        // The last place and the last seat may have gone at different moments, so the place is tried once more.
        match self.permits.try_acquire() {
            Ok(()) => {
                self.meter.entered(self);
                Entry::Inside
            }
            Err(seen) if seen.is_retired() => Entry::Retired,
            Err(_) => {
                let (cause, from) = (Cause::QueueFull, Caller::Outside);
                Entry::Refused(self.refusal(cause, Duration::ZERO, from))
            }
        }
    }

    /// Hands in the seat of a waiter that was granted a place. Otherwise the waiter is woken through `waker` when it is.
    pub(crate) fn take_if_granted(&self, ticket: &Ticket, waker: &Waker) -> bool {
        // The place has counted as in flight since the grant, so nothing is counted here.
        let turn = self.waiters.lock().leave_if_granted(ticket, waker);
        // The lock is free again when `turn` drops the waker that was replaced.
        matches!(turn, Turn::Granted)
    }

    /// Removes a waiter. A place that it was granted goes to the next one.
    pub(crate) fn leave(&self, ticket: &Ticket) {
        let mut waiters = self.waiters.lock();
        match waiters.leave(ticket) {
            // No waiter depends on another one being polled: the grant is passed on here.
            Turn::Granted => {
                drop(waiters);
                self.release();
            }
            Turn::Waits(waker) => {
                self.withdraw_if_last(&waiters);
                drop(waiters);
                self.meter.went(self);
                drop(waker);
            }
        }
    }
}

// === The call that makes room ===

impl<R> Core<R> {
    /// Grants free places to waiters and wakes them, one by one.
    pub(super) fn serve(&self) {
        // The lock is taken anew for each waiter: a waker may run long, or use this bulkhead.
        while self.permits.is_owed() {
            let waiters = self.waiters.lock();
            // The mark that `is_owed` saw may be gone by now.
            if waiters.len() == 0 || !self.permits.grant() {
                return;
            }
            self.wake_first(waiters);
        }
    }

    /// Admits every waiter, for a bulkhead that from now on only counts.
    pub(super) fn admit_all(&self) {
        // It ends: the mode was set before under the same lock, so no caller joins the line any more.
        loop {
            let waiters = self.waiters.lock();
            if waiters.len() == 0 || !matches!(self.permits.acquire_beyond_limit(), Admit::Inside) {
                return;
            }
            self.wake_first(waiters);
        }
    }

    /// Gives the permit that was just taken to the first waiter, and wakes it outside the lock.
    // One event for both gauges: the caller counts as in flight from the grant on, and not only when it is polled.
    fn wake_first(&self, mut waiters: impl std::ops::DerefMut<Target = Waiters>) {
        let waker = waiters.grant_first();
        self.withdraw_if_last(&waiters);
        drop(waiters);
        self.meter.granted(self);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Brings the word up to date after the line became shorter by one.
    fn withdraw_if_last(&self, waiters: &Waiters) {
        self.note_length(waiters);
        if waiters.len() == 0 {
            self.permits.withdraw();
        }
    }

    fn note_length(&self, waiters: &Waiters) {
        // Relaxed, load and store: every writer holds the lock. A reader without it takes the length as a figure.
        let queued = u32::try_from(waiters.len()).map_or(MAX_TOLD, |n| n.min(MAX_TOLD));
        let mode = self.aside.load(Relaxed) & !MAX_TOLD;
        self.aside.store(mode | queued, Relaxed);
    }
}
