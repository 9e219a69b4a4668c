pub(crate) mod by;

use std::{
    fmt,
    hash::Hash,
    mem,
    sync::{Arc, Weak},
};

use tokio::time::Instant;

use crate::{
    Builder, By, CircuitBreaker, Core, InvalidConfig,
    metrics::Labels,
    settings::Settings,
    sync::{
        Map, Mutex,
        atomic::Ordering::{Acquire, Relaxed},
    },
    word::Phase,
};

/// A circuit breaker for each key: a host, a tenant, a route. A cheap handle; clones share.
///
/// Made by [`Builder::build_family`]. At most as many as its capacity exist at a time. When a new key comes
/// and there are as many, one makes room that nobody needs, and not one that was used lately if another can
/// go. Never one that
///
/// - is open, before its wait is over,
/// - an operator has put into a state, before that ends,
/// - has calls in flight or waiting,
/// - somebody holds a handle of, or listens to.
///
/// What goes has forgotten the calls in its window. When none may go, the calls of the new key share one
/// further breaker of the same configuration, the [`overflow`](Self::overflow): so the memory is bounded,
/// whoever makes up the keys.
///
/// # Cost
///
/// For a key that exists: one lookup in a concurrent map, without a lock, and then what the breaker costs. A
/// new key takes a lock, and at full capacity looks at up to 64 others. A member takes 2.5 KB.
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
pub struct CircuitBreakers<K>(Arc<Shared<K>>);

struct Shared<K> {
    name: &'static str,
    capacity: usize,
    /// Weak: that a member exists and that it is not being taken away is one question to its reference
    /// count, answered in one step.
    map: Map<K, Weak<Core>>,
    overflow: Arc<Core>,
    /// Taken to make, list or evict members; not to use one.
    roster: Mutex<Roster<K>>,
    labels: Labels<K>,
}

/// The members in a ring, with a hand that goes round and gives each that was used a second chance (the
/// "clock" of virtual memory): nearly the least recently used, without a stamp to be written by each call.
struct Roster<K> {
    settings: Settings,
    /// How often they were changed.
    revision: u64,
    ring: Vec<Member<K>>,
    hand: usize,
}

struct Member<K> {
    key: K,
    core: Arc<Core>,
}

/// So many members are looked at, at most, for one that may go: a bound for the time under the lock when unknown keys pour in.
const LOOKED_AT: usize = 64;

// === impl Builder ===

impl Builder {
    /// Builds a family: a circuit breaker of this configuration for each key, for at most `capacity` keys at
    /// a time.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] when a number is out of its range, or there is no room for a single key.
    pub fn build_family<K: Hash + Eq + Clone>(
        self,
        name: &'static str,
        capacity: usize,
    ) -> Result<CircuitBreakers<K>, InvalidConfig> {
        let settings = self.settings()?;
        if capacity == 0 {
            return Err(InvalidConfig::Capacity);
        }
        Ok(CircuitBreakers(Arc::new(Shared {
            name,
            capacity,
            map: Map::new(),
            overflow: Arc::new(Core::new(name, settings)),
            roster: Mutex::new(Roster {
                settings,
                revision: 0,
                ring: Vec::new(),
                hand: 0,
            }),
            labels: Labels::new(),
        })))
    }
}

// === impl CircuitBreakers ===

impl<K> CircuitBreakers<K> {
    /// Chooses the breaker of a call by its request, for a layer.
    ///
    /// `key` is asked once a call; a key that costs nothing to make (a number, an `Arc<str>` that the request
    /// has anyway) is best.
    pub fn by<Req, F>(&self, key: F) -> By<K, F>
    where
        F: Fn(&Req) -> K + Clone,
    {
        By {
            family: self.clone(),
            key,
        }
    }

