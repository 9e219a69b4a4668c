//! A number of retries a second, as one point in time: the atomics of the floor of a [`HalfFull`](crate::HalfFull).
//!
//! Each retry takes a stretch of time, 1/floor of a second, from the line of time that has passed. `used` is the point
//! up to which it is taken. What is older than a second is lost, so the floor is saved up for one second. It is the
//! [generic cell rate algorithm](https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm), which needs one word.
//!
//! # Property
//!
//! At most `floor × (elapsed + 1 s)` retries are granted, in any interleaving: `used` grows by a whole stretch with each,
//! and never passes the present. The saved second is `floor` stretches, and each of them is 1/floor of a second or more.
//!
//! A change of the floor keeps the number of retries that are saved up, cut to the new floor: a point in time would be more
//! retries of a higher floor. While it is changed, none is granted.
//!
//! # Ordering
//!
//! | publishes (Release) | is seen by (Acquire) | so that |
//! |---|---|---|
//! | `used` in `change_at` | `used` in `take_at` | a point is compared with the rate that it was made for |
//!
//! A retry that read the rate before a change and the point after it, or the other way round, finds that the point has
//! changed: the new point differs from the one before.

use std::{sync::OnceLock, time::Duration};

use tokio::time::Instant;

use crate::sync::{
    atomic::{
        AtomicU64,
        Ordering::{AcqRel, Acquire, Relaxed, Release},
    },
    const_fn,
};

pub(super) struct Floor {
    rate: AtomicU64,
    /// Nanoseconds since [`BEFORE`] before `made`, or [`CHANGING`].
    used: AtomicU64,
    /// When the floor was first asked.
    made: OnceLock<Instant>,
}

/// ```text
/// 63           32 31            0
/// [   stretch    |  per second  ]
/// ```
#[derive(Clone, Copy)]
struct Rate {
    /// Nanoseconds for each retry; 0 grants none.
    stretch: u64,
    per_second: u64,
}

const SECOND: u64 = 1_000_000_000;

/// Longer than a floor is saved up: a second, in whole stretches.
const BEFORE: u64 = 2 * SECOND;

/// A point that no time reaches.
const CHANGING: u64 = u64::MAX;

impl Floor {
    const_fn! {
        pub(super) fn new(per_second: u32) -> Self {
            let rate = Rate::new(per_second).pack();
            Self { rate: AtomicU64::new(rate), used: AtomicU64::new(0), made: OnceLock::new() }
        }
    }

    pub(super) fn is_none(&self) -> bool {
        self.rate().stretch == 0
    }

    /// Takes a retry, if the floor has one left.
    pub(super) fn take(&self, now: Instant) -> bool {
        self.take_at(self.nanos(now))
    }

    /// Changes the floor. One change at a time.
    pub(super) fn change(&self, per_second: u32, now: Instant) {
        self.change_at(per_second, self.nanos(now));
    }

    /// [`take`](Self::take), `nanos` after it was first asked.
    pub(super) fn take_at(&self, nanos: u64) -> bool {
        let now = nanos.saturating_add(BEFORE).min(CHANGING - 1);
        // Acquire pairs with the Release in `change_at`.
        let mut used = self.used.load(Acquire);
        loop {
            let rate = self.rate();
            // The floor was removed after the caller asked for one. Without a stretch every retry would be granted.
            if rate.stretch == 0 {
                return false;
            }
            let end = used.max(now - rate.saved()).checked_add(rate.stretch);
            let Some(end) = end.filter(|end| *end <= now) else {
                return false;
            };
            // Relaxed: it publishes nothing. Acquire on failure takes the place of the load.
            match self.used.compare_exchange_weak(used, end, Relaxed, Acquire) {
                Ok(_) => return true,
                Err(seen) => used = seen,
            }
        }
    }

    /// [`change`](Self::change), `nanos` after it was first asked.
    pub(super) fn change_at(&self, per_second: u32, nanos: u64) {
        let (old, new) = (self.rate(), Rate::new(per_second));
        if old.per_second == new.per_second {
            return;
        }
        let now = nanos.saturating_add(BEFORE).min(CHANGING - 1);
        let used = self.used.swap(CHANGING, AcqRel);
        let since = now.saturating_sub(used.max(now - old.saved()));
        let held = since.checked_div(old.stretch).unwrap_or(0);
        self.rate.store(new.pack(), Relaxed);
        let point = now - held.min(new.per_second) * new.stretch;
        // One nanosecond is lost where both points would be one.
        let point = point + u64::from(point == used);
        // Release pairs with the Acquire in `take_at`.
        self.used.store(point, Release);
    }

    /// Relaxed: ordered by `used`.
    fn rate(&self) -> Rate {
        Rate::unpack(self.rate.load(Relaxed))
    }

    fn nanos(&self, now: Instant) -> u64 {
        let since: Duration = now.saturating_duration_since(*self.made.get_or_init(|| now));
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }
}

impl Rate {
    const fn new(per_second: u32) -> Self {
        let per_second = per_second as u64;
        // Rounded up, so that a second brings no more retries than the floor.
        let stretch = if per_second == 0 {
            0
        } else {
            SECOND.div_ceil(per_second)
        };
        Self {
            stretch,
            per_second,
        }
    }

    const fn saved(self) -> u64 {
        self.stretch * self.per_second
    }

    const fn pack(self) -> u64 {
        self.stretch << 32 | self.per_second
    }

    const fn unpack(word: u64) -> Self {
        Self {
            stretch: word >> 32,
            per_second: word & (u32::MAX as u64),
        }
    }
}
