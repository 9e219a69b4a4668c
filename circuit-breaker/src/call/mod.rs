//! A call, from its admission to its end: the token, and the state that it shares with the handle.
//!
//! In one file although it is long: who follows a healthy call needs all of it.

#[cfg(feature = "http-body")]
mod answered;
#[cfg(feature = "family")]
mod member;
mod refuse;

use std::{borrow::Borrow, fmt, mem, sync::Arc, thread, time::Duration};

use tokio::time::Instant;

#[cfg(feature = "http-body")]
pub(crate) use self::answered::AnsweredCall;
#[cfg(feature = "family")]
use crate::sync::atomic::AtomicBool;
use crate::{
    config::Config,
    observe::{Begun, HAS_METRICS, Meter, Observers, contained},
    state::{Admission, Clock, StateMachine},
    sync::const_fn,
    types::{End, Open, Outcome},
};

/// The shared state behind a [`CircuitBreaker`](crate::CircuitBreaker): opaque, named only in types
/// such as [`Call<&'static Core>`](Call).
// In this order, see `StateMachine`.
#[repr(C)]
pub struct Core {
    machine: StateMachine,
    /// In a family: whether it was used since a new key, or `evict_idle`, last looked at it.
    #[cfg(feature = "family")]
    used: AtomicBool,
    clock: Clock,
}

/// A call that a [`CircuitBreaker`](crate::CircuitBreaker) admitted. Say how it ended, once.
///
/// Dropped without that, it was cancelled, which counts as
/// [`Builder::on_cancel`](crate::Builder::on_cancel) says; dropped by a panic it is a failure.
///
/// It belongs to the state that admitted it. If the breaker has opened, closed or was reset since,
/// its result is late and changes nothing.
// The bound stands on the struct because `Drop` needs it.
#[must_use = "dropping the call at once means that it was cancelled"]
pub struct Call<P: Borrow<Core> = Arc<Core>> {
    core: ByValue<P>,
    /// `None` once the call has ended.
    admission: Option<Admission>,
    begun: Begun,
}

/// A pointer that is dropped by value. The drop of an `Arc` takes it by reference.
struct ByValue<P>(
    /// `None` only while it is dropped.
    Option<P>,
);

// === impl Call ===

impl<P: Borrow<Core>> Call<P> {
    /// Asks for a call.
    #[inline]
    pub(crate) fn try_new(core: &P, now: impl Fn() -> Instant + Copy) -> Result<Self, Open>
    where
        P: Clone,
    {
        // In this order: a rejection does not touch the reference count.
        let admission = core.borrow().admit(now)?;
        Ok(Self::new(core.clone(), admission, now))
    }

    /// The token of a call that `core` has admitted.
    #[inline]
    pub(crate) fn new(core: P, admission: Admission, now: impl FnOnce() -> Instant) -> Self {
        Self {
            core: ByValue::new(core),
            admission: Some(admission),
            begun: Begun::at(now),
        }
    }

    /// The call succeeded.
    #[doc(alias("onSuccess"))]
    pub fn success(self) {
        self.finish(Outcome::Success);
    }

    /// The call failed.
    #[doc(alias("onError"))]
    pub fn failure(self) {
        self.finish(Outcome::Failure);
    }

    /// The call failed, and the backend asks not to be called for `time`, see
    /// [`Outcome::FailureFor`].
    pub fn failure_for(self, time: Duration) {
        self.finish(Outcome::FailureFor(time));
    }

    /// The call says nothing about the backend. A probe gives its slot back.
    #[doc(alias("releasePermission"))]
    pub fn ignore(self) {
        self.finish(Outcome::Ignored);
    }

    /// Says how the call ended, in one value.
    ///
    /// Costs, closed: a compare-and-swap for each ratio that is configured, and for consecutive
    /// failures a read, or a compare-and-swap when the count changes. The clock is read at most
    /// once, if it is needed.
    #[inline]
    pub fn finish(self, outcome: Outcome) {
        self.end(outcome);
    }

    /// [`finish`](Self::finish) at `now`.
    pub fn finish_at(mut self, outcome: Outcome, now: Instant) {
        self.record(End::Finished(outcome), || now);
    }

