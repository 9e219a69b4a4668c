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
//! # Ordering
//!
//! Every operation is Relaxed: the word is the whole state, and nothing else is published with it.

use std::{sync::OnceLock, time::Duration};

use tokio::time::Instant;

use crate::sync::{
    atomic::{AtomicU64, Ordering::Relaxed},
    const_fn,
};

pub(super) struct Floor {
    /// Nanoseconds for each retry; 0 grants none.
    stretch: u64,
    /// How long the floor is saved up, in nanoseconds: a second, in whole stretches.
    saved: u64,
    /// Nanoseconds since `saved` before `made`.
    used: AtomicU64,
    /// When the floor was first asked.
    made: OnceLock<Instant>,
}

const SECOND: u64 = 1_000_000_000;

impl Floor {
    const_fn! {
        pub(super) fn new(per_second: u32) -> Self {
            // Rounded up, so that a second brings no more retries than the floor.
            let stretch = if per_second == 0 { 0 } else { SECOND.div_ceil(per_second as u64) };
            let saved = stretch * per_second as u64;
            Self { stretch, saved, used: AtomicU64::new(0), made: OnceLock::new() }
        }
    }

    pub(super) const fn is_none(&self) -> bool {
        self.stretch == 0
    }

    /// Takes a retry, if the floor has one left.
    pub(super) fn take(&self, now: Instant) -> bool {
        let since: Duration = now.saturating_duration_since(*self.made.get_or_init(|| now));
        self.take_at(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }

    /// [`take`](Self::take), `nanos` after it was first asked.
    pub(super) fn take_at(&self, nanos: u64) -> bool {
        // The saved part of the line had passed at the beginning.
        let now = nanos.saturating_add(self.saved);
        self.used
            .fetch_update(Relaxed, Relaxed, |used| {
                let end = used.max(now - self.saved).checked_add(self.stretch)?;
                (end <= now).then_some(end)
            })
            .is_ok()
    }
}
