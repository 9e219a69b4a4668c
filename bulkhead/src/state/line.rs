//! Waiting: who finds no room takes a seat, and who makes room looks whether somebody sits.

use std::{task::Waker, time::Duration};

use super::{Core, MAX_TOLD, Standing, WATCHES};
use crate::{
    Cause, Full,
    state::permits::Reception,
    state::waiters::{Ticket, Turn, Waiters},
    sync::atomic::Ordering::Relaxed,
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
    /// Inside, though there was no room: as the bulkhead only watches.
    Watched,
    Queued(Ticket),
    Refused(Full),
    /// Only in a family: ask it again for the key.
    Retired,
}

impl<R> Core<R> {
    /// Goes in, or takes a seat in the line. The lock is taken only by who finds no room, and a seat.
    #[inline]
    pub(crate) fn enter_or_queue(&self, line: Line, waker: Option<&Waker>) -> Entry {
        if self.permits.try_acquire().is_ok() {
            self.entered();
            return Entry::Inside;
        }
        // Relaxed: how many wait is written under the lock, and it was so at some moment of this call.
        let aside = self.aside.load(Relaxed);
        if aside & WATCHES == 0 && (aside & MAX_TOLD) as usize >= line.length {
            return self.line_is_full();
        }
        self.queue(line, waker)
    }

    #[inline(never)]
    fn queue(&self, line: Line, waker: Option<&Waker>) -> Entry {
        let mut waiters = self.waiters.lock();
        if self.watches() {
            drop(waiters);
            return match self.enter_nevertheless() {
                Reception::Inside => Entry::Watched,
                Reception::Retired => Entry::Retired,
                Reception::MustWait => self.line_is_full(),
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
                drop(waiters);
                self.meter.joined(self);
                Entry::Queued(ticket)
            }
        }
    }

    fn line_is_full(&self) -> Entry {
        // It may be that the last place and the last seat went at different moments: look once more.
        match self.permits.try_acquire() {
            Ok(()) => {
                self.entered();
                Entry::Inside
            }
            Err(seen) if seen.is_retired() => Entry::Retired,
            Err(_) => {
                let (cause, from) = (Cause::QueueFull, Standing::Outside);
                Entry::Refused(self.refusal(cause, Duration::ZERO, from))
            }
        }
    }

    /// Whether the waiter's turn has come; else it is woken through `waker` when it has.
    pub(crate) fn is_granted(&self, ticket: &Ticket, waker: &Waker) -> bool {
        let turn = self.waiters.lock().look(ticket, waker);
        match turn {
            Turn::Granted => true,
            Turn::Waits(replaced) => {
                drop(replaced);
                false
            }
        }
    }

    /// The waiter goes in: it was granted its place, and has been among those who are in since.
    pub(crate) fn take_granted(&self, ticket: &Ticket) {
        let turn = self.waiters.lock().leave(ticket);
        debug_assert!(
            matches!(turn, Turn::Granted),
            "only who was granted a place takes it"
        );
    }

    /// The waiter goes away. A place it was granted goes to the next.
    pub(crate) fn leave(&self, ticket: &Ticket) {
        let mut waiters = self.waiters.lock();
        match waiters.leave(ticket) {
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
            self.granted(waker);
        }
    }

    /// Says that a waiter was granted a place, and wakes it: outside the lock, as that is the code of others.
    fn granted(&self, waker: Option<Waker>) {
        self.meter.granted(self);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// After the list became shorter by one.
    fn withdraw_if_last(&self, waiters: &Waiters) {
        self.note_length(waiters);
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
            if waiters.len() == 0
                || !matches!(self.permits.acquire_beyond_limit(), Reception::Inside)
            {
                return;
            }
            let waker = waiters.grant_first();
            self.withdraw_if_last(&waiters);
            drop(waiters);
            self.granted(waker);
        }
    }
}
