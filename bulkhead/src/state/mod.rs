use std::{
    fmt, mem,
    panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind},
    time::Duration,
};

use crate::{
    Builder, Cause, Fixed, Full, InvalidConfig, Regulate,
    observe::{metrics::Meter, tracing as trace},
    sync::{
        Mutex,
        atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed},
        const_fn,
    },
};

mod line;
pub(crate) mod permits;
mod pointer;
pub(crate) mod waiters;

pub(crate) use line::{Entry, Line};
use permits::{Permits, Reception, Snapshot};
pub use pointer::Pointer;
use waiters::Waiters;

/// The shared state behind a [`Bulkhead`](crate::Bulkhead): opaque, named only in types such as
/// [`Permit<&'static Core>`](crate::Permit).
pub struct Core<R = Fixed> {
    name: &'static str,
    permits: Permits,
    /// What a call that finds no room reads beside the word: how many wait in bits 0 to 23, for those who only
    /// look, and above them [`WATCHES`] and [`COUNTS`]. Written under the lock of the waiters.
    aside: AtomicU32,
    /// How many [`acquire`](crate::Bulkhead::acquire) lets wait.
    max_queued: AtomicUsize,
    overloads: AtomicU64,
    rejections: AtomicU64,
    waiters: Mutex<Waiters>,
    pub(crate) regulator: R,
    pub(crate) meter: Meter,
}

/// It only reports what it would have refused.
const WATCHES: u32 = 1 << QUEUED_BITS;
/// It counts what it refuses.
const COUNTS: u32 = 2 << QUEUED_BITS;

/// More waiters than this are told as so many.
const MAX_TOLD: u32 = (1 << QUEUED_BITS) - 1;
const QUEUED_BITS: u32 = 24;

/// Where a caller is that a queue refuses.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Standing {
    Outside,
    InLine,
    /// It has its place, and the inner service does not become ready.
    Inside,
}

impl<R> Core<R> {
    const_fn! {
        pub(crate) fn new(name: &'static str, numbers: Builder, regulator: R) -> Self {
            Self {
                name,
                permits: Permits::new(numbers.limit),
                aside: AtomicU32::new(mode(numbers)),
                max_queued: AtomicUsize::new(numbers.max_queued),
                overloads: AtomicU64::new(0),
                rejections: AtomicU64::new(0),
                waiters: Mutex::new(Waiters::new()),
                regulator,
                meter: Meter::new(),
            }
        }
    }

    // === Going in ===

    #[inline]
    pub(crate) fn try_acquire(&self) -> Result<(), Full> {
        match self.permits.try_acquire() {
            Ok(()) => {
                self.entered();
                Ok(())
            }
            Err(seen) => self.no_room(seen),
        }
    }

    /// As `try_acquire`, for a bulkhead of a family: `None` when it is retired.
    #[inline]
    pub(crate) fn try_acquire_unless_retired(&self) -> Option<Result<(), Full>> {
        match self.permits.try_acquire() {
            Ok(()) => {
                self.entered();
                Some(Ok(()))
            }
            Err(seen) if seen.is_retired() => None,
            Err(seen) => {
                if self.watches() {
                    match self.enter_nevertheless() {
                        Reception::Inside => return Some(Ok(())),
                        Reception::Retired => return None,
                        Reception::MustWait => {}
                    }
                }
                Some(self.no_room(seen))
            }
        }
    }

    #[inline]
    fn no_room(&self, seen: Snapshot) -> Result<(), Full> {
        // Relaxed: an operator's wish, which takes effect soon; it orders nothing.
        let aside = self.aside.load(Relaxed);
        if aside > MAX_TOLD && self.lets_in_nevertheless(aside) {
            return Ok(());
        }
        self.meter.refused(self, Cause::AtLimit);
        let queued = aside & MAX_TOLD;
        let full = Full::new(self.name, Cause::AtLimit, seen, queued, Duration::ZERO);
        trace::refused(&full);
        Err(full)
    }

    /// Counts the refusal, which it only pretends where it only watches.
    #[cold]
    #[inline(never)]
    fn lets_in_nevertheless(&self, mode: u32) -> bool {
        if mode & WATCHES != 0 && matches!(self.enter_nevertheless(), Reception::Inside) {
            return true;
        }
        // Relaxed: a count that orders nothing.
        self.rejections.fetch_add(1, Relaxed);
        false
    }

    /// Lets a caller in for whom there is no room, and counts it.
    #[cold]
    fn enter_nevertheless(&self) -> Reception {
        let reception = self.permits.acquire_beyond_limit();
        if let Reception::Inside = reception {
            self.would_refuse();
            self.entered();
        }
        reception
    }

    fn would_refuse(&self) {
        self.rejections.fetch_add(1, Relaxed);
        self.meter.would_refuse(self);
    }

    /// Whether it only reports what it would have refused.
    fn watches(&self) -> bool {
        self.aside.load(Relaxed) & WATCHES != 0
    }

    // === Coming out ===

