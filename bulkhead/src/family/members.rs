//! The members of a family: how a key finds its member.

// A lookup must not lock, so the map is papaya's, with lock-free reads. Rejected: dashmap and a sharded `RwLock`, which lock
// on every read; and an `arc-swap` of a whole map, which copies it for each new key, so that a flood of unknown keys becomes
// an attack.

pub(super) mod evict;

use std::{
    hash::Hash,
    mem,
    sync::{Arc, OnceLock},
};

use papaya::HashMap;
use tokio::time::Instant;

use super::{
    listen::{Heard, Relay},
    pause::Pause,
    shown::Shown,
};
use crate::{
    config::Builder,
    limit::Regulate,
    observe::Listeners,
    state::Core,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    types::Label,
};

/// What the handles of a family share.
pub(super) struct Members<K, R> {
    pub(super) name: &'static str,
    pub(super) capacity: usize,
    map: HashMap<K, Member<R>>,
    pub(super) overflow: Arc<Core<R>>,
    /// Taken to make, find or evict a member. A call through a layer does not take it for a key that exists.
    ring: Mutex<Ring<K, R>>,
    pause: Pause,
    /// Empty until the first listener.
    heard: OnceLock<Arc<Heard<K>>>,
}

/// Makes the regulator of a new member.
// A boxed closure, called under the lock for a new key and by `set_law`, and no trait: `Bulkheads<K>` stays the type of a fixed family.
pub(super) type Regulators<R> = Box<dyn Fn(Builder) -> R + Send>;

struct Member<R> {
    core: Arc<Core<R>>,
    /// Set by a use, cleared by the hand.
    used: AtomicBool,
}

/// The keys in a ring, with the hand of the clock.
struct Ring<K, R> {
    numbers: Builder,
    regulators: Regulators<R>,
    /// How often these two were replaced.
    revision: u64,
    shown: Shown<K>,
    relay: Option<Relay<K>>,
    keys: Vec<Arc<K>>,
    hand: usize,
}

impl<K, R> Members<K, R> {
    pub(super) fn new(
        name: &'static str,
        numbers: Builder,
        capacity: usize,
        regulators: Regulators<R>,
    ) -> Self {
        let overflow = Core::new(Label::new(name), numbers, regulators(numbers));
        Self {
            name,
            capacity,
            map: HashMap::new(),
            overflow: Arc::new(overflow),
            ring: Mutex::new(Ring {
                numbers,
                regulators,
                revision: 0,
                shown: Shown::nothing(),
                relay: None,
                keys: Vec::new(),
                hand: 0,
            }),
            pause: Pause::none(Instant::now()),
            heard: OnceLock::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.ring.lock().keys.len()
    }

    /// The numbers of future members.
    pub(super) fn set_numbers(&self, numbers: Builder) {
        let mut ring = self.ring.lock();
        ring.numbers = numbers;
        ring.revision += 1;
    }

    /// The regulators of future members. Returns the former ones, to be dropped outside the lock.
    pub(super) fn set_regulators(&self, regulators: Regulators<R>) -> Regulators<R> {
        let mut ring = self.ring.lock();
        ring.revision += 1;
        mem::replace(&mut ring.regulators, regulators)
    }

    /// What a member would get that is made now.
    pub(super) fn regulator(&self) -> R {
        let ring = self.ring.lock();
        (ring.regulators)(ring.numbers)
    }

    /// Rejections by future members name the key.
    pub(super) fn show_keys(&self, how: fn(&K) -> Arc<str>) {
        self.ring.lock().shown.in_rejections(how);
    }

    /// The metrics of future members, and of the overflow, have the label `key`.
    #[cfg(feature = "metrics")]
    pub(super) fn label_metrics(&self, how: fn(&K) -> Arc<str>) {
        self.ring.lock().shown.in_metrics(how);
        self.overflow.label_metrics(super::shown::OVERFLOW.into());
    }
}

impl<K: Hash + Eq + Clone, R: Regulate> Members<K, R> {
    /// Runs `f` on the member of `key`, again for as long as it meets a retired one.
    pub(super) fn with<T>(&self, key: &K, f: impl Fn(&Arc<Core<R>>) -> Option<T>) -> T {
        let map = self.map.pin();
        let mut found = map.get(key);
        loop {
            let made;
            let core = if let Some(member) = found.take() {
                // Relaxed: a hint. Written only if it is clear, so that busy members share a read.
                if !member.used.load(Relaxed) {
                    member.used.store(true, Relaxed);
                }
                &member.core
            } else {
                // A member that was retired after the lookup leaves the map in a moment, and the lock waits for that.
                made = self.find_or_make(key);
                &made
            };
            // The only call, so that a refusal is inlined once.
            if let Some(done) = f(core) {
                return done;
            }
        }
    }

