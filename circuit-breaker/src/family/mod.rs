mod by;
mod listen;
mod members;
mod pause;
mod shown;
#[cfg(test)]
mod tests;
mod walk;

use std::{
    fmt,
    hash::Hash,
    sync::{Arc, Weak},
};

use tokio::time::Instant;

pub use self::by::By;
use self::{listen::Ears, pause::Pause, walk::Walk};
use crate::{
    breaker::CircuitBreaker,
    call::Core,
    config::{Builder, Config},
    observe::Labels,
    state::OpenLimit,
    sync::{Map, Mutex, OnceLock},
    types::{InvalidConfig, InvalidConfigKind, Name},
};

/// A circuit breaker for each key: a host, a tenant, a route. A cheap handle; clones share.
///
/// Made by [`Builder::build_family`]. At most `capacity` breakers exist at a time. When a new key
/// comes at that size, one makes room that is not needed, and not one that was used lately if
/// another can go. A breaker never goes that
///
/// - is open, before its wait is over,
/// - an operator has put into a state, before that ends,
/// - has calls in flight or waiting,
/// - has a handle or a listener of its own ([listeners of the family](Self::on_transition) do not matter),
/// - is one of so few that more of them would be open than may be ([`limit_open`](Self::limit_open)).
///
/// A breaker that goes has forgotten the calls in its window. When none can be evicted, the calls of the
/// new key share one more breaker of the same configuration, the [`overflow`](Self::overflow). So
/// the memory is bounded, however many keys the callers make up.
///
/// `Clone`, `Hash`, `Eq` and `Drop` of a key must not use the family: they may run under its lock, and would
/// wait for it forever.
///
/// # Cost
///
/// For a key that exists: one lookup in a concurrent map, without a lock, and then what the breaker
/// costs. A new key takes a lock, and at full capacity looks at up to 64 others, twice; the next one goes
/// on with the next 64. When 16 such searches in a row, and as many as have looked at all members, found none to evict, new
/// keys take the overflow at once for 5 ms. Then one searches, and if it finds none there are 5 ms more. So in a long outage of
/// all members a new key costs the same in a family of ten and of a hundred thousand. While new keys come, a member that can be
/// evicted is found at most 5 ms for each 64 members, or part of 64, later: 5 ms in a family of 64, 80 ms in one of 1,000,
/// 7.8 s in one of 100,000. Until then the new keys share the overflow. A member takes 528 bytes (with the feature `metrics` its
/// handles as well), its places in the map and in the list, and its window: nothing for consecutive failures, 128 bytes for a
/// window of time (twice that with a slow ratio) or of up to 104 calls, 1 KB for one of more.
///
/// # Examples
///
/// ```
/// use maestro_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer, State};
///
/// struct Request { host: &'static str }
///
/// let hosts = CircuitBreaker::builder().consecutive_failures(1).build_family("hosts", 1_000)?;
/// let layer = CircuitBreakerLayer::new(hosts.by(|request: &Request| request.host));
///
/// hosts.get(&"a.example").try_acquire()?.failure();
/// assert_eq!(hosts.get(&"a.example").state(), State::Open);
/// assert_eq!(hosts.get(&"b.example").state(), State::Closed);
/// # let _ = layer;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias("CircuitBreakerRegistry"))]
pub struct CircuitBreakers<K>(Arc<Shared<K>>);

struct Shared<K> {
    name: &'static str,
    capacity: usize,
    /// Weak: whether a member exists and whether it is being removed is one question to its
    /// reference count, answered in one step.
    map: Map<K, Weak<Core>>,
    overflow: Arc<Core>,
    /// Of the members, without the overflow.
    open_limit: Arc<OpenLimit>,
    /// Taken to make, list or evict members; not to use one.
    members: Mutex<Members<K>>,
    pause: Pause,
    labels: Labels<K>,
    /// How keys are shown, if they are.
    show: OnceLock<fn(&K) -> Arc<str>>,
    /// Made with the first listener.
    ears: OnceLock<Ears<K>>,
}

