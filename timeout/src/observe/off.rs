//! The feature `metrics` is off.

use std::time::Duration;

use crate::types::{Allowance, Elapsed, Phase};

#[derive(Clone, Debug)]
pub(super) struct CallMeters;

#[expect(clippy::unused_self, reason = "the same as with the feature")]
impl CallMeters {
    pub(super) fn new(_: &'static str, _: &'static [Phase]) -> Self {
        Self
    }

    #[inline]
    pub(super) fn elapsed(&self, _: &Elapsed) {}

    #[inline]
    pub(super) fn finished(&self, _: Phase, _: Option<Allowance>) {}
}

#[derive(Debug)]
pub(super) struct FilterMeters;

#[expect(clippy::unused_self, reason = "the same as with the feature")]
impl FilterMeters {
    pub(super) fn new(_: &'static str) -> Self {
        Self
    }

    #[inline]
    pub(super) fn expired(&self, _: Duration, _: bool) {}
}
