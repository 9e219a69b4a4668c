//! A timeout for each key.

mod by;
mod listen;
mod members;
#[cfg(all(test, loom))]
mod models;
mod pause;
mod shown;
#[cfg(all(test, not(loom)))]
mod tests;
mod walk;

use std::{fmt, hash::Hash, sync::Arc};

use tokio::time::Instant;

pub use self::by::By;
use self::{
    members::{Member, Members},
    pause::Pause,
    shown::Shown,
    walk::Walk,
};
use crate::{
    config::Builder,
    observe,
    sync::{
        Map, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    timeout::Timeout,
    types::{InvalidConfig, InvalidConfigKind, Name, Object},
};

/// A timeout for each key: a host, a tenant, a route. A cheap handle; clones share. Feature `family`.
///
/// Made by [`Builder::build_family`]. With [`by`](Self::by) a layer takes the timeout of a call by its request.
///
/// # Capacity
///
/// At most `capacity` keys have a timeout of their own at a time: the members. When a new key comes at that size, the family
/// evicts a member, and prefers one that was not used lately. It never evicts a member
///
/// - whose limit an operator [forces](Timeout::force_limit), before the end of the override,
/// - whose settings differ from those of the family ([`Timeout::set_limit`], [`Timeout::reconfigure`]),
/// - of which there is a handle, as from [`get`](Self::get).
///
/// So an evicted member has nothing that the next one of its key lacks, except its listeners: keep a handle for as long as a
/// listener of one member is to hear. A call in flight needs no member, and keeps the limit that it began with.
///
/// If no member can be evicted, the calls of the new key use the [`overflow`](Self::overflow), one more timeout of the same
/// settings that all such keys share.
///
/// # Keys that clients choose
///
/// However many keys clients make up, no call changes a limit or evicts a member that an operator changed. Made-up keys have
/// these effects:
///
/// - Unchanged members are evicted and made again. The first calls of keys wait for each other.
/// - The labels of `label_metrics` (feature `metrics`) go to the first keys, made up or not.
/// - The memory holds at most `capacity` keys, each as long as the client made it. Refuse long ones before the layer.
///
/// A member that was changed by hand keeps its place. So do not change one for each key that a client sends.
///
/// [`count_readiness`](Builder::count_readiness) is that of the family in its layers: a service that is not ready has no request
/// yet, and so no key.
///
/// `Clone`, `Hash`, `Eq` and `Drop` of a key must not use the family: they may run under its lock, and would wait for it forever.
///
/// # Cost
///
/// A key that exists costs one lookup in a concurrent map, without a lock, and then what the timeout costs. A new key takes a
/// lock, and at full capacity looks at up to 64 others, twice; so does each call of a key without room. The next such search goes on
/// with the next 64. When 16 in a row, and as many as have looked at all members, found none to evict, these calls take the
/// overflow at once for 5 ms. Then one searches, and if it finds none there are 5 ms more. So while such calls come, a member
/// that can be evicted is found at most 5 ms for each 64 members, or part of 64, later: 5 ms in a family of 64, 80 ms in one of
/// 1,000, 7.8 s in one of 100,000. Until then the new keys share the overflow. A member takes about a third of a KB and twice
/// its key.
///
/// # Examples
///
/// ```
/// use maestro_timeout::{Override, Timeout, TimeoutLayer};
/// use std::time::Duration;
///
/// struct Request { host: &'static str }
///
/// let limit = Duration::from_millis(250);
/// let hosts = Timeout::builder().limit(limit).build_family("hosts", 1_000)?;
/// let layer = TimeoutLayer::new(hosts.by(|request: &Request| request.host));
///
/// let slow = hosts.get(&"slow.example");
/// slow.force_limit(4 * limit, Override::new("alice", "migration").lasting(Duration::from_secs(3_600)));
/// assert_eq!(slow.limit(), 4 * limit);
/// assert_eq!(hosts.get(&"a.example").limit(), limit);
/// # let _ = layer;
/// # Ok::<(), maestro_timeout::InvalidConfig>(())
/// ```
#[doc(alias = "TimeLimiterRegistry")]
pub struct Timeouts<K>(Arc<Shared<K>>);

struct Shared<K> {
    capacity: usize,
    map: Map<K, Timeout>,
    overflow: Timeout,
    /// That of the family, for its layers.
    counts_readiness: AtomicBool,
    /// Taken to make, list or evict members, and to give out a handle; not by a call whose key exists.
    members: Mutex<Members<K>>,
    pause: Pause,
    shown: Shown<K>,
}

// === impl Builder ===

impl Builder {
    /// Builds a family: a timeout with these settings for each key, for at most `capacity` keys at a time. Feature `family`.
    ///
    /// # Errors
    ///
    /// [`InvalidConfigKind::Capacity`] if the capacity is 0. Every setting is valid.
    pub fn build_family<K: Hash + Eq + Clone>(
        self,
        name: impl Into<Name>,
        capacity: usize,
    ) -> Result<Timeouts<K>, InvalidConfig> {
        let name = name.into();
        if capacity == 0 {
            return Err(InvalidConfigKind::Capacity.of(Object::Timeout, name.as_str()));
        }
        let (_, counts_readiness) = self.parts();
        Ok(Timeouts(Arc::new(Shared {
            capacity,
            map: Map::new(),
            overflow: self.build(name),
            counts_readiness: AtomicBool::new(counts_readiness),
            members: Mutex::new(Members::new(self)),
            pause: Pause::none(Instant::now()),
            shown: Shown::nothing(),
        })))
    }
}

// === impl Timeouts ===

impl<K> Timeouts<K> {
    /// Chooses the timeout of a call by its request, for a layer.
    ///
    /// `key` runs once a call. A key that is cheap to make is best: a number, or an `Arc<str>` that the request holds.
    pub fn by<Req, F>(&self, key: F) -> By<K, F>
    where
        F: Fn(&Req) -> K + Clone,
    {
        By::new(self.clone(), key)
    }

    /// The name that all of them have.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.overflow.name()
    }

    /// How many keys have a separate timeout, at most.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.0.capacity
    }

    /// The timeout that keys without room share.
    #[must_use]
    pub fn overflow(&self) -> Timeout {
        self.0.overflow.clone()
    }

    /// All members that exist now, in no particular order, without the overflow: for an admin view. It holds a handle of each,
    /// so no member is evicted before it is dropped: collect what you show, and drop it before you await.
    pub fn iter(&self) -> impl Iterator<Item = (K, Timeout)>
    where
        K: Clone,
    {
        let members = self.0.members.lock();
        let handle = |member: &Member<K>| (Arc::clone(&member.key), member.timeout.clone());
        let all: Vec<_> = members.ring.iter().map(handle).collect();
        drop(members);
        all.into_iter()
            .map(|(key, timeout)| (K::clone(&key), timeout))
    }

    /// How many keys have a separate timeout now.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.members.lock().ring.len()
    }

    /// Whether no key has one yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Changes all settings: of the members that exist, each as by [`Timeout::reconfigure`], of the overflow, and of members to
    /// come. Settings of one key alone are replaced, and a [forced](Timeout::force_limit) limit stays in effect until its end.
    /// If several threads do so at once, all members have the last settings once every thread has returned.
    ///
    /// # Errors
    ///
    /// None today, as for [`Timeout::reconfigure`].
    pub fn reconfigure(&self, to: Builder) -> Result<(), InvalidConfig> {
        observe::configured("timeout", self.name(), to.check());
        let mut members = self.0.members.lock();
        members.numbers = to;
        members.revision += 1;
        let (_, counts_readiness) = to.parts();
        // Under the lock, so that the last change stays.
        self.0.counts_readiness.store(counts_readiness, Relaxed);
        drop(members);
        loop {
            let members = self.0.members.lock();
            let (revision, numbers) = (members.revision, members.numbers);
            let singles = members.ring.iter().map(|member| &member.timeout);
            let timeouts: Vec<_> = singles.chain([&self.0.overflow]).cloned().collect();
            drop(members);
            // Without the lock: it calls listeners.
            for timeout in timeouts {
                timeout.apply(numbers);
            }
            // Another thread may have reached some of them first, with newer numbers: then those once more.
            if self.0.members.lock().revision == revision {
                return Ok(());
            }
        }
    }
}

