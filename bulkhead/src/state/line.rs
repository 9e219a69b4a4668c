//! Waiting: a caller without a place takes a seat, and a call that leaves serves the line.

// How no wake-up is lost: a caller that finds no place takes the lock and marks the word that counts the places, by one
// compare-and-swap (`Permits::take_or_announce`). A release is either before the mark, and the caller takes its place, or
// after it, and the release sees the mark, takes the lock and grants the place in the line. The models
// `a_release_wakes_a_starting_waiter` and `a_dropped_waiter_passes_its_grant_on` hold both halves.
//
// The line is served from its head only. A caller that wants many places is not overtaken by those behind it, so that it
// gets them when enough calls have ended. While it is the first, free places may stay unused: when it leaves, the line is
// served for the next one. A caller that wants more than a lowered limit is refused, since it would stop the line.
//
// No foreign code runs under the lock: a waker is called and dropped, and a recorder is told, after it is given back. The
// test `a_recorder_may_use_its_own_bulkhead` hangs otherwise.

use std::{
    task::{Poll, Waker},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    Core,
    late::Patience,
    permits::Admit,
    refuse::{BOUNDED, Caller, MAX_QUEUED, WATCHES},
    serve,
    waiters::{Ticket, Turn, Waiters},
};
use crate::{
    config::Line,
    observe::Observe,
    sync::atomic::Ordering::Relaxed,
    types::{Cause, Full},
};

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

// === The caller ===

impl<R> Core<R> {
    /// Takes a place, or a seat in the line.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "as `QueueService::call`, whose future is made in its final place"
    )]
    pub(crate) fn enter_or_queue(
        &self,
        places: u32,
        line: &Line,
        patience: &Patience,
        waker: Option<&Waker>,
    ) -> Entry {
        match self.permits.try_acquire(places) {
            Ok(()) => {
                self.meter.entered(self, places);
                Entry::Inside
            }
            Err(seen) => match self.refuse_at_full_line(places, line, seen) {
                Some(full) => Entry::Refused(full),
                None => self.wait_or_refuse(places, line, patience, waker),
            },
        }
    }

    // Out of line, so that a call that finds a place is inlined into its caller.
    #[inline(never)]
    fn wait_or_refuse(
        &self,
        places: u32,
        line: &Line,
        patience: &Patience,
        waker: Option<&Waker>,
    ) -> Entry {
        let length = self.length(line);
        // Relaxed as in `refuse_at_full_line`. Under an override too a full line refuses without the lock.
        let aside = self.aside.load(Relaxed);
        let is_full = aside & WATCHES == 0 && (aside & MAX_QUEUED) as usize >= length;
        if is_full && !self.reclaim() {
            return self.line_is_full(places);
        }
        let line = &Line { length, ..*line };
        self.queue(places, line, patience, waker)
    }

    fn queue(&self, places: u32, line: &Line, patience: &Patience, waker: Option<&Waker>) -> Entry {
        // The callers that wait are served first.
        self.reclaim();
        let mut waiters = self.waiters.lock();
        // Under the lock: `reconfigure` writes the mode under it, and then admits all waiters that have a seat.
        if self.watches() {
            drop(waiters);
            return match self.enter_beyond_limit(places) {
                Admit::Inside => Entry::Watched,
                Admit::Retired => Entry::Retired,
                Admit::Closed | Admit::MustWait => self.line_is_full(places),
            };
        }
        // Under the lock: a limit that is lowered afterwards finds this caller in the line, and refuses it there.
        if waiters.len() >= line.length || !waiters.limited(self.snapshot()).fits(places) {
            drop(waiters);
            return self.line_is_full(places);
        }
        if waiters.admits_raised(&self.permits, places) {
            drop(waiters);
            self.meter.entered(self, places);
            return Entry::Inside;
        }
        match self.permits.take_or_announce(places, line.newest_first) {
            Admit::Inside => {
                drop(waiters);
                self.meter.entered(self, places);
                Entry::Inside
            }
            Admit::Retired => Entry::Retired,
            Admit::Closed => {
                drop(waiters);
                self.line_is_full(places)
            }
            Admit::MustWait => {
                let bound = patience.of(line, self).bound();
                let ticket = waiters.join(places, line.newest_first, bound, waker.cloned());
                if let Some(bound) = bound {
                    self.bounds.add(bound);
                    // Relaxed as in `note_length`.
                    let aside = self.aside.load(Relaxed);
                    self.aside.store(aside | BOUNDED, Relaxed);
                }
                // After the mark: a caller that sees the length is refused, and must not be while a place is free.
                self.note_length(&waiters);
                drop(waiters);
                self.meter.joined(self);
                if self.is_forced() {
                    // A place of a raised limit is not in the word: one that became free since is found here.
                    serve(self);
                }
                Entry::Queued(ticket)
            }
        }
    }

    fn line_is_full(&self, places: u32) -> Entry {
        // The last place and the last seat may have gone at different moments, so the place is tried once more.
        match self.permits.try_acquire(places) {
            Ok(()) => {
                self.meter.entered(self, places);
                Entry::Inside
            }
            Err(seen) if seen.is_retired() => Entry::Retired,
            Err(_) if self.enters_raised(places) => Entry::Inside,
            Err(_) => Entry::Refused(if self.seen().fits(places) {
                self.refusal(Cause::QueueFull, Duration::ZERO, Caller::Outside)
            } else {
                self.too_heavy(places)
            }),
        }
    }

    /// Hands in the seat of a waiter that was granted its places or was refused. Otherwise the waiter is woken through
    /// `waker` when it is.
    pub(crate) fn poll_turn(
        &self,
        ticket: &Ticket,
        places: u32,
        waker: &Waker,
        waited: impl FnOnce() -> Duration,
    ) -> Poll<Result<(), Full>> {
        // The places have counted as in flight since the grant, so nothing is counted here.
        let turn = self.waiters.lock().leave_if_settled(ticket, waker);
        match turn {
            Turn::Granted => Poll::Ready(Ok(())),
            Turn::Refused(Cause::TooHeavy) => Poll::Ready(Err(self.too_heavy(places))),
            Turn::Refused(cause) => {
                Poll::Ready(Err(self.refusal(cause, waited(), Caller::Outside)))
            }
            // The lock is free again when the waker that was replaced is dropped.
            Turn::Waits(_) => Poll::Pending,
        }
    }

    /// Removes a waiter. Places that it was granted go to the next one.
    pub(crate) fn leave(&self, ticket: &Ticket, places: u32) {
        let mut waiters = self.waiters.lock();
        match waiters.leave(ticket) {
            // No waiter depends on another one being polled: the grant is passed on here.
            Turn::Granted => {
                drop(waiters);
                self.release(places);
            }
            Turn::Refused(_) => {}
            Turn::Waits(waker) => {
                self.withdraw_if_last(&waiters);
                drop(waiters);
                self.meter.went(self);
                drop(waker);
                // A caller that gave up looks for the others, who may have no timer.
                self.reclaim();
                // The next one may want fewer places than are free.
                serve(self);
            }
        }
    }
}

