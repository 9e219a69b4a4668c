//! Feature `family`: a bulkhead for each key.

mod by;
mod listen;
mod members;
mod pause;
mod shown;
#[cfg(all(test, not(loom)))]
mod tests;
mod walk;

use std::{fmt, hash::Hash, sync::Arc};

use crate::{
    bulkhead::Bulkhead,
    config::Builder,
    limit::{Adaptive, Fixed, Limit, Regulate},
    state::Core,
    types::{InvalidConfig, InvalidConfigKind, Name, key_text},
};
pub use by::By;
use members::{Members, Regulators};

/// A bulkhead for each key: a tenant, a route, a host. A cheap handle; clones share.
///
/// The number of bulkheads is at most the capacity. When a new key arrives at a full family, an idle member makes room: one
/// without a call, without a waiter and without a handle. A member that was not used recently goes first. If none of the
/// members that are examined is idle, the calls of the new key share one more bulkhead of the same configuration, the
/// [`overflow`](Self::overflow): they are bounded, and no call in flight is affected.
///
/// An evicted member loses its counts, a limit that was set by hand, and what an adaptive limit has learnt. Hold a handle of
/// a key that must not lose them. A call that is refused for its deadline creates no member.
///
/// All members have the name of the family. Its metrics are sums over them, and `maestro_bulkhead_limit` is the limit of one
/// member, unless they are [labelled](Self::label_metrics). Rejections name the key if the family
/// [shows its keys](Self::show_keys).
///
/// # Cost
///
/// A key that exists costs one lookup in a concurrent map, without a lock, and then what a bulkhead costs. A new key takes a
/// lock, and at full capacity examines up to 64 members, twice; the next one goes on with the next 64. When 16 such searches in
/// a row, and as many as have examined all members, found none to evict, new keys take the overflow at once for 5 ms. Then one
/// searches, and if it finds none there are 5 ms more. So while new keys come, a member that can be evicted is found at most
/// 5 ms for each 64 members, or part of 64, later: 5 ms in a family of 64, 80 ms in one of 1,000, 7.8 s in one of 100,000. Until
/// then the new keys share the overflow.
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
pub struct Bulkheads<K, R = Fixed>(Arc<Members<K, R>>);

/// A family whose members each have an adaptive limit. Made by [`Builder::build_adaptive_family`].
pub type AdaptiveBulkheads<K, L> = Bulkheads<K, Adaptive<L>>;

// === Building ===

impl Builder {
    /// Builds a family: a bulkhead of this configuration for each key, and at most `capacity` of them.
    ///
    /// # Errors
    ///
    /// The errors of [`build`](Self::build), and a capacity of 0.
    pub fn build_family<K>(
        self,
        name: impl Into<Name>,
        capacity: usize,
    ) -> Result<Bulkheads<K>, InvalidConfig> {
        Bulkheads::new(name.into(), self, capacity, Box::new(|_| Fixed))
    }

    /// Builds a family whose members each follow a copy of `law`.
    ///
    /// The limit of a tenant with slow or refused calls falls, and no other limit with it. A new or evicted key begins with
    /// [`limit`](Self::limit) and has learnt nothing. For few and busy keys, such as hosts or routes: a key with fewer than
    /// ten calls in a [`window`](Self::window) learns little.
    ///
    /// # Errors
    ///
    /// The errors of [`build_adaptive`](Self::build_adaptive), and a capacity of 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_bulkhead::{Aimd, Bulkhead, BulkheadLayer, Full};
    ///
    /// struct Request { host: &'static str }
    ///
    /// let hosts = Bulkhead::builder().limit(20).build_adaptive_family("hosts", 100, Aimd::new().max(80))?;
    /// let layer = BulkheadLayer::new(hosts.by(|request: &Request| request.host))
    ///     .overload_if(|r: &Result<u16, Full>| matches!(r, Ok(503)));
    /// # use tower::{Layer, service_fn};
    /// # let _ = layer.layer(service_fn(async |_: Request| Ok::<_, Full>(200)));
    /// assert_eq!(hosts.get(&"a.example").limit(), 20);
    /// # Ok::<(), maestro_bulkhead::InvalidConfig>(())
    /// ```
    pub fn build_adaptive_family<K, L: Limit + Clone>(
        self,
        name: impl Into<Name>,
        capacity: usize,
        law: L,
    ) -> Result<AdaptiveBulkheads<K, L>, InvalidConfig> {
        let name = name.into();
        let checked = law.check();
        checked.map_err(|refused| refused.of(name.as_str()))?;
        Bulkheads::new(name, self, capacity, each_follows(law))
    }
}

impl<K, R> Bulkheads<K, R> {
    fn new(
        name: Name,
        numbers: Builder,
        capacity: usize,
        regulators: Regulators<R>,
    ) -> Result<Self, InvalidConfig> {
        let name = name.as_str();
        numbers.check_for(name)?;
        if capacity == 0 {
            return Err(InvalidConfigKind::Capacity.unnamed().of(name));
        }
        Ok(Self(Arc::new(Members::new(
            name, numbers, capacity, regulators,
        ))))
    }
}

fn each_follows<L: Limit + Clone>(law: L) -> Regulators<Adaptive<L>> {
    Box::new(move |numbers| Adaptive::new(law.clone(), numbers.window))
}

// === Using it ===

