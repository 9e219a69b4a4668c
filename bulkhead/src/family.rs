use std::{fmt, hash::Hash, sync::Arc, time::Duration};

use papaya::HashMap;

use crate::{
    Acquire, Builder, Bulkhead, Cause, Core, Fixed, Full, Guard, InvalidConfig, Permit,
    acquire::Begun,
    core::Line,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

/// A bulkhead for each key: a tenant, a route, a host. A cheap handle; clones share.
///
/// At most as many as its capacity exist at a time. When a new key comes and there are as many, one that is
/// idle (nobody is in it, waits for it or holds a handle of it) makes room, and not one that was used
/// lately if another can. When none is idle, the calls of the new key share one further
/// bulkhead of the same configuration, the [`overflow`](Self::overflow): they are bounded, and nobody who is in is harmed.
///
/// A bulkhead that nobody uses has nothing to remember but its count of overloads, so its eviction goes unnoticed.
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
pub struct Bulkheads<K>(Arc<Shared<K>>);

struct Shared<K> {
    name: &'static str,
    capacity: usize,
    map: HashMap<K, Member>,
    overflow: Arc<Core>,
    /// Taken to make, find or evict a member for good; not to use one.
    roster: Mutex<Roster<K>>,
}

struct Member {
    core: Arc<Core>,
    /// Since the hand of the clock came by (see `Roster`).
    used: AtomicBool,
}

/// The keys in a ring, with a hand that goes round and gives each that was used a second chance (the "clock" of
/// virtual memory): nearly the least recently used, without a stamp to be written by each call.
struct Roster<K> {
    numbers: Builder,
    ring: Vec<K>,
    hand: usize,
}

/// A family, and how a request says its key. Given to [`BulkheadLayer::new`](crate::BulkheadLayer::new).
pub struct By<K, F> {
    family: Bulkheads<K>,
    key: F,
}

/// So many members are looked at, at most, for one that may go: a bound for the time under the lock when unknown keys pour in.
const LOOKED_AT: usize = 64;

// === impl Bulkheads ===

impl<K> Bulkheads<K> {
    pub(crate) fn new(name: &'static str, numbers: Builder, capacity: usize) -> Self {
        Self(Arc::new(Shared {
            name,
            capacity,
            map: HashMap::new(),
            overflow: Arc::new(Core::new(name, numbers, Fixed)),
            roster: Mutex::new(Roster {
                numbers,
                ring: Vec::new(),
                hand: 0,
            }),
        }))
    }

    /// Chooses the bulkhead of a call by its request, for a layer.
    ///
    /// `key` is asked once a call; a key that costs nothing to make (a number, an `Arc<str>` that the request has anyway) is best.
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

    /// How many keys have a bulkhead of their own, at most.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.0.capacity
    }

    /// The one that keys share for which there is no room.
    #[must_use]
    pub fn overflow(&self) -> Bulkhead {
        Bulkhead(Arc::clone(&self.0.overflow))
    }
}

impl<K: Hash + Eq + Clone> Bulkheads<K> {
    /// The bulkhead of `key`, made if it does not exist; the overflow if there is no room for it.
    ///
    /// While the handle exists it is not evicted. Takes a short lock; the layer does not.
    #[must_use]
    pub fn get(&self, key: &K) -> Bulkhead {
        Bulkhead(self.0.find_or_make(key))
    }

    /// All that exist now, in no particular order, without the overflow.
    pub fn iter(&self) -> impl Iterator<Item = (K, Bulkhead)> {
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
            bulkhead.reconfigure(to)?;
        }
        Ok(())
    }
}

impl<K> Clone for Bulkheads<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K> fmt::Debug for Bulkheads<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bulkheads")
            .field("name", &self.0.name)
            .field("capacity", &self.0.capacity)
            .finish_non_exhaustive()
    }
}

// === impl Shared ===

impl<K: Hash + Eq + Clone> Shared<K> {
    /// Runs `f` on the core of `key` until it is not a retired one that it met.
    fn with<T>(&self, key: &K, f: impl Fn(&Arc<Core>) -> Option<T>) -> T {
        loop {
            let found = self.map.pin().get(key).and_then(|member| {
                if !member.used.load(Relaxed) {
                    member.used.store(true, Relaxed); // a hint
                }
                f(&member.core)
            });
            // A member that was retired between the lookup and its use is out of the map in a moment, and
            // the lock below waits for that.
            if let Some(done) = found.or_else(|| f(&self.find_or_make(key))) {
                return done;
            }
        }
    }

    fn find_or_make(&self, key: &K) -> Arc<Core> {
        let mut roster = self.roster.lock();
        let map = self.map.pin();
        if let Some(member) = map.get(key) {
            return Arc::clone(&member.core);
        }
        let seat = if roster.ring.len() < self.capacity {
            roster.ring.push(key.clone());
            true
        } else if let Some(seat) = self.evict(&mut roster) {
            roster.ring[seat] = key.clone();
            true
        } else {
            false
        };
        if !seat {
            return Arc::clone(&self.overflow);
        }
        let core = Arc::new(Core::new(self.name, roster.numbers, Fixed));
        let member = Member {
            core: Arc::clone(&core),
            used: AtomicBool::new(true),
        };
        map.insert(key.clone(), member);
        core
    }

    /// Takes an idle member out of the map; its seat in the ring.
    fn evict(&self, roster: &mut Roster<K>) -> Option<usize> {
        let map = self.map.pin();
        // Twice round, so that who was used lately goes too if all were.
        for _ in 0..(2 * roster.ring.len()).min(LOOKED_AT) {
            let seat = roster.hand;
            roster.hand = (seat + 1) % roster.ring.len();
            let Some(member) = map.get(&roster.ring[seat]) else {
                continue;
            };
            if member.used.swap(false, Relaxed) || Arc::strong_count(&member.core) > 1 {
                continue;
            }
            // New handles are made under the lock that we hold, so none appears now. A call may be on its way in,
            // with a reference from the map: it is in already, and the word says no, or it comes too late, and is told so.
            if member.core.retire() {
                map.remove(&roster.ring[seat]);
                return Some(seat);
            }
        }
        None
    }
}

// === impl By ===

impl<K: Hash + Eq + Clone, F> By<K, F> {
    fn with<Req, T>(&self, request: &Req, f: impl Fn(&Arc<Core>) -> Option<T>) -> T
    where
        F: Fn(&Req) -> K,
    {
        self.family.0.with(&(self.key)(request), f)
    }
}

impl<Req, K: Hash + Eq + Clone, F: Fn(&Req) -> K> Guard<Req> for By<K, F> {
    type Pointer = Arc<Core>;

    fn try_acquire(&self, request: &Req) -> Result<Permit, Full> {
        self.with(request, |core| {
            let entered = core.try_acquire_unless_retired()?;
            Some(entered.map(|()| Permit::new(Arc::clone(core))))
        })
    }

    fn begin(&self, request: &Req, line: Line) -> Begun<Arc<Core>> {
        self.with(request, |core| {
            match Acquire::begin(Arc::clone(core), line) {
                Begun::Retired => None,
                begun => Some(begun),
            }
        })
    }

    fn refuse(&self, request: &Req, cause: Cause) -> Full {
        self.with(request, |core| {
            Some(core.refuse(cause, Duration::ZERO, false))
        })
    }
}

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
