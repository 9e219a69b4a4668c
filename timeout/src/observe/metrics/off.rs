use std::time::Duration;

use crate::{Elapsed, Phase, types::allowance::Allowance};

#[derive(Clone, Debug)]
pub(crate) struct Watch;

#[expect(clippy::unused_self, reason = "as with the feature")]
impl Watch {
    pub(crate) fn new(_: &'static str, _: &'static [Phase]) -> Self {
        Self
    }

    #[inline]
    pub(crate) fn elapsed(&self, _: &Elapsed) {}

    #[inline]
    pub(crate) fn finished(&self, _: Phase, _: Option<Allowance>) {}
}

#[derive(Debug)]
pub(crate) struct FilterMeters;

#[expect(clippy::unused_self, reason = "as with the feature")]
impl FilterMeters {
    pub(crate) fn new(_: &'static str) -> Self {
        Self
    }

    pub(crate) fn expired(&self, _: Duration, _: bool) {}
}
