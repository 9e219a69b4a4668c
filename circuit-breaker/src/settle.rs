//! What the end of a call does to a circuit.

use crate::{
    OnCancel, Outcome,
    cause::Cause,
    circuit::{Admission, Circuit, End},
    measure::{Ended, Recorded},
    places::Lease,
    settings::{after, ticks},
    tally::Tally,
    word::{Phase, Word},
};

impl Circuit {
    /// Records how an admitted call ended. The clock is read at most once: for a probe, for a window, for
    /// slowness, or to open.
    #[inline]
    pub(crate) fn settle(&self, admission: Admission, end: End, clock: impl Fn() -> u64) {
        // The usual case, small enough to be inlined: without a window, and without a failure before it, a
        // success changes nothing. One comparison.
        if let (Admission::Call { generation, .. }, End::Finished(Outcome::Success)) =
            (admission, end)
        {
            if self.settings.window.is_none() && self.load().is_closed_in(generation, 0) {
                return;
            }
        }
        self.settle_other(admission, end, clock);
    }

    #[inline(never)]
    fn settle_other(&self, admission: Admission, end: End, clock: impl Fn() -> u64) {
        match admission {
            // What is ignored never needs the clock.
            Admission::Call { .. } if end == End::Finished(Outcome::Ignored) => {}
            Admission::Call {
                generation,
                started,
            } => self.end_call(generation, started, end, clock),
            Admission::Probe {
                generation,
                place,
                lease,
            } => self.end_probe(generation, place, lease, end, clock()),
        }
    }

    fn end_call(&self, generation: u32, started: u64, end: End, clock: impl Fn() -> u64) {
        let settings = &self.settings;
        let only_measures = matches!(self.load().phase(), Phase::MetricsOnly { .. });
        let now = (only_measures || settings.reads_clock()).then(&clock);
        if let (true, Some(now)) = (only_measures, now) {
            // The override may be over: then this call is late, whether or not somebody has looked.
            self.advance(now);
        }
        let slow = now.is_some_and(|now| self.is_slow(started, now));
        let Some(failed) = self.has_failed(end, slow) else {
            return;
        };
        let now_or_read = || now.unwrap_or_else(&clock);
        if let Some(window) = settings.window {
            // A window of calls does not look at the time.
            let at = now.unwrap_or_default();
            match self.record(window, generation, Ended { failed, slow }, at) {
                Recorded::Late => return,
                Recorded::Counted => {}
                Recorded::TooMuch(cause) => {
                    return self.open(generation, cause, alone(end), now_or_read());
                }
            }
        }
        if settings.in_a_row == 0 {
        } else if failed {
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
        if !is_late && self.places.free(place, lease) {
            // The difference is exact for the first 18 years, see `LONGEST_PROBE`.
            let started = lease.deadline() - self.settings.probe_time;
            let slow = self.is_slow(started, now);
            // A slow probe is a failed one: slow calls may be what opened the circuit.
            let failed = self.has_failed(end, slow).map(|failed| failed || slow);
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

    fn is_slow(&self, started: u64, now: u64) -> bool {
        (self.settings.slow_after).is_some_and(|limit| now.saturating_sub(started) >= limit)
    }

    /// Whether a call failed that ended so; `None` if it says nothing.
    fn has_failed(&self, end: End, slow: bool) -> Option<bool> {
        match end {
            End::Finished(Outcome::Success) => Some(false),
            End::Finished(Outcome::Failure | Outcome::FailureFor(_)) => Some(true),
            End::Finished(Outcome::Ignored) => None,
            End::Cancelled => match self.settings.on_cancel {
                OnCancel::Ignored => None,
                OnCancel::Failure => Some(true),
                OnCancel::FailureIfSlow => slow.then_some(true),
            },
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
            if let Some(opens) = self.settings.decides(tally) {
                if self.decide(word, tally, opens, now) {
                    return;
                }
                continue; // another probe was faster, or a reset
            }
            if self.swap(word, word.with(Phase::HalfOpen(tally))).is_ok() {
                return self.wake_for_room();
            }
        }
    }

    /// Opens or closes a half-open circuit by its `tally`, unless its state is no longer `word`.
    fn decide(&self, word: Word, tally: Tally, opens: bool, now: u64) -> bool {
        let mut steering = self.transitions.lock();
        if self.load() != word {
            return false;
        }
        let (failures, results) = (tally.failures, tally.results());
        if opens {
            let cause = Cause::Probes { failures, results };
            self.enter_open(&mut steering, word, cause, now);
        } else {
            self.enter(word, Phase::Closed { in_a_row: 0 }, None, None, now);
        }
        if tally.in_flight > 0 {
            // Decided before all had ended. Whatever they do to the counts now is to those of the state that
            // was left; their places are given back for them, after the word, as by a reset.
            self.places.clear();
        }
        drop(steering);
        self.deliver();
        true
    }

    /// A success after failures, or after none: then it only reads.
    fn end_row(&self, generation: u32) {
        loop {
            let word = self.load();
            if matches!(word.records_in(generation), None | Some(0))
                || self.swap(word, word.with_in_a_row(0)).is_ok()
            {
                return;
            }
        }
    }

    fn fail_in_a_row(&self, generation: u32, alone: u64, clock: impl FnOnce() -> u64) {
        loop {
            let word = self.load();
            let Some(before) = word.records_in(generation) else {
                return; // late
            };
            let failures = before + 1;
            if failures >= self.settings.in_a_row {
                // A success that comes between here and the transition is late.
                let cause = Cause::ConsecutiveFailures { failures };
                return self.open(generation, cause, alone, clock());
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
