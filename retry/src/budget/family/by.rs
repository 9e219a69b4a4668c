use std::{fmt, hash::Hash};

use super::RetryBudgets;
use crate::budget::RetryBudget;

/// A family, and the function that reads the key of a request. Made by [`RetryBudgets::by`], given to
/// [`RetryPolicy::budget`](crate::RetryPolicy::budget).
pub struct By<K, F> {
    family: RetryBudgets<K>,
    key: F,
}

impl<K, F> By<K, F> {
    pub(super) const fn new(family: RetryBudgets<K>, key: F) -> Self {
        Self { family, key }
    }

    /// The budget of the request's key.
    pub(crate) fn member<Req>(&self, request: &Req) -> RetryBudget
    where
        K: Hash + Eq + Clone,
        F: Fn(&Req) -> K,
    {
        self.family.get(&(self.key)(request))
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
