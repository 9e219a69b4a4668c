#[cfg(feature = "http-body")]
use std::time::Duration;
use std::{fmt, sync::Arc};

use metrics::{Recorder, with_recorder};
use tokio::time::Instant;

use super::handles::Handles;
use crate::{
    sync::OnceLock,
    types::{Change, End, Outcome, State},
};

pub(crate) const IS_ON: bool = true;

/// When a call began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun(Instant);

/// The metric handles of one circuit breaker: of the recorder, kept from the first use on at which
/// there is one.
pub(crate) struct Meter {
    name: &'static str,
    /// Of a family that labels its members.
    key: OnceLock<Arc<str>>,
    handles: OnceLock<Handles>,
}

impl Begun {
    #[inline]
    pub(crate) fn at(now: impl FnOnce() -> Instant) -> Self {
        Self(now())
    }

    /// Later by `time`, which is not part of the call's.
    #[cfg(feature = "http-body")]
    pub(crate) fn later(self, time: Duration) -> Self {
        Self(self.0.checked_add(time).unwrap_or(self.0))
    }
}

// === impl Meter ===

impl Meter {
    pub(in crate::observe) const fn new(name: &'static str) -> Self {
        Self {
            name,
            key: OnceLock::new(),
            handles: OnceLock::new(),
        }
    }

    /// Sets the value of the label `key`, unless the handles exist already.
    #[cfg(feature = "family")]
    pub(crate) fn label(&self, key: Arc<str>) {
        self.key.get_or_init(|| key);
    }

    #[inline]
    pub(crate) fn ended(
        &self,
        begun: Begun,
        end: End,
        now: impl FnOnce() -> Instant,
        state: impl FnOnce() -> State,
    ) {
        let Some(handles) = self.find(state) else {
            return;
        };
        let outcome = match end {
            End::Finished(Outcome::Success) => 0,
            End::Finished(Outcome::Failure | Outcome::FailureFor(_)) => 1,
            End::Finished(Outcome::Ignored) => 2,
            End::Cancelled => 3,
        };
        handles.calls[outcome].increment(1);
        if end != End::Cancelled {
            let took = now().saturating_duration_since(begun.0);
            handles.duration.record(took);
        }
    }

    #[inline]
    pub(crate) fn rejected(&self, by: State, state: impl FnOnce() -> State) {
        if let Some(handles) = self.find(state) {
            handles.rejected[by as usize].increment(1);
        }
    }

    /// A call would have opened a member of a family that has as many open members as it may.
    pub(crate) fn kept_closed(&self, state: impl FnOnce() -> State) {
        if let Some(handles) = self.find(state) {
            handles.kept_closed.increment(1);
        }
    }

    /// Only for one transition at a time, in their order.
    pub(in crate::observe) fn moved(&self, change: &Change, state: impl FnOnce() -> State) {
        if let Some(handles) = self.find(state) {
            handles.transitions[change.cause.index()].increment(1);
            handles.show(change.to);
        }
    }

    /// Takes the handles from the recorder now.
    pub(crate) fn resolve(&self, state: State) {
        self.register(|| state, true);
    }

    #[inline]
    fn find(&self, state: impl FnOnce() -> State) -> Option<&Handles> {
        self.handles.get().or_else(|| self.register(state, false))
    }

    /// Before a recorder is installed, `metrics` hands out one without a field, whose handles are
    /// dead for ever: those are not kept, unless the user asks. The author of a recorder without a
    /// field calls `resolve_metrics`.
    #[cold]
    fn register(&self, state: impl FnOnce() -> State, asked: bool) -> Option<&Handles> {
        let register = |recorder: &dyn Recorder| {
            let key = self.key.get().map(AsRef::as_ref);
            Handles::register(self.name, key, recorder, state())
        };
        with_recorder(|recorder| {
            (asked || size_of_val(recorder) > 0)
                .then(|| self.handles.get_or_init(|| register(recorder)))
        })
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meter")
            .field("name", &self.name)
            .field("key", &self.key.get())
            .field("resolved", &self.handles.get().is_some())
            .finish()
    }
}
