//! Metrics and events. Without the features `metrics` and `tracing` nothing here holds or does anything.
//!
//! No other room knows whether the features are on.

#[cfg(feature = "metrics")]
mod handles;
#[cfg(feature = "metrics")]
mod metrics;
#[cfg(not(feature = "metrics"))]
#[path = "off.rs"]
mod metrics;
mod trace;

use std::time::Duration;

use self::metrics::{CallMeters, FilterMeters};
use crate::types::{Allowance, Elapsed, InvalidConfig, Phase};

/// Observes the calls of one timeout. Each future keeps a clone.
///
/// With `metrics` the clone is a reference count, which is two bus-locked instructions for each call. They are
/// the only writes to shared memory beside those of the recorder.
#[derive(Clone, Debug)]
pub(crate) struct Watch(CallMeters);

impl Watch {
    pub(crate) fn new(name: &'static str, phases: &'static [Phase]) -> Self {
        Self(CallMeters::new(name, phases))
    }

    pub(crate) fn elapsed(&self, elapsed: &Elapsed) {
        self.0.elapsed(elapsed);
        trace::elapsed(elapsed);
    }

    /// Records the time that was left. Without a limit there is none.
    #[inline]
    pub(crate) fn finished(&self, phase: Phase, allowance: Option<Allowance>) {
        self.0.finished(phase, allowance);
    }

    #[cfg(feature = "metrics")]
    pub(crate) fn resolve(&self) {
        self.0.resolve();
    }
}

/// Observes the expired requests of one filter.
#[derive(Debug)]
pub(crate) struct FilterWatch(FilterMeters);

impl FilterWatch {
    pub(crate) fn new(name: &'static str) -> Self {
        Self(FilterMeters::new(name))
    }

    pub(crate) fn expired(
        &self,
        name: &'static str,
        late: Duration,
        is_rejected: bool,
        is_dark: bool,
    ) {
        self.0.expired(late, is_rejected);
        trace::expired(name, late, is_rejected, is_dark);
    }

    #[cfg(feature = "metrics")]
    pub(crate) fn resolve(&self) {
        self.0.resolve();
    }
}

/// Observes a future that elapsed without a timeout: it has no metrics.
pub(crate) fn elapsed(elapsed: &Elapsed) {
    trace::elapsed(elapsed);
}

/// Logs an empty name and the first doubtful setting of what is built or reconfigured.
pub(crate) fn configured<T>(name: &'static str, checked: Result<T, InvalidConfig>) {
    if name.is_empty() {
        trace::doubtful(name, &InvalidConfig::EmptyName);
    }
    if let Some(problem) = checked.err() {
        trace::doubtful(name, &problem);
    }
}
