use std::{fmt, hash::Hash};

use super::Timeouts;
use crate::layer::{Found, IntoSource, Sealed, Source};

/// A family, and the function that reads the key of a request. Made by [`Timeouts::by`], given to
/// [`TimeoutLayer::new`](crate::TimeoutLayer::new).
pub struct By<K, F> {
    family: Timeouts<K>,
    key: F,
}

impl<K, F> By<K, F> {
    pub(super) const fn new(family: Timeouts<K>, key: F) -> Self {
        Self { family, key }
    }
}

impl<K, F> Sealed for By<K, F> {}

impl<Req, K: Hash + Eq + Clone, F: Fn(&Req) -> K> Source<Req> for By<K, F> {
    fn counts_readiness(&self) -> bool {
        self.family.0.counts_readiness()
    }

    fn find(&self, request: &Req) -> Found<'_> {
        self.family.0.with(&(self.key)(request), Found::member)
    }
}

impl<K, F> IntoSource for By<K, F> {
    type Source = Self;

    fn into_source(self) -> Self {
        self
    }
}

impl<K, F: Clone> Clone for By<K, F> {
    fn clone(&self) -> Self {
        Self::new(self.family.clone(), self.key.clone())
    }
}

impl<K, F> fmt::Debug for By<K, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("By").field(&self.family).finish()
    }
}
