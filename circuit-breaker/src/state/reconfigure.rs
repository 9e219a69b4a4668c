//! Other numbers, while calls are under way.

use std::borrow::Borrow;

use tokio::time::Instant;

use crate::{
    Builder, CircuitBreaker, Core, InvalidConfig,
    buckets::Buckets,
    circuit::Circuit,
    settings::{Measured, Over, Settings},
    sync::BUCKETS,
    word::Phase,
};

impl<P: Borrow<Core>> CircuitBreaker<P> {
    /// Goes by other numbers from now on. None decides by a mixture of both: a call that ends at this very moment
    /// goes by the old ones or by the new ones as a whole. No call waits for it but, where the window is
    /// cut anew or changes its size, one that ends while that is done, a matter of microseconds, so that it is
    /// neither lost nor decides by a part of the window.
    ///
    /// The state stays, and with it failures in a row, probes and what they said, an operator's word, and the
    /// end of a wait, ramp or probe that has begun; what begins from now on goes by the new numbers. Nothing opens
    /// or closes by the change itself, but that probes decide at once where enough have ended already, and a
    /// ramp that is no longer configured is over. Calls under way count when they end; one that began while nothing
    /// said what is slow is not slow.
    ///
    /// Of the window is kept:
    ///
    /// | from | to | |
    /// |---|---|---|
    /// | time | time, as long, of the same ratios | all |
    /// | time | time, of another length or with a ratio more or less | of the ratios that stay, all that the new window reaches back to; a call may leave it one sixteenth of the old length too early |
    /// | calls | as many calls | all; with a ratio that is new, as not bad in that respect |
    /// | calls | another number of them | the last ones, as many as fit |
    /// | one kind | the other | nothing: it begins empty |
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] when a number is out of its range; then nothing has changed.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_circuit_breaker::CircuitBreaker;
    ///
    /// let builder = CircuitBreaker::builder().failure_ratio(0.5).minimum_calls(2);
    /// let store = builder.build("store")?;
    /// store.try_acquire()?.failure();
    /// store.reconfigure(builder.minimum_calls(10))?;
    /// store.try_acquire()?.failure();
    /// assert_eq!(store.snapshot().failures(), 2); // both count, and two are too few now
    /// assert!(store.reconfigure(builder.minimum_calls(0)).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reconfigure(&self, to: Builder) -> Result<(), InvalidConfig> {
        self.reconfigure_at(to, Instant::now())
    }

    /// [`reconfigure`](Self::reconfigure) at `now`.
    ///
    /// # Errors
    ///
    /// As [`reconfigure`](Self::reconfigure).
    pub fn reconfigure_at(&self, to: Builder, now: Instant) -> Result<(), InvalidConfig> {
        let settings = to.settings()?;
        let core = self.core();
        core.circuit().reconfigure(settings, core.ticks(now));
        Ok(())
    }
}

impl Circuit {
    pub(crate) fn reconfigure(&self, mut to: Settings, now: u64) {
        // What is due happens by the old numbers.
        self.advance(now);
        let mut steering = self.transitions.lock();
        let (plan, from) = self.live.read();
        let word = self.load();
        let generation = word.generation();
        if from.in_a_row == 0 {
            // What they were when they were counted last.
            self.end_row(generation);
        }
        if let Some(Over::Time(grid)) = from.window.map(|window| window.over) {
            steering.horizon = grid.epoch(now, generation);
        }
        match (from.window, &mut to.window) {
            (Some(old), Some(new)) if is_alike(old, *new) => {
                new.over = old.over;
                self.live.change(&to);
            }
            (
                old,
                Some(Measured {
                    over: Over::Time(grid),
                    failed,
                    slow,
                    ..
                }),
            ) => {
                // Beyond all that the rings have ever held.
                let begins = steering.horizon.wrapping_add(AHEAD);
                *grid = grid.beginning_at(begins, now, generation);
                if let Some(Over::Time(before)) = old.map(|window| window.over) {
                    grid.ring = 1 - before.ring;
                }
                let (grid, failed, slow) = (*grid, failed.is_some(), slow.is_some());
                // After the change: who still goes by the old numbers cannot count any more in what is taken
                // out here, and counts anew.
                self.live.change_and_cut(&to, || {
                    let Some(Measured {
                        over: Over::Time(before),
                        failed: had_failed,
                        slow: had_slow,
                        ..
                    }) = old
                    else {
                        return;
                    };
                    let recut = |rings: &[Buckets; 2]| {
                        rings[before.ring].recut(
                            &rings[grid.ring],
                            [before, grid],
                            now,
                            generation,
                        );
                    };
                    if failed && had_failed.is_some() {
                        recut(&self.failed);
                    }
                    if slow && had_slow.is_some() {
                        recut(&self.slow);
                    }
                });
            }
            (
                old,
                Some(Measured {
                    over: Over::Calls(last),
                    ..
                }),
            ) => {
                // Another number than any before: both only rise.
                #[expect(clippy::cast_possible_truncation, reason = "a window knows fewer bits")]
                let origin = plan.revision() as u32 + 1;
                last.origin = origin;
                let (size, series) = (last.size, last.series(generation));
                let before = old.map(|window| window.over);
                let kept = if let Some(Over::Calls(before)) = before {
                    let was = before.series(generation);
                    self.recent.take(before.size, was, size, series)
                } else {
                    self.recent.begin(series);
                    Vec::new()
                };
                // Before the change: nobody knows this series yet, so that nobody sees a part of it. Who ends
                // meanwhile finds no window of its own and waits, see `record`.
                for ended in kept {
                    self.recent.record(size, series, ended, || true);
                }
                self.live.change(&to);
            }
            (_, None) => self.live.change(&to),
        }
        if to.ramp.is_none() && matches!(word.phase(), Phase::Ramping { .. }) {
            self.begin(Phase::Closed { in_a_row: 0 }, 0, None, now);
        }
        drop(steering);
        self.deliver();
        // Probes may be enough by the new numbers; and who waits may get in by them.
        self.advance(now);
        self.wake_for_transition();
    }
}

/// So many steps lie between two cuts of a window of time, as between two generations.
const AHEAD: u64 = 2 * BUCKETS as u64;

/// Whether what the one holds is what the other would hold.
fn is_alike(old: Measured, new: Measured) -> bool {
    match (old.over, new.over) {
        (Over::Time(before), Over::Time(after)) => {
            before.bucket == after.bucket
                && old.failed.is_some() == new.failed.is_some()
                && old.slow.is_some() == new.slow.is_some()
        }
        (Over::Calls(before), Over::Calls(after)) => before.size == after.size,
        _ => false,
    }
}
