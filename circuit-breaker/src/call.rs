use std::{
    borrow::Borrow,
    fmt, mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
    time::Duration,
};

use tokio::time::Instant;

use crate::{Core, Outcome, admission::Admission, circuit::End, metrics::Begun};

/// What a call is that was dropped before it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnCancel {
    /// Nothing: its caller had a reason of its own. A probe gives its place back.
    Ignored,
    /// A failure: where an outer timeout is what ends calls to a hung backend.
    Failure,
    /// A failure if it was slow by then, as [`Builder::slow_after`](crate::Builder::slow_after) has it, and
    /// else nothing: callers that change their mind do so soon, an outer timeout comes late.
    FailureIfSlow,
}

/// A call that a [`CircuitBreaker`](crate::CircuitBreaker) let in. Say how it ended, once.
///
/// Dropped unsaid it was cancelled, which is nothing or a failure as
/// [`Builder::on_cancel`](crate::Builder::on_cancel) has it; dropped by a panic it is a failure.
///
/// It belongs to the state that let it in. If the circuit has opened, closed or was reset since, whatever
/// it says is late and changes nothing.
// The bound stands on the struct because `Drop` needs it.
#[must_use = "dropping the call at once means that it was cancelled"]
pub struct Call<P: Borrow<Core> = Arc<Core>> {
    core: Held<P>,
    /// `None` once it was said how the call ended.
    admission: Option<Admission>,
    begun: Begun,
}

impl<P: Borrow<Core>> Call<P> {
    /// `core` must have let this call in.
    #[inline]
    pub(crate) fn new(core: P, admission: Admission, now: impl FnOnce() -> Instant) -> Self {
        Self {
            core: Held(Some(core)),
            admission: Some(admission),
            begun: Begun::at(now),
        }
    }

    /// The call went well.
    pub fn success(self) {
        self.finish(Outcome::Success);
    }

    /// The call failed.
    pub fn failure(self) {
        self.finish(Outcome::Failure);
    }

    /// The call failed, and the backend wants to be left alone for `time`, see [`Outcome::FailureFor`].
    pub fn failure_for(self, time: Duration) {
        self.finish(Outcome::FailureFor(time));
    }

    /// The call says nothing about the backend. A probe gives its place back.
    pub fn ignore(self) {
        self.finish(Outcome::Ignored);
    }

    /// Says how the call ended, in one value.
    ///
    /// Costs, closed: a compare-and-swap for each ratio that is configured, and for consecutive failures a
    /// read, or a compare-and-swap when the count changes. The clock is read at most once, if it is needed.
    #[inline]
    pub fn finish(self, outcome: Outcome) {
        self.end(outcome);
    }

    /// [`finish`](Self::finish), in one piece with its caller.
    #[inline(always)]
    pub(crate) fn end(mut self, outcome: Outcome) {
        self.settle(End::Finished(outcome), Instant::now);
    }

    /// [`finish`](Self::finish) at `now`.
    pub fn finish_at(mut self, outcome: Outcome, now: Instant) {
        self.settle(End::Finished(outcome), || now);
    }

    #[inline]
    pub(crate) fn core(&self) -> &P {
        self.core.0.as_ref().expect("there until it is dropped")
    }

    /// Asks again, before the call is made, if the state that let it in is over. If it is not let in, it has
    /// nothing more to say.
    pub(crate) fn is_still_let_in(&mut self) -> bool {
        let core = self
            .core
            .0
            .as_ref()
            .expect("there until it is dropped")
            .borrow();
        let state = core.circuit().load().generation();
        if self.admission.is_some_and(|a| a.generation() == state) {
            return true;
        }
        let now = Instant::now();
        // Not a rejection: who is not let in goes on waiting. Nor was the call of before cancelled; what it
        // would say is late.
        self.admission = core.circuit().admit(|| core.ticks(now)).ok();
        self.begun = Begun::at(|| now);
        self.admission.is_some()
    }

    /// Ends it with nothing said; nothing, if it was said.
    #[inline(always)]
    pub(crate) fn end_unsaid(&mut self, now: impl Fn() -> Instant) {
        if let Some(core) = self.core.0.take() {
            // The usual case, that it was said, need not ask whether the thread panics.
            match self.admission.take() {
                Some(admission) => end_unsaid(core, admission, self.begun, now),
                None => release(core),
            }
        }
    }

    #[inline(always)]
    fn settle(&mut self, end: End, now: impl Fn() -> Instant) {
        if let Some(core) = self.core.0.take() {
            match self.admission.take() {
                Some(admission) if end != WELL || !core.borrow().stays_as_it_is(admission) => {
                    settle(core, admission, self.begun, end, now);
                }
                _ => release(core),
            }
        }
    }
}

const WELL: End = End::Finished(Outcome::Success);

impl<P: Borrow<Core>> Drop for Call<P> {
    #[inline(always)]
    fn drop(&mut self) {
        self.end_unsaid(Instant::now);
    }
}

/// A pointer that is dropped by value. The drop of an `Arc` takes it by reference, on each path of unwinding too, and
/// whatever contains that keeps the whole token, and the future around it, in memory.
struct Held<P>(
    /// `None` only while it is dropped.
    Option<P>,
);

impl<P> Drop for Held<P> {
    #[inline(always)]
    fn drop(&mut self) {
        if let Some(pointer) = self.0.take() {
            release(pointer);
        }
    }
}

#[inline(always)]
fn release<P>(pointer: P) {
    if mem::needs_drop::<P>() {
        let_go(pointer);
    }
}

// What follows takes parts by value, and not a `Call`, which then never has to lie in memory; and it never unwinds, as
// the ABI says, so that who calls it keeps nothing in memory for the case. (What could panic is a waker, or what a
// listener holds: their own affair. The panic hook has said it.)

fn contained(work: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
        mem::forget(panic);
    }
}

#[inline(never)]
extern "C" fn let_go<P>(pointer: P) {
    contained(|| drop(pointer));
}

#[inline(never)]
#[expect(
    improper_ctypes_definitions,
    reason = "the ABI is chosen because it cannot unwind; only Rust calls this"
)]
extern "C" fn settle<P: Borrow<Core>>(
    core: P,
    admission: Admission,
    begun: Begun,
    end: End,
    now: impl Fn() -> Instant,
) {
    contained(|| core.borrow().settle(admission, begun, end, now));
}

#[cold]
#[inline(never)]
#[expect(
    improper_ctypes_definitions,
    reason = "the ABI is chosen because it cannot unwind; only Rust calls this"
)]
extern "C" fn end_unsaid<P: Borrow<Core>>(
    core: P,
    admission: Admission,
    begun: Begun,
    now: impl Fn() -> Instant,
) {
    let end = if thread::panicking() {
        End::Finished(Outcome::Failure)
    } else {
        End::Cancelled
    };
    contained(|| core.borrow().settle(admission, begun, end, now));
}

impl<P: Borrow<Core>> fmt::Debug for Call<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Call").field(self.core().borrow()).finish()
    }
}

/// Makes a failure of a call if it is dropped and not [disarmed](Self::disarm): around code that may
/// panic, when the call itself is not dropped by the panic but later, by who caught it.
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
        self.0.settle(End::Finished(Outcome::Failure), Instant::now);
    }
}
