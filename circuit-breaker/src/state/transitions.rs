//! How a breaker gets from one state to another.

use std::hash::{BuildHasher, RandomState};

use super::{
    StateMachine,
    config_cell::Plan,
    overrides::History,
    probes::ProbeCounts,
    word::{Phase, Word},
};
use crate::{
    config::Config,
    types::{Cause, Change, Override, State, ticks::after},
};

impl StateMachine {
    /// The state now, without what is due: printing it changes nothing.
    pub(crate) fn state(&self) -> State {
        self.state.load().phase().state()
    }

    /// The state at `now`. What is due happens here.
    pub(crate) fn state_at(&self, now: u64) -> State {
        self.advance(now).phase().state()
    }

    /// Whether nothing of this breaker would be missed at `now`: it is not open, no override holds,
    /// and it has no listener. Makes no transition: a listener may ask the family, whose lock is
    /// held here.
    #[cfg(feature = "family")]
    pub(crate) fn is_forgettable(&self, now: u64) -> bool {
        // Without the lock, the word could be that of before an opening whose failure has already returned
        // to its caller.
        // A transition in progress is waited for.
        let transitions = self.transitions.lock();
        let word = self.state.load();
        let holds = match word.phase() {
            Phase::Closed { .. } | Phase::HalfOpen(_) => false,
            _ => self.state.until(word) > now,
        };
        drop(transitions);
        !holds && !self.observers.has_listeners()
    }

    /// Makes happen what is due at `now`, and returns the state then.
    pub(super) fn advance(&self, now: u64) -> Word {
        loop {
            // Each arm that changes something goes round again, and decides what is due next on the new word.
            // So several things that are overdue (a deadline, then the wait that it began) happen in the order
            // in which they were due.
            let word = self.state.load();
            let generation = word.generation();
            match word.phase() {
                Phase::Closed { .. } => return word,
                Phase::Open => {
                    let until = self.state.until(word);
                    // The second load: if the word is unchanged, this is the end of its wait.
                    if self.state.load() != word {
                        continue;
                    }
                    if now < until {
                        return word;
                    }
                    // Without the lock this was a compare-and-swap, until there were listeners:
                    // their order needs the lock, and it happens once an outage. One of the threads
                    // that come now makes the step; all look again.
                    self.enter_half_open(word, until);
                }
                Phase::ForcedOpen
                | Phase::Disabled
                | Phase::MetricsOnly { .. }
                | Phase::Ramping { .. } => {
                    let until = self.state.until(word);
                    if self.state.load().generation() != generation {
                        continue;
                    }
                    if now < until {
                        return word;
                    }
                    self.end_in_time(generation, until);
                }
                Phase::HalfOpen(counts) => {
                    match self.probes.earliest(generation) {
                        Some((slot, lease)) if lease.deadline() <= now => {
                            // The deadline and not `now` is the instant of the failure: a probe
                            // that was overdue at 3 s opens the breaker at 3 s, even if the first
                            // look comes at 8 s. So low traffic does not prolong an outage. If it
                            // has just ended, or another thread has expired it, that counts.
                            if self.probes.free(slot, lease) {
                                let failed = !lease.is_answered();
                                self.settle_probe(generation, Some(failed), lease.deadline());
                            }
                        }
                        _ => {
                            // Decided without a result, which happens where other numbers are
                            // enough.
                            let (plan, trial) = self.config.trial();
                            let Some(opens) = counts.decide(&trial) else {
                                return word;
                            };
                            self.decide(plan, word, counts, opens, now);
                        }
                    }
                }
            }
        }
    }

    /// Replaces the numbers, see
    /// [`CircuitBreaker::reconfigure`](crate::CircuitBreaker::reconfigure).
    pub(crate) fn reconfigure(&self, mut to: Config, now: u64) {
        // Else a wait that ended before the change would last as long as the new numbers say. What
        // is due happens by the old numbers.
        self.advance(now);
        let mut history = self.transitions.lock();
        let (plan, from) = self.config.read();
        let word = self.state.load();
        if word.is_closed() {
            // By the old numbers, as what else is due.
            history.recover(&from, now);
        }
        if from.in_a_row == 0 {
            // What they were when they were counted last.
            self.end_row(word.generation());
        }
        let (number, generation) = (plan.next_shape(), word.generation());
        // The set of ratios belongs to the shape: a ratio that is added has counted nothing of the
        // calls before, and one that is removed and added again would count old calls once more.
        let same = from
            .window
            .zip(to.window)
            .is_some_and(|((was, old), (is, new))| {
                was.is_like(is) && old.tracked().has_ratios_of(new.tracked())
            });
        if let (false, Some((shape, _))) = (same, from.window) {
            self.window.leave(shape, generation, now);
        }
        match (&mut to.window, from.window) {
            (Some((shape, _)), Some((was, _))) if same => *shape = was,
            // Before the change: the empty window of this number is not in use yet.
            (Some((shape, _)), _) => *shape = self.window.reshape(*shape, number, generation, now),
            (None, _) => {}
        }
        // Before the change, by which calls need it.
        self.allocate_for(&to);
        self.config.change(&to, !same);
        if to.ramp.is_none() && matches!(word.phase(), Phase::Ramping { .. }) {
            history.closes(now);
            self.begin(Phase::CLOSED, 0, Cause::RampOver, None, now);
        }
        drop(history);
        self.deliver();
        // After the lock, as any other look: the decision of the probes is a transition, which takes the
        // lock.
        // The probes may be enough by the new numbers, and a waiting call may get in by them.
        self.advance(now);
        self.wake_for_transition();
    }

