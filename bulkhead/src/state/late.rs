//! The bounds of waiters: a waiter that is not polled keeps its place and its seat no longer than its bound.

// A future that waits may not be polled for long: a kept arm of `select!`, a buffer with a slow reader, a blocked
// thread. Its timer then wakes a task that does not act. So the bound is kept with the seat, and others act on it. A call
// that gives its place back refuses a late waiter at the head of the line (`Core::serve`). A caller that finds no place
// looks for all late ones, also for those that were granted a place and have not fetched it.
//
// The seats stand behind the lock, so each is settled once. The model `a_late_granted_place_is_given_back_once` holds it.
// A caller without a place takes the lock only if the earliest bound has passed: `Bounds` has it, in steps of a tick. So
// callers that are refused look for late waiters once a tick, and again at once where more are late than one look refuses.
// They read the clock only between the join of a waiter with a bound and the end of that bound, also if the waiter leaves
// before. A look takes the late waiters from a heap of the bounds (`waiters/heap.rs`). It does not go through the line.

#[cfg(all(test, not(loom)))]
mod tests;

use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::OnceLock,
    time::Duration,
};

use tokio::time::Instant;

use super::{Core, serve, waiters::Ticket};
use crate::{
    config::Line,
    observe::Observe,
    sync::{
        atomic::{AtomicU64, Ordering::Relaxed},
        const_fn,
    },
    types::Cause,
};

const TICK: Duration = Duration::from_millis(10);

const NONE: u64 = u64::MAX;

/// How long a caller waits at most.
#[derive(Clone, Copy, Debug)]
#[expect(unnameable_types, reason = "only `Source`, which is sealed, names it")]
pub struct Patience {
    pub(crate) max_wait: Duration,
    /// The latest moment at which the call may begin: the deadline minus the reserve.
    pub(crate) latest: Option<Instant>,
}

/// The bound of one wait, and what its end is called.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bound {
    pub(crate) end: Instant,
    pub(crate) cause: Cause,
}

impl Patience {
    /// Waits without a bound.
    pub(crate) const NONE: Self = Self {
        max_wait: Duration::MAX,
        latest: None,
    };

    /// That of a caller in `line`, which may have the longest wait of the bulkhead. No bound stays none.
    pub(crate) fn of<R>(self, line: &Line, core: &Core<R>) -> Self {
        if line.of_bulkhead && self.max_wait < Duration::MAX {
            Self {
                max_wait: core.max_wait.get(),
                ..self
            }
        } else {
            self
        }
    }

    /// The bound of a wait that begins now. Reads the clock only if there is one.
    pub(super) fn bound(&self) -> Option<Bound> {
        (self.max_wait < Duration::MAX || self.latest.is_some())
            .then(|| self.bound_from(Instant::now()))
            .flatten()
    }

    /// The bound of a wait that began at `began`. `None` also stands for a moment beyond the range of the clock.
    pub(crate) fn bound_from(&self, began: Instant) -> Option<Bound> {
        let end = began.checked_add(self.max_wait);
        match self.latest {
            Some(latest) if end.is_none_or(|end| latest < end) => Some(Bound {
                end: latest,
                cause: Cause::DeadlineTooNear,
            }),
            _ => end.map(|end| Bound {
                end,
                cause: Cause::WaitedTooLong,
            }),
        }
    }
}

impl MaxWait {
    const_fn! {
        pub(super) fn new(wait: Duration) -> Self {
            Self { nanos: AtomicU64::new(nanos(wait)) }
        }
    }

    // Relaxed, both: a number on its own, which takes effect with the next caller that reads it.

    /// Under the lock of the waiters.
    pub(super) fn set(&self, wait: Duration) {
        self.nanos.store(nanos(wait), Relaxed);
    }