    /// The name that all of them have.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    /// How many keys have a breaker of their own, at most.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.0.capacity
    }

    /// The one that keys share for which there is no room.
    #[must_use]
    pub fn overflow(&self) -> CircuitBreaker {
        CircuitBreaker(Arc::clone(&self.0.overflow))
    }

    #[cfg_attr(not(feature = "metrics"), expect(dead_code, reason = "of metrics"))]
    pub(crate) fn labels(&self) -> &Labels<K> {
        &self.0.labels
    }

    /// All that exist now, in no particular order, without the overflow: for an admin view.
    pub fn iter(&self) -> impl Iterator<Item = (K, CircuitBreaker)>
    where
        K: Clone,
    {
        let roster = self.0.roster.lock();
        let handle = |member: &Member<K>| {
            let core = Arc::clone(&member.core);
            (member.key.clone(), CircuitBreaker(core))
        };
        let all: Vec<_> = roster.ring.iter().map(handle).collect();
        drop(roster);
        all.into_iter()
    }

    /// How many keys have a breaker of their own now.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.roster.lock().ring.len()
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
        CircuitBreaker(self.core(key))
    }

    /// Takes other numbers, for those that exist, each as by [`CircuitBreaker::reconfigure`], the overflow, and
    /// those to come. Of several at once, all go by the numbers that came last as soon as each has returned.
    ///
    /// # Errors
    ///
    /// What [`Builder::build`] refuses; nothing is changed then.
    pub fn reconfigure(&self, to: Builder) -> Result<(), InvalidConfig> {
        let settings = to.settings()?;
        let mut roster = self.0.roster.lock();
        roster.settings = settings;
        roster.revision += 1;
        drop(roster);
        loop {
            let roster = self.0.roster.lock();
            let (revision, settings) = (roster.revision, roster.settings);
            let members = roster.ring.iter().map(|member| &member.core);
            let cores: Vec<_> = members.chain([&self.0.overflow]).cloned().collect();
            drop(roster);
            // Without the lock: it may wake who waits, and tell who listens.
            for core in cores {
                let now = core.ticks(Instant::now());
                core.circuit().reconfigure(settings, now);
            }
            // Somebody else may have come before us to some of them, with newer numbers: then those once more.
            if self.0.roster.lock().revision == revision {
                return Ok(());
            }
        }
    }

    /// Takes away every member that nobody needs and that was not used since this was called last (nor since
    /// one was looked for that may go): called every ten minutes, those that were idle for at least as long.
    /// Says how many went.
    ///
    /// Nothing asks for it but memory: a new key finds its place anyway. No call waits for it but the first
    /// ones of new keys.
    #[expect(clippy::must_use_candidate, reason = "asked for what it does")]
    pub fn evict_idle(&self) -> usize {
        let now = Instant::now();
        let mut roster = self.0.roster.lock();
        let mut gone = Vec::new();
        let mut seat = 0;
        while seat < roster.ring.len() {
            if self.0.take(&mut roster.ring[seat], now) {
                gone.push(roster.ring.swap_remove(seat));
            } else {
                seat += 1;
            }
        }
        drop(roster); // before the keys, which are the user's
        gone.len()
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

// === impl Shared ===

impl<K: Hash + Eq + Clone> Shared<K> {
    /// The member of `key`, unless there is none, or it is being taken away.
    fn find(&self, key: &K) -> Option<Arc<Core>> {
        let core = self.map.get(key, Weak::upgrade)??;
        if !core.used.load(Relaxed) {
            core.used.store(true, Relaxed); // a hint
        }
        Some(core)
    }

    #[cold]
    fn find_or_make(&self, key: &K) -> Arc<Core> {
        // Before anything is changed: a user's `clone` may panic.
        let (in_map, in_ring) = (key.clone(), key.clone());
        let label = self.labels.of(key, self.capacity);
        let mut roster = self.roster.lock();
        // Somebody was faster; or it was being taken away, and stayed.
        if let Some(core) = self.find(key) {
            return core;
        }
        let seat = if roster.ring.len() < self.capacity {
            roster.ring.len()
        } else if let Some(seat) = self.evict(&mut roster) {
            seat
        } else {
            return Arc::clone(&self.overflow);
        };
        let core = Arc::new(Core::new(self.name, roster.settings));
        core.circuit().meter.label(label);
        self.map.insert(in_map, Arc::downgrade(&core));
        roster.ring.push(Member {
            key: in_ring,
            core: Arc::clone(&core),
        });
        // Where one went, the new one is in its seat now; else it was the last already.
        let evicted = (seat + 1 < roster.ring.len()).then(|| roster.ring.swap_remove(seat));
        drop(roster);
        drop(evicted); // without the lock: its key is the user's
        core
    }

    /// Takes away a member that nobody needs; its seat in the ring, whose core is the overflow until it is
    /// another's.
    fn evict(&self, roster: &mut Roster<K>) -> Option<usize> {
        let (now, first, len) = (Instant::now(), roster.hand, roster.ring.len());
        let some = len.min(LOOKED_AT);
        // The same ones twice, so that who was used lately goes too if all were.
        let mut seats = (0..some).chain(0..some).map(|nth| (first + nth) % len);
        seats.find(|seat| {
            roster.hand = (seat + 1) % len;
            self.take(&mut roster.ring[*seat], now)
        })
    }

    /// Takes away a member if nobody needs it, and it was not used since this was asked last. Its core is
    /// then the overflow.
    fn take(&self, member: &mut Member<K>, now: Instant) -> bool {
        let Member { key, core } = member;
        let may_go = core.may_go(now);
        if core.used.swap(false, Relaxed) || !may_go {
            return false;
        }
        let again = key.clone(); // before anything is changed, as above
        // In one step: nobody has a reference beside that of the ring (a call in flight, a waiting one, a
        // handle), and from here on nobody gets one.
        match Arc::try_unwrap(mem::replace(core, Arc::clone(&self.overflow))) {
            Ok(gone) if gone.may_go(now) => {
                self.map.remove(key);
                return true;
            }
            // A call came and went meanwhile, and left it open. Who does not find it waits for our lock.
            Ok(stays) => {
                *core = Arc::new(stays);
                self.map.insert(again, Arc::downgrade(core));
            }
            Err(held) => *core = held,
        }
        false
    }
}

// === impl Core ===

impl Core {
    /// Whether nothing would be missed of it that is not to be forgotten. Makes no transition: whoever
    /// listens to one may ask the family, whose lock is held here.
    fn may_go(&self, now: Instant) -> bool {
        let (circuit, now) = (self.circuit(), self.ticks(now));
        // One that is under way is waited for.
        let transitions = circuit.transitions.lock();
        let word = circuit.load();
        let holds = match word.phase() {
            Phase::Closed { .. } | Phase::HalfOpen(_) => false,
            _ => circuit.until(word).load(Acquire) > now,
        };
        drop(transitions);
        !holds && circuit.outbox.get().is_none_or(|o| !o.is_heard())
    }
}
