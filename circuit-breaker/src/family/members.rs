//! Making a member, and removing one that is not needed.

use std::{
    hash::Hash,
    mem,
    sync::{Arc, Weak},
};

use tokio::time::Instant;

use super::{Member, Members, Shared, pause::EXAMINED, walk::Walk};
use crate::{call::Core, types::Key};

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
        let label = self.labels.text(key);
        let shown = self.show.get().map(|show| show(key));
        let mut members = self.members.lock();
        // Another thread was faster; or it was being removed, and stayed.
        if let Some(core) = self.find(key) {
            return core;
        }
        let seat = if members.ring.len() < self.capacity {
            members.ring.len()
        } else if let Some(seat) = self.evict(&mut members) {
            seat
        } else {
            return Arc::clone(&self.overflow);
        };
        // Only here: the texts of keys without room would push out those that rejections still name, and use up
        // the labels.
        let shown = shown.map(Key::new);
        let core = Core::new(self.name, members.config).allocated();
        let core = Arc::new(core.in_family(Arc::clone(&self.open_limit), shown));
        if let Some(label) = label {
            let meter = core.observers().meter();
            meter.label(self.labels.give(label, self.capacity));
        }
        self.listen_to(&core, Some(&in_ring));
        self.map.insert(in_map, Arc::downgrade(&core));
        members.ring.push(Member {
            key: in_ring,
            core: Arc::clone(&core),
        });
        // Where a member went, the new one takes its seat; else it was the last already.
        let evicted = (seat + 1 < members.ring.len()).then(|| members.ring.swap_remove(seat));
        if evicted.is_none() {
            // After all that may panic, which a user's `Hash` may: a member that is not counted yet only
            // makes the limit lower.
            self.open_limit.join();
        }
        drop(members);
        drop(evicted); // without the lock: its key is the user's
        core
    }

    /// Removes a member that is not needed. Returns its seat in the ring, whose core is the
    /// overflow until a new member takes it.
    fn evict(&self, members: &mut Members<K>) -> Option<usize> {
        let now = Instant::now();
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
            self.take(&mut members.ring[*seat], now, true)
        })
    }

    /// One step of [`evict_idle`](super::CircuitBreakers::evict_idle), under the lock. Returns the members that are gone, to be
    /// dropped without it: their keys are the user's.
    pub(super) fn evict_some(&self, walk: &mut Walk) -> Vec<Member<K>> {
        let now = Instant::now();
        let mut members = self.members.lock();
        let gone = walk.step(&mut members.ring, |member| self.take(member, now, false));
        if !gone.is_empty() {
            self.pause.end();
        }
        drop(members);
        gone
    }

    /// Removes a member if it is not needed, and was not used since this was asked last. Its core
    /// is then the overflow. `is_replaced` if another takes its seat: then the family has as many
    /// members as before.
    pub(super) fn take(&self, member: &mut Member<K>, now: Instant, is_replaced: bool) -> bool {
        let Member { key, core } = member;
        let is_forgettable = core.machine().is_forgettable(core.ticks(now));
        if core.was_used() || !is_forgettable {
            return false;
        }
        let again = K::clone(key); // before anything is changed, as above
        // In one step: there is no reference beside that of the ring (a call in flight, a waiting
        // one, a handle), and from here on none is given out.
        match Arc::try_unwrap(mem::replace(core, Arc::clone(&self.overflow))) {
            Ok(gone)
                if gone.machine().is_forgettable(gone.ticks(now))
                    && self.release(&gone, is_replaced) =>
            {
                self.map.remove(&**key);
                return true;
            }
            // A call came and went meanwhile, and left it open; or the family has too many open members to
            // do without it. A thread that does not find it waits for this lock.
            Ok(stays) => {
                *core = Arc::new(stays);
                self.map.insert(again, Arc::downgrade(core));
            }
            Err(held) => *core = held,
        }
        false
    }

    /// Lets go of a member that no one else has: of its place for open members, and of itself as one
    /// of the members, unless that would leave more open than may be.
    fn release(&self, gone: &Core, is_replaced: bool) -> bool {
        let holds_place = gone.machine().holds_place();
        if !is_replaced {
            return self.open_limit.leave(holds_place);
        }
        if holds_place {
            self.open_limit.give_back();
        }
        true
    }
}