    /// [`finish`](Self::finish), in one piece with its caller.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the token stays in registers")]
    pub(crate) fn end(mut self, outcome: Outcome) {
        self.record(End::Finished(outcome), Instant::now);
    }

    #[inline]
    pub(crate) fn core(&self) -> &P {
        self.core.get()
    }

    /// Asks again, before the call is made, if the state that admitted it is over. If it is not
    /// admitted then, it has nothing more to say.
    pub(crate) fn is_still_admitted(&mut self) -> bool {
        let core = self.core.get().borrow();
        if self.admission.is_some_and(|it| core.machine.is_current(it)) {
            return true;
        }
        let now = Instant::now();
        // Not a rejection: a call that is not admitted goes on waiting. Nor was the earlier call
        // cancelled: its result would be late.
        self.admission = core.machine.admit(|| core.ticks(now)).ok();
        self.begun = Begun::at(|| now);
        self.admission.is_some()
    }

    /// Ends it without an outcome, unless it has one.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the token stays in registers")]
    pub(crate) fn cancel(&mut self, now: impl Fn() -> Instant + Copy) {
        if let Some(core) = self.core.take() {
            // The usual case, that it has ended, need not ask whether the thread panics.
            match self.admission.take() {
                Some(admission) => cancel(core, admission, self.begun, now),
                None => release(core),
            }
        }
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the token stays in registers")]
    fn record(&mut self, end: End, now: impl Fn() -> Instant + Copy) {
        if let Some(core) = self.core.take() {
            match self.admission.take() {
                Some(admission) if end != SUCCESS => {
                    record(core, admission, self.begun, end, now);
                }
                Some(admission) if !core.borrow().is_unchanged_by_success(admission) => {
                    record_success(core, admission, self.begun, now);
                }
                _ => release(core),
            }
        }
    }
}

const SUCCESS: End = End::Finished(Outcome::Success);

impl<P: Borrow<Core>> Drop for Call<P> {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the token stays in registers")]
    fn drop(&mut self) {
        self.cancel(Instant::now);
    }
}

impl<P: Borrow<Core>> fmt::Debug for Call<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Call").field(self.core().borrow()).finish()
    }
}

/// Makes a failure of a call if it is dropped and not [disarmed](Self::disarm): around code that
/// may panic, when the call is not dropped by the panic but later, by the code that caught it.
pub(crate) struct FailOnPanic<'a, P: Borrow<Core>>(&'a mut Call<P>);

impl<'a, P: Borrow<Core>> FailOnPanic<'a, P> {
    pub(crate) const fn new(call: &'a mut Call<P>) -> Self {
        Self(call)
    }

    pub(crate) const fn disarm(self) {
        mem::forget(self);
    }
}

impl<P: Borrow<Core>> Drop for FailOnPanic<'_, P> {
    #[inline]
    fn drop(&mut self) {
        self.0.record(End::Finished(Outcome::Failure), Instant::now);
    }
}

// === The end of a call ===

// A call costs half as much if its future stays in registers. For that, what ends it must not take
// the token by reference, and must not unwind: either makes the compiler keep the future, the
// token and the result in memory, in three copies each. So the functions below take parts by
// value, stay out of line, and contain a panic. (A waker or the drop of what a listener captured
// may panic; the panic hook has reported it, and the call has ended all the same.)
//
// `extern "C"` is what tells the compiler so: a function of that ABI cannot unwind. A plain
// function that contains its panics was tried and is not recognised, and a healthy call through an
// `Arc` then takes 101 instructions instead of 51.

#[inline(always)]
#[expect(clippy::inline_always, reason = "the token stays in registers")]
fn release<P>(pointer: P) {
    if mem::needs_drop::<P>() {
        drop_out_of_line(pointer);
    }
}

#[inline(never)]
extern "C" fn drop_out_of_line<P>(pointer: P) {
    contained(|| drop(pointer));
}

// Not by `record`: with a constant the compiler leaves out what only a failure needs.
#[inline(never)]
#[expect(
    improper_ctypes_definitions,
    reason = "the ABI is chosen because it cannot unwind; only Rust calls this"
)]
extern "C" fn record_success<P: Borrow<Core>>(
    core: P,
    admission: Admission,
    begun: Begun,
    now: impl Fn() -> Instant + Copy,
) {
    contained(|| core.borrow().record(admission, begun, SUCCESS, now));
}