    #[inline]
    pub(crate) fn release(&self) {
        self.meter.left(self);
        self.give_back();
    }

    #[inline]
    fn give_back(&self) {
        if self.permits.release() {
            serve(self);
        }
    }

    #[inline]
    fn entered(&self) {
        self.meter.entered(self);
    }

    #[cold]
    pub(crate) fn overloaded(&self) {
        // Relaxed: a count that orders nothing. Only calls that met an overload pay for it.
        self.overloads.fetch_add(1, Relaxed);
        self.meter.overloaded(self);
    }

    // === Refusals ===

    /// A refusal by a queue. `None` where it only watches: counted, and the caller goes on without bounds.
    pub(crate) fn refuse(&self, cause: Cause, waited: Duration, from: Standing) -> Option<Full> {
        if self.watches() {
            self.would_refuse();
            return None;
        }
        Some(self.refusal(cause, waited, from))
    }

    fn refusal(&self, cause: Cause, waited: Duration, from: Standing) -> Full {
        let aside = self.aside.load(Relaxed);
        if aside > MAX_TOLD {
            self.rejections.fetch_add(1, Relaxed);
        }
        self.meter.refused(self, cause);
        // The caller itself is not among those who are said to wait, or to be in.
        let (seen, queued) = (self.seen(), aside & MAX_TOLD);
        let (seen, queued) = match from {
            Standing::Outside => (seen, queued),
            Standing::InLine => (seen, queued.saturating_sub(1)),
            Standing::Inside => (seen.but_one(), queued),
        };
        let full = Full::new(self.name, cause, seen, queued, waited);
        trace::refused(&full);
        full
    }

    // === Changing it ===

    pub(crate) fn resize(&self, limit: usize) {
        let waiters = self.waiters.lock();
        self.permits.resize(limit);
        drop(waiters);
        self.resized(limit);
    }

    /// Resizes it if its limit is still `was`, and wakes nobody: [`resized`](Self::resized) must follow.
    pub(crate) fn replace_limit(&self, was: usize, next: usize) -> bool {
        let _waiters = self.waiters.lock();
        // Whoever changes the limit holds this lock.
        let is_so = self.seen().limit() == was;
        if is_so {
            self.permits.resize(next);
        }
        is_so
    }

    /// Says so, and lets in who waits and has room now. Outside of all locks, as that runs the wakers of others.
    pub(crate) fn resized(&self, limit: usize) {
        self.meter.resized(self);
        trace::resized(self.name, limit);
        self.serve();
    }

    pub(crate) fn reconfigure(&self, numbers: Builder) -> Result<(), InvalidConfig>
    where
        R: Regulate,
    {
        if let Some(problem) = numbers.problem() {
            return Err(problem);
        }
        // Relaxed: each is looked at for itself.
        self.max_queued.store(numbers.max_queued, Relaxed);
        let waiters = self.waiters.lock();
        // Under the lock: who takes a seat later sees it, and who sits already is let in below.
        let queued = self.aside.load(Relaxed) & MAX_TOLD;
        self.aside.store(mode(numbers) | queued, Relaxed);
        drop(waiters);
        self.regulator.reconfigured(numbers);
        self.resize(numbers.limit);
        if numbers.metrics_only {
            self.let_all_in();
        }
        Ok(())
    }

    pub(crate) fn retire(&self) -> bool {
        self.permits.retire()
    }

    // === Figures ===

    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn seen(&self) -> Snapshot {
        self.permits.snapshot()
    }

    pub(crate) fn max_queued(&self) -> usize {
        self.max_queued.load(Relaxed)
    }

    pub(crate) fn queued(&self) -> usize {
        (self.aside.load(Relaxed) & MAX_TOLD) as usize
    }

    pub(crate) fn overloads(&self) -> u64 {
        self.overloads.load(Relaxed)
    }

    pub(crate) fn rejections(&self) -> u64 {
        self.rejections.load(Relaxed)
    }
}

/// [`Core::serve`], which wakes others. It never unwinds, as the ABI says, so that a call that gives its place back keeps
/// nothing in memory for the case; a waker that panics is its owner's affair.
#[cold]
#[inline(never)]
extern "C" fn serve<R>(core: &Core<R>) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| core.serve())) {
        mem::forget(panic);
    }
}

const fn mode(numbers: Builder) -> u32 {
    let watches = if numbers.metrics_only { WATCHES } else { 0 };
    let counts = if numbers.count_rejections { COUNTS } else { 0 };
    watches | counts
}

impl<R> fmt::Debug for Core<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seen = self.seen();
        f.debug_struct("Bulkhead")
            .field("name", &self.name)
            .field("limit", &seen.limit())
            .field("in_flight", &seen.held())
            .field("queued", &self.queued())
            .finish_non_exhaustive()
    }
}

// No code of others runs while a lock is held or a count is half-changed, but a `Limit`, which is asked
// outside of all but its own lock; so a panic leaves nothing broken to be seen. With every feature the same.
impl<R> UnwindSafe for Core<R> {}
impl<R> RefUnwindSafe for Core<R> {}
