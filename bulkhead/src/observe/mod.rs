//! What a bulkhead reports to metrics and tracing. Without the features nothing here has a size or a body, so that the state
//! reports each event without a `cfg`.

mod events;
mod listeners;
#[cfg(feature = "metrics")]
mod metrics;
#[cfg(feature = "serde")]
mod serialize;
#[cfg(feature = "tracing")]
mod tracing;

use crate::types::{Cause, Full};
pub(crate) use events::Events;
pub use listeners::Listener;
#[cfg(feature = "family")]
pub(crate) use listeners::Listeners;
#[cfg(feature = "metrics")]
pub(crate) use metrics::Meter;

/// What gauges are set from when a recorder is found.
#[expect(
    unnameable_types,
    reason = "only `Regulate`, which is sealed, names it"
)]
pub trait Figures {
    fn name(&self) -> &'static str;
    fn in_flight(&self) -> usize;
    fn queued(&self) -> usize;
    fn limit(&self) -> usize;
}

/// The events of the calls of a bulkhead, reported outside of all locks: a recorder is foreign code.
pub(crate) trait Observe {
    fn entered(&self, _: &impl Figures, _places: u32) {}
    /// A call ends. It still counts as in flight.
    fn left(&self, _: &impl Figures, _places: u32) {}
    fn joined(&self, _: &impl Figures) {}
    /// A waiter leaves without a place.
    fn went(&self, _: &impl Figures) {}
    /// A waiter is granted its places, and counts as in flight from now on.
    fn granted(&self, _: &impl Figures, _places: u32) {}
    fn refused(&self, _: &impl Figures, _: Cause) {}
    fn would_refuse(&self, _: &impl Figures) {}
    fn overloaded(&self, _: &impl Figures) {}
    fn resized(&self, _: &impl Figures) {}
    /// Registers the metrics now.
    #[cfg(feature = "metrics")]
    fn resolve(&self, of: &impl Figures);

    /// A refusal, for metrics and tracing.
    fn report_refusal(&self, of: &impl Figures, full: &Full) {
        self.refused(of, full.cause());
        tracing::refused(full);
    }
}

#[cfg(not(feature = "metrics"))]
pub(crate) struct Meter;

#[cfg(not(feature = "metrics"))]
impl Meter {
    pub(crate) const fn new() -> Self {
        Self
    }
}

#[cfg(not(feature = "metrics"))]
impl Observe for Meter {}

#[cfg(not(feature = "tracing"))]
mod tracing {
    #[inline]
    pub(super) fn refused(_: &super::Full) {}
    #[inline]
    pub(super) fn changed(_: &crate::types::Event, _: &str, _: Option<&str>) {}
}
