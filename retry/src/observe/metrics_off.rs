//! Stands for `metrics` without the feature: it holds nothing and does nothing.

use crate::types::Event;

#[derive(Default)]
pub(super) struct Meters;

#[expect(clippy::unused_self, reason = "the same calls as with the feature")]
impl Meters {
    pub(super) const fn new(_: Option<&'static str>) -> Self {
        Self
    }

    #[inline]
    pub(super) fn event(&self, _: &Event) {}

    #[inline]
    pub(super) fn level(&self, _: impl FnOnce() -> Option<f64>) {}
}
