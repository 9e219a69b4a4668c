//! What the end of a call does to a circuit.

use crate::{
    Outcome,
    buckets::epoch,
    cause::Cause,
    circuit::{Admission, Circuit},
    places::Lease,
    settings::Measured,
    sync::atomic::{Ordering::SeqCst, fence},
    word::Phase,
};

impl Circuit {
    /// Records how an admitted call ended. The clock is read at most once: for a probe, for a window, or
    /// to open.
    #[inline]
    pub(crate) fn settle(
        &self,
        admission: Admission,
        outcome: Outcome,
        clock: impl FnOnce() -> u64,
    ) {
        // The usual case, small enough to be inlined: without a window, and without a failure before it, a
        // success changes nothing. One comparison.
        if let (Admission::Call { generation }, Outcome::Success) = (admission, outcome) {
            if self.settings.window.is_none() && self.load().is_closed_in(generation, 0) {
                return;
            }
        }
        self.settle_other(admission, outcome, clock);
    }

    #[inline(never)]
    fn settle_other(&self, admission: Admission, outcome: Outcome, clock: impl FnOnce() -> u64) {
        match (admission, outcome) {
            (Admission::Call { .. }, Outcome::Ignored) => {}
            (Admission::Call { generation }, Outcome::Success) => self.succeed(generation, clock),
            (Admission::Call { generation }, Outcome::Failure) => self.fail(generation, clock),
            (
                Admission::Probe {
                    generation,
                    place,
                    lease,
                },
                _,
            ) => self.end_probe(generation, place, lease, outcome, clock()),
        }
    }

    #[cold]
    fn end_probe(&self, generation: u32, place: u8, lease: Lease, outcome: Outcome, now: u64) {
        // Its own time may be over: then it has failed, whatever it says now.
        let is_late = self.advance(now).generation() != generation;
        // A late one leaves its place alone: it may be another's by now, with an equal lease where both
        // end with time itself.
        if !is_late && self.places.free(place, lease) {
            let failed = match outcome {
                Outcome::Success => Some(false),
                Outcome::Failure => Some(true),
                Outcome::Ignored => None,
            };
            self.settle_probe(generation, failed, now);
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
            if tally.results() >= self.settings.results {
                // The last result. None is in flight any more and none is let in, so the counts stand.
                let _transition = self.transitions.lock();
                if self.load() != word {
                    continue; // reset
                }
                if self
                    .settings
                    .ratio
                    .is_reached(tally.failures, tally.results())
                {
                    let cause = Cause::Probes {
                        failures: tally.failures,
                        results: tally.results(),
                    };
                    self.enter_open(word, cause, now);
                } else {
                    self.enter(word, Phase::Closed { in_a_row: 0 });
                }
                return;
            }
            if self.swap(word, word.with(Phase::HalfOpen(tally))).is_ok() {
                return;
            }
        }
    }

    fn succeed(&self, generation: u32, clock: impl FnOnce() -> u64) {
        if let Some(window) = self.settings.window {
            if !self.record(window, generation, false, clock()) {
                return; // late
            }
        }
        if self.settings.in_a_row == 0 {
            return;
        }
        loop {
            // Without a failure before it a success only reads.
            let word = self.load();
            if matches!(word.closed_in(generation), None | Some(0))
                || self
                    .swap(word, word.with(Phase::Closed { in_a_row: 0 }))
                    .is_ok()
            {
                return;
            }
        }
    }

    #[cold]
    fn fail(&self, generation: u32, clock: impl FnOnce() -> u64) {
        let Some(window) = self.settings.window else {
            return self.fail_in_a_row(generation, clock);
        };
        let now = clock();
        if !self.record(window, generation, true, now) {
            return; // late
        }
        // Two failures may be in two buckets, at the edge of an epoch. Each is recorded, then fenced,
        // then the sum is read: at least one of the two sees both.
        fence(SeqCst);
        let counts = self.buckets.sum(epoch(now, window.bucket, generation));
        if counts.calls >= window.minimum
            && self
                .settings
                .ratio
                .is_reached(counts.failures, counts.calls)
        {
            let cause = Cause::FailureRatio {
                failures: counts.failures,
                calls: counts.calls,
            };
            return self.open(generation, cause, now);
        }
        self.fail_in_a_row(generation, || now);
    }

    fn fail_in_a_row(&self, generation: u32, clock: impl FnOnce() -> u64) {
        if self.settings.in_a_row == 0 {
            return;
        }
        loop {
            let word = self.load();
            let Some(before) = word.closed_in(generation) else {
                return; // late
            };
            let failures = before + 1;
            if failures >= self.settings.in_a_row {
                // A success that comes between here and the transition is late.
                return self.open(generation, Cause::ConsecutiveFailures { failures }, clock());
            }
            if self
                .swap(word, word.with(Phase::Closed { in_a_row: failures }))
                .is_ok()
            {
                return;
            }
        }
    }

    fn record(&self, window: Measured, generation: u32, failed: bool, now: u64) -> bool {
        self.buckets
            .record(epoch(now, window.bucket, generation), failed, || {
                self.load().closed_in(generation).is_some()
            })
    }
}
