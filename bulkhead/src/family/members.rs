//! The members of a family: who is found, who is made, and who makes room.

use std::{hash::Hash, sync::Arc};

use papaya::HashMap;

use crate::{
    Builder, Core, Regulate,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

/// What all handles of a family share.
pub(super) struct Shared<K, R> {
    pub(super) name: &'static str,
    pub(super) capacity: usize,
    pub(super) map: HashMap<K, Member<R>>,
    pub(super) overflow: Arc<Core<R>>,
    /// Taken to make, find or evict a member for good; not to use one.
    pub(super) roster: Mutex<Roster<K, R>>,
}

/// Makes what keeps the limit of a new member.
pub(super) type Regulators<R> = Box<dyn Fn(Builder) -> R + Send>;

pub(super) struct Member<R> {
    pub(super) core: Arc<Core<R>>,
    /// Since the hand of the clock came by (see `Roster`).
    used: AtomicBool,
}

/// The keys in a ring, with a hand that goes round and gives each that was used a second chance (the "clock" of
/// virtual memory): nearly the least recently used, without a stamp to be written by each call.
pub(super) struct Roster<K, R> {
    pub(super) numbers: Builder,
    pub(super) regulators: Regulators<R>,
    pub(super) ring: Vec<K>,
    hand: usize,
}

/// So many members are looked at, at most, for one that may go: a bound for the time under the lock when unknown keys pour in.
const LOOKED_AT: usize = 64;

impl<K, R> Shared<K, R> {
    pub(super) fn new(
        name: &'static str,
        numbers: Builder,
        capacity: usize,
        regulators: Regulators<R>,
    ) -> Self {
        let overflow = Core::new(name, numbers, regulators(numbers));
        Self {
            name,
            capacity,
            map: HashMap::new(),
            overflow: Arc::new(overflow),
            roster: Mutex::new(Roster {
                numbers,
                regulators,
                ring: Vec::new(),
                hand: 0,
            }),
        }
    }
}

impl<K: Hash + Eq + Clone, R: Regulate> Shared<K, R> {
    /// Runs `f` on the core of `key` until it is not a retired one that it met.
    pub(super) fn with<T>(&self, key: &K, f: impl Fn(&Arc<Core<R>>) -> Option<T>) -> T {
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

    /// Runs `f` on the core of `key` as it is now, and on the overflow where it has none: makes none.
    pub(super) fn find<T>(&self, key: &K, f: impl FnOnce(&Core<R>) -> T) -> T {
        let map = self.map.pin();
        f(map.get(key).map_or(&self.overflow, |member| &member.core))
    }

    pub(super) fn find_or_make(&self, key: &K) -> Arc<Core<R>> {
        let mut roster = self.roster.lock();
        let map = self.map.pin();
        if let Some(member) = map.get(key) {
            return Arc::clone(&member.core);
        }
        // What is not our code comes first: nothing is half done if it panics.
        let (in_ring, in_map) = (key.clone(), key.clone());
        let regulator = (roster.regulators)(roster.numbers);
        if roster.ring.len() < self.capacity {
            roster.ring.push(in_ring);
        } else if let Some(seat) = self.evict(&mut roster) {
            roster.ring[seat] = in_ring;
        } else {
            return Arc::clone(&self.overflow);
        }
        let core = Arc::new(Core::new(self.name, roster.numbers, regulator));
        let member = Member {
            core: Arc::clone(&core),
            used: AtomicBool::new(true),
        };
        map.insert(in_map, member);
        core
    }

    /// Takes an idle member out of the map; its seat in the ring.
    fn evict(&self, roster: &mut Roster<K, R>) -> Option<usize> {
        let map = self.map.pin();
        // New handles are made under the lock that we hold, so none appears now. A call may be on its way in,
        // with a reference from the map: it is in already, and the word says no, or it comes too late, and is told so.
        let goes = |key: &K| {
            let goes = map
                .get(key)
                .is_none_or(|member| Arc::strong_count(&member.core) == 1 && member.core.retire());
            if goes {
                map.remove(key);
            }
            goes
        };
        let mut used_lately = None;
        for _ in 0..roster.ring.len().min(LOOKED_AT) {
            let seat = roster.hand;
            roster.hand = (seat + 1) % roster.ring.len();
            let key = &roster.ring[seat];
            if map
                .get(key)
                .is_some_and(|member| member.used.swap(false, Relaxed))
            {
                used_lately.get_or_insert(seat);
            } else if goes(key) {
                return Some(seat);
            }
        }
        // All were used lately, as far as one looked: then the first of them goes that can.
        let first = used_lately?;
        let seats =
            (first..first + LOOKED_AT.min(roster.ring.len())).map(|n| n % roster.ring.len());
        seats.into_iter().find(|seat| goes(&roster.ring[*seat]))
    }
}
