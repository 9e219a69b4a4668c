//! Which members make room for others.

// Eviction is exact. A member is retired in its own word, which succeeds only if no call is in it and none waits. A call
// that reached the member through the map is either in before that, and the word says no, or is told that the member is
// retired, and looks the key up again. Handles are given out under the lock that eviction holds, and are counted by their
// `Arc`. The model `a_bulkhead_is_retired_or_entered` and the test `a_flood_of_keys_never_exceeds_a_limit` hold this.
//
// Which member goes is decided by the clock algorithm of virtual memory: a use sets a flag, and a hand that goes round
// clears flags and evicts a member whose flag is clear. That is nearly the least recently used one, without a time stamp
// that each call writes.

use std::{hash::Hash, sync::Arc};

use tokio::time::Instant;

use super::{Members, Ring};
use crate::{
    family::{pause::EXAMINED, walk::Walk},
    limit::Regulate,
    sync::atomic::Ordering::Relaxed,
};

impl<K: Hash + Eq + Clone, R: Regulate> Members<K, R> {
    /// Takes out every member that is idle and was not used since it was last examined. Returns how many.
    pub(in crate::family) fn evict_idle(&self) -> usize {
        Walk::sum(|walk| self.evict_some(walk).len())
    }

    /// One step of [`evict_idle`](Self::evict_idle), under the lock. Returns the keys that are gone, to be dropped without it, as
    /// they are foreign code.
    pub(in crate::family) fn evict_some(&self, walk: &mut Walk) -> Vec<Arc<K>> {
        let mut ring = self.ring.lock();
        let map = self.map.pin();
        let gone = walk.step(&mut ring.keys, |key| {
            let was_used = map
                .get(&**key)
                .is_some_and(|member| member.used.swap(false, Relaxed));
            !was_used && self.goes(key)
        });
        if !gone.is_empty() {
            ring.hand = 0; // its seat may be gone
            self.pause.end();
        }
        drop(ring);
        gone
    }

    /// Takes the member of `key` out of the map if it is idle. Returns whether the key has no member now. Under the lock.
    fn goes(&self, key: &K) -> bool {
        let map = self.map.pin();
        // A count of one is the map's own reference. No handle appears meanwhile, as this thread holds the lock.
        let goes = map
            .get(key)
            .is_none_or(|member| Arc::strong_count(&member.core) == 1 && member.core.retire());
        if goes {
            map.remove(key);
        }
        goes
    }

    /// Takes an idle member out of the map. Returns its seat in the ring.
    pub(super) fn evict(&self, ring: &mut Ring<K, R>) -> Option<usize> {
        // Again: of callers that wait for the lock, the first one may have begun a pause.
        if self.pause.is_on(Instant::now) {
            return None;
        }
        let seat = self.find_free(ring);
        match seat {
            Some(_) => self.pause.end(),
            None => self.pause.missed(Instant::now(), ring.keys.len()),
        }
        seat
    }

    fn find_free(&self, ring: &mut Ring<K, R>) -> Option<usize> {
        let map = self.map.pin();
        let mut used_lately = None;
        for _ in 0..ring.keys.len().min(EXAMINED) {
            let seat = ring.hand;
            ring.hand = (seat + 1) % ring.keys.len();
            let key = &*ring.keys[seat];
            if map
                .get(key)
                .is_some_and(|member| member.used.swap(false, Relaxed))
            {
                used_lately.get_or_insert(seat);
            } else if self.goes(key) {
                return Some(seat);
            }
        }
        // All of them were used recently: the first idle one goes. Without this, 10,000 keys that are used once send the
        // next 156 into the overflow.
        let first = used_lately?;
        let seats = (first..first + EXAMINED.min(ring.keys.len())).map(|n| n % ring.keys.len());
        seats.into_iter().find(|seat| self.goes(&ring.keys[*seat]))
    }
}
