use std::{fmt, hash::Hash, sync::Arc};

use crate::{
    family::ErrorBudgets,
    layer::source::{Source, sealed},
    observation::Observation,
    record::Core,
};

/// A family, and the function that returns the key of a request. Passed to
/// [`ErrorBudgetLayer::new`](crate::ErrorBudgetLayer::new).
pub struct By<K, F> {
    pub(super) family: ErrorBudgets<K>,
    pub(super) key: F,
}

impl<Req, K: Hash + Eq + Clone, F: Fn(&Req) -> K> Source<Req> for By<K, F> {
    type Pointer = Arc<Core>;

    fn observe(&self, request: &Req) -> Observation {
        self.family.get(&(self.key)(request)).into_observation()
    }
}

impl<K, F> sealed::Source for By<K, F> {}

impl<K, F: Clone> Clone for By<K, F> {
    fn clone(&self) -> Self {
        Self {
            family: self.family.clone(),
            key: self.key.clone(),
        }
    }
}

impl<K, F> fmt::Debug for By<K, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("By").field(&self.family).finish()
    }
}