impl<K: Hash + Eq + Clone> Timeouts<K> {
    /// The timeout of `key`, made if it does not exist; the overflow if there is no room for it.
    ///
    /// A member with a handle is not evicted. Takes a short lock; a layer does not.
    ///
    /// What changes the overflow changes the limit of all keys without room. Before you change a timeout by hand in a family
    /// that may be full, look whether [`iter`](Self::iter) has the key while you hold the handle.
    #[must_use]
    pub fn get(&self, key: &K) -> Timeout {
        let found = self.0.find(key);
        found.unwrap_or_else(|| self.0.find_or_make(key))
    }

    /// Removes every member that is not needed and was not used since the last call of this method (or since a new key
    /// looked at it): called every ten minutes, those that were idle for at least as long. Returns how many went.
    ///
    /// Only memory needs it: a new key finds room anyway. No call waits for it but the first ones of new keys, and those of keys
    /// without room: it gives the lock back after each 64 members.
    #[expect(clippy::must_use_candidate, reason = "called for its effect")]
    pub fn evict_idle(&self) -> usize {
        Walk::sum(|walk| {
            let gone = self.0.evict_some(walk);
            // With no lock held: the keys are the user's.
            let count = gone.len();
            gone.into_iter().for_each(Member::leave);
            count
        })
    }
}

impl<K> Shared<K> {
    fn counts_readiness(&self) -> bool {
        self.counts_readiness.load(Relaxed)
    }
}

impl<K> Clone for Timeouts<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K> fmt::Debug for Timeouts<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeouts")
            .field("name", &self.name())
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}
