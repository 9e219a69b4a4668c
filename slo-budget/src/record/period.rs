//! The period of a calendar: what was counted since its exact start.
//!
//! The rings cannot answer for it: a quarter is longer than they reach back, and in a time zone with half
//! hours no month begins with a slot of the coarsest ring. So the cumulative counts at the start of the period
//! are kept beside them. The end of a period is one more moment before whose first event the ledger is written.
//!
//! Wall time is read once, when the budget is built, and then follows the monotonic clock, so that steps of the wall
//! clock do not move a month back and forth.

use std::fmt;

use crate::types::{Counts, checksum::checksum};

/// Where the periods of a calendar begin and end. Implemented by the feature `calendar`; a trait, so that the
/// rest of the crate compiles without it.
pub(crate) trait Periods: fmt::Debug + Send + Sync {
    /// The start and the end of the period that contains `wall`, in nanoseconds since the Unix epoch.
    fn around(&self, wall: u64) -> (u64, u64);

    /// The name of the unit and of the time zone.
    fn names(&self) -> (&'static str, &'static str);

    /// Distinguishes calendars in a written history.
    fn fingerprint(&self) -> u64 {
        let (unit, zone) = self.names();
        checksum(format!("the {unit} in {zone}").as_bytes())
    }
}

/// The current period, in nanoseconds of the wall clock since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Period {
    /// The wall clock at the latest tick of the ledger.
    pub(super) wall: u64,
    /// `start <= wall < end`, unless the wall clock was set back.
    pub(super) start: u64,
    pub(super) end: u64,
    /// When counting began in this period: its start, or later if the process started later.
    pub(super) since: u64,
    /// The cumulative counts at `since`.
    pub(super) base: Counts,
    /// The fingerprint of the calendar.
    pub(super) calendar: u64,
}

impl Period {
    /// Moves time on by `by` ticks, to `tick`. `around` gives the period of a wall clock time, `at` the
    /// cumulative counts at a tick.
    pub(super) fn advance(
        &mut self,
        by: u64,
        tick: u64,
        around: impl FnOnce(u64) -> (u64, u64),
        at: impl FnOnce(u64) -> Counts,
    ) {
        self.wall = self.wall.saturating_add(by);
        if self.wall < self.end {
            return;
        }
        (self.start, self.end) = around(self.wall);
        self.since = self.start;
        self.base = at(tick.saturating_sub(self.wall.saturating_sub(self.start)));
    }

    /// The time until it ends.
    pub(super) const fn left(&self) -> u64 {
        self.end.saturating_sub(self.wall)
    }

    pub(super) const fn length(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// For how long events were counted in it.
    pub(super) const fn observed(&self) -> u64 {
        let since = if self.since > self.start {
            self.since
        } else {
            self.start
        };
        self.wall.saturating_sub(since)
    }

    pub(super) fn write(&self, to: &mut Vec<u64>) {
        to.extend([self.calendar, self.wall, self.start, self.end, self.since]);
        to.extend([self.base.good(), self.base.bad()]);
    }

    /// Reads what [`write`](Self::write) wrote.
    pub(super) fn read(from: &mut impl Iterator<Item = u64>) -> Option<Self> {
        Some(Self {
            calendar: from.next()?,
            wall: from.next()?,
            start: from.next()?,
            end: from.next()?,
            since: from.next()?,
            base: Counts::read(from)?,
        })
    }
}