impl<K: fmt::Display, R> Bulkheads<K, R> {
    /// Rejections by a member, and the `tracing` events about them, name its key, as it is displayed:
    /// [`Full::key`](crate::Full::key). So does its handle, by [`Bulkhead::key`]. Without this, keys appear in no error, log or
    /// metric, since they may be secret.
    ///
    /// Applies to members that are made later: call it when the family is built. A key is cut at 128 characters, and its
    /// control characters are replaced. The overflow has no key.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_bulkhead::Bulkhead;
    ///
    /// let hosts = Bulkhead::builder().limit(1).build_family("hosts", 100)?.show_keys();
    /// let example = hosts.get(&"a.example");
    /// let _held = example.try_acquire()?;
    /// let full = example.try_acquire().unwrap_err();
    /// assert_eq!(full.key().as_deref(), Some("a.example"));
    /// assert_eq!(full.to_string(), "bulkhead `hosts` [a.example] is full: 1 call in flight of at most 1");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn show_keys(self) -> Self {
        self.0.show_keys(|key| key_text(key));
        self
    }

    /// The metrics of a member have the label `key`, with its key as it is displayed. Without this, the members share their
    /// metrics, which add up.
    ///
    /// Applies to members that are made later: call it when the family is built. Only as many keys as the
    /// [`capacity`](Self::capacity) ever get their own label. Those that come later, and the [`overflow`](Self::overflow), share
    /// `_overflow`: the number of time series is bounded, however many keys come and go.
    ///
    /// A key costs 11 time series: 3 gauges, 6 counters of refusals, and those of would-be refusals and of overloads. So a
    /// capacity of 1,000 is up to 11,011 of them. They are there from the first call of the member on, and the recorder may keep
    /// them after it has gone.
    #[cfg(feature = "metrics")]
    #[must_use]
    pub fn label_metrics(self) -> Self {
        self.0.label_metrics(|key| key_text(key));
        self
    }
}

impl<K, R> Bulkheads<K, R> {
    /// Chooses the bulkhead of a call by its request, for a layer.
    ///
    /// `key` runs once a call. A key that is cheap to make is best: a number, or an `Arc<str>` that the request holds.
    pub fn by<Req, F>(&self, key: F) -> By<K, F, R>
    where
        F: Fn(&Req) -> K + Clone,
    {
        By::new(self.clone(), key)
    }

    /// The name of all members.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    /// The most keys with their own bulkhead.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.0.capacity
    }

    /// The bulkhead that the keys without their own one share.
    #[must_use]
    pub fn overflow(&self) -> Bulkhead<Arc<Core<R>>> {
        Bulkhead(Arc::clone(&self.0.overflow))
    }
}

impl<K: Hash + Eq + Clone, R: Regulate> Bulkheads<K, R> {
    /// The bulkhead of `key`. It is made if it does not exist. It is the overflow if the family has no room for it.
    ///
    /// A member with a handle is not evicted. Takes a short lock; the layer does not.
    #[must_use]
    pub fn get(&self, key: &K) -> Bulkhead<Arc<Core<R>>> {
        Bulkhead(self.0.find_or_make(key))
    }

    /// All members, in no particular order, without the overflow.
    pub fn iter(&self) -> impl Iterator<Item = (K, Bulkhead<Arc<Core<R>>>)> {
        let all = self.0.all().into_iter();
        all.map(|(key, core)| (key, Bulkhead(core)))
    }

    /// The number of members.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the family has no member yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Removes every member that is [idle](Self) and was not used since the last call of this method (or since a new key
    /// examined it): called every ten minutes, those that were idle for at least as long. Returns how many went.
    ///
    /// Only memory needs it: a new key finds room anyway. No call waits for it but the first ones of new keys: it gives the lock
    /// back after each 64 members.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_bulkhead::Bulkhead;
    ///
    /// let tenants = Bulkhead::builder().limit(8).build_family("tenants", 1_000)?;
    /// let seven = tenants.get(&7).try_acquire()?;
    /// drop(tenants.get(&8).try_acquire()?);
    /// assert_eq!(tenants.evict_idle(), 0); // both were used just now
    /// assert_eq!(tenants.evict_idle(), 1); // a call of 7 is in flight
    /// # drop(seven);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[expect(clippy::must_use_candidate, reason = "called for its effect")]
    pub fn evict_idle(&self) -> usize {
        self.0.evict_idle()
    }

    /// Takes another configuration, for present and future members. If several threads do so at once, all members have the last
    /// one when every thread has returned.
    ///
    /// # Errors
    ///
    /// The errors of [`Builder::build`]; nothing is changed then.
    pub fn reconfigure(&self, to: Builder) -> Result<(), InvalidConfig> {
        to.check_for(self.name())?;
        self.0.set_numbers(to);
        self.0.update(Core::reconfigure)
    }
}

impl<K: Hash + Eq + Clone, L: Limit + Clone> AdaptiveBulkheads<K, L> {
    /// Makes present and future members follow `law` from their next window on. If several threads do so at once, all members
    /// follow the last one when every thread has returned.
    ///
    /// # Errors
    ///
    /// A number of `law` that is not legal; nothing is changed then.
    pub fn set_law(&self, law: L) -> Result<(), InvalidConfig> {
        law.check().map_err(|refused| refused.of(self.name()))?;
        // Dropped at the end: foreign code.
        let _former = self.0.set_regulators(each_follows(law));
        let newest = || self.0.regulator().into_law();
        self.0.update(|core, _| core.regulator().follow(newest()))
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
            .field("name", &self.name())
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}