// === The call that makes room ===

impl<R> Core<R> {
    /// Grants free places to waiters, refuses those that can have none, and wakes them, one by one.
    pub(super) fn serve(&self) {
        self.end_override();
        let mut now = None; // read only for a waiter with a bound
        // The lock is taken anew for each waiter: a waker may run long, or use this bulkhead.
        while self.permits.is_owed() {
            let waiters = self.waiters.lock();
            // The mark that `is_owed` saw may be gone by now.
            let Some((places, bound)) = waiters.first() else {
                drop(waiters);
                return self.note_drained();
            };
            let seen = waiters.limited(self.snapshot());
            let refused = if places == 0 {
                if !self.permits.is_drained() {
                    return;
                }
                None
            } else if seen.is_closed() {
                Some(Cause::Closed)
            } else if !seen.fits(places) {
                Some(Cause::TooHeavy)
            } else if seen.free() <= 0 {
                // Nobody is served, so the late ones may stay: a look refuses few at once, `Waiters::refuse_late`.
                return;
            } else if let Some(bound) =
                bound.filter(|bound| bound.is_past(*now.get_or_insert_with(Instant::now)))
            {
                // It may not be polled: the place is for the next one.
                Some(bound.cause)
            } else if self.permits.grant(places, |word| waiters.limited(word)) {
                None
            } else {
                return;
            };
            self.wake_first(waiters, places, refused);
        }
    }

    /// Admits every waiter, for a bulkhead that from now on only counts.
    pub(super) fn admit_all(&self) {
        // It ends: the mode was set before under the same lock, so no caller joins the line any more. If another
        // configuration has ended the mode, its line is not admitted.
        loop {
            let waiters = self.waiters.lock();
            if !self.watches() {
                return;
            }
            let Some((places, _)) = waiters.first() else {
                return;
            };
            if !matches!(self.permits.acquire_beyond_limit(places), Admit::Inside) {
                return;
            }
            self.wake_first(waiters, places, None);
        }
    }

    /// Gives the permit that was just taken to the first waiter, or refuses it, and wakes it outside the lock.
    // One event for both gauges: the caller counts as in flight from the grant on, and not only when it is polled.
    fn wake_first(
        &self,
        mut waiters: impl std::ops::DerefMut<Target = Waiters>,
        places: u32,
        refused: Option<Cause>,
    ) {
        let waker = waiters.settle_first(refused);
        self.withdraw_if_last(&waiters);
        drop(waiters);
        match refused {
            Some(_) => self.meter.went(self),
            None if places > 0 => self.meter.granted(self, places),
            None => {}
        }
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Brings the word up to date after the line became shorter by one.
    pub(super) fn withdraw_if_last(&self, waiters: &Waiters) {
        // Before the mark is removed, as in `queue`: a newcomer may take a place as soon as it is.
        self.note_length(waiters);
        // A close has removed the mark already. Only a holder of the lock adds or removes it.
        if waiters.len() == 0 && self.permits.snapshot().is_waiting() {
            self.permits.withdraw();
        }
    }

    fn note_length(&self, waiters: &Waiters) {
        // Relaxed, load and store: every writer holds the lock. A reader without it takes the length as a figure.
        let queued = u64::try_from(waiters.len()).map_or(MAX_QUEUED, |n| n.min(MAX_QUEUED));
        let mode = self.aside.load(Relaxed) & !MAX_QUEUED;
        self.aside.store(mode | queued, Relaxed);
    }
}
