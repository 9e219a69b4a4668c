//! What an operator does to a breaker, and what is remembered under the transition lock.

use super::{StateMachine, word::Phase};
use crate::{
    config::{Config, Waits},
    types::{
        Cause, Override, remember,
        ticks::{FOREVER, after, ticks},
    },
};

/// What is known under the transition lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct History {
    // In an allocation of its own: 48 bytes that most breakers never need.
    last_override: Option<Box<Override>>,
    /// How often the breaker would have opened since it only measures.
    would_have_opened: u32,
    /// How often it has opened, without the openings that are forgotten, and without those that
    /// made no later wait longer.
    openings: u32,
    /// While closed: since when, or since when the last opening was forgotten.
    closed_since: u64,
    /// Until when the backend asked not to be called, by the call that opened the breaker or by a
    /// probe of this half-open state; else 0.
    alone_until: u64,
}

impl History {
    pub(super) const NONE: Self = Self {
        last_override: None,
        would_have_opened: 0,
        openings: 0,
        closed_since: 0,
        alone_until: 0,
    };

    pub(super) const fn last_override(&self) -> Option<&Override> {
        match &self.last_override {
            Some(by) => Some(&**by),
            None => None,
        }
    }

    pub(super) const fn would_have_opened(&self) -> u32 {
        self.would_have_opened
    }

    /// The breaker opens at `now`, which was closed or on a ramp.
    pub(super) fn opens(&mut self, is_closed: bool, config: &Config, now: u64, alone_until: u64) {
        if is_closed {
            self.recover(config, now);
        }
        self.alone_until = alone_until;
    }

    /// One more opening. Returns the openings before it, and until when to stay open at least.
    pub(super) fn open(&mut self, waits: Waits) -> (u32, u64) {
        let openings = self.openings;
        // One beyond the longest wait would change no wait, and take as long as the others to be
        // forgotten: an outage of a day would be remembered for a day.
        if !waits.is_longest(openings) {
            self.openings = openings.saturating_add(1);
        }
        (openings, self.alone_until)
    }

    /// The breaker closes, by its probes or at the end of a ramp.
    pub(super) const fn closes(&mut self, at: u64) {
        self.closed_since = at;
    }

    /// Forgets the openings that a breaker which is closed at `now` no longer remembers.
    // Here and not by a timer: the memory matters to the next opening alone, and to a change of the
    // numbers.
    pub(super) fn recover(&mut self, config: &Config, now: u64) {
        while self.openings > 0 {
            let time = config.remembers_for(self.openings);
            if now.saturating_sub(self.closed_since) < time {
                return;
            }
            self.closed_since += time;
            self.openings -= 1;
        }
    }

    /// The breaker admits probes.
    pub(super) const fn tries(&mut self) {
        self.alone_until = 0;
    }

    pub(super) fn leave_alone_until(&mut self, until: u64) {
        self.alone_until = self.alone_until.max(until);
    }

    /// Forgets all but an override.
    fn forget(&mut self, last_override: Option<Box<Override>>) {
        *self = Self {
            last_override,
            ..Self::NONE
        };
    }
}

impl StateMachine {
    pub(crate) fn force_open(&self, by: Override, now: u64) {
        self.force(Phase::ForcedOpen, by, now);
    }

    pub(crate) fn disable(&self, by: Override, now: u64) {
        self.force(Phase::Disabled, by, now);
    }

    pub(crate) fn metrics_only(&self, by: Override, now: u64) {
        self.force(Phase::MetricsOnly { in_a_row: 0 }, by, now);
    }

    /// Opens the breaker for a wait, unless it is open already. Returns whether it opened.
    pub(crate) fn trip(&self, by: Override, now: u64) -> bool {
        self.advance(now);
        let mut history = self.transitions.lock();
        let word = self.state.load();
        // An open breaker stays as it is: its facts are not replaced under its readers, and the second
        // click of an operator does not double the wait.
        let opens = !word.is_open();
        if opens {
            let phase = word.phase();
            if phase.in_a_row().is_some() {
                history.opens(word.is_closed(), &self.config.read().1, now, 0);
            }
            history.last_override = Some(Box::new(by.clone()));
            self.membership.enters_by_operator(phase, Phase::Open);
            self.enter_open(&mut history, word, Cause::Tripped, Some(by), now);
            // As in `begin`.
            self.probes.clear();
        }
        drop(history);
        self.deliver();
        opens
    }

