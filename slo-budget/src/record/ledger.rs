//! What is written down once a slot, and therefore what a restart preserves: the rings, the current slice, and
//! the current period of a calendar.
//!
//! Plain memory under the lock of the recorder. All counts in it are cumulative, so a window is one subtraction.

use crate::{
    record::{
        budgeting_method::SliceRule,
        period::{Period, Periods},
        rings::Rings,
        timeslices::{Steps, Timeslices},
    },
    types::Counts,
};

#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    rings: Rings,
    /// `None` if each event is counted.
    slices: Option<Timeslices>,
    /// `None` if the period slides.
    period: Option<Period>,
}

/// The figures of the whole period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Whole {
    pub(crate) counts: Counts,
    pub(crate) length: u64,
    /// For how long events were counted in it.
    pub(crate) observed: u64,
    /// The time until a period of the calendar ends; `None` if the period slides.
    pub(crate) left: Option<u64>,
}

impl Ledger {
    pub(crate) fn new(resolution: u64, slices: Option<SliceRule>, events: Counts) -> Self {
        let slices = slices.map(|rule| Timeslices::new(rule, events));
        let base = slices.as_ref().map_or(events, Timeslices::ended);
        Self {
            rings: Rings::new(resolution, base),
            slices,
            period: None,
        }
    }

    pub(crate) const fn resolution(&self) -> u64 {
        self.rings.resolution()
    }

    /// How slices are judged; `None` if each event is counted.
    pub(crate) fn slices(&self) -> Option<SliceRule> {
        self.slices.as_ref().map(Timeslices::rule)
    }

    /// The latest tick seen.
    pub(crate) const fn latest(&self) -> u64 {
        self.rings.latest()
    }

    /// Follows a calendar from now on, or does not.
    pub(super) fn set_period(&mut self, period: Option<Period>) {
        self.period = period;
    }

    /// What is counted when the counters are at `events`: those, or the slices that have ended.
    pub(crate) fn counts(&self, events: Counts) -> Counts {
        self.slices.as_ref().map_or(events, Timeslices::ended)
    }

    /// The period of the calendar at the latest tick, when the wall clock was at `wall` and the counters at
    /// `events`: the period that this ledger already follows, or what the rings know of it.
    pub(super) fn period_at(&self, wall: u64, events: Counts, periods: &dyn Periods) -> Period {
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

    /// Moves time on to `tick`, with the counters at `events`. `around` gives the next period of the calendar
    /// when the current one has ended.
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
        if self.period.is_some() {
            self.advance_period(was, tick, &steps, around);
        }
    }

    // Out of line, so that budgets without a calendar do not pay for it.
    #[inline(never)]
    fn advance_period(
        &mut self,
        was: u64,
        tick: u64,
        steps: &Steps,
        around: impl FnOnce(u64) -> (u64, u64),
    ) {
        if let Some(period) = &mut self.period {
            let by = tick.saturating_sub(was);
            period.advance(by, was.max(tick), around, |tick| steps.at(tick));
        }
    }

    /// The tick at which the ledger must be written before the next event is counted.
    pub(super) fn due(&self) -> u64 {
        let slot = self.rings.next_slot();
        match &self.period {
            None => slot,
            Some(period) => slot.min(self.rings.latest().saturating_add(period.left())),
        }
    }

    /// Adjusts the period to a wall clock that was set by `by`, beside what the machine slept.
    pub(super) fn set_wall(&mut self, by: i64) {
        if let Some(period) = &mut self.period {
            period.wall = period.wall.saturating_add_signed(by);
        }
    }

    /// What was counted in the `window` ticks before the latest, with the counters at `counts`.
    #[inline]
    pub(crate) fn window(&self, window: u64, counts: Counts) -> Counts {
        self.rings.window(window, counts)
    }

    /// What was counted in the current period of the calendar, if the ledger follows one.
    pub(crate) fn period_counts(&self, counts: Counts) -> Option<Counts> {
        self.period.map(|period| counts.since(period.base))
    }

    pub(super) const fn steps_back(&self) -> u64 {
        self.rings.steps_back()
    }

    /// Whether no event was counted in the last `length` ticks and in the current period of the calendar.
    #[cfg(feature = "family")]
    pub(super) fn is_idle(&self, length: u64, events: Counts) -> bool {
        if let Some(slices) = &self.slices {
            // The counts do not tell: a slice without events may count as good or bad.
            return slices.idle_for(events) >= length;
        }
        let nothing = Counts::default();
        self.whole(length, events).counts == nothing && self.rings.window(length, events) == nothing
    }

    /// The figures of the calendar's period, or of the last `length` ticks.
    pub(super) fn whole(&self, length: u64, counts: Counts) -> Whole {
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

    /// Appends the ledger as words: the rings, the slices, the period. A zero stands for a part that is missing.
    pub(crate) fn write(&self, to: &mut Vec<u64>) {
        self.rings.write(to);
        match &self.slices {
            None => to.push(0),
            Some(slices) => slices.write(to),
        }
        match &self.period {
            None => to.push(0),
            Some(period) => {
                to.push(1);
                period.write(to);
            }
        }
    }

    /// Reads what [`write`](Self::write) wrote. `None` if words are missing or describe no ledger.
    pub(crate) fn read(from: &mut impl Iterator<Item = u64>) -> Option<Self> {
        let rings = Rings::read(from)?;
        let slices = match from.next()? {
            0 => None,
            idle => Some(Timeslices::read(
                from,
                idle,
                rings.resolution(),
                rings.latest(),
            )?),
        };
        let period = match from.next()? {
            0 => None,
            1 => Some(Period::read(from)?),
            _ => return None,
        };
        Some(Self {
            rings,
            slices,
            period,
        })
    }
}
