//! Dark mode by the decision of an operator.
//!
//! A request reads one word, the end of the override, and only if it has expired. No task waits for the end: the first expired
//! request, query or change at or after it ends the override. Writers hold the lock, so events are in the order of the
//! changes.
//!
//! Every access of the word is `Relaxed`: it is the whole answer for a request, and what ends an override decides again under
//! the lock.

use tokio::time::Instant;

use crate::{
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    types::{DarkCause, DarkChange, Override},
};

#[derive(Debug)]
pub(super) struct ForcedDark {
    /// The end of the override in [`ticks`](Self::ticks): [`NONE`] without an override, [`ENDLESS`] without an end.
    until: AtomicU64,
    epoch: Instant,
    by: Mutex<Option<Override>>,
}

const NONE: u64 = 0;
const ENDLESS: u64 = u64::MAX;

impl ForcedDark {
    pub(super) fn new(epoch: Instant) -> Self {
        Self {
            until: AtomicU64::new(NONE),
            epoch,
            by: Mutex::new(None),
        }
    }

    /// Whether an override holds at `now`. If one is over, ends it and tells `put`, under the lock.
    #[inline]
    pub(super) fn holds(&self, now: Instant, put: impl FnOnce(DarkChange)) -> bool {
        match self.until.load(Relaxed) {
            NONE => false,
            until => self.ticks(now) < until || self.end(now, put),
        }
    }

    /// Ends an override that is over. Returns whether one holds.
    #[cold]
    fn end(&self, now: Instant, put: impl FnOnce(DarkChange)) -> bool {
        let mut by = self.by.lock();
        // Once more: another thread may have forced anew.
        let is_over = self.until.load(Relaxed) <= self.ticks(now);
        if is_over {
            self.until.store(NONE, Relaxed);
            if let Some(by) = by.take() {
                put(DarkChange::new(DarkCause::OverrideOver, by));
            }
        }
        by.is_some()
    }

    /// Forces dark mode from `now` on, in place of an override that holds. One that is over must have been ended by
    /// [`holds`](Self::holds).
    pub(super) fn force(&self, by: Override, now: Instant, put: impl FnOnce(DarkChange)) {
        let end = by.lasts().and_then(|lasts| now.checked_add(lasts));
        let until = end.map_or(ENDLESS, |end| self.ticks(end));
        let mut forced = self.by.lock();
        *forced = Some(by.clone());
        self.until.store(until, Relaxed);
        put(DarkChange::new(DarkCause::Forced, by));
    }

    /// Ends the override. Returns whether there was one.
    pub(super) fn resume(&self, by: Override, put: impl FnOnce(DarkChange)) -> bool {
        let mut forced = self.by.lock();
        let was_forced = forced.take().is_some();
        if was_forced {
            self.until.store(NONE, Relaxed);
            put(DarkChange::new(DarkCause::Resumed, by));
        }
        was_forced
    }

    pub(super) fn by(&self) -> Option<Override> {
        self.by.lock().clone()
    }

    /// Nanoseconds since `epoch` and one more, so that no instant is [`NONE`].
    fn ticks(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.epoch);
        u64::try_from(since.as_nanos() + 1)
            .unwrap_or(ENDLESS)
            .min(ENDLESS - 1)
    }
}

#[cfg(all(test, loom))]
mod models {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_new_override_survives_the_end_of_the_old_one() {
        loom::model(|| {
            let now = Instant::now();
            let forced = loom::sync::Arc::new(ForcedDark::new(now));
            let lasting = |secs| Override::new("test", "test").lasting(Duration::from_secs(secs));
            forced.force(lasting(5), now, |_| ());
            let other = loom::sync::Arc::clone(&forced);
            // At that instant the first override is over, and the second is not.
            let later = now + Duration::from_secs(10);
            let there = loom::thread::spawn(move || {
                let mut ends = 0;
                other.holds(later, |_| ends += 1);
                ends
            });
            let mut ends = 0;
            forced.holds(later, |_| ends += 1);
            forced.force(lasting(100), later, |_| ());
            ends += there.join().unwrap();
            assert_eq!(ends, 1);
            assert!(forced.holds(later, |_| ()));
            assert_eq!(forced.by(), Some(lasting(100)));
        });
    }
}
