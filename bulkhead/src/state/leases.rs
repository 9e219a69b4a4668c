//! The leases of places that response bodies hold: a body that its server no longer polls cannot give its place back.

// A caller that finds no room takes back the places whose lease is over. So no task and no timer is needed, a bulkhead
// with room pays nothing, and no lock is taken.
//
// The property that chose the design: a place is given back once, by its body or by the caller that finds its lease over,
// whatever the number of bodies. So leases are not kept one by one. They are rounded up to few ends, and each end has a
// word with the number of places whose lease ends then. A body leaves the word of its end by one compare-and-swap, which
// fails if the end was reclaimed meanwhile.
//
// ```text
// bit  63 ............. 30 29 ............ 0
//      end, in ticks       places
// ```
//
// The end of a slot only grows, also when its places are reclaimed. So a slot and an end name one set of leases for ever:
// a late body finds another end and changes nothing. The model `a_place_is_given_back_by_its_body_or_by_a_caller` and the
// property `any_history_of_leases_agrees_with_a_list` hold this.
//
// Relaxed throughout: the words hold numbers. The word of the permits, which is written afterwards, orders the places.

#[cfg(all(test, loom))]
mod models;
#[cfg(all(test, not(loom)))]
mod tests;

use std::{sync::OnceLock, time::Duration};

use tokio::time::Instant;

use super::Core;
use crate::{
    observe::Observe,
    sync::{
        atomic::{AtomicU64, Ordering::Relaxed},
        const_fn, zeros,
    },
};

/// A lease ends at one of at most six moments, unless its length changes: two to spare. Under loom: two.
const SLOTS: usize = if cfg!(all(test, loom)) { 2 } else { 8 };

/// The ends of leases of one length stand this share of the length apart.
const STEPS: u64 = 4;

const TICK_MILLIS: u64 = 125;
const PLACES_BITS: u32 = 30;
const PLACES_MAX: u64 = (1 << PLACES_BITS) - 1;

/// In 68 years.
const LAST_TICK: u64 = u64::MAX >> PLACES_BITS;

/// For a length: places are not leased.
const UNLIMITED: u64 = u64::MAX;

#[derive(Debug)]
pub(super) struct Leases {
    slots: [AtomicU64; SLOTS],
    /// The length of a lease, in ticks.
    idle: AtomicU64,
    /// When the first lease began: a bulkhead in a `static` has no beginning.
    epoch: OnceLock<Instant>,
}

/// The lease of the places of one body.
#[derive(Debug)]
pub(crate) struct Lease {
    slot: usize,
    end: u64,
}

/// A slot as it was at one moment.
#[derive(Clone, Copy, Debug)]
struct Seen {
    end: u64,
    places: u64,
}

impl Seen {
    const fn of(word: u64) -> Self {
        Self {
            end: word >> PLACES_BITS,
            places: word & PLACES_MAX,
        }
    }

    const fn word(self) -> u64 {
        self.end << PLACES_BITS | self.places
    }
}

impl Leases {
    const_fn! {
        pub(super) fn new(idle: Duration) -> Self {
            Self {
                slots: zeros!(SLOTS),
                idle: AtomicU64::new(ticks(idle)),
                epoch: OnceLock::new(),
            }
        }
    }

    pub(super) fn set_idle(&self, idle: Duration) {
        self.idle.store(ticks(idle), Relaxed);
    }

    /// Now, in ticks. `None` where places are not leased: the clock is not read.
    fn clock(&self) -> Option<u64> {
        (self.idle.load(Relaxed) != UNLIMITED).then(|| {
            let now = Instant::now();
            let epoch = self.epoch.get_or_init(|| now);
            let past = now.saturating_duration_since(*epoch).as_millis() / u128::from(TICK_MILLIS);
            u64::try_from(past).map_or(LAST_TICK, |past| past.min(LAST_TICK))
        })
    }

    /// Takes the places whose lease was over before `now` out of their slots. Returns how many they are.
    fn reclaim(&self, now: u64) -> u32 {
        let mut reclaimed = 0;
        for slot in &self.slots {
            let mut word = slot.load(Relaxed);
            loop {
                let seen = Seen::of(word);
                if seen.places == 0 || seen.end >= now {
                    break;
                }
                // A later end, so that the bodies of this one find that their places are gone.
                let next = Seen {
                    end: now,
                    places: 0,
                };
                match slot.compare_exchange_weak(word, next.word(), Relaxed, Relaxed) {
                    Ok(_) => {
                        reclaimed += seen.places;
                        break;
                    }
                    Err(now) => word = now,
                }
            }
        }
        // Each place is in one slot, and the word of the permits counts no more than 31 bits of them.
        u32::try_from(reclaimed).unwrap_or(u32::MAX)
    }
}

impl Leases {
    /// When a lease that begins now ends, rounded up.
    fn end(&self, now: u64) -> u64 {
        let idle = self.idle.load(Relaxed);
        let step = (idle / STEPS).max(1);
        let last = now.saturating_add(idle).min(LAST_TICK);
        ((last / step + 1).saturating_mul(step)).min(LAST_TICK)
    }

