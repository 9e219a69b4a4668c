//! The shared state of a bulkhead: the word of permits, the line of waiters, and what joins the two.

mod close;
mod forced;
mod late;
#[cfg(any(test, feature = "http-body"))]
mod leases;
mod limit;
mod line;
mod permits;
mod pointer;
mod refuse;
mod waiters;

#[cfg(all(feature = "family", feature = "metrics"))]
use std::sync::Arc;
use std::{
    fmt, mem,
    panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind},
};

use crate::{
    config::{Builder, Line},
    limit::{Fixed, Regulate},
    observe::{Events, Figures, Meter, Observe},
    sync::{
        Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
        const_fn,
    },
    types::{Full, InvalidConfig, Label, Outcome, Snapshot},
};
pub(crate) use late::{Bound, Patience};
use late::{Bounds, MaxWait};
#[cfg(feature = "http-body")]
pub(crate) use leases::Lease;
#[cfg(any(test, feature = "http-body"))]
use leases::Leases;
pub(crate) use line::Entry;
use permits::{Admit, Permits};
pub use pointer::{Many, Pointer};
pub(crate) use refuse::Caller;
use refuse::{BOUNDED, DRAINED, FORCED, LEASES, MAX_QUEUED, modes};
pub(crate) use waiters::Ticket;
use waiters::Waiters;

/// The shared state behind a [`Bulkhead`](crate::Bulkhead). Opaque: it is named only in types such as
/// [`Permit<&'static Core>`](crate::Permit).
pub struct Core<R = Fixed> {
    permits: Permits,
    // What a caller without a place reads beside the word. Bits 0 to 19: the length of the line. Bits 20 to 27: the seconds
    // of `retry_after`. Above them: the bits from `WATCHES` on. One load for a refusal. Written under the lock of the
    // waiters.
    aside: AtomicU64,
    // How many callers may wait in `acquire`, and in the layers that bring no bounds of their own; and how long in those.
    max_queued: AtomicUsize,
    max_wait: MaxWait,
    // Counts for people. A call writes one only if it met an overload, or was refused where a mode asks for it.
    overloads: AtomicU64,
    rejections: AtomicU64,
    // Of those that wait.
    bounds: Bounds,
    // Only bodies have leases.
    #[cfg(any(test, feature = "http-body"))]
    leases: Leases,
    // Taken by callers without a place, by calls that leave while one waits, and by every change of the limit.
    waiters: Mutex<Waiters>,
    // A parameter: a fixed cap holds no clock and no samples.
    regulator: R,
    // Empty without the feature `metrics`.
    meter: Meter,
    events: Events,
}

// === Going in ===

impl<R> Core<R> {
    const_fn! {
        pub(crate) fn new(label: Label, numbers: Builder, regulator: R) -> Self {
            Self {
                permits: Permits::new(numbers.limit),
                aside: AtomicU64::new(modes(numbers)),
                max_queued: AtomicUsize::new(numbers.max_queued),
                max_wait: MaxWait::new(numbers.max_wait),
                overloads: AtomicU64::new(0),
                rejections: AtomicU64::new(0),
                bounds: Bounds::new(),
                #[cfg(any(test, feature = "http-body"))]
                leases: Leases::new(numbers.body_idle),
                waiters: Mutex::new(Waiters::new()),
                regulator,
                meter: Meter::new(),
                events: Events::new(label),
            }
        }
    }

    // The path of a call that finds a place: one read-modify-write, no lock, no clock.
    #[inline]
    pub(crate) fn try_acquire(&self, places: u32) -> Result<(), Full> {
        match self.permits.try_acquire(places) {
            Ok(()) => {
                self.meter.entered(self, places);
                Ok(())
            }
            Err(seen) => self.no_place(places, seen),
        }
    }

    /// The same for a member of a family. `None` when it is retired.
    #[inline]
    pub(crate) fn try_acquire_unless_retired(&self, places: u32) -> Option<Result<(), Full>> {
        match self.permits.try_acquire(places) {
            Ok(()) => {
                self.meter.entered(self, places);
                Some(Ok(()))
            }
            Err(seen) if seen.is_retired() => None,
            Err(seen) => {
                // The member may retire between the two looks at the word.
                if self.watches() {
                    match self.enter_beyond_limit(places) {
                        Admit::Inside => return Some(Ok(())),
                        Admit::Retired => return None,
                        Admit::Closed | Admit::MustWait => {}
                    }
                }
                Some(self.no_place(places, seen))
            }
        }
    }
}

// === Coming out ===

impl<R> Core<R> {
    #[inline]
    pub(crate) fn release(&self, places: u32) {
        // Before the release, while the word still counts the call: handles that are registered now include it.
        self.meter.left(self, places);
        // One addition. Its sign says whether a caller waits, so a call without waiters does not look at the line.
        if self.permits.release(places) {
            serve(self);
        }
    }

    #[cold]
    fn overloaded(&self) {
        // Relaxed: a count that orders nothing. Only calls that met an overload pay for it.
        self.overloads.fetch_add(1, Relaxed);
        self.meter.overloaded(self);
    }
}

