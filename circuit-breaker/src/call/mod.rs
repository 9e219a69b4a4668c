//! A call, from its admission to its end: the token, and the state that it shares with the handle.
//!
//! A healthy call passes through this file, `core/mod.rs` and `end.rs`.

#[cfg(feature = "http-body")]
mod answered;
mod core;
mod end;

use std::{borrow::Borrow, fmt, mem, sync::Arc, time::Duration};

use tokio::time::Instant;

#[cfg(feature = "http-body")]
pub(crate) use self::answered::AnsweredCall;
pub use self::core::Core;
use self::end::{ByValue, SUCCESS, cancel, record, record_success, release};
use crate::{
    observe::Begun,
    state::Admission,
    types::{End, Open, Outcome},
};

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
        if self
            .admission
            .is_some_and(|it| core.machine().is_current(it))
        {
            return true;
        }
        let now = Instant::now();
        // Not a rejection: a call that is not admitted goes on waiting. Nor was the earlier call
        // cancelled: its result would be late.
        self.admission = core.machine().admit(|| core.ticks(now)).ok();
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
