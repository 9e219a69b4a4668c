//! What the clones of a handle share: the clock and the state machine.

#[cfg(feature = "family")]
mod member;
mod refuse;

use std::fmt;

use tokio::time::Instant;

#[cfg(feature = "family")]
use crate::sync::atomic::AtomicBool;
use crate::{
    config::Config,
    observe::{Begun, HAS_METRICS, Meter, Observers},
    state::{Admission, Clock, StateMachine},
    sync::const_fn,
    types::{End, Open},
};

/// The shared state behind a [`CircuitBreaker`](crate::CircuitBreaker): opaque, named only in types
/// such as [`Call<&'static Core>`](crate::Call).
// In this order, see `StateMachine`.
#[repr(C)]
pub struct Core {
    machine: StateMachine,
    /// In a family: whether it was used since a new key, or `evict_idle`, last looked at it.
    #[cfg(feature = "family")]
    used: AtomicBool,
    clock: Clock,
}

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
    pub(super) fn is_unchanged_by_success(&self, admission: Admission) -> bool {
        !HAS_METRICS && self.machine.is_unchanged_by_success(admission)
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "one function with its only caller")]
    pub(super) fn record(
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
    pub(super) fn record_dropped(
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