/// The members in a ring, with a hand that goes around and gives each that was used a second chance
/// (the "clock" of virtual memory): nearly the least recently used, without a stamp to be written
/// by each call.
struct Members<K> {
    config: Config,
    /// How often they were changed.
    revision: u64,
    ring: Vec<Member<K>>,
    hand: usize,
}

struct Member<K> {
    /// Shared with the listeners of the family: a clone of the user's key may panic.
    key: Arc<K>,
    core: Arc<Core>,
}

// === impl Builder ===

impl Builder {
    /// Builds a family: a circuit breaker of this configuration for each key, for at most
    /// `capacity` keys at a time.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] when a number is out of its range, the name is empty, or the capacity is 0.
    pub fn build_family<K: Hash + Eq + Clone>(
        self,
        name: impl Into<Name>,
        capacity: usize,
    ) -> Result<CircuitBreakers<K>, InvalidConfig> {
        let name = name.into().as_str();
        let config = self.validate_for(name).map_err(|kind| kind.of(name))?;
        if capacity == 0 {
            return Err(InvalidConfigKind::Capacity.of(name));
        }
        Ok(CircuitBreakers(Arc::new(Shared {
            name,
            capacity,
            map: Map::new(),
            overflow: Arc::new(Core::new(name, config).allocated()),
            open_limit: Arc::new(OpenLimit::none()),
            members: Mutex::new(Members {
                config,
                revision: 0,
                ring: Vec::new(),
                hand: 0,
            }),
            pause: Pause::none(Instant::now()),
            labels: Labels::new(),
            show: OnceLock::new(),
            ears: OnceLock::new(),
        })))
    }
}

// === impl CircuitBreakers ===

impl<K> CircuitBreakers<K> {
    /// Chooses the breaker of a call by its request, for a layer.
    ///
    /// `key` is called once a call; a key that costs nothing to make (a number, an `Arc<str>` that
    /// the request has anyway) is best.
    pub fn by<Req, F>(&self, key: F) -> By<K, F>
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

