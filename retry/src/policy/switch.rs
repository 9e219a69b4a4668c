//! Whether an operator has turned the retries and hedges of a policy off.
//!
//! One word decides: the end of the override. No task waits for it: the first decision, query or change at or after the end
//! ends the override.
//!
//! The word changes under the lock, under which events are queued: so they are in the order of the changes. A reader without
//! the lock that finds the end in the past decides again under the lock. Otherwise it would end a later override that another
//! thread has put there meanwhile. Every operation on the word is Relaxed: nothing is read by its value but the word, and the
//! lock publishes what it guards.

use std::sync::OnceLock;

use tokio::time::Instant;

use crate::{
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    types::{Now, Override},
};

pub(super) struct Switch {
    /// The end of the override, as [`tick`](Self::tick) counts; [`NONE`] without one, [`NEVER`] until an operator resumes.
    end: AtomicU64,
    /// When the first override began.
    first: OnceLock<Instant>,
    forced: Mutex<Option<Override>>,
}

const NONE: u64 = 0;
const NEVER: u64 = u64::MAX;

impl Switch {
    pub(super) fn new() -> Self {
        Self {
            end: AtomicU64::new(NONE),
            first: OnceLock::new(),
            forced: Mutex::new(None),
        }
    }

    /// Whether there is no override, also none that is over.
    #[inline]
    pub(super) fn is_free(&self) -> bool {
        self.end.load(Relaxed) == NONE
    }

    /// Whether an override holds at `now`. If one is over, ends it and tells `put`, under the lock.
    #[cold]
    pub(super) fn holds(&self, now: &Now, put: impl FnOnce(Override)) -> bool {
        let now = self.tick(now.get());
        if now < self.end.load(Relaxed) {
            return true;
        }
        let mut forced = self.forced.lock();
        if now < self.end.load(Relaxed) {
            return true;
        }
        if let Some(by) = forced.take() {
            self.end.store(NONE, Relaxed);
            put(by);
        }
        false
    }

    /// Forces from `now` on, in place of an override that holds. One that is over must have been ended by
    /// [`holds`](Self::holds).
    pub(super) fn force(&self, by: Override, now: Instant, put: impl FnOnce(Override)) {
        let end = by.lasts().and_then(|lasts| now.checked_add(lasts));
        // Before the end: it counts from the first override.
        self.tick(now);
        let end = end.map_or(NEVER, |end| self.tick(end));
        let mut forced = self.forced.lock();
        *forced = Some(by.clone());
        self.end.store(end, Relaxed);
        put(by);
    }

    /// Ends the override. Returns whether there was one.
    pub(super) fn resume(&self, put: impl FnOnce()) -> bool {
        let mut forced = self.forced.lock();
        let was_forced = forced.take().is_some();
        if was_forced {
            self.end.store(NONE, Relaxed);
            put();
        }
        was_forced
    }

    /// The override that holds, or is over.
    pub(super) fn forced(&self) -> Option<Override> {
        self.forced.lock().clone()
    }

    /// Nanoseconds since the first override, and one more: neither [`NONE`] nor [`NEVER`].
    fn tick(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(*self.first.get_or_init(|| at));
        let nanos = u64::try_from(since.as_nanos()).unwrap_or(NEVER);
        nanos.saturating_add(1).min(NEVER - 1)
    }
}

#[cfg(all(test, loom))]
mod models {
    use std::time::Duration;

    use super::*;
    use crate::sync::both;

    #[test]
    fn the_end_of_an_override_does_not_end_the_next() {
        let begin = Instant::now();
        loom::model(move || {
            let switch = loom::sync::Arc::new(Switch::new());
            let second = Duration::from_secs(1);
            let by = Override::new("first", "model").lasting(second);
            switch.force(by, begin, drop);
            let later = begin + second;
            let look = move |switch: &Switch| switch.holds(&Now::at(later), drop);
            let next = move |switch: &Switch| {
                switch.force(Override::new("next", "model"), later, drop);
            };
            both(&switch, look, next);
            assert!(switch.holds(&Now::at(later), drop));
            assert_eq!(switch.forced().expect("it holds").actor(), "next");
        });
    }

    #[test]
    fn the_end_of_an_override_is_told_once() {
        let begin = Instant::now();
        loom::model(move || {
            let switch = loom::sync::Arc::new(Switch::new());
            let by = Override::new("model", "model").lasting(Duration::ZERO);
            switch.force(by, begin, drop);
            let look = move |switch: &Switch| {
                let mut told = 0;
                assert!(!switch.holds(&Now::at(begin), |_| told += 1));
                told
            };
            let (there, here) = both(&switch, look, look);
            assert_eq!(there + here, 1);
        });
    }
}
