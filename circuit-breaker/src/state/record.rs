//! Recording how a call ended.
//!
//! A call counts in the window of its generation, and decides by one revision of the numbers as a
//! whole: if they change while it ends, it is evaluated again by the new ones. Where the shape of
//! the window changes at that moment, the call counts in the window that is dropped.

use super::{Admission, StateMachine, config_cell::Plan};
use crate::{
    config::Config,
    types::{Cause, End, Outcome, ticks::ticks},
    window::{Ended, Tracked, Windows},
};

impl StateMachine {
    /// Whether one more success would leave everything as it is: no failure is counted, or the
    /// window of the last calls is full and holds none.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "a call that only reads is inlined into its future"
    )]
    pub(crate) fn is_unchanged_by_success(&self, admission: Admission) -> bool {
        // This reads and never writes, so it needs no order with other calls: it is the moment at
        // which the success counts. A window that is full and clean, or a row of no failures, is
        // the same afterwards.
        let plan = self.config.plan();
        if plan.has_no_window() {
            return admission.finds_nothing_counted(self.state.load());
        }
        plan.counts_only_failures_in(Windows::UNCHANGED_KIND)
            && admission.is_plain()
            && (self.config.guess_shape(plan, Windows::UNCHANGED_KIND)).is_some_and(|shape| {
                (self.window).is_unchanged_by_success(shape, admission.generation())
            })
    }

    /// Records how an admitted call ended. The clock is read at most once: for a probe, for a
    /// window of time, for slowness, for a failure in a row, or to open.
    // In one function with the end of the token (`call::record`): with a function for each step a
    // call took fifty instructions more, which saved registers and passed arguments.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "one function with its only caller")]
    pub(crate) fn record(&self, admission: Admission, end: End, clock: impl Fn() -> u64 + Copy) {
        let failed = end == End::Finished(Outcome::Failure);
        let is_common = failed || end == End::Finished(Outcome::Success);
        if !is_common || !admission.is_plain() || !self.record_plain(admission, failed, clock) {
            self.record_other(admission, end, clock);
        }
    }

    /// The end of a call of a closed breaker, where failures are all that it may change, in a window
    /// or in a row: few of the numbers are needed. Returns `false` for all others, without recording
    /// them.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "as `record`")]
    fn record_plain(
        &self,
        admission: Admission,
        failed: bool,
        clock: impl Fn() -> u64 + Copy,
    ) -> bool {
        let plan = self.config.plan();
        let generation = admission.generation();
        if plan.counts_only_in_a_row() {
            if failed {
                self.fail_in_a_row(generation, 0, clock(), true);
            } else {
                self.end_row(generation);
            }
            return true;
        }
        let Some(shape) = self.config.guess_shape(plan, plan.kind_of_failures()) else {
            return false;
        };
        let now = shape.needs_time().then(clock);
        let is_current = move || self.has_plan(plan, generation);
        let ended = if failed { Ended::FAILED } else { Ended::WELL };
        let (tracked, at) = (Tracked::FAILURES, now.unwrap_or(0));
        let recorded = (self.window).record(shape, tracked, generation, ended, at, is_current);
        let Some(counts) = recorded else {
            // Late, or there are other numbers, by which it is recorded then.
            return self.config.plan() == plan;
        };
        // A success cannot open the breaker here, so what the window holds is not looked at.
        if failed {
            // Two words instead of sixteen. They are believed only if the plan holds afterwards; if
            // it does not, the call is evaluated by all of the new numbers.
            //
            // An earlier version unpacked the whole configuration and divided three times: a
            // failure cost 632 instructions instead of 330.
            let limits = self.config.guess_limits(plan);
            let cause = limits.exceeded_by_failures(counts.failed);
            if cause.is_some() || self.config.plan() != plan {
                self.open_by_failures(plan, generation, cause, || now.unwrap_or_else(clock));
            }
        }
        true
    }

    /// Opens by the failures that the call has counted. If there are other numbers than those of
    /// `plan` by now, they are evaluated instead.
    #[cold]
    #[inline(never)]
    fn open_by_failures(
        &self,
        plan: Plan,
        generation: u32,
        cause: Option<Cause>,
        clock: impl Fn() -> u64,
    ) {
        let now = clock();
        if let Some(cause) = cause {
            if self.open(plan, generation, cause, 0, now) {
                return;
            }
        }
        self.evaluate(generation, 0, now, |_| Some(Ended::FAILED));
    }

    /// Opens if the window holds too much by the present numbers. The call is counted already; `ends`
    /// says how it ended by these numbers, `None` if by them it says nothing.
    #[cold]
    fn evaluate(
        &self,
        generation: u32,
        asked_wait: u64,
        now: u64,
        ends: impl Fn(&Config) -> Option<Ended>,
    ) {
        // Each round means that another thread has reconfigured the breaker meanwhile. There is no
        // lock here: the transition lock is taken by `open`, which checks the plan under it.
        loop {
            let (plan, config) = self.config.read();
            let (Some((shape, limits)), Some(ended)) = (config.window, ends(&config)) else {
                return;
            };
            let counts = (self.window).counts(shape, limits.tracked(), generation, now);
            match limits.exceeded(counts, ended) {
                Some(cause) if !self.open(plan, generation, cause, asked_wait, now) => {}
                _ => return,
            }
        }
    }

    /// The end of a probe, or of any call by all of the numbers.
    #[inline(never)]
    pub(crate) fn record_other(
        &self,
        admission: Admission,
        end: End,
        clock: impl Fn() -> u64 + Copy,
    ) {
        if let Some((slot, lease)) = admission.as_probe() {
            self.end_probe(admission.generation(), slot, lease, end, clock());
        } else if end != End::Finished(Outcome::Ignored) && !admission.is_unrecorded() {
            self.end_call(admission, end, clock);
        }
    }

    fn end_call(&self, admission: Admission, end: End, clock: impl Fn() -> u64 + Copy) {
        let (plan, config) = self.config.read();
        let generation = admission.generation();
        let now = (admission.expires() || config.needs_time()).then(&clock);
        if let (true, Some(now)) = (admission.expires(), now) {
            // The override may be over, or the ramp: then this call is late, whether or not another
            // thread has looked.
            self.advance(now);
        }
        let now_or_read = || now.unwrap_or_else(&clock);
        let ends = |config: &Config| {
            let slow =
                config.slow_after.is_some() && config.is_slow(admission.started(), now_or_read());
            let failed = config.has_failed(end, slow)?;
            Some(Ended { failed, slow })
        };
        let Some(ended) = ends(&config) else {
            return;
        };
        let mut may_open = true;
        if let Some((shape, limits)) = config.window {
            let (tracked, at) = (limits.tracked(), now.unwrap_or(0));
            let is_current = move || self.has_window(plan, generation);
            let recorded = (self.window).record(shape, tracked, generation, ended, at, is_current);
            let Some(counts) = recorded else {
                return; // late
            };
            let exceeded = limits.exceeded(counts, ended);
            if exceeded.is_some() || self.config.plan() != plan {
                let now = now_or_read();
                let opens = |cause| self.open(plan, generation, cause, asked_wait(end), now);
                may_open = !exceeded.is_some_and(opens);
                if may_open {
                    // Other numbers, by which it may or may not be too much.
                    self.evaluate(generation, asked_wait(end), now, ends);
                }
                if self.state.load().generation() != generation {
                    return;
                }
            }
        }
        // Failures in a row are counted only where they are configured: it would be a write to the
        // shared word at every failure, and at the first success after it, for a number that is
        // never used.
        if config.in_a_row == 0 {
        } else if ended.failed {
            self.fail_in_a_row(generation, asked_wait(end), now_or_read(), may_open);
        } else {
            self.end_row(generation);
        }
    }

    /// Whether a call of `generation` still counts, by the numbers of `plan`. This also says that the
    /// shape which was read before is that of the plan.
    #[inline]
    fn has_plan(&self, plan: Plan, generation: u32) -> bool {
        self.state.load().generation() == generation && self.config.plan() == plan
    }

    /// Whether a call of `generation` still counts in the window of `plan`. A generation begins
    /// with each state, so its number alone is enough.
    #[inline]
    fn has_window(&self, plan: Plan, generation: u32) -> bool {
        // The generation protects a newer state, the number of the window a newer shape. Both are
        // loads of words that the call reads anyway.
        self.state.load().generation() == generation && self.config.plan().has_window_of(plan)
    }
}

/// How long the backend asks not to be called, in ticks.
pub(super) const fn asked_wait(end: End) -> u64 {
    match end {
        End::Finished(Outcome::FailureFor(time)) => ticks(time),
        _ => 0,
    }
}