#[inline(never)]
#[expect(improper_ctypes_definitions, reason = "as above")]
extern "C" fn record<P: Borrow<Core>>(
    core: P,
    admission: Admission,
    begun: Begun,
    end: End,
    now: impl Fn() -> Instant + Copy,
) {
    contained(|| core.borrow().record(admission, begun, end, now));
}

#[cold]
#[inline(never)]
#[expect(improper_ctypes_definitions, reason = "as above")]
extern "C" fn cancel<P: Borrow<Core>>(
    core: P,
    admission: Admission,
    begun: Begun,
    now: impl Fn() -> Instant + Copy,
) {
    let end = if thread::panicking() {
        End::Finished(Outcome::Failure)
    } else {
        End::Cancelled
    };
    contained(|| core.borrow().record_dropped(admission, begun, end, now));
}

// === impl ByValue ===

impl<P> ByValue<P> {
    #[inline]
    const fn new(pointer: P) -> Self {
        Self(Some(pointer))
    }

    #[inline]
    const fn get(&self) -> &P {
        self.0.as_ref().expect("there until it is dropped")
    }

    #[inline]
    const fn take(&mut self) -> Option<P> {
        self.0.take()
    }
}

impl<P> Drop for ByValue<P> {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the token stays in registers")]
    fn drop(&mut self) {
        if let Some(pointer) = self.0.take() {
            release(pointer);
        }
    }
}

// === impl Core ===

impl Core {
    const_fn! {
        pub(crate) fn new(name: &'static str, config: Config) -> Self {
            Self {
                clock: Clock::new(),
                machine: StateMachine::new(name, config),
                #[cfg(feature = "family")]
                used: AtomicBool::new(true),
            }
        }
    }

    /// Allocates what calls need, so that no call does.
    pub(crate) fn allocated(self) -> Self {
        self.machine.allocate();
        self
    }

    pub(crate) const fn name(&self) -> &'static str {
        self.observers().name()
    }

    #[inline]
    pub(crate) const fn machine(&self) -> &StateMachine {
        &self.machine
    }

    pub(crate) const fn observers(&self) -> &Observers {
        self.machine.observers()
    }

    /// The instant that ticks are counted from.
    // Out of line: only a call that has to wait asks, and one that need not keeps its registers.
    #[cold]
    #[inline(never)]
    pub(crate) fn start(&self, now: Instant) -> Instant {
        self.clock.start(now)
    }

    #[inline]
    pub(crate) fn ticks(&self, now: Instant) -> u64 {
        self.clock.ticks(now)
    }

    /// Whether any call would be rejected now.
    #[inline]
    pub(crate) fn is_rejecting(&self) -> bool {
        !self.machine.is_closed() && self.is_rejecting_now()
    }

    #[inline]
    pub(crate) fn admit(&self, now: impl FnOnce() -> Instant) -> Result<Admission, Open> {
        self.machine
            .admit(|| self.ticks(now()))
            .map_err(|refusal| self.rejected(refusal))
    }

    /// Whether a success of this call changes nothing, and is not counted in metrics either.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the token stays in registers")]
    fn is_unchanged_by_success(&self, admission: Admission) -> bool {
        !HAS_METRICS && self.machine.is_unchanged_by_success(admission)
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "one function with its only caller")]
    fn record(
        &self,
        admission: Admission,
        begun: Begun,
        end: End,
        now: impl Fn() -> Instant + Copy,
    ) {
        (self.machine).record(admission, end, move || self.ticks(now()));
        self.meter().ended(begun, end, now, || self.machine.state());
    }

    /// The same for a call that was dropped.
    fn record_dropped(
        &self,
        admission: Admission,
        begun: Begun,
        end: End,
        now: impl Fn() -> Instant + Copy,
    ) {
        (self.machine).record_other(admission, end, move || self.ticks(now()));
        self.meter().ended(begun, end, now, || self.machine.state());
    }

    #[inline]
    const fn meter(&self) -> &Meter {
        self.observers().meter()
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without a look at the clock, and so without a transition: printing changes nothing.
        f.debug_struct("CircuitBreaker")
            .field("name", &self.name())
            .field("state", &self.machine.state())
            .finish_non_exhaustive()
    }
}
