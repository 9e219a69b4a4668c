//! Overrides: the limit of an operator in place of the configured one.

// Who notices that an override has run out: no task waits for it, and a call that finds a place reads no clock.
//
// A lowered limit is in the word. A caller that finds no place looks at the clock, a call that leaves while another one
// waits, and the end of a bounded wait: all that the lowered limit could hold up.
//
// A raised limit that has an end is not in the word, or a bulkhead that refuses nobody would keep it for ever. The word
// keeps the configured limit. So a caller beyond the configured limit finds no place there, and takes one under the raised
// limit after a look at the clock. No call is admitted beyond the configured limit after the end.
//
// Rejected: a raised limit in the word, and a look at the clock every so many releases. It costs every release a counter, and
// the limit ends late where few calls end.

use std::mem;

use tokio::time::Instant;

use super::{Core, permits::Permits, refuse::FORCED, waiters::Waiters};
use crate::{
    config::Builder,
    observe::{Figures, Observe},
    sync::atomic::Ordering::Relaxed,
    types::{InvalidConfig, LimitCause, Override, Snapshot},
};

/// An override that is in force. Under the lock of the waiters.
#[derive(Debug)]
pub(super) struct Forced {
    by: Override,
    limit: usize,
    /// The limit afterwards.
    configured: usize,
    ends: Option<Instant>,
}

impl Forced {
    // At the very instant of its end it has ended.
    fn is_past(&self) -> bool {
        self.ends.is_some_and(|ends| ends <= Instant::now())
    }

    fn in_word(&self) -> usize {
        match self.ends {
            Some(_) => self.limit.min(self.configured),
            None => self.limit,
        }
    }

    /// The word with the limit of the override.
    fn over(&self, word: Snapshot) -> Snapshot {
        word.resized(self.limit)
    }
}

// Under the lock.
impl Waiters {
    /// The word with the limit that is in force.
    pub(super) fn limited(&self, word: Snapshot) -> Snapshot {
        match &self.forced {
            Some(forced) if forced.is_past() => word.resized(forced.configured),
            Some(forced) => forced.over(word),
            None => word,
        }
    }

    /// Takes places that only a raised limit has.
    pub(super) fn admits_raised(&self, permits: &Permits, places: u32) -> bool {
        let raised = self.forced.as_ref();
        raised.is_some_and(|forced| permits.acquire_under(forced.limit, places))
    }

    /// Changes the configured limit. Returns the limit that the word must have now.
    pub(super) fn set_configured(&mut self, limit: usize) -> usize {
        let Some(forced) = &mut self.forced else {
            return limit;
        };
        forced.configured = limit;
        forced.in_word()
    }
}

// === The operator ===

impl<R> Core<R> {
    pub(crate) fn force(&self, limit: usize, by: Override) -> Result<(), InvalidConfig> {
        Builder::new().limit(limit).check_for(self.name())?;
        self.end_override();
        let ends = by
            .lasts()
            .and_then(|lasts| Instant::now().checked_add(lasts));
        let mut waiters = self.waiters.lock();
        let word = self.snapshot();
        let former = waiters.forced.take();
        let from = former.as_ref().map_or(word, |f| f.over(word)).limit();
        let forced = Forced {
            by: by.clone(),
            limit,
            configured: former.map_or(word.limit(), |former| former.configured),
            ends,
        };
        self.permits.resize(forced.in_word());
        let to = forced.over(word).limit();
        waiters.forced = Some(forced);
        waiters.was_forced = true;
        // Relaxed: every writer holds the lock. A caller that does not see it yet came before it.
        let aside = self.aside.load(Relaxed);
        self.aside.store(aside | FORCED, Relaxed);
        self.put(from, to, LimitCause::Forced, Some(by));
        drop(waiters);
        self.changed();
        Ok(())
    }

    /// Ends an override. Returns whether there was one.
    pub(crate) fn resume(&self, by: Override) -> bool {
        !self.end_override() && self.end_override_if(|_| true, Some(by))
    }

    /// The override that is in force.
    pub(crate) fn forced(&self) -> Option<Override> {
        self.end_override();
        let waiters = self.waiters.lock();
        waiters.forced.as_ref().map(|forced| forced.by.clone())
    }
}

// === The end ===

impl<R> Core<R> {
    /// Ends an override that has run out. Returns whether there was one. Not to be called under a lock.
    pub(crate) fn end_override(&self) -> bool {
        // Relaxed: a hint. Without an override this is all.
        self.is_forced() && self.end_override_if(Forced::is_past, None)
    }

    // Out of line, so that the paths that end here stay small.
    #[cold]
    #[inline(never)]
    fn end_override_if(&self, ends: impl Fn(&Forced) -> bool, by: Option<Override>) -> bool {
        let mut waiters = self.waiters.lock();
        let Some(forced) = waiters.forced.take_if(|forced| ends(forced)) else {
            return false;
        };
        let from = forced.over(self.snapshot()).limit();
        self.permits.resize(forced.configured);
        let to = self.snapshot().limit();
        let aside = self.aside.load(Relaxed);
        self.aside.store(aside & !FORCED, Relaxed);
        let (cause, by) = match by {
            Some(by) => (LimitCause::Resumed, by),
            None => (LimitCause::OverrideOver, forced.by),
        };
        self.put(from, to, cause, Some(by));
        drop(waiters);
        self.changed();
        true
    }

    pub(super) fn is_forced(&self) -> bool {
        self.aside.load(Relaxed) & FORCED != 0
    }

    /// Whether an override is in force, as far as a caller that holds other locks may tell.
    #[cfg(any(all(test, not(loom)), feature = "family"))]
    pub(super) fn is_held_by_override(&self) -> bool {
        let holds = |forced: &Forced| !forced.is_past();
        self.is_forced() && self.waiters.lock().forced.as_ref().is_some_and(holds)
    }
}

// === Under an override ===

impl<R> Core<R> {
    /// Whether a limit was forced since this was asked last. Asked once a window.
    pub(super) fn window_was_forced(&self) -> bool {
        let mut waiters = self.waiters.lock();
        let is_forced = waiters.forced.is_some();
        mem::replace(&mut waiters.was_forced, is_forced)
    }

    /// The word with the limit in force.
    pub(crate) fn seen(&self) -> Snapshot {
        if !self.is_forced() {
            return self.snapshot();
        }
        let waiters = self.waiters.lock();
        waiters.limited(self.snapshot())
    }

    /// Takes places that only a raised limit has.
    #[cold]
    #[inline(never)]
    pub(super) fn enters_raised(&self, places: u32) -> bool {
        if !self.is_forced() {
            return false;
        }
        let waiters = self.waiters.lock();
        let entered = waiters.admits_raised(&self.permits, places);
        drop(waiters);
        if entered {
            self.meter.entered(self, places);
        }
        entered
    }
}
