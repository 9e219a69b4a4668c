use std::{fmt, fmt::Display};

use metrics::{Recorder, with_recorder};
use tokio::time::Instant;

use super::{handles::Handles, labels::Labels};
use crate::{CircuitBreaker, Core, Outcome, State, circuit::End, outbox::Change, sync::OnceLock};

pub(crate) const IS_ON: bool = true;

/// When a call began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun(Instant);

impl Begun {
    #[inline]
    pub(crate) fn at(now: impl FnOnce() -> Instant) -> Self {
        Self(now())
    }
}

/// The metric handles of one circuit breaker: of the recorder, kept from the first use on at which there is
/// one.
pub(crate) struct Meter {
    name: &'static str,
    /// Of a family that labels its members.
    key: OnceLock<String>,
    handles: OnceLock<Handles>,
}

impl Meter {
    pub(crate) const fn new(name: &'static str) -> Self {
        Self {
            name,
            key: OnceLock::new(),
            handles: OnceLock::new(),
        }
    }

    /// The value of the label `key`, for who has no handles yet.
    pub(crate) fn label(&self, key: Option<String>) {
        if let Some(key) = key {
            self.key.get_or_init(|| key);
        }
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
            handles.rejected[by.index()].increment(1);
        }
    }

    /// Only for one change at a time, in their order.
    pub(crate) fn moved(&self, change: &Change, state: impl FnOnce() -> State) {
        if let Some(handles) = self.find(state) {
            handles.transitions[change.trigger() as usize].increment(1);
            handles.show(change.to);
        }
    }

    #[inline]
    fn find(&self, state: impl FnOnce() -> State) -> Option<&Handles> {
        self.handles.get().or_else(|| self.resolve(state, false))
    }

    /// Before a recorder is installed, `metrics` hands out one without a field, whose handles are dead for
    /// ever: those are not kept, unless somebody asks. Whoever writes a recorder without a field calls
    /// `resolve_metrics`.
    #[cold]
    fn resolve(&self, state: impl FnOnce() -> State, asked: bool) -> Option<&Handles> {
        let register = |recorder: &dyn Recorder| {
            let key = self.key.get().map(String::as_str);
            Handles::register(self.name, key, recorder, state())
        };
        with_recorder(|recorder| {
            (asked || size_of_val(recorder) > 0)
                .then(|| self.handles.get_or_init(|| register(recorder)))
        })
    }
}

impl<P: std::borrow::Borrow<Core>> CircuitBreaker<P> {
    /// Takes the handles of its metrics from the recorder now, instead of at the first use at which there is
    /// one: so that the counters are there, at zero, and the gauge of its state, before anything happens.
    pub fn resolve_metrics(&self) {
        let state = self.state();
        let meter = &self.core().circuit().meter;
        meter.resolve(|| state, true);
    }
}

impl<K: Display> crate::CircuitBreakers<K> {
    /// From now on a new member's metrics have the label `key`, with its key as it is displayed. Without it the
    /// members share their metrics, which add up.
    ///
    /// Only as many keys as the [capacity](Self::capacity) ever get a label of their own; those that come later,
    /// like the [`overflow`](Self::overflow), have the label `_overflow`. So the number of time series is bounded,
    /// however many keys come and go.
    pub fn label_metrics(&self) {
        self.labels().display();
        let overflow = self.overflow();
        overflow
            .core()
            .circuit()
            .meter
            .label(Some(Labels::<K>::overflow()));
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
