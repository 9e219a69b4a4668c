//! The limit of a timeout, which an operator may force for a time.
//!
//! A call loads one word, the limit in effect. The highest bit of the word marks a forced limit that has an end. Only then
//! does the call compare the clock with the end. No task waits for it: the first call or query at or after the end restores
//! the configured limit.
//!
//! Writers hold the lock, so the word follows from what is under the lock, and events are in the order of the changes.
//! A reader without the lock loads the word, then the end, then the word once more. It decides again under the lock if
//! the end is in the past or the word has changed. An end is stored before its word. So a word never comes with the end of
//! an earlier override, and that of an override that is over never with the end of a later one. loom proves both in
//! `a_new_override_never_has_the_end_of_the_old_one` and `an_old_override_never_has_the_end_of_the_new_one`.

use std::{fmt, time::Duration};

use tokio::time::Instant;

use crate::{
    sync::{
        Mutex,
        atomic::{
            AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
    types::{LimitCause, LimitChange, Nanos, Override},
};

pub(crate) struct ForcedLimit {
    /// The limit in effect, with [`HAS_END`] if it is forced for a time.
    effective: AtomicU64,
    /// The end of the override, in nanoseconds since `start`.
    until: AtomicU64,
    start: Instant,
    state: Mutex<State>,
}

struct State {
    configured: Nanos,
    forced: Option<Forced>,
}

struct Forced {
    by: Override,
    /// `None` until an operator resumes.
    until: Option<u64>,
}

/// The bit that no limit uses.
const HAS_END: u64 = 1 << 63;
/// Stands for no limit in a word with [`HAS_END`].
const UNBOUNDED: u64 = HAS_END - 2;

impl ForcedLimit {
    pub(crate) fn new(limit: Duration) -> Self {
        let configured = Nanos::from(limit);
        Self {
            effective: AtomicU64::new(configured.into()),
            until: AtomicU64::new(0),
            start: Instant::now(),
            state: Mutex::new(State {
                configured,
                forced: None,
            }),
        }
    }

    /// The limit in effect; `None` if it has an end, for which [`at`](Self::at) is asked.
    #[inline]
    pub(crate) fn load(&self) -> Option<Nanos> {
        let limit = Nanos::from(self.effective.load(Relaxed));
        (!has_end(limit)).then_some(limit)
    }

    /// The limit in effect at `now`. If an override is over, ends it and tells `put`, under the lock.
    #[cold]
    pub(crate) fn at(&self, now: Instant, put: impl FnOnce(LimitChange)) -> Nanos {
        // Pairs with the store in `change`: the end that is loaded next is that of this word or of a later one.
        let word = self.effective.load(Acquire);
        let limit = Nanos::from(word);
        if !has_end(limit) {
            return limit;
        }
        let now = self.ticks(now);
        // Pairs with the store in `force`: next to the end of a later override, the word is still this one only if this
        // override held when it was replaced, or the later one has the same limit.
        if now < self.until.load(Acquire) && self.effective.load(Relaxed) == word {
            return without_end(limit);
        }
        let mut state = self.state.lock();
        let is_over = |forced: &mut Forced| forced.until.is_some_and(|until| until <= now);
        if let Some(forced) = state.forced.take_if(is_over) {
            self.change(
                state.configured,
                LimitCause::OverrideOver,
                Some(forced.by),
                put,
            );
        }
        without_end(Nanos::from(self.effective.load(Relaxed)))
    }

    /// The limit that holds without an override.
    pub(crate) fn configured(&self) -> Duration {
        self.state.lock().configured.duration()
    }

    /// Whether `limit` is the configured limit, and no override holds at `now`.
    #[cfg(feature = "family")]
    pub(crate) fn is_only(&self, limit: Duration, now: Instant) -> bool {
        let now = self.ticks(now);
        let state = self.state.lock();
        let holds = |forced: &Forced| forced.until.is_none_or(|until| now < until);
        state.configured == Nanos::from(limit) && !state.forced.as_ref().is_some_and(holds)
    }

    pub(crate) fn forced(&self) -> Option<Override> {
        let state = self.state.lock();
        state.forced.as_ref().map(|forced| forced.by.clone())
    }

    /// Changes the configured limit. An override that holds stays.
    pub(crate) fn configure(&self, limit: Duration, put: impl FnOnce(LimitChange)) {
        let mut state = self.state.lock();
        state.configured = Nanos::from(limit);
        if state.forced.is_none() {
            self.change(state.configured, LimitCause::Configured, None, put);
        }
    }

    /// Forces a limit from `now` on, in place of an override that holds. One that is over must have been ended by
    /// [`at`](Self::at).
    pub(crate) fn force(
        &self,
        limit: Duration,
        by: Override,
        now: Instant,
        put: impl FnOnce(LimitChange),
    ) {
        let limit = Nanos::from(limit);
        let end = by.lasts().and_then(|lasts| now.checked_add(lasts));
        let until = end.map(|end| self.ticks(end));
        let mut state = self.state.lock();
        state.forced = Some(Forced {
            by: by.clone(),
            until,
        });
        let limit = match until {
            Some(until) => {
                // Pairs with the load in `at`.
                self.until.store(until, Release);
                with_end(limit)
            }
            None => limit,
        };
        self.change(limit, LimitCause::Forced, Some(by), put);
    }

    /// Ends the override. Returns whether there was one.
    pub(crate) fn resume(&self, by: Override, put: impl FnOnce(LimitChange)) -> bool {
        let mut state = self.state.lock();
        let was_forced = state.forced.take().is_some();
        if was_forced {
            self.change(state.configured, LimitCause::Resumed, Some(by), put);
        }
        was_forced
    }

    /// Called with the lock held.
    fn change(
        &self,
        to: Nanos,
        cause: LimitCause,
        by: Option<Override>,
        put: impl FnOnce(LimitChange),
    ) {
        let from = Nanos::from(self.effective.load(Relaxed));
        // Pairs with the first load in `at`.
        self.effective.store(to.into(), Release);
        let (from, to) = (without_end(from).duration(), without_end(to).duration());
        if from != to || cause != LimitCause::Configured {
            put(LimitChange::new(from, to, cause, by));
        }
    }

    fn ticks(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.start);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }
}

#[inline]
fn has_end(limit: Nanos) -> bool {
    u64::from(limit) & HAS_END != 0 && limit != Nanos::UNBOUNDED
}

fn with_end(limit: Nanos) -> Nanos {
    Nanos::from(u64::from(limit).min(UNBOUNDED) | HAS_END)
}

fn without_end(limit: Nanos) -> Nanos {
    if !has_end(limit) {
        return limit;
    }
    match u64::from(limit) & !HAS_END {
        UNBOUNDED => Nanos::UNBOUNDED,
        nanos => Nanos::from(nanos),
    }
}

impl fmt::Debug for ForcedLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        without_end(Nanos::from(self.effective.load(Relaxed))).fmt(f)
    }
}
