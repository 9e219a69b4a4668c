//! Slices of time, counted as each ends.
//!
//! The property that chose the design: the counters go on counting events, and nothing is added to the path of a record. As a
//! slice is a whole number of slots, its end is the beginning of one, before whose first event the ledger is brought up
//! to date anyway; then it is said what the slice was. So slices are exact, and the rings keep cumulative counts of them
//! as they do of events.

use crate::{record::budgeting_method::SliceRule, types::Counts};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Slices {
    rule: SliceRule,
    /// The slice of the latest tick.
    current: u64,
    /// What the counters said at its beginning.
    events: Counts,
    /// What all slices before it count.
    ended: Counts,
    /// How many slices in a row before it were without events.
    idle: u64,
}

/// Cumulative counts at any moment up to the latest: steps at the ends of slices, the first of them with what was in it, the
/// rest idle.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Steps {
    before: Counts,
    /// The tick from which it is `then`.
    first: u64,
    then: Counts,
    /// What each further slice adds.
    idle: Counts,
    length: u64,
}

// === impl Slices ===

impl Slices {
    pub(crate) const fn new(rule: SliceRule, events: Counts) -> Self {
        Self::of(rule, 0, events, Counts::new(0, 0), 0)
    }

    /// As they were at `tick`.
    pub(crate) const fn of(
        rule: SliceRule,
        tick: u64,
        events: Counts,
        ended: Counts,
        idle: u64,
    ) -> Self {
        Self {
            rule,
            current: tick / rule.length,
            events,
            ended,
            idle,
        }
    }

    pub(crate) const fn rule(&self) -> SliceRule {
        self.rule
    }

    /// What the counters said when the current slice began.
    pub(crate) const fn events(&self) -> Counts {
        self.events
    }

    /// What all slices count that have ended.
    pub(crate) const fn ended(&self) -> Counts {
        self.ended
    }

    /// How many slices in a row have ended without events.
    pub(crate) const fn idle(&self) -> u64 {
        self.idle
    }

    /// For how many ticks there was no event; zero while there is one in the current slice.
    pub(crate) fn idle_for(&self, events: Counts) -> u64 {
        if events == self.events {
            self.idle.saturating_mul(self.rule.length)
        } else {
            0
        }
    }

    /// Ends the slices that end by `tick`, the counters being at `events`.
    pub(crate) fn advance(&mut self, tick: u64, events: Counts) -> Steps {
        let slice = tick / self.rule.length;
        if slice <= self.current {
            return Steps::none(self.ended);
        }
        let verdict = self.rule.verdict(events.since(self.events));
        let steps = Steps {
            before: self.ended,
            first: (self.current.saturating_add(1)).saturating_mul(self.rule.length),
            then: self.ended.grown(verdict, 1),
            idle: self.rule.one(self.rule.idle),
            length: self.rule.length,
        };
        let passed = slice - self.current;
        self.idle = if events == self.events {
            self.idle.saturating_add(passed)
        } else {
            passed - 1
        };
        self.ended = steps.at(tick);
        (self.current, self.events) = (slice, events);
        steps
    }
}

// === impl Steps ===

impl Steps {
    /// The same at any moment.
    pub(crate) const fn none(counts: Counts) -> Self {
        Self {
            before: counts,
            first: 0,
            then: counts,
            idle: Counts::new(0, 0),
            length: u64::MAX,
        }
    }

    pub(crate) const fn at(self, tick: u64) -> Counts {
        if tick < self.first {
            self.before
        } else {
            self.then
                .grown(self.idle, (tick - self.first) / self.length)
        }
    }
}