    /// Begins a generation in `phase`, closed or an operator's, from any state. Only under the
    /// transition lock.
    pub(super) fn begin(
        &self,
        phase: Phase,
        until: u64,
        cause: Cause,
        by: Option<Override>,
        now: u64,
    ) {
        let word = self.state.load();
        self.membership.enters_by_operator(word.phase(), phase);
        // The end of a state without an end is written too: what an earlier generation left in this place
        // must not be read for it.
        self.state.set_until(word.next(phase), until);
        self.enter(word, phase, cause, by, now);
        // Probes in flight are forgotten, and so are their slots.
        self.probes.clear();
    }

    /// Opens at `now`, for `asked_wait` at least, if it still records in `generation`: another failure
    /// may be faster. Stays closed, in the same generation, if its family has no place. Returns
    /// `false` if there are other numbers than those of `plan` by now, which then have to be
    /// evaluated.
    #[cold]
    pub(super) fn open(
        &self,
        plan: Plan,
        generation: u32,
        cause: Cause,
        asked_wait: u64,
        now: u64,
    ) -> bool {
        // Without the lock, which each further failure of a breaker that is kept closed would take.
        if self.membership.is_full() && self.state.load().may_open_in(generation) {
            self.keep_closed();
            return true;
        }
        let mut history = self.transitions.lock();
        let word = self.state.load();
        if word.generation() != generation {
            return true;
        }
        if self.config.plan() != plan {
            return false;
        }
        // Both checks are under the lock, so no other thread changes the generation or the numbers
        // between them and the transition. Of several failures that reach the limit at once the
        // first opens; the others find a newer generation.
        match word.phase() {
            Phase::Closed { .. } | Phase::Ramping { .. } => {
                if !self.membership.try_take() {
                    drop(history);
                    self.keep_closed();
                    return true;
                }
                // On a ramp it has not recovered yet: nothing is forgotten.
                let (_, config) = self.config.read();
                let asked_until = self.asked_until(asked_wait, now);
                history.opens(word.is_closed(), &config, now, asked_until);
                self.enter_open(&mut history, word, cause, None, now);
            }
            Phase::MetricsOnly { .. } => self.would_open(&mut history, cause, now),
            _ => {}
        }
        drop(history);
        self.deliver();
        true
    }

    /// Until when a backend that asks for `asked_wait` at `now` is not called: no longer than the
    /// configured bound, as the time comes from a peer.
    pub(super) fn asked_until(&self, asked_wait: u64, now: u64) -> u64 {
        after(now, asked_wait.min(self.config.read().1.max_asked_wait))
    }

    /// Enters half-open from `word`, which is open and whose wait was over `at`, unless another
    /// thread was faster.
    #[cold]
    fn enter_half_open(&self, word: Word, at: u64) {
        let mut history = self.transitions.lock();
        if self.state.load() == word {
            // Of a breaker in a `static`, for its first probes.
            self.probes.allocate(self.config.trial().1.in_flight);
            history.tries();
            let phase = Phase::HalfOpen(ProbeCounts::default());
            self.enter(word, phase, Cause::WaitOver, None, at);
        }
        drop(history);
        self.deliver();
    }

    /// Ends the wait of an open breaker at `now`, as if it were over.
    #[cfg(feature = "test-util")]
    pub(crate) fn end_wait(&self, now: u64) {
        let word = self.state.load();
        if word.is_open() {
            self.enter_half_open(word, now);
        }
    }

    /// Enters open from `word` at `now`, and returns the word that was left, as
    /// [`enter`](Self::enter) does. Only under the transition lock.
    pub(super) fn enter_open(
        &self,
        history: &mut History,
        word: Word,
        cause: Cause,
        by: Option<Override>,
        now: u64,
    ) -> Word {
        // The wait is drawn here, once an opening, and not when a rejection asks for it: all rejections of
        // one opening name the same instant, and a call at that instant is admitted.
        let waits = self.config.read().1.wait;
        let (openings, alone_until) = history.open(waits);
        let wait = waits.after(openings, random);
        // Both before the word: a thread that sees the breaker open sees these.
        (self.state).set_until(word.next(Phase::Open), after(now, wait).max(alone_until));
        self.state.set_cause(cause.to_bits());
        self.enter(word, Phase::Open, cause, by, now)
    }

    /// Enters a state from `word`. Only under the transition lock, which keeps every other change
    /// of generation away. Counts that change meanwhile are those of the state that is left, whose
    /// last word is returned.
    pub(super) fn enter(
        &self,
        word: Word,
        phase: Phase,
        cause: Cause,
        by: Option<Override>,
        at: u64,
    ) -> Word {
        let next = word.next(phase);
        // Only the states that count calls have a window. An open breaker keeps the window it was opened
        // by, which no reader looks at.
        if phase.in_a_row().is_some() {
            // Before the word: a call that the new state admits finds its window empty.
            if let Some((shape, _)) = self.config.read().1.window {
                self.window.begin(shape, next.generation());
            }
        }
        // The order of a transition: window, end and cause, word, slots, listeners. What a state
        // needs is there before its word; what it must not find is gone after it.
        let left = self.state.enter(next);
        // After the word: the place is free once this member rejects no more.
        self.membership.left(word.phase(), phase);
        // After the word: a listener finds the state that it is told.
        self.observers.put(Change {
            generation: next.generation(),
            from: word.phase().state(),
            to: next.phase().state(),
            cause,
            by,
            at,
        });
        left
    }

    /// Wakes the calls that wait for a transition, and delivers it to the listeners. Not under the
    /// transition lock.
    pub(super) fn deliver(&self) {
        // Waiting calls first: a listener may be slow.
        self.wake_for_transition();
        self.observers.deliver(|| self.state());
    }
}

/// Another number each time, and in each process. As good as what keeps hash maps from attacks, and
/// there without a crate for it.
fn random() -> u64 {
    RandomState::new().hash_one(0)
}