    /// How many keys have a separate breaker, at most.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.0.capacity
    }

    /// The breaker that keys without room share.
    #[must_use]
    pub fn overflow(&self) -> CircuitBreaker {
        CircuitBreaker::of(Arc::clone(&self.0.overflow))
    }

    /// From now on at most `percent` of a hundred members are open at a time, from 1 to 100: where
    /// the keys are endpoints of one service, and the calls that one of them rejects go to the
    /// others. One of two or more may always open, and one always stays closed.
    ///
    /// By default there is no limit, and all members may be open: where the keys are hosts or tenants
    /// that have nothing to do with each other, a member that is kept closed sends calls to a
    /// backend that fails, and no other member takes them.
    ///
    /// A member takes a place when it opens, and gives it back when it closes, ramps, or is
    /// evicted: open and half-open count. One that would open while there is no place stays closed,
    /// goes on counting, and opens at the next failure once there is one
    /// ([`Snapshot::kept_closed`](crate::Snapshot::kept_closed)).
    ///
    /// - The members are those that exist: where all endpoints are known, [`get`](Self::get) makes
    ///   them before the first call. One member alone stays closed. A member does not go if more
    ///   would be open then than may be.
    /// - The [`overflow`](Self::overflow) is no member, and has no limit.
    /// - An operator's [`force_open`](CircuitBreaker::force_open) and
    ///   [`trip`](CircuitBreaker::trip) are not refused. They take a place, also beyond the limit, and
    ///   then no failure opens another member until there is a place again.
    /// - A limit that is lowered closes nothing.
    /// - No task runs behind a member: an override that has run out gives its place back at the
    ///   next call or read of that member.
    ///
    /// Failures never open more, at any moment and from any number of threads. Costs nothing but at an
    /// opening and a closing, where it is a read-modify-write of one word of the family.
    ///
    /// # Errors
    ///
    /// [`InvalidConfigKind::OpenLimit`] when `percent` is not from 1 to 100.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_circuit_breaker::{CircuitBreaker, State};
    ///
    /// let endpoints = CircuitBreaker::builder().consecutive_failures(1).build_family("search", 16)?;
    /// endpoints.limit_open(50)?;
    /// let members = ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map(|endpoint| endpoints.get(&endpoint));
    /// for member in &members {
    ///     member.try_acquire()?.failure();
    /// }
    /// let states = members.each_ref().map(|member| member.state());
    /// assert_eq!(states, [State::Open, State::Closed, State::Closed]);
    /// assert_eq!(members[1].snapshot().kept_closed(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn limit_open(&self, percent: u8) -> Result<(), InvalidConfig> {
        if !(1..=100).contains(&percent) {
            return Err(InvalidConfigKind::OpenLimit(percent).of(self.0.name));
        }
        self.0.open_limit.set(percent);
        Ok(())
    }

    /// All members that exist now, in no particular order, without the overflow: for an admin view.
    pub fn iter(&self) -> impl Iterator<Item = (K, CircuitBreaker)>
    where
        K: Clone,
    {
        let members = self.0.members.lock();
        let handle = |member: &Member<K>| {
            let core = Arc::clone(&member.core);
            (K::clone(&member.key), CircuitBreaker::of(core))
        };
        let all: Vec<_> = members.ring.iter().map(handle).collect();
        drop(members);
        all.into_iter()
    }

    /// How many keys have a separate breaker now.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.members.lock().ring.len()
    }

    /// Whether no key has one yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K: Hash + Eq + Clone> CircuitBreakers<K> {
    /// The breaker of `key`, made if it does not exist; the overflow if there is no room for it.
    ///
    /// While the handle exists it is not evicted.
    #[must_use]
    pub fn get(&self, key: &K) -> CircuitBreaker {
        CircuitBreaker::of(self.core(key))
    }

    /// Replaces the numbers: of the members that exist, each as by [`CircuitBreaker::reconfigure`],
    /// of the overflow, and of members to come. If several threads do so at once, all members have
    /// the last numbers once every thread has returned.
    ///
    /// # Errors
    ///
    /// What [`Builder::build`] refuses; then nothing has changed.
    pub fn reconfigure(&self, to: Builder) -> Result<(), InvalidConfig> {
        let config = to.validate().map_err(|kind| kind.of(self.0.name))?;
        let mut members = self.0.members.lock();
        members.config = config;
        members.revision += 1;
        drop(members);
        loop {
            let members = self.0.members.lock();
            let (revision, config) = (members.revision, members.config);
            let singles = members.ring.iter().map(|member| &member.core);
            let cores: Vec<_> = singles.chain([&self.0.overflow]).cloned().collect();
            drop(members);
            // Without the lock: it may wake waiting calls and call listeners.
            for core in cores {
                let now = core.ticks(Instant::now());
                core.machine().reconfigure(config, now);
            }
            // Another thread may have reached some of them first, with newer numbers: then those
            // once more.
            if self.0.members.lock().revision == revision {
                // Once, and not for each member: of the family, as the overflow has no key.
                self.0.overflow.observers().reconfigured();
                return Ok(());
            }
        }
    }

    /// Removes every member that is not needed and was not used since the last call of this method
    /// (or since a new key looked at it): called every ten minutes, those that were idle for at least
    /// as long. Returns how many went.
    ///
    /// Only memory needs it: a new key finds room anyway. No call waits for it but the first ones
    /// of new keys: it gives the lock back after each 64 members.
    #[expect(clippy::must_use_candidate, reason = "called for its effect")]
    pub fn evict_idle(&self) -> usize {
        Walk::sum(|walk| self.0.evict_some(walk).len())
    }

    pub(crate) fn core(&self, key: &K) -> Arc<Core> {
        match self.0.find(key) {
            Some(core) => core,
            None => self.0.find_or_make(key),
        }
    }
}

impl<K> Clone for CircuitBreakers<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K> fmt::Debug for CircuitBreakers<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreakers")
            .field("name", &self.0.name)
            .field("capacity", &self.0.capacity)
            .finish_non_exhaustive()
    }
}