impl<R: Regulate> Core<R> {
    /// Records how a call went. Its place is released afterwards, at once or when its body ends.
    // The call is still counted as in flight here, and an adaptive limit counts on that.
    #[inline]
    pub(crate) fn finish(&self, start: R::Start, outcome: Outcome) {
        self.count(outcome);
        self.regulator.finished(start, outcome, self);
    }

    /// [`finish`](Self::finish) with the latency that the call had at `end`.
    #[cfg(feature = "http-body")]
    pub(crate) fn finish_until(&self, start: R::Start, end: R::Start, outcome: Outcome) {
        self.count(outcome);
        self.regulator.finished_until(start, end, outcome, self);
    }

    #[inline]
    fn count(&self, outcome: Outcome) {
        if outcome == Outcome::Overload {
            self.overloaded();
        }
    }

    pub(crate) fn reconfigure(&self, numbers: Builder) -> Result<(), InvalidConfig> {
        numbers.check_for(self.name())?;
        // Under one lock, so that of two configurations at once one gives all numbers. The model
        // `two_reconfigurations_leave_the_numbers_of_one` holds it.
        let mut waiters = self.waiters.lock();
        // Relaxed: each number is read on its own, and takes effect with the next caller that reads it.
        self.max_queued.store(numbers.max_queued, Relaxed);
        self.max_wait.set(numbers.max_wait);
        // Under the lock: a caller that takes a seat later sees the new mode, and one that has a seat is admitted below. So
        // no caller waits for a bulkhead that only counts. The model `a_metrics_only_bulkhead_keeps_no_waiter` holds it.
        let kept = self.aside.load(Relaxed) & (MAX_QUEUED | LEASES | BOUNDED | DRAINED | FORCED);
        self.aside.store(modes(numbers) | kept, Relaxed);
        #[cfg(any(test, feature = "http-body"))]
        self.leases.set_idle(numbers.body_idle);
        self.regulator.reconfigured(numbers.window);
        self.set_limit(&mut waiters, numbers.limit);
        drop(waiters);
        if numbers.metrics_only {
            self.admit_all();
        }
        self.changed();
        Ok(())
    }
}

#[cfg(not(any(test, feature = "http-body")))]
impl<R> Core<R> {
    /// Nothing is leased.
    #[expect(clippy::unused_self, reason = "as with leases")]
    const fn reclaim_leases(&self) -> bool {
        false
    }
}

// === Figures, and parts ===

impl<R> Core<R> {
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.permits.snapshot()
    }

    // Only the family of a member retires it, under the lock under which it gives out handles.
    #[cfg(any(all(test, not(loom)), feature = "family"))]
    pub(crate) fn retire(&self) -> bool {
        !self.is_held_by_override() && self.permits.retire()
    }

    pub(crate) const fn regulator(&self) -> &R {
        &self.regulator
    }

    pub(crate) const fn events(&self) -> &Events {
        &self.events
    }

    /// The line of `acquire`: first come, first served.
    pub(crate) fn line(&self) -> Line {
        Line {
            length: self.max_queued.load(Relaxed),
            newest_first: false,
            of_bulkhead: false,
        }
    }

    pub(crate) fn overloads(&self) -> u64 {
        self.overloads.load(Relaxed)
    }

    pub(crate) fn rejections(&self) -> u64 {
        self.rejections.load(Relaxed)
    }

    /// Has no effect once metrics were reported.
    #[cfg(all(feature = "family", feature = "metrics"))]
    pub(crate) fn label_metrics(&self, key: Arc<str>) {
        self.meter.label(key);
    }

    #[cfg(feature = "metrics")]
    pub(crate) fn resolve_metrics(&self) {
        self.meter.resolve(self);
    }
}

// What a gauge is set from, and what the handle tells. Each figure is one load: two figures may be of different moments.
impl<R> Figures for Core<R> {
    fn name(&self) -> &'static str {
        self.events.label().name()
    }

    fn in_flight(&self) -> usize {
        self.permits.snapshot().held()
    }

    fn queued(&self) -> usize {
        (self.aside.load(Relaxed) & MAX_QUEUED) as usize
    }

    fn limit(&self) -> usize {
        self.seen().limit()
    }
}

/// [`Core::serve`] for a call that gives its place back: a panic of a waker does not reach that call.
// The panic belongs to the task that is woken and not to the call that made room. Its payload is leaked, because the drop
// of a payload may panic too. The test `a_panicking_waker_does_not_reach_the_releasing_call` holds this.
//
// The ABI tells the compiler that this function never unwinds. The caller then keeps nothing in memory for that case, and a
// call that gives its place back stays in registers.
#[cold]
#[inline(never)]
extern "C" fn serve<R>(core: &Core<R>) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| core.serve())) {
        mem::forget(panic);
    }
}

impl<R> fmt::Debug for Core<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seen = self.seen();
        f.debug_struct("Bulkhead")
            .field("name", &self.name())
            .field("limit", &seen.limit())
            .field("in_flight", &seen.held())
            .field("queued", &self.queued())
            .finish_non_exhaustive()
    }
}

// Foreign code runs under no lock but that of a law, and between no two writes that belong together. So a panic leaves no
// broken state, with every feature.
impl<R> UnwindSafe for Core<R> {}
impl<R> RefUnwindSafe for Core<R> {}
