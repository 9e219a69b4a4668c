//! The ledger as words, and back: part of a [`History`](crate::History).

use crate::{
    history::bytes::Reader,
    record::{
        budgeting_method::SliceRule, ledger::Ledger, period::Period, rings::Rings,
        timeslices::Slices,
    },
    types::{Counts, Event, Objective},
};

impl Ledger {
    /// The rings, the slices, the period of the calendar; of what there is not, a zero.
    pub(crate) fn write(&self, to: &mut Vec<u64>) {
        self.rings().write(to);
        match self.slices() {
            None => to.push(0),
            Some(slices) => {
                let rule = slices.rule();
                let idle = match rule.idle {
                    Event::Excluded => 1,
                    Event::Good => 2,
                    Event::Bad => 3,
                };
                // A target of none of none is no target.
                let (good, of) = rule
                    .target
                    .map_or((0, 0), |target| (target.good(), target.of()));
                to.extend([idle, rule.length, good, of, slices.idle()]);
                to.extend(
                    words(slices.events())
                        .into_iter()
                        .chain(words(slices.ended())),
                );
            }
        }
        match self.period() {
            None => to.push(0),
            Some(period) => {
                to.extend([1, period.calendar, period.wall]);
                to.extend([period.start, period.end, period.since]);
                to.extend(words(period.base));
            }
        }
    }

    /// What was written; `None` where it is not enough, or could not be.
    pub(crate) fn read(from: &mut Reader<'_>) -> Option<Self> {
        let rings = Rings::read(from)?;
        let slices = match from.next()? {
            0 => None,
            idle => Some(slices(from, idle, &rings)?),
        };
        let period = match from.next()? {
            0 => None,
            1 => Some(period(from)?),
            _ => return None,
        };
        Some(Self::of(rings, slices, period))
    }
}

fn slices(from: &mut Reader<'_>, idle: u64, rings: &Rings) -> Option<Slices> {
    let idle = match idle {
        1 => Event::Excluded,
        2 => Event::Good,
        3 => Event::Bad,
        _ => return None,
    };
    let length = from.next()?;
    if length == 0 || length % rings.resolution() != 0 {
        return None;
    }
    let target = match (from.next()?, from.next()?) {
        (0, 0) => None,
        (good, of) => Some(Objective::new(good, of)?),
    };
    let rule = SliceRule {
        length,
        target,
        idle,
    };
    let idle = from.next()?;
    let (events, ended) = (from.counts()?, from.counts()?);
    Some(Slices::of(rule, rings.latest(), events, ended, idle))
}

fn period(from: &mut Reader<'_>) -> Option<Period> {
    Some(Period {
        calendar: from.next()?,
        wall: from.next()?,
        start: from.next()?,
        end: from.next()?,
        since: from.next()?,
        base: from.counts()?,
    })
}

const fn words(counts: Counts) -> [u64; 2] {
    [counts.good, counts.bad]
}
