//! All that is written down once a slot, and so all that is remembered over a restart.

use crate::{
    record::{
        budgeting_method::SliceRule,
        calendar::Periods,
        period::Period,
        rings::Rings,
        timeslices::{Slices, Steps},
    },
    types::Counts,
};

#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    rings: Rings,
    slices: Option<Slices>,
    period: Option<Period>,
}

/// The figures of the whole period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Whole {
    pub(crate) counts: Counts,
    pub(crate) length: u64,
    /// How much of it was seen.
    pub(crate) observed: u64,
    /// When it ends, and another begins with nothing spent; a sliding one never does.
    pub(crate) left: Option<u64>,
}

impl Ledger {
    pub(crate) fn new(resolution: u64, slices: Option<SliceRule>, events: Counts) -> Self {
        let slices = slices.map(|rule| Slices::new(rule, events));
        let base = slices.as_ref().map_or(events, Slices::ended);
        Self {
            rings: Rings::new(resolution, base),
            slices,
            period: None,
        }
    }

    /// As it was read.
    pub(crate) const fn of(rings: Rings, slices: Option<Slices>, period: Option<Period>) -> Self {
        Self {
            rings,
            slices,
            period,
        }
    }

    pub(crate) const fn rings(&self) -> &Rings {
        &self.rings
    }

    pub(crate) const fn slices(&self) -> Option<&Slices> {
        self.slices.as_ref()
    }

    pub(crate) const fn period(&self) -> Option<&Period> {
        self.period.as_ref()
    }

    /// From now on, or no more, with a period of the calendar.
    pub(crate) fn set_period(&mut self, period: Option<Period>) {
        self.period = period;
    }

    /// What is counted when the counters are at `events`: those, or the slices that have ended.
    pub(crate) fn counts(&self, events: Counts) -> Counts {
        self.slices.as_ref().map_or(events, Slices::ended)
    }

    /// The period of the calendar that the latest tick is in, at which the wall clock was at `wall` and the counters at
    /// `events`: the one that was followed, or what the rings know of it.
    pub(crate) fn period_at(&self, wall: u64, events: Counts, periods: &Periods) -> Period {
        let calendar = periods.fingerprint();
        if let Some(period) = self.period.filter(|period| period.calendar == calendar) {
            return Period { wall, ..period };
        }
        let (start, end) = periods.around(wall);
        let counts = self.counts(events);
        let (seen, base) = self.rings.since_start_of(wall - start, counts);
        Period {
            wall,
            start,
            end,
            since: wall - seen,
            base,
            calendar,
        }
    }

    /// Moves time on to `tick`, the counters being at `events`. `around` is asked when a period of the calendar has ended.
    pub(crate) fn advance(
        &mut self,
        tick: u64,
        events: Counts,
        around: impl FnOnce(u64) -> (u64, u64),
    ) {
        let was = self.rings.latest();
        let steps = match &mut self.slices {
            None => Steps::none(events),
            Some(slices) => slices.advance(tick, events),
        };
        self.rings.advance(tick, |tick| steps.at(tick));
        if let Some(period) = &mut self.period {
            let by = tick.saturating_sub(was);
            period.advance(by, was.max(tick), around, |tick| steps.at(tick));
        }
    }

    /// The tick at which something has to be written down next, before an event is counted.
    pub(crate) fn due(&self) -> u64 {
        let slot = self.rings.next_slot();
        match &self.period {
            None => slot,
            Some(period) => slot.min(self.rings.latest().saturating_add(period.left())),
        }
    }

    /// The wall clock was set by so much, beside what was slept through.
    pub(crate) fn set_wall(&mut self, by: i64) {
        if let Some(period) = &mut self.period {
            period.wall = period.wall.saturating_add_signed(by);
        }
    }

    /// Whether no event was counted for so long, and in the period that is going on.
    pub(crate) fn is_idle(&self, length: u64, events: Counts) -> bool {
        if let Some(slices) = &self.slices {
            // Idle slices may be counted: what they count says nothing.
            return slices.idle_for(events) >= length;
        }
        let nothing = Counts::default();
        self.whole(length, events).counts == nothing && self.rings.window(length, events) == nothing
    }

    /// Of the calendar's period, or of the `length` just past.
    pub(crate) fn whole(&self, length: u64, counts: Counts) -> Whole {
        match &self.period {
            None => Whole {
                counts: self.rings.window(length, counts),
                length,
                observed: length.min(self.rings.latest()),
                left: None,
            },
            Some(period) => Whole {
                counts: counts.since(period.base),
                length: period.length(),
                observed: period.observed(),
                left: Some(period.left()),
            },
        }
    }
}
