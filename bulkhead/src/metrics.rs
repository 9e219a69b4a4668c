//! What the `metrics` feature would report. Without it nothing is reported, and nothing is here.

use crate::Cause;

/// The metric handles of one bulkhead.
#[derive(Debug)]
pub(crate) struct Meter;

#[expect(clippy::unused_self, reason = "the shape of the one that reports")]
impl Meter {
    pub(crate) const fn new() -> Self {
        Self
    }

    pub(crate) const fn entered(&self, _: &'static str) {}
    pub(crate) const fn left(&self, _: &'static str) {}
    pub(crate) const fn queued(&self, _: &'static str, _: usize) {}
    pub(crate) const fn refused(&self, _: &'static str, _: Cause) {}
    pub(crate) const fn would_refuse(&self, _: &'static str) {}
    pub(crate) const fn overloaded(&self, _: &'static str) {}
    pub(crate) const fn resized(&self, _: &'static str, _: usize) {}
}
