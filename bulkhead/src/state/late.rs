//! The bounds of waiters: a waiter that is not polled keeps its place and its seat no longer than its bound.

// A future that waits may not be polled for long: a kept arm of `select!`, a buffer with a slow reader, a blocked
// thread. Its timer then wakes a task that does not act. So the bound is kept with the seat, and others act on it. A call
// that gives its place back refuses a late waiter at the head of the line (`Core::serve`). A caller that finds no place
// looks for all late ones, also for those that were granted a place and have not fetched it.
//
// The seats stand behind the lock, so each is settled once. The model `a_late_granted_place_is_given_back_once` holds it.
// A caller without a place takes the lock only if the earliest bound has passed: `Bounds` has it, in steps of a tick. So
// callers that are refused look for late waiters at most once a tick. They read the clock only between the join of a waiter
// with a bound and the end of that bound, also if the waiter leaves before. A look takes the late waiters from a heap of the
// bounds (`waiters/heap.rs`). It does not go through the line.

use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::OnceLock,
    time::Duration,
};

use tokio::time::Instant;

use super::{Core, refuse::BOUNDED, serve, waiters::Ticket};
use crate::{
    config::Line,
    observe::Observe,
    sync::{
        atomic::{AtomicU64, Ordering::Relaxed},
        const_fn,
    },
    types::Cause,
};

const TICK_MILLIS: u64 = 10;

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
    // The first tick after the earliest bound. Written under the lock of the waiters.
    earliest: AtomicU64,
}

impl Bounds {
    const_fn! {
        pub(super) fn new() -> Self {
            Self { earliest: AtomicU64::new(NONE) }
        }
    }

    // Relaxed throughout: a hint. The seats are compared under the lock.

    /// Now, if it has passed. Reads the clock only if there is a bound.
    #[inline]
    fn past(&self) -> Option<Instant> {
        let earliest = self.earliest.load(Relaxed);
        if earliest == NONE {
            return None;
        }
        let now = Instant::now();
        (earliest <= tick(now)).then_some(now)
    }

    /// A waiter has joined. Under the lock of the waiters.
    pub(super) fn add(&self, bound: Bound) {
        let after = tick(bound.end) + 1;
        if after < self.earliest.load(Relaxed) {
            self.earliest.store(after, Relaxed);
        }
    }

    fn set(&self, earliest: Option<Instant>) {
        let after = earliest.map_or(NONE, |end| tick(end) + 1);
        self.earliest.store(after, Relaxed);
    }
}

/// Grows with `time`. Times before the first one that is asked for are 0.
fn tick(time: Instant) -> u64 {
    // A bulkhead in a `static` has no beginning, so this is common to all.
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    let past = time.saturating_duration_since(*EPOCH.get_or_init(Instant::now));
    // Not by `as_millis`, which divides 128 bits: callers that are refused come here.
    let seconds = past.as_secs().saturating_mul(1_000 / TICK_MILLIS);
    let tick = seconds.saturating_add(u64::from(past.subsec_millis()) / TICK_MILLIS);
    tick.min(NONE - 1)
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

    fn refuse_late(&self) -> bool {
        // Relaxed: a hint. A caller that does not see the first bound yet does not find it past either.
        self.aside.load(Relaxed) & BOUNDED != 0
            && self
                .bounds
                .past()
                .is_some_and(|now| self.refuse_late_at(now))
    }

    #[cold]
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
