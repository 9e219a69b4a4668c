use std::hash::Hash;

use super::Bulkheads;
use crate::{Adaptive, Builder, InvalidConfig, Limit};

/// A family each of whose bulkheads finds its own limit. Made by
/// [`Builder::build_adaptive_family`](crate::Builder::build_adaptive_family).
pub type AdaptiveBulkheads<K, L> = Bulkheads<K, Adaptive<L>>;

impl<K, L: Limit + Clone> AdaptiveBulkheads<K, L> {
    pub(crate) fn adaptive(
        name: &'static str,
        numbers: Builder,
        capacity: usize,
        law: L,
    ) -> Result<Self, InvalidConfig> {
        law.check()?;
        Self::new(name, numbers, capacity, each_follows(law))
    }
}

impl<K: Hash + Eq + Clone, L: Limit + Clone> AdaptiveBulkheads<K, L> {
    /// Has those that exist and those to come follow `law`, each for itself, from their next window on.
    ///
    /// # Errors
    ///
    /// What `law` finds wrong with itself; nothing is changed then.
    pub fn set_law(&self, law: L) -> Result<(), InvalidConfig> {
        law.check()?;
        let laws = each_follows(law.clone());
        let former = std::mem::replace(&mut self.0.roster.lock().regulators, laws);
        drop(former); // its code is not ours: outside the lock
        for (_, bulkhead) in self.iter() {
            bulkhead.set_law(law.clone())?;
        }
        self.overflow().set_law(law)
    }
}

fn each_follows<L: Limit + Clone>(law: L) -> super::Regulators<Adaptive<L>> {
    Box::new(move |numbers| Adaptive::new(law.clone(), numbers.window))
}
