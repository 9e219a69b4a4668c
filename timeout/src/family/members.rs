//! Making a member, and removing one that is not needed.
//!
//! A call only reads its member, and takes no reference to it. A call that reads a member while that is removed gets the limit
//! that a new member would give it. What could be lost is what a handle changes. A handle is given out under the lock, and a
//! member with a handle stays. So under the lock, a count without a handle means that nothing changes the member any more.
//!
//! The members stand in a ring, with a hand that goes around and gives each that was used a second chance (the "clock" of
//! virtual memory): nearly the least recently used, without a stamp that each call writes.
//!
//! Rejected: weak references in the map, as the retry budgets have them. There a call changes its member; here each call would
//! pay two changes of a reference count for nothing.

#[cfg(feature = "metrics")]
use std::collections::HashSet;
use std::{hash::Hash, sync::Arc};

use tokio::time::Instant;

use super::{Shared, listen::Heard, pause::EXAMINED, walk::Walk};
#[cfg(feature = "metrics")]
use crate::observe::Watch;
use crate::{config::Builder, timeout::Timeout, types::Key};

/// Of a family, under its lock.
pub(super) struct Members<K> {
    pub(super) numbers: Builder,
    /// How often they were changed.
    pub(super) revision: u64,
    pub(super) ring: Vec<Member<K>>,
    hand: usize,
    /// `None` until the family has a listener.
    pub(super) heard: Option<Heard<K>>,
    /// The values of the label `key` that are in use.
    #[cfg(feature = "metrics")]
    labels: HashSet<Arc<str>>,
}

pub(super) struct Member<K> {
    pub(super) key: Arc<K>,
    pub(super) timeout: Timeout,
}

/// The handles of a member in the map and in the ring.
const OWN_HANDLES: usize = 2;

impl<K> Members<K> {
    pub(super) fn new(numbers: Builder) -> Self {
        Self {
            numbers,
            revision: 0,
            ring: Vec::new(),
            hand: 0,
            heard: None,
            #[cfg(feature = "metrics")]
            labels: HashSet::new(),
        }
    }
}

impl<K: Hash + Eq + Clone> Shared<K> {
    /// Runs `f` on the member of `key`.
    #[inline]
    pub(super) fn with<T>(&self, key: &K, f: impl Fn(&Timeout) -> T) -> T {
        let found = self.map.get(key, |timeout| {
            timeout.touch();
            f(timeout)
        });
        found.unwrap_or_else(|| f(&self.find_or_make(key)))
    }

    /// A handle of the member of `key`, if it exists.
    pub(super) fn find(&self, key: &K) -> Option<Timeout> {
        // Handles are given out under the lock: see above.
        let _members = self.members.lock();
        let timeout = self.map.get(key, Timeout::clone)?;
        timeout.touch();
        Some(timeout)
    }

    /// A handle of the member of `key`, or of the overflow.
    #[cold]
    pub(super) fn find_or_make(&self, key: &K) -> Timeout {
        if self.pause.is_on(Instant::now) && self.map.get(key, |_| ()).is_none() {
            return self.overflow.clone();
        }
        // Before anything is changed, and with no lock held: a user's `clone` or `Display` may panic.
        let (in_map, in_ring) = (key.clone(), Arc::new(key.clone()));
        let shown = self.shown.in_rejections(key);
        #[cfg(feature = "metrics")]
        let label = self.shown.in_metrics(key);
        let mut members = self.members.lock();
        // Another thread was faster.
        if let Some(timeout) = self.map.get(key, Timeout::clone) {
            return timeout;
        }
        let seat = if members.ring.len() < self.capacity {
            members.ring.len()
        } else if let Some(seat) = self.evict(&mut members) {
            seat
        } else {
            return self.overflow.clone();
        };
        // Only here: the texts of keys without room would push out those that rejections still name, and use up the labels.
        #[cfg(feature = "metrics")]
        let watch = self.watch(&mut members, label);
        #[cfg(not(feature = "metrics"))]
        let watch = self.overflow.watch().clone();
        let timeout = Timeout::member(
            members.numbers,
            self.overflow.label(),
            shown.map(Key::new),
            watch,
        );
        if let Some(heard) = &members.heard {
            (heard.forward)(Some(&in_ring), &timeout);
        }
        self.map.insert(in_map, timeout.clone());
        members.ring.push(Member {
            key: in_ring,
            timeout: timeout.clone(),
        });
        // Where a member went, the new one takes its seat; else it was the last already.
        let evicted = (seat + 1 < members.ring.len()).then(|| members.ring.swap_remove(seat));
        drop(members);
        if let Some(evicted) = evicted {
            evicted.leave();
        }
        timeout
    }

    /// What observes the calls of a new member: as the overflow, unless it has its own label.
    #[cfg(feature = "metrics")]
    fn watch(&self, members: &mut Members<K>, label: Option<Arc<str>>) -> Watch {
        let labels = &mut members.labels;
        match label {
            Some(label) if labels.contains(&label) || labels.len() < self.capacity => {
                labels.insert(Arc::clone(&label));
                self.overflow.new_watch(label)
            }
            _ => self.overflow.watch().clone(),
        }
    }

    /// Removes a member that is not needed from the map. Returns its seat in the ring, which a new member takes.
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
            self.take(&members.ring[*seat], members.numbers, now)
        })
    }

    /// One step of [`evict_idle`](super::Timeouts::evict_idle), under the lock. Returns the members that are gone.
    pub(super) fn evict_some(&self, walk: &mut Walk) -> Vec<Member<K>> {
        let now = Instant::now();
        let mut members = self.members.lock();
        let numbers = members.numbers;
        let gone = walk.step(&mut members.ring, |member| self.take(member, numbers, now));
        if !gone.is_empty() {
            self.pause.end();
        }
        drop(members);
        gone
    }

    /// Removes a member from the map if it is not needed, and was not used since this was asked last.
    pub(super) fn take(&self, member: &Member<K>, numbers: Builder, now: Instant) -> bool {
        let Member { key, timeout } = member;
        // The count first: a handle that was dropped after the look at the limit may have changed it.
        if timeout.was_used()
            || timeout.handles() > OWN_HANDLES
            || !timeout.is_like_new(numbers, now)
        {
            return false;
        }
        self.map.remove(&**key);
        true
    }
}

// === impl Member ===

impl<K> Member<K> {
    /// Lets go of a member that was taken. Called with no lock held, as its key is the user's. An override that is over, which
    /// no call has ended, ends here and is told.
    pub(super) fn leave(self) {
        self.timeout.settle();
    }
}
