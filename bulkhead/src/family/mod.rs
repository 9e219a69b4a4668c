mod adaptive;
mod by;
mod members;

use std::{fmt, hash::Hash, sync::Arc};

use crate::{Builder, Bulkhead, Core, Fixed, InvalidConfig, Regulate};

pub use adaptive::AdaptiveBulkheads;
pub use by::By;
use members::{Regulators, Shared};

/// A bulkhead for each key: a tenant, a route, a host. A cheap handle; clones share.
///
/// At most as many as its capacity exist at a time. When a new key comes and there are as many, one that is
/// idle (nobody is in it, waits for it or holds a handle of it) makes room, and not one that was used
/// lately if another can. When none of those that are looked at is idle, the calls of the new key share one further
/// bulkhead of the same configuration, the [`overflow`](Self::overflow): they are bounded, and nobody who is in is harmed.
///
/// With its member go what that has counted, a limit that was set by hand, and what an adaptive limit has learnt: hold a
/// handle of a key that must not lose those. A call that is refused for its deadline makes no member.
///
/// All have the family's name, so that its metrics are sums over them, and `maestro_bulkhead_limit` the limit of one.
///
/// # Cost
///
/// For a key that exists: one lookup in a concurrent map, without a lock, and then what the bulkhead costs. A new
/// key takes a lock and at full capacity looks at up to 64 others.
///
/// # Examples
///
/// ```
/// use maestro_bulkhead::{Bulkhead, BulkheadLayer};
///
/// struct Request { tenant: u32 }
///
/// let tenants = Bulkhead::builder().limit(8).build_family("tenants", 1_000)?;
/// let layer = BulkheadLayer::new(tenants.by(|request: &Request| request.tenant));
/// let seven = tenants.get(&7);
/// assert_eq!((seven.name(), seven.limit()), ("tenants", 8));
/// # let _ = layer;
/// # Ok::<(), maestro_bulkhead::InvalidConfig>(())
/// ```
pub struct Bulkheads<K, R = Fixed>(Arc<Shared<K, R>>);

impl<K, R> Bulkheads<K, R> {
    /// # Errors
    ///
    /// What [`Builder::build`] refuses, and a capacity of 0.
    pub(crate) fn new(
        name: &'static str,
        numbers: Builder,
        capacity: usize,
        regulators: Regulators<R>,
    ) -> Result<Self, InvalidConfig> {
        if let Some(problem) = numbers.problem() {
            return Err(problem);
        }
        if capacity == 0 {
            return Err(InvalidConfig::ZeroCapacity);
        }
        let shared = Shared::new(name, numbers, capacity, regulators);
        Ok(Self(Arc::new(shared)))
    }

    /// Chooses the bulkhead of a call by its request, for a layer.
    ///
    /// `key` is asked once a call; a key that costs nothing to make (a number, an `Arc<str>` that the request has anyway) is best.
    pub fn by<Req, F>(&self, key: F) -> By<K, F, R>
    where
        F: Fn(&Req) -> K + Clone,
    {
        By::new(self.clone(), key)
    }

    /// The name that all of them have.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    /// How many keys have a bulkhead of their own, at most.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.0.capacity
    }

    /// The one that keys share for which there is no room.
    #[must_use]
    pub fn overflow(&self) -> Bulkhead<Arc<Core<R>>> {
        Bulkhead(Arc::clone(&self.0.overflow))
    }
}

impl<K: Hash + Eq + Clone, R: Regulate> Bulkheads<K, R> {
    /// The bulkhead of `key`, made if it does not exist; the overflow if there is no room for it.
    ///
    /// While the handle exists it is not evicted. Takes a short lock; the layer does not.
    #[must_use]
    pub fn get(&self, key: &K) -> Bulkhead<Arc<Core<R>>> {
        Bulkhead(self.0.find_or_make(key))
    }

    /// All that exist now, in no particular order, without the overflow.
    pub fn iter(&self) -> impl Iterator<Item = (K, Bulkhead<Arc<Core<R>>>)> {
        let roster = self.0.roster.lock();
        let map = self.0.map.pin();
        let all: Vec<_> = roster
            .ring
            .iter()
            .filter_map(|key| {
                let core = Arc::clone(&map.get(key)?.core);
                Some((key.clone(), Bulkhead(core)))
            })
            .collect();
        all.into_iter()
    }

    /// How many keys have a bulkhead of their own now.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.roster.lock().ring.len()
    }

    /// Whether no key has one yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes another configuration, for those that exist and those to come.
    ///
    /// # Errors
    ///
    /// What [`Builder::build`] refuses; nothing is changed then.
    pub fn reconfigure(&self, to: Builder) -> Result<(), InvalidConfig> {
        if let Some(problem) = to.problem() {
            return Err(problem);
        }
        self.0.roster.lock().numbers = to;
        self.0.overflow.reconfigure(to)?;
        for (_, bulkhead) in self.iter() {
            bulkhead.0.reconfigure(to)?;
        }
        Ok(())
    }
}

impl<K, R> Clone for Bulkheads<K, R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K, R> fmt::Debug for Bulkheads<K, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bulkheads")
            .field("name", &self.0.name)
            .field("capacity", &self.0.capacity)
            .finish_non_exhaustive()
    }
}