    pub(super) fn get(&self) -> Duration {
        match self.nanos.load(Relaxed) {
            NONE => Duration::MAX,
            nanos => Duration::from_nanos(nanos),
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "compared before")]
const fn nanos(wait: Duration) -> u64 {
    if wait.as_nanos() < NONE as u128 {
        wait.as_nanos() as u64
    } else {
        NONE
    }
}

impl Bound {
    // At the very instant the caller is still in time.
    pub(super) fn is_past(&self, now: Instant) -> bool {
        self.end < now
    }
}

/// The longest wait in a queue of the bulkhead.
#[derive(Debug)]
pub(super) struct MaxWait {
    nanos: AtomicU64,
}

/// When the earliest bound in the line has passed.
#[derive(Debug)]
pub(super) struct Bounds {
    // The first tick after the earliest bound, see `pack`. Written under the lock of the waiters.
    earliest: AtomicU64,
}

impl Bounds {
    const_fn! {
        pub(super) fn new() -> Self {
            Self { earliest: AtomicU64::new(NONE) }
        }
    }

    // Relaxed throughout: a hint. The seats are compared under the lock.

    /// The first tick after it.
    #[inline]
    fn earliest(&self) -> Option<Instant> {
        unpack(self.earliest.load(Relaxed))
    }

    /// A waiter has joined. Under the lock of the waiters.
    pub(super) fn add(&self, bound: Bound) {
        let after = pack(bound.end);
        if after < self.earliest.load(Relaxed) {
            self.earliest.store(after, Relaxed);
        }
    }

    fn set(&self, earliest: Option<Instant>) {
        self.earliest.store(earliest.map_or(NONE, pack), Relaxed);
    }
}

// What bounds are stored relative to: a bulkhead in a `static` has no beginning, so this is common to all.
static EPOCH: OnceLock<Instant> = OnceLock::new();

/// The first tick after `end`: its seconds since the epoch, and in the lower half its nanoseconds. A later time is no less.
// Only callers that wait come here. Those that are refused `unpack` it, by one addition. To subtract the epoch from the
// clock instead would take 80 instructions more.
fn pack(end: Instant) -> u64 {
    let epoch = *EPOCH.get_or_init(Instant::now);
    let after = end.saturating_duration_since(epoch).saturating_add(TICK);
    let nanos = after.subsec_nanos() - after.subsec_nanos() % TICK.subsec_nanos();
    // In 136 years a caller looks too early.
    after.as_secs().min(u32::MAX.into()) << u32::BITS | u64::from(nanos)
}

/// `None` for [`NONE`].
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the lower half")]
fn unpack(tick: u64) -> Option<Instant> {
    if tick == NONE {
        return None;
    }
    let since = Duration::new(tick >> u32::BITS, tick as u32);
    EPOCH.get()?.checked_add(since)
}

impl<R> Core<R> {
    /// Gives places back for a caller that finds no room: those of late waiters, of bodies whose lease is over, and those
    /// that an override took which has run out. Returns whether there were any.
    pub(crate) fn reclaim(&self) -> bool {
        let had_leases = self.reclaim_leases();
        let had_late = self.refuse_late();
        let had_override = self.end_override();
        had_leases || had_late || had_override
    }

    /// Refuses late waiters. Returns whether there were any.
    #[inline]
    pub(super) fn refuse_late(&self) -> bool {
        let Some(earliest) = self.bounds.earliest() else {
            return false;
        };
        let now = Instant::now();
        earliest <= now && self.refuse_late_at(now)
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn refuse_late_at(&self, now: Instant) -> bool {
        let mut waiters = self.waiters.lock();
        let late = waiters.refuse_late(now);
        self.bounds.set(late.earliest);
        if late.seats == 0 && late.places == 0 {
            return false;
        }
        self.withdraw_if_last(&waiters);
        drop(waiters);
        for _ in 0..late.seats {
            self.meter.went(self);
        }
        for waker in late.wakers {
            // As in `serve`: a panic belongs to the task that is woken.
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
                mem::forget(panic);
            }
        }
        if late.places > 0 {
            self.release(late.places);
        }
        // A late waiter that wanted many places may have stopped the line.
        serve(self);
        true
    }

    /// Removes the bound of a waiter that is polled at its end: what it finds now is in time.
    pub(crate) fn unbind(&self, ticket: &Ticket) {
        self.waiters.lock().unbind(ticket);
    }
}