    /// Leaves an operator's state. Returns whether it was in one.
    pub(crate) fn resume(&self, by: Override, now: u64) -> bool {
        self.advance(now);
        let mut history = self.transitions.lock();
        // Only under the lock is an operator's state entered or left: this stays true.
        let is_override = self.state.load().phase().is_override();
        if is_override {
            // Closed with nothing counted, and not back to the state before: what was counted before the
            // override says nothing about the backend now.
            history.last_override = Some(Box::new(by.clone()));
            self.begin(Phase::CLOSED, 0, Cause::Operator, Some(by), now);
        }
        drop(history);
        self.deliver();
        is_override
    }

    /// The override that holds at `now`.
    pub(crate) fn forced(&self, now: u64) -> Option<Override> {
        self.advance(now);
        let history = self.transitions.lock();
        let is_override = self.state.load().phase().is_override();
        history.last_override().filter(|_| is_override).cloned()
    }

    /// Back to closed with nothing counted, in a new generation, from any state; an operator's
    /// state stays, with its override.
    pub(crate) fn reset(&self, by: Override, now: u64) {
        // Found by a property test: without it a reset of an open breaker whose wait was over made
        // one transition or two. So that the generation does not depend on whether another thread
        // looked just before.
        self.advance(now);
        let mut history = self.transitions.lock();
        let word = self.state.load();
        let holding = history.last_override.take();
        history.forget(if word.phase().is_override() {
            holding
        } else {
            Some(Box::new(by.clone()))
        });
        // The end of an override goes along; a closed breaker has none.
        let until = self.state.until(word);
        self.publish(&history, word.phase().afresh());
        self.begin(word.phase().afresh(), until, Cause::Reset, Some(by), now);
        // The only fact that is written after its word: the word before it has the old cause, the
        // word after it has none. After the word: a thread that still reads the old state reads its
        // old cause too, or looks again.
        self.state.set_cause(Cause::NONE);
        drop(history);
        self.deliver();
    }

    /// Publishes the last override for the rejections in `phase`, which is about to be entered. Only
    /// under the transition lock.
    fn publish(&self, history: &History, phase: Phase) {
        if let (Phase::ForcedOpen, Some(by)) = (phase, &history.last_override) {
            let next = self.state.load().next(phase);
            self.state.set_forced_by(next, remember(by));
        }
    }

    /// Enters an operator's state, from any.
    pub(super) fn force(&self, phase: Phase, by: Override, now: u64) {
        // As in `reset`.
        self.advance(now);
        // An operator's state is entered from any state in one transition. A wait that was running is
        // cancelled with it.
        let until = by.lasts().map_or(FOREVER, |time| after(now, ticks(time)));
        let mut history = self.transitions.lock();
        history.forget(Some(Box::new(by.clone())));
        self.publish(&history, phase);
        self.begin(phase, until, Cause::Operator, Some(by), now);
        drop(history);
        self.deliver();
    }

    /// Ends the override or the ramp of `generation`, due `at`, unless another thread was faster.
    #[cold]
    pub(super) fn end_in_time(&self, generation: u32, at: u64) {
        let mut history = self.transitions.lock();
        let word = self.state.load();
        if word.generation() == generation {
            history.closes(at);
            // Under the lock, so that an override which replaces this one at the same moment is not ended with
            // it.
            let cause = if word.phase().is_override() {
                Cause::OverrideOver
            } else {
                Cause::RampOver
            };
            self.begin(Phase::CLOSED, 0, cause, None, at);
        }
        drop(history);
        self.deliver();
    }

    /// Counts what would have opened a breaker that only measures. Only under the transition lock.
    pub(super) fn would_open(&self, history: &mut History, cause: Cause, now: u64) {
        // It begins with an empty window then: else every further failure above the ratio would
        // count as one more opening.
        history.would_have_opened = history.would_have_opened.saturating_add(1);
        let word = self.state.load();
        let next = word.next(Phase::MetricsOnly { in_a_row: 0 });
        // Before the word, as in `enter_open`. The end of the override goes along.
        self.state.set_cause(cause.to_bits());
        self.state.set_until(next, self.state.until(word));
        self.enter(word, next.phase(), cause, None, now);
    }
}
