//! Making a member, and removing one that is not needed.
//!
//! The map holds weak references. Whether a member exists, and whether it is being removed, is one question to its reference
//! count, answered in one step. So no call gets a budget whose credit is being forgotten.
//!
//! The members stand in a ring, with a hand that goes around and gives each that was used a second chance (the "clock" of
//! virtual memory): nearly the least recently used, without a stamp that each call writes.

use std::{
    hash::Hash,
    mem,
    sync::{Arc, Weak},
};

use tokio::time::Instant;

#[cfg(feature = "metrics")]
use super::shown::Labels;
use super::{Shared, pause::EXAMINED, walk::Walk};
use crate::{
    budget::ratio::{BudgetBuilder, Core},
    observe::Listeners,
    sync::sole,
    types::{BudgetEvent, Key},
};

/// Of a family, under its lock.
pub(super) struct Members<K> {
    pub(super) numbers: BudgetBuilder,
    /// How often they were changed.
    pub(super) revision: u64,
    pub(super) ring: Vec<Member<K>>,
    pub(super) hand: usize,
    /// `None` until the family has a listener.
    pub(super) heard: Option<Heard<K>>,
    #[cfg(feature = "metrics")]
    pub(super) labels: Labels,
}

/// The listeners of a family, and what passes the events of a member to them.
pub(super) struct Heard<K> {
    pub(super) listeners: Arc<Listeners<(Option<Arc<K>>, BudgetEvent)>>,
    pub(super) forward: Forward<K>,
}

/// A closure, so that only a family with listeners has keys that threads may share.
type Forward<K> = Box<dyn Fn(Option<&Arc<K>>, &Core) + Send + Sync>;

pub(super) struct Member<K> {
    pub(super) key: Arc<K>,
    pub(super) core: Arc<Core>,
}

impl<K: Send + Sync + 'static> Heard<K> {
    pub(super) fn new() -> Self {
        let listeners: Arc<Listeners<(Option<Arc<K>>, BudgetEvent)>> = Listeners::new();
        let to = Arc::clone(&listeners);
        let forward = move |key: Option<&Arc<K>>, core: &Core| {
            let (key, to) = (key.cloned(), Arc::clone(&to));
            let pass_on = move |event: &BudgetEvent| {
                to.put((key.clone(), event.clone()));
                to.deliver();
            };
            core.listen(pass_on).detach();
        };
        Self {
            listeners,
            forward: Box::new(forward),
        }
    }
}

impl<K: Hash + Eq + Clone> Shared<K> {
    /// The member of `key`, unless there is none, or it is being removed.
    pub(super) fn find(&self, key: &K) -> Option<Arc<Core>> {
        let core = self.map.get(key, Weak::upgrade)??;
        core.touch();
        Some(core)
    }

    #[cold]
    pub(super) fn find_or_make(&self, key: &K) -> Arc<Core> {
        // A key that is in the map without a member that is found is being removed, and may stay.
        if self.pause.is_on(Instant::now) && self.map.get(key, |_| ()).is_none() {
            return Arc::clone(&self.overflow);
        }
        // Before anything is changed: a user's `clone` may panic.
        let (in_map, in_ring) = (key.clone(), Arc::new(key.clone()));
        let shown = self.shown.event_text(key);
        #[cfg(feature = "metrics")]
        let label = self.shown.metric_text(key);
        let mut members = self.members.lock();
        // Another thread was faster; or it was being removed, and stayed.
        if let Some(core) = self.find(key) {
            return core;
        }
        let now = Instant::now();
        let seat = if members.ring.len() < self.capacity {
            members.ring.len()
        } else if let Some(seat) = self.evict(&mut members, now) {
            seat
        } else {
            return Arc::clone(&self.overflow);
        };
        // Only here: the texts of keys without room would push out others.
        let shown = shown.map(Key::new);
        let core = Arc::new(self.make(shown, members.numbers, now));
        #[cfg(feature = "metrics")]
        if let Some(label) = label {
            core.label(members.labels.give(label, self.capacity));
        }
        core.touch();
        if let Some(heard) = &members.heard {
            (heard.forward)(Some(&in_ring), &core);
        }
        self.map.insert(in_map, Arc::downgrade(&core));
        members.ring.push(Member {
            key: in_ring,
            core: Arc::clone(&core),
        });
        // Where a member went, the new one takes its seat; else it was the last already.
        let evicted = (seat + 1 < members.ring.len()).then(|| members.ring.swap_remove(seat));
        drop(members);
        drop(evicted); // without the lock: its key is the user's
        core
    }

    /// Removes a member that is not needed. Returns its seat in the ring, whose core is the overflow until a new member
    /// takes it.
    fn evict(&self, members: &mut Members<K>, now: Instant) -> Option<usize> {
        // Again: of callers that wait for the lock, the first one may have begun a pause.
        if self.pause.is_on(|| now) {
            return None;
        }
        let seat = self.find_free(members, now);
        match seat {
            Some(_) => self.pause.end(),
            None => self.pause.missed(now, members.ring.len()),
        }
        seat
    }

    fn find_free(&self, members: &mut Members<K>, now: Instant) -> Option<usize> {
        let (first, len) = (members.hand, members.ring.len());
        let some = len.min(EXAMINED);
        // The same ones twice, so that one that was used lately goes too if all were.
        let mut seats = (0..some).chain(0..some).map(|nth| (first + nth) % len);
        seats.find(|seat| {
            members.hand = (seat + 1) % len;
            self.take(&mut members.ring[*seat], now)
        })
    }

    /// One step of [`evict_idle`](super::RetryBudgets::evict_idle), under the lock. Returns the members that are gone, to be
    /// dropped without it: their keys are the user's.
    pub(super) fn evict_some(&self, walk: &mut Walk) -> Vec<Member<K>> {
        let now = Instant::now();
        let mut members = self.members.lock();
        let gone = walk.step(&mut members.ring, |member| self.take(member, now));
        if !gone.is_empty() {
            self.pause.end();
        }
        drop(members);
        gone
    }

    /// Removes a member if it is not needed, and was not used since this was asked last. Its core is then the overflow.
    pub(super) fn take(&self, member: &mut Member<K>, now: Instant) -> bool {
        let Member { key, core } = member;
        if core.was_used() || !core.is_like_new(now) {
            return false;
        }
        let again = K::clone(key); // before anything is changed, as above
        // In one step: there is no reference beside that of the ring (a call in flight, a hold, a handle), and from here
        // on none is given out.
        match sole(mem::replace(core, Arc::clone(&self.overflow))) {
            Ok(gone) if gone.is_like_new(now) => {
                self.map.remove(&**key);
                return true;
            }
            // A call came and went meanwhile, and took credit. A thread that does not find it waits for this lock.
            Ok(stays) => {
                *core = Arc::new(stays);
                self.map.insert(again, Arc::downgrade(core));
            }
            Err(held) => *core = held,
        }
        false
    }
}
