//! The probes of a half-open breaker: how they end, and their counts, which are part of the state
//! word.

use super::{
    StateMachine,
    config_cell::Plan,
    record::asked_wait,
    slots::Lease,
    word::{Phase, Word},
};
use crate::{
    config::Trial,
    types::{Cause, End},
};

/// The counts of a half-open breaker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ProbeCounts {
    pub(super) in_flight: u32,
    pub(super) successes: u32,
    pub(super) failures: u32,
}

// === impl StateMachine ===

impl StateMachine {
    #[cold]
    pub(super) fn end_probe(&self, generation: u32, slot: u8, lease: Lease, end: End, now: u64) {
        // Its time may be over: then it has failed, whatever it says now.
        let is_late = self.advance(now).generation() != generation;
        // Found by a property test: with an unbounded deadline all leases are equal, and a late
        // probe freed the slot of another one eight generations later. A late probe leaves its
        // slot alone: another may hold it by now, with an equal lease where both end with time
        // itself.
        let began = self.probes.begun(slot);
        if !is_late && self.probes.free(slot, lease) {
            let (_, config) = self.config.read();
            // What came after the head depends on its reader.
            let is_slow = !lease.is_answered() && config.is_slow(began, now);
            // A slow probe is a failed one: slow calls may be what opened the breaker.
            let failed = config
                .has_failed(end, is_slow)
                .map(|failed| failed || is_slow);
            if asked_wait(end) > 0 {
                self.leave_alone(generation, self.asked_until(asked_wait(end), now));
            }
            self.settle_probe(generation, failed, now);
        }
    }

    /// The head of a probe's response is good, and its first frame is awaited, which says more. If that has not come by the
    /// deadline, the probe has succeeded: a backend may have nothing to say for long, and a client may not read.
    ///
    /// Returns the token to go on with; `None` if the head was too slow, or came too late.
    #[cfg(any(feature = "http-body", all(test, loom)))]
    pub(crate) fn answer_probe(
        &self,
        admission: super::Admission,
        clock: impl FnOnce() -> u64,
    ) -> Option<super::Admission> {
        let now = clock();
        let (slot, lease) = admission.as_probe()?;
        // As in `end_probe`: the slot of a late probe may be that of another, with an equal lease.
        if self.advance(now).generation() != admission.generation() {
            return None;
        }
        let (_, config) = self.config.read();
        if config.is_slow(self.probes.begun(slot), now) {
            return None;
        }
        let answered = lease.answered();
        (self.probes.replace(slot, lease, answered)).then(|| admission.leased(answered))
    }

    /// Remembers what a probe of `generation` asked for, in case the probes open the breaker again.
    fn leave_alone(&self, generation: u32, until: u64) {
        // The one lock on the path of a call that opens nothing. Remembering this for all calls of
        // a closed breaker would take it for each of them during the very storm that the hint is
        // about; so there only the call that opens is asked.
        let mut history = self.transitions.lock();
        if self.state.load().generation() == generation {
            history.leave_alone_until(until);
        }
    }

    /// Counts the end of a probe whose slot was freed by the caller, at `now`.
    pub(super) fn settle_probe(&self, generation: u32, failed: Option<bool>, now: u64) {
        loop {
            let word = self.state.load();
            let Some(counts) = word.half_open_in(generation) else {
                return; // late
            };
            // The result and the decision are one compare-and-swap, or one transition: of two probes that end
            // at once one decides, and it has counted the other.
            let counts = counts.settle(failed);
            let (plan, trial) = self.config.trial();
            if let Some(opens) = counts.decide(&trial) {
                if self.decide(plan, word, counts, opens, now) {
                    return;
                }
                continue; // another probe was faster, or a reset, or there are other numbers
            }
            // After the swap a slot is free and the word says so: one waiting call may be woken for it.
            if self.state.swap(word, word.with(Phase::HalfOpen(counts))) {
                return self.wake_for_room();
            }
        }
    }

    /// Opens or closes a half-open breaker by its `counts`, unless its state is no longer `word` or
    /// its numbers those of `plan`.
    pub(super) fn decide(
        &self,
        plan: Plan,
        word: Word,
        counts: ProbeCounts,
        opens: bool,
        now: u64,
    ) -> bool {
        let mut history = self.transitions.lock();
        if self.state.load() != word || self.config.plan() != plan {
            return false;
        }
        let left = if opens {
            let (failures, results) = (counts.failures, counts.results());
            let cause = Cause::Probes { failures, results };
            self.enter_open(&mut history, word, cause, None, now)
        } else {
            history.closes(now);
            self.close(word, now)
        };
        if counts.in_flight > 0 || left != word {
            // Found by loom: without the second condition the lease of a probe that was admitted
            // between the decision and the word stayed, and was taken for a current one eight
            // generations later. Decided before all probes had ended, or one more was admitted
            // since the look at the word. Whatever they do to the counts now is to those of the
            // state that was left; their slots are given back for them, after the word, as by a
            // reset.
            self.probes.clear();
        }
        drop(history);
        self.deliver();
        true
    }
}

// === impl ProbeCounts ===

impl ProbeCounts {
    pub(super) const fn results(self) -> u32 {
        self.successes + self.failures
    }

    /// With one more probe, if there is room for it.
    pub(super) const fn admit(self, trial: &Trial) -> Option<Self> {
        if self.in_flight >= trial.in_flight as u32
            || self.in_flight + self.results() >= trial.results
        {
            return None;
        }
        Some(Self {
            in_flight: self.in_flight + 1,
            ..self
        })
    }

    /// With one probe less in flight and, unless it was ignored, one more result.
    pub(super) const fn settle(self, failed: Option<bool>) -> Self {
        let (successes, failures) = match failed {
            None => (0, 0),
            Some(false) => (1, 0),
            Some(true) => (0, 1),
        };
        Self {
            // Saturating for one case: a thread that was delayed inside `admit` while the breaker
            // was reset and went through eight generations leaves a lease which is then taken for
            // a current one.
            in_flight: self.in_flight.saturating_sub(1),
            successes: self.successes + successes,
            failures: self.failures + failures,
        }
    }

    /// Whether the breaker opens (or closes) with these results; `None` if it is too early to say.
    pub(super) fn decide(self, trial: &Trial) -> Option<bool> {
        trial.decides(self.successes, self.failures)
    }
}
