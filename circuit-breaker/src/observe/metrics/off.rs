#[cfg(feature = "http-body")]
use std::time::Duration;

#[cfg(feature = "family")]
use std::sync::Arc;

use tokio::time::Instant;

use crate::types::{Change, End, State};

pub(crate) const IS_ON: bool = false;

/// When a call began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun;

impl Begun {
    #[inline]
    pub(crate) fn at(_: impl FnOnce() -> Instant) -> Self {
        Self
    }

    #[cfg(feature = "http-body")]
    #[expect(clippy::unused_self, reason = "as with the feature")]
    pub(crate) fn later(self, _: Duration) -> Self {
        Self
    }
}

#[derive(Debug)]
pub(crate) struct Meter;

#[expect(clippy::unused_self, reason = "as with the feature")]
impl Meter {
    pub(in crate::observe) const fn new(_: &'static str) -> Self {
        Self
    }

    #[inline]
    pub(crate) fn ended(
        &self,
        _: Begun,
        _: End,
        _: impl FnOnce() -> Instant,
        _: impl FnOnce() -> State,
    ) {
    }

    #[inline]
    pub(crate) fn rejected(&self, _: State, _: impl FnOnce() -> State) {}

    #[inline]
    pub(crate) fn kept_closed(&self, _: impl FnOnce() -> State) {}

    #[inline]
    pub(in crate::observe) fn moved(&self, _: &Change, _: impl FnOnce() -> State) {}

    #[cfg(feature = "family")]
    #[inline]
    pub(crate) fn label(&self, _: Arc<str>) {}
}

/// As with the feature, without a field.
#[cfg(feature = "family")]
pub(crate) struct Labels<K>(std::marker::PhantomData<fn(K)>);

#[cfg(feature = "family")]
#[expect(clippy::unused_self, reason = "as with the feature")]
impl<K> Labels<K> {
    pub(crate) const fn new() -> Self {
        Self(std::marker::PhantomData)
    }

    #[inline]
    pub(crate) const fn text(&self, _: &K) -> Option<Arc<str>> {
        None
    }

    #[inline]
    pub(crate) fn give(&self, text: Arc<str>, _: usize) -> Arc<str> {
        text
    }
}
