//! A period of the calendar: what was counted since it began, to the event.
//!
//! The rings would not do: a quarter is longer than they reach back, and in a zone of half an hour no month begins with a slot of
//! their coarsest one. So one cumulative count is kept, that of the exact beginning.

use crate::types::Counts;

/// In nanoseconds of the wall clock since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Period {
    /// At the latest tick of the ledger.
    pub(crate) wall: u64,
    /// `start <= wall < end`, but after the wall clock was set back.
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// From when on everything is counted: the start, or when counting began, if that was later.
    pub(crate) since: u64,
    /// What the counts were then.
    pub(crate) base: Counts,
    /// Which calendar's it is.
    pub(crate) calendar: u64,
}

impl Period {
    /// Moves on by so many ticks, to `tick`; `around` says in which period a moment of the wall clock is, `at` what the counts
    /// were at a tick.
    pub(crate) fn advance(
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

    /// In how long it ends.
    pub(crate) const fn left(&self) -> u64 {
        self.end.saturating_sub(self.wall)
    }

    pub(crate) const fn length(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// For how long everything in it was counted.
    pub(crate) const fn observed(&self) -> u64 {
        let since = if self.since > self.start {
            self.since
        } else {
            self.start
        };
        self.wall.saturating_sub(since)
    }
}
