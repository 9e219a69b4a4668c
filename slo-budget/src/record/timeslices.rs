//! Timeslices, each counted when it ends.
//!
//! Property: the counters count events as ever, and an event costs nothing more. A slice is a whole number of
//! slots, so its end is the start of a slot, and the ledger is advanced before the first event of that slot is
//! counted. There the slice that has ended is judged. So slices are exact, and the rings keep cumulative counts
//! of slices as they do of events. Skipped slices follow in closed form, so a gap costs one round of the rings.
//!
//! OpenSLO does not say what a slice without events is. Excluded, good and bad are all right for some service, so the
//! user chooses; excluded is the default, as no data is neither 0 nor 1 elsewhere in this crate.

use crate::{
    record::budgeting_method::SliceRule,
    types::{Counts, Event, Objective},
};

#[derive(Clone, Copy, Debug)]
pub(super) struct Timeslices {
    rule: SliceRule,
    /// The slice of the latest tick.
    current: u64,
    /// The counters at its start.
    events: Counts,
    /// The count of all slices before it.
    ended: Counts,
    /// How many slices in a row before it had no events.
    idle: u64,
}

/// The cumulative count of slices at any moment up to the latest. It steps at the end of each slice; the first
/// slice had the events, the others were idle.
#[derive(Clone, Copy, Debug)]
pub(super) struct Steps {
    before: Counts,
    /// The tick from which the count is `then`.
    first: u64,
    then: Counts,
    /// What each further slice adds.
    idle: Counts,
    length: u64,
}

// === impl Timeslices ===

impl Timeslices {
    pub(super) const fn new(rule: SliceRule, events: Counts) -> Self {
        Self {
            rule,
            current: 0,
            events,
            ended: Counts::new(0, 0),
            idle: 0,
        }
    }

    pub(super) const fn rule(&self) -> SliceRule {
        self.rule
    }

    /// The count of all slices that have ended.
    pub(super) const fn ended(&self) -> Counts {
        self.ended
    }

    /// For how many ticks there was no event; zero if the current slice has one.
    #[cfg(feature = "family")]
    pub(super) fn idle_for(&self, events: Counts) -> u64 {
        if events == self.events {
            self.idle.saturating_mul(self.rule.length)
        } else {
            0
        }
    }

    /// Ends the slices that end by `tick`, with the counters at `events`.
    pub(super) fn advance(&mut self, tick: u64, events: Counts) -> Steps {
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

    /// Appends the slices as words; the first of them is never zero.
    pub(super) fn write(&self, to: &mut Vec<u64>) {
        let idle = match self.rule.idle {
            Event::Excluded => 1,
            Event::Good => 2,
            Event::Bad => 3,
        };
        // A target of 0 of 0 stands for no target.
        let (good, of) = match self.rule.target {
            None => (0, 0),
            Some(target) => (target.good(), target.of()),
        };
        to.extend([idle, self.rule.length, good, of, self.idle]);
        to.extend([self.events.good(), self.events.bad()]);
        to.extend([self.ended.good(), self.ended.bad()]);
    }

    /// Reads what [`write`](Self::write) wrote after the first word, `idle`. The slices are at the tick `latest`.
    pub(super) fn read(
        from: &mut impl Iterator<Item = u64>,
        idle: u64,
        resolution: u64,
        latest: u64,
    ) -> Option<Self> {
        let idle = match idle {
            1 => Event::Excluded,
            2 => Event::Good,
            3 => Event::Bad,
            _ => return None,
        };
        let length = from.next()?;
        if length == 0 || length % resolution != 0 {
            return None;
        }
        let target = match (from.next()?, from.next()?) {
            (0, 0) => None,
            (good, of) => Some(Objective::new(good, of)?),
        };
        Some(Self {
            rule: SliceRule {
                length,
                target,
                idle,
            },
            current: latest / length,
            idle: from.next()?,
            events: Counts::read(from)?,
            ended: Counts::read(from)?,
        })
    }
}

// === impl Steps ===

impl Steps {
    /// The same count at any moment.
    pub(super) const fn none(counts: Counts) -> Self {
        Self {
            before: counts,
            first: 0,
            then: counts,
            idle: Counts::new(0, 0),
            length: u64::MAX,
        }
    }

    pub(super) const fn at(self, tick: u64) -> Counts {
        if tick < self.first {
            self.before
        } else {
            self.then
                .grown(self.idle, (tick - self.first) / self.length)
        }
    }
}
