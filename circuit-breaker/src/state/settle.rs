//! What the end of a call does to a circuit.

use crate::{
    Outcome,
    admission::Admission,
    bucket::Counts,
    cause::Cause,
    circuit::{Circuit, End},
    live::Plan,
    measure::Ended,
    places::Lease,
    settings::{Settings, after, ticks},
    sync::atomic::{Ordering::SeqCst, fence},
    tally::Tally,
    word::{Phase, Word},
};

impl Circuit {
    /// Whether one more success would leave everything as it is: no failure before it is counted, or the window of
    /// the last calls is full and holds none.
    #[inline(always)]
    pub(crate) fn is_unchanged_by_success(&self, admission: Admission) -> bool {
        let plan = self.live.plan();
        if plan.counts_only_in_a_row() {
            return admission.finds_nothing_counted(self.load());
        }
        plan.counts_only_last_calls()
            && admission.is_plain()
            && (self.recent).is_clean(self.live.last(plan).series(admission.generation()))
    }

    /// Records how an admitted call ended. The clock is read at most once: for a probe, for a window, for
    /// slowness, or to open.
    #[inline]
    pub(crate) fn settle(&self, admission: Admission, end: End, clock: impl Fn() -> u64) {
        if let End::Finished(Outcome::Success) = end {
            return self.succeed(admission, clock);
        }
        if end == End::Finished(Outcome::Failure)
            && admission.is_plain()
            && self.fail(admission.generation(), &clock)
        {
            return;
        }
        self.settle_other(admission, end, clock);
    }

    /// A failure, in the usual cases where there is a window: few of the numbers are needed. False if it is none of
    /// them, or was not counted.
    #[inline]
    fn fail(&self, generation: u32, clock: &impl Fn() -> u64) -> bool {
        const FAILED: Ended = Ended {
            failed: true,
            slow: false,
        };
        let plan = self.live.plan();
        // Asked for when the call counts, which also says that the numbers read before are those of the plan.
        let is_current = || self.is_current(plan, generation);
        let (counts, now) = if plan.counts_only_last_calls() {
            let last = self.live.last(plan);
            let series = last.series(generation);
            let Some(head) = self.recent.record(last.size, series, FAILED, is_current) else {
                return false;
            };
            let (calls, bad) = (head.calls(last.size), head.failures());
            (Counts { calls, bad }, None)
        } else if plan.counts_only_failures_in_time() {
            let now = clock();
            let grid = self.live.grid(plan);
            let epoch = grid.epoch(now, generation);
            let ring = &self.failed[grid.ring];
            if !ring.record(epoch, true, is_current) {
                return false;
            }
            // As in `sum`.
            fence(SeqCst);
            (ring.sum(epoch), Some(now))
        } else {
            return false;
        };
        let (minimum, failed) = self.live.threshold(plan);
        let is_too_much = counts.calls >= minimum
            && failed.is_some_and(|ratio| ratio.is_reached(counts.bad, counts.calls));
        // Other numbers by now: it is counted, and judged by those.
        if is_too_much || self.live.plan() != plan {
            self.judge(generation, FAILED, now.unwrap_or_else(clock));
        }
        true
    }

    /// Opens the circuit if the window of `generation` holds too much after a call that ended so, and is counted.
    #[cold]
    #[inline(never)]
    fn judge(&self, generation: u32, ended: Ended, now: u64) {
        loop {
            // Waits for who is changing the numbers at this very moment: the window may be in pieces.
            drop(self.transitions.lock());
            let (plan, settings) = self.live.read();
            let measure = self.measure(&settings, generation, now);
            match measure.too_much(&settings, ended) {
                Some(cause) if self.open(plan, generation, cause, 0, now) => return,
                // After the look at the window, as in `sum`.
                None if self.live.plan() == plan && !plan.is_being_cut() => return,
                _ => {}
            }
        }
    }

    /// A success, in the usual cases where there is a window. Each says so if it is not the usual one.
    #[inline(never)]
    fn succeed(&self, admission: Admission, clock: impl Fn() -> u64) {
        let plan = self.live.plan();
        let generation = admission.generation();
        if plan.counts_only_failures_in_time() && admission.is_plain() {
            let now = clock();
            let grid = self.live.grid(plan);
            let epoch = grid.epoch(now, generation);
            let is_current = || self.is_current(plan, generation);
            if !self.failed[grid.ring].record(epoch, false, is_current) && self.live.plan() != plan
            {
                // It goes by the new numbers as a whole.
                self.settle_other(admission, End::Finished(Outcome::Success), || now);
            }
            return;
        }
        if plan.counts_only_last_calls() && admission.is_plain() {
            let last = self.live.last(plan);
            let series = last.series(generation);
            if self.recent.is_clean(series) {
                return;
            }
            let is_current = || self.is_current(plan, generation);
            if (self
                .recent
                .record(last.size, series, Ended::WELL, is_current))
            .is_some()
                || self.load().generation() != generation
            {
                return;
            }
        }
        self.settle_other(admission, End::Finished(Outcome::Success), clock);
    }

    #[inline(never)]
    fn settle_other(&self, admission: Admission, end: End, clock: impl Fn() -> u64) {
        if let Some((place, lease)) = admission.as_probe() {
            self.end_probe(admission.generation(), place, lease, end, clock());
        } else if end != End::Finished(Outcome::Ignored) && !admission.is_unseen() {
            self.end_call(admission, end, clock);
        }
    }