    /// Leases `places`. Returns with the lease how many places the slot held whose lease was over. `None` if no slot can
    /// count them.
    fn begin(&self, places: u32, now: u64) -> Option<(Lease, u32)> {
        let end = self.end(now);
        let places = u64::from(places);
        loop {
            let (slot, word) = self.slot_for(end, now)?;
            let seen = Seen::of(word);
            let (next, over) = if seen.end != end && is_vacant(seen, end, now) {
                (Seen { end, places }, seen.places)
            } else {
                let places = seen.places + places;
                (Seen { places, ..seen }, 0)
            };
            if next.places > PLACES_MAX {
                return None;
            }
            let changed =
                self.slots[slot].compare_exchange_weak(word, next.word(), Relaxed, Relaxed);
            if changed.is_ok() {
                let over = u32::try_from(over).expect("30 bits");
                let end = next.end;
                return Some((Lease { slot, end }, over));
            }
        }
    }

    /// The slot of this end, as it was; or one that is vacant or over; or else, after the length has changed, that of the
    /// nearest end.
    fn slot_for(&self, end: u64, now: u64) -> Option<(usize, u64)> {
        let words = || self.slots.iter().map(|slot| slot.load(Relaxed)).enumerate();
        // Nearly every lease finds its end. Ranking the slots takes seven times as many instructions.
        if let Some(found) = words().find(|(_, word)| Seen::of(*word).end == end) {
            return Some(found);
        }
        words().max_by_key(|(_, word)| {
            let seen = Seen::of(*word);
            let distance = seen.end.abs_diff(end);
            (is_vacant(seen, end, now), LAST_TICK - distance)
        })
    }

    /// Ends a lease of `places`. `false` if they were reclaimed.
    fn leave(&self, lease: &Lease, places: u32) -> bool {
        let slot = &self.slots[lease.slot];
        let mut word = slot.load(Relaxed);
        loop {
            let seen = Seen::of(word);
            if seen.end != lease.end {
                return false;
            }
            // The places are in the word: only the holder of their lease, or a reclaim, takes them out.
            let next = word - u64::from(places);
            match slot.compare_exchange_weak(word, next, Relaxed, Relaxed) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
    }
}

/// Whether a slot may be taken for a later end.
const fn is_vacant(seen: Seen, end: u64, now: u64) -> bool {
    seen.end < end && (seen.places == 0 || seen.end < now)
}

/// In whole ticks, at least one.
#[expect(clippy::cast_possible_truncation, reason = "compared before")]
const fn ticks(time: Duration) -> u64 {
    let ticks = time.as_millis().div_ceil(TICK_MILLIS as u128);
    if ticks > LAST_TICK as u128 {
        UNLIMITED
    } else if ticks == 0 {
        1
    } else {
        ticks as u64
    }
}

impl<R> Core<R> {
    /// Gives the places back whose lease is over. Returns whether there were any.
    // Out of line, so that the paths that end here stay small.
    #[cold]
    #[inline(never)]
    pub(super) fn reclaim_leases(&self) -> bool {
        // Relaxed: a hint. A caller that does not see the first lease yet does not find it over either.
        if self.aside.load(Relaxed) & super::LEASES == 0 {
            return false;
        }
        self.leases.clock().is_some_and(|now| self.reclaim_at(now))
    }

    pub(super) fn reclaim_at(&self, now: u64) -> bool {
        let places = self.leases.reclaim(now);
        if places > 0 {
            self.release(places);
        }
        places > 0
    }
}

impl<R> Core<R> {
    /// Leases the `places` of a body from now on: a new lease, or a longer one. If they were reclaimed they count again.
    #[cfg(feature = "http-body")]
    pub(crate) fn renew(&self, lease: &mut Option<Lease>, places: u32) {
        self.renew_at(lease, places, self.leases.clock());
    }

    pub(super) fn renew_at(&self, lease: &mut Option<Lease>, places: u32, now: Option<u64>) {
        if let (Some(lease), Some(now)) = (&*lease, now) {
            if self.leases.end(now) <= lease.end {
                return; // the same end
            }
        }
        if let Some(former) = lease.take() {
            self.end_lease(&former, places);
        }
        let Some(now) = now else {
            return;
        };
        if self.aside.load(Relaxed) & super::LEASES == 0 {
            self.look_for_leases();
        }
        *lease = self.leases.begin(places, now).map(|(lease, over)| {
            if over > 0 {
                self.release(over);
            }
            lease
        });
    }

    /// Ends a lease. Its places then count as in flight, and must be released.
    pub(crate) fn end_lease(&self, lease: &Lease, places: u32) {
        if !self.leases.leave(lease, places) {
            // They were given back in its name. They count again, beyond the limit if need be: the body is there.
            self.permits.retake(places);
            self.meter.entered(self, places);
        }
    }

    /// Makes callers without a place look for leases that are over.
    #[cold]
    fn look_for_leases(&self) {
        let _waiters = self.waiters.lock(); // every writer of this word holds it
        let aside = self.aside.load(Relaxed);
        self.aside.store(aside | super::LEASES, Relaxed);
    }
}
