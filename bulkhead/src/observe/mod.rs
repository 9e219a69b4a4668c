//! What a bulkhead reports to metrics and tracing. Without the features nothing here holds or does anything, so that the
//! state reports each event without a `cfg`.

#[cfg(feature = "metrics")]
mod metrics;
#[cfg(feature = "tracing")]
pub(crate) mod tracing;

use crate::types::Cause;
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
    #[inline]
    fn entered(&self, _: &impl Figures) {}
    /// A call ends. It still counts as in flight.
    #[inline]
    fn left(&self, _: &impl Figures) {}
    #[inline]
    fn joined(&self, _: &impl Figures) {}
    /// A waiter leaves without a place.
    #[inline]
    fn went(&self, _: &impl Figures) {}
    /// A waiter is granted a place, and counts as in flight from now on.
    #[inline]
    fn granted(&self, _: &impl Figures) {}
    #[inline]
    fn refused(&self, _: &impl Figures, _: Cause) {}
    #[inline]
    fn would_refuse(&self, _: &impl Figures) {}
    #[inline]
    fn overloaded(&self, _: &impl Figures) {}
    #[inline]
    fn resized(&self, _: &impl Figures) {}
}

#[cfg(not(feature = "metrics"))]
#[derive(Debug)]
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
pub(crate) mod tracing {
    use crate::types::Full;

    #[inline]
    pub(crate) fn refused(_: &Full) {}

    #[inline]
    pub(crate) fn resized(_: &'static str, _: usize) {}
}