    fn end_call(&self, admission: Admission, end: End, clock: impl Fn() -> u64) {
        let (mut plan, mut settings) = self.live.read();
        let generation = admission.generation();
        let now = (admission.is_watched() || settings.reads_clock()).then(&clock);
        if let (true, Some(now)) = (admission.is_watched(), now) {
            // The override may be over, or the ramp: then this call is late, whether or not somebody has looked.
            self.advance(now);
        }
        let now_or_read = || now.unwrap_or_else(&clock);
        let ends = |settings: &Settings| {
            let slow = settings.slow_after.is_some()
                && settings.is_slow(admission.started(), now_or_read());
            let failed = settings.has_failed(end, slow)?;
            Some(Ended { failed, slow })
        };
        let Some(mut ended) = ends(&settings) else {
            return;
        };
        if settings.window.is_some() {
            let recorded = self.record(
                &mut plan,
                &mut settings,
                generation,
                &mut ended,
                ends,
                now_or_read,
            );
            let Some(mut measure) = recorded else {
                return; // late, or it says nothing by other numbers
            };
            while let Some(cause) = measure.too_much(&settings, ended) {
                if self.open(plan, generation, cause, alone(end), now_or_read()) {
                    return;
                }
                // Other numbers, by which it may not be too much.
                (plan, settings) = self.live.read();
                let Some(by_these) = ends(&settings) else {
                    return;
                };
                ended = by_these;
                measure = self.measure(&settings, generation, now_or_read());
            }
        }
        if settings.in_a_row == 0 {
        } else if ended.failed {
            self.fail_in_a_row(generation, alone(end), now_or_read);
        } else {
            self.end_row(generation);
        }
    }

    #[cold]
    fn end_probe(&self, generation: u32, place: u8, lease: Lease, end: End, now: u64) {
        // Its own time may be over: then it has failed, whatever it says now.
        let is_late = self.advance(now).generation() != generation;
        // A late one leaves its place alone: it may be another's by now, with an equal lease where both
        // end with time itself.
        let began = self.places.begun(place);
        if !is_late && self.places.free(place, lease) {
            let (_, settings) = self.live.read();
            let slow = settings.is_slow(began, now);
            // A slow probe is a failed one: slow calls may be what opened the circuit.
            let failed = settings.has_failed(end, slow).map(|failed| failed || slow);
            if alone(end) > 0 {
                self.leave_alone(generation, after(now, alone(end)));
            }
            self.settle_probe(generation, failed, now);
        }
    }

    /// Remembers what a probe of `generation` said, for the case that the probes open the circuit again.
    fn leave_alone(&self, generation: u32, until: u64) {
        let mut steering = self.transitions.lock();
        if self.load().generation() == generation {
            steering.alone_until = steering.alone_until.max(until);
        }
    }

    /// Counts the end of a probe whose place was freed by the caller, at `now`.
    pub(crate) fn settle_probe(&self, generation: u32, failed: Option<bool>, now: u64) {
        loop {
            let word = self.load();
            let Some(tally) = word.half_open_in(generation) else {
                return; // late
            };
            let tally = tally.settle(failed);
            let (plan, trial) = self.live.trial();
            if let Some(opens) = trial.decides(tally) {
                if self.decide(plan, word, tally, opens, now) {
                    return;
                }
                continue; // another probe was faster, or a reset, or there are other numbers
            }
            if self.swap(word, word.with(Phase::HalfOpen(tally))).is_ok() {
                return self.wake_for_room();
            }
        }
    }

    /// Opens or closes a half-open circuit by its `tally`, unless its state is no longer `word` or its numbers
    /// those of `plan`.
    pub(crate) fn decide(
        &self,
        plan: Plan,
        word: Word,
        tally: Tally,
        opens: bool,
        now: u64,
    ) -> bool {
        let mut steering = self.transitions.lock();
        if self.load() != word || self.live.plan() != plan {
            return false;
        }
        let (failures, results) = (tally.failures, tally.results());
        let left = if opens {
            let cause = Cause::Probes { failures, results };
            self.enter_open(&mut steering, word, cause, now)
        } else {
            self.close(word, now)
        };
        if tally.in_flight > 0 || left != word {
            // Decided before all had ended, or one more was let in since the look at the word. Whatever they do
            // to the counts now is to those of the state that was left; their places are given back for them,
            // after the word, as by a reset.
            self.places.clear();
        }
        drop(steering);
        self.deliver();
        true
    }

    /// A success after failures, or after none: then it only reads.
    pub(crate) fn end_row(&self, generation: u32) {
        loop {
            let word = self.load();
            if matches!(word.records_in(generation), None | Some(0))
                || self.swap(word, word.with_in_a_row(0)).is_ok()
            {
                return;
            }
        }
    }

    fn fail_in_a_row(&self, generation: u32, alone: u64, clock: impl Fn() -> u64) {
        loop {
            let word = self.load();
            let Some(before) = word.records_in(generation) else {
                return; // late
            };
            let failures = before + 1;
            let (plan, settings) = self.live.read();
            if settings.in_a_row == 0 {
                return; // no longer
            }
            if failures >= settings.in_a_row {
                // A success that comes between here and the transition is late.
                let cause = Cause::ConsecutiveFailures { failures };
                if self.open(plan, generation, cause, alone, clock()) {
                    return;
                }
                continue;
            }
            if self.swap(word, word.with_in_a_row(failures)).is_ok() {
                return;
            }
        }
    }
}

/// How long the backend wants to be left alone, in ticks.
const fn alone(end: End) -> u64 {
    match end {
        End::Finished(Outcome::FailureFor(time)) => ticks(time),
        _ => 0,
    }
}
