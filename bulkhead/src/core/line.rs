//! Waiting: who finds no room takes a seat, and who makes room looks whether somebody sits.

use std::{task::Waker, time::Duration};

use super::{Core, MAX_TOLD, WATCHES};
use crate::{
    Cause, Full,
    permits::Reception,
    sync::atomic::Ordering::Relaxed,
    waiters::{Ticket, Waiters},
};

/// Who may wait, and where.
#[derive(Clone, Copy, Debug)]
#[expect(
    unnameable_types,
    reason = "only `Guard`, which is sealed, speaks of it"
)]
pub struct Line {
    /// How many may wait, this one included.
    pub(crate) length: usize,
    pub(crate) newest_first: bool,
}

/// What became of a caller that is ready to wait.
#[derive(Debug)]
pub(crate) enum Entry {
    Inside,
    Queued(Ticket),
    Refused(Full),
    /// Only in a family: ask it again for the key.
    Retired,
}

impl<R> Core<R> {
    /// Goes in, or takes a seat in the line. The lock is taken only by who finds no room.
    pub(crate) fn enter_or_queue(&self, line: Line, waker: Option<&Waker>) -> Entry {
        if self.permits.try_acquire().is_ok() {
            self.entered();
            return Entry::Inside;
        }
        let mut waiters = self.waiters.lock();
        if self.aside.load(Relaxed) & WATCHES != 0 {
            drop(waiters);
            return match self.no_room(self.permits.snapshot()) {
                Ok(()) => Entry::Inside,
                Err(full) => Entry::Refused(full),
            };
        }
        if waiters.len() >= line.length {
            drop(waiters);
            return self.line_is_full();
        }
        match self.permits.take_or_announce() {
            Reception::Inside => {
                drop(waiters);
                self.entered();
                Entry::Inside
            }
            Reception::Retired => Entry::Retired,
            Reception::MustWait => {
                let ticket = waiters.join(line.newest_first, waker.cloned());
                self.note_length(&waiters);
                self.meter.joined(self.name);
                Entry::Queued(ticket)
            }
        }
    }

    #[cold]
    fn line_is_full(&self) -> Entry {
        // It may be that the last place and the last seat went at different moments: look once more.
        match self.permits.try_acquire() {
            Ok(()) => {
                self.entered();
                Entry::Inside
            }
            Err(seen) if seen.is_retired() => Entry::Retired,
            Err(_) => Entry::Refused(self.refuse(Cause::QueueFull, Duration::ZERO, false)),
        }
    }

    /// Whether the waiter's turn has come; else it is woken through `waker` when it has.
    pub(crate) fn is_granted(&self, ticket: &Ticket, waker: &Waker) -> bool {
        self.waiters.lock().is_granted(ticket, waker)
    }

    /// The waiter goes in: it was granted its place.
    pub(crate) fn take_granted(&self, ticket: &Ticket) {
        let granted = self.waiters.lock().leave(ticket);
        debug_assert!(granted, "only who was granted a place takes it");
        self.entered();
    }

    /// The waiter goes away. A place it was granted goes to the next.
    pub(crate) fn leave(&self, ticket: &Ticket) {
        let mut waiters = self.waiters.lock();
        let granted = waiters.leave(ticket);
        if !granted {
            self.withdraw_if_last(&waiters);
        }
        drop(waiters);
        if granted {
            self.give_back();
        }
    }

    /// Grants free places to who waits, and wakes them, one by one and outside the lock.
    #[cold]
    #[inline(never)]
    pub(super) fn serve(&self) {
        while self.permits.is_owed() {
            let mut waiters = self.waiters.lock();
            if waiters.len() == 0 || !self.permits.grant() {
                return;
            }
            let waker = waiters.grant_first();
            self.withdraw_if_last(&waiters);
            drop(waiters);
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }

    /// After the list became shorter by one.
    fn withdraw_if_last(&self, waiters: &Waiters) {
        self.note_length(waiters);
        self.meter.went(self.name);
        if waiters.len() == 0 {
            self.permits.withdraw();
        }
    }

    fn note_length(&self, waiters: &Waiters) {
        // Relaxed, and under the lock: a figure to look at.
        let queued = u32::try_from(waiters.len()).map_or(MAX_TOLD, |n| n.min(MAX_TOLD));
        let mode = self.aside.load(Relaxed) & !MAX_TOLD;
        self.aside.store(mode | queued, Relaxed);
    }

    /// Nobody waits for a bulkhead that only watches.
    pub(super) fn let_all_in(&self) {
        loop {
            let mut waiters = self.waiters.lock();
            if waiters.len() == 0 || !self.permits.acquire_beyond_limit() {
                return;
            }
            let waker = waiters.grant_first();
            self.withdraw_if_last(&waiters);
            drop(waiters);
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}