    /// Runs `f` on the member of `key`, or on the overflow if it has none. Makes no member.
    pub(super) fn find<T>(&self, key: &K, f: impl FnOnce(&Core<R>) -> T) -> T {
        let map = self.map.pin();
        f(map.get(key).map_or(&self.overflow, |member| &member.core))
    }

    pub(super) fn all(&self) -> Vec<(K, Arc<Core<R>>)> {
        let ring = self.ring.lock();
        let map = self.map.pin();
        let member = |key: &Arc<K>| Some((Arc::clone(key), Arc::clone(&map.get(&**key)?.core)));
        let all: Vec<_> = ring.keys.iter().filter_map(member).collect();
        drop(ring);
        let owned = |(key, core): (Arc<K>, _)| (K::clone(&key), core);
        all.into_iter().map(owned).collect()
    }

    /// Runs `update` on the members that exist and the overflow, with the numbers of the family: again until no other thread
    /// has replaced the numbers or the regulators meanwhile. It may have reached some of them first, with what is newer.
    pub(super) fn update<E>(
        &self,
        update: impl Fn(&Core<R>, Builder) -> Result<(), E>,
    ) -> Result<(), E> {
        loop {
            let ring = self.ring.lock();
            let (revision, numbers) = (ring.revision, ring.numbers);
            let members = ring.keys.iter().filter_map(|key| self.handle(key));
            let cores: Vec<_> = members.chain([Arc::clone(&self.overflow)]).collect();
            drop(ring);
            // With no lock held: it wakes callers that wait, and runs the code of listeners and laws.
            for core in &cores {
                update(core, numbers)?;
            }
            if self.ring.lock().revision == revision {
                return Ok(());
            }
        }
    }

    pub(super) fn find_or_make(&self, key: &K) -> Arc<Core<R>> {
        // A key that is in the map belongs to a member that is being removed, or was made just now.
        if self.pause.is_on(Instant::now) && !self.map.pin().contains_key(key) {
            return Arc::clone(&self.overflow);
        }
        let show = {
            let ring = self.ring.lock();
            if let Some(core) = self.handle(key) {
                return core;
            }
            ring.shown.text()
        };
        // The user's `Clone` and `Display`: with no lock held, and before the key has its seat, so that a panic costs the family
        // none. A seat whose key is not in the map goes to the next key.
        let (in_ring, in_map) = (Arc::new(key.clone()), key.clone());
        let text = show.map(|show| show(key));
        let mut ring = self.ring.lock();
        // Another thread was faster.
        if let Some(core) = self.handle(key) {
            return core;
        }
        let regulator = (ring.regulators)(ring.numbers);
        let is_full = ring.keys.len() >= self.capacity;
        let seat = is_full.then(|| self.evict(&mut ring));
        if let Some(None) = seat {
            return Arc::clone(&self.overflow);
        }
        // Only here: the texts of keys without room would push out those that rejections still name.
        let label = ring.shown.label(self.name, text.as_ref());
        let core = Core::new(label, ring.numbers, regulator);
        #[cfg(feature = "metrics")]
        if let Some(label) = ring.shown.metric_label(text.as_ref(), self.capacity) {
            core.label_metrics(label);
        }
        if let Some(relay) = &ring.relay {
            relay(Some(&in_ring), core.events());
        }
        let core = Arc::new(core);
        let evicted = if let Some(seat) = seat.flatten() {
            Some(mem::replace(&mut ring.keys[seat], in_ring))
        } else {
            ring.keys.push(in_ring);
            None
        };
        let member = Member {
            core: Arc::clone(&core),
            used: AtomicBool::new(true),
        };
        self.map.pin().insert(in_map, member);
        drop(ring);
        drop(evicted); // foreign code: outside the lock
        core
    }

    /// The member of `key`. To be called under the lock, under which members are evicted.
    fn handle(&self, key: &K) -> Option<Arc<Core<R>>> {
        let map = self.map.pin();
        map.get(key).map(|member| Arc::clone(&member.core))
    }

    /// The listeners of the family. Present and future members tell them their events from now on.
    pub(super) fn heard(&self, relay: impl FnOnce(Arc<Heard<K>>) -> Relay<K>) -> &Arc<Heard<K>>
    where
        K: Send + Sync + 'static,
    {
        self.heard.get_or_init(|| {
            let listeners = Listeners::new();
            let relay = relay(Arc::clone(&listeners));
            // Under the lock: a member is either made before and is found here, or afterwards, with the relay.
            let mut ring = self.ring.lock();
            let map = self.map.pin();
            relay(None, self.overflow.events());
            for key in &ring.keys {
                if let Some(member) = map.get(&**key) {
                    relay(Some(key), member.core.events());
                }
            }
            ring.relay = Some(relay);
            listeners
        })
    }
}
