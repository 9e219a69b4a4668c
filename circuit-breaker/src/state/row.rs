//! The failures in a row: how many, and when the last of them ended.
//!
//! A row ends with a success, and it is forgotten once no failure has followed for a time. The
//! number is part of the state word, so that a success asks one word whether there is anything to
//! end. The time does not fit into that word and stands beside it.

use super::{
    StateMachine,
    word::{MAX_IN_A_ROW, Word},
};
use crate::{
    config::Config,
    sync::{
        atomic::{
            AtomicU64,
            Ordering::{Acquire, Release},
        },
        const_fn,
    },
    types::Cause,
};

/// The tick at which the last failure in a row ended.
///
/// It is written before the failure is counted: a thread that sees a number of failures finds the
/// time of the last one, or a later one. A later one is that of a failure which is just being
/// counted, and has found the row not forgotten.
// The time in the state word was tried on paper: of the 29 bits of a number sixteen would be left
// for it, in steps of a part of the age, and a silence of a few thousand ages would look like none.
#[derive(Debug)]
pub(super) struct LastFailure(AtomicU64);

// === impl LastFailure ===

impl LastFailure {
    const_fn! {
        pub(super) fn new() -> Self {
            Self(AtomicU64::new(0))
        }
    }

    /// Whether the row is forgotten at `now`, `age` after the last failure.
    fn is_forgotten(&self, age: u64, now: u64) -> bool {
        // Acquire pairs with the Release below: a thread that reads the time of a newer row sees in
        // its compare-and-swap that the older one has ended.
        now.saturating_sub(self.0.load(Acquire)) >= age
    }

    /// Remembers a failure at `now`, which is the first of a row, or follows another.
    fn note(&self, now: u64, is_first: bool) {
        // Two steps: a thread that is delayed between them sets the time back by its delay at most,
        // and the row is forgotten that much too early. A failure of an older generation has read
        // its clock before the newer one began, so it does the same and no more.
        if is_first || self.0.load(Acquire) < now {
            self.0.store(now, Release);
        }
    }
}

// === impl StateMachine ===

impl StateMachine {
    /// A success after failures, or after none: then it only reads.
    pub(super) fn end_row(&self, generation: u32) {
        loop {
            let word = self.state.load();
            // The usual case, no failure before it: one load, and nothing is written.
            if matches!(word.records_in(generation), None | Some(0))
                || self.state.swap(word, word.with_in_a_row(0))
            {
                return;
            }
        }
    }

    /// Counts a failure at `now`, which was read before this looks at the state. `may_open` is false if
    /// the window was a reason to open already, and the family keeps the breaker closed.
    pub(super) fn fail_in_a_row(
        &self,
        generation: u32,
        asked_wait: u64,
        now: u64,
        mut may_open: bool,
    ) {
        loop {
            let word = self.state.load();
            let Some(before) = word.records_in(generation) else {
                return; // late
            };
            let (plan, (opens_at, age)) = self.config.row();
            if opens_at == 0 {
                return; // no longer
            }
            if before > 0 && self.last_failure.is_forgotten(age, now) {
                // A separate step, before the new time is written: a thread that has seen the old
                // number must not find the new time with it. If other threads begin a row that is
                // as long as this one before the swap, the swap ends their row: of failures that
                // end at one moment, after a long time without any, some may not count.
                self.state.swap(word, word.with_in_a_row(0));
                continue;
            }
            // The breaker opens at the maximum at the latest, unless its family keeps it closed.
            let failures = before.saturating_add(1).min(MAX_IN_A_ROW);
            if may_open && failures >= opens_at {
                // A success that comes between here and the transition is late.
                let cause = Cause::ConsecutiveFailures { failures };
                if !self.open(plan, generation, cause, asked_wait, now) {
                    continue;
                }
                if self.state.load().generation() != generation {
                    return;
                }
                // Its family keeps it closed, which counts once for this call. The row goes on.
                may_open = false;
            }
            self.last_failure.note(now, before == 0);
            if self.state.swap(word, word.with_in_a_row(failures)) {
                return;
            }
        }
    }

    /// The failures in a row at `now`, where they are counted.
    pub(super) fn row(&self, config: &Config, word: Word, now: u64) -> u32 {
        match word.phase().in_a_row() {
            Some(failures)
                if config.in_a_row > 0 && !self.last_failure.is_forgotten(config.row_age, now) =>
            {
                failures
            }
            // A row that is no longer configured is not shown, though the word still has its count.
            _ => 0,
        }
    }
}
