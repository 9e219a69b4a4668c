//! How ticks of the monotonic clock become ticks of the ledger: with what the machine slept through added.

use crate::clocks::Skew;

#[derive(Debug)]
pub(crate) struct Timekeeper {
    clocks: Skew,
    /// What was slept through, in ticks.
    slept: u64,
    /// What the clocks last showed.
    skew: Option<i64>,
    /// What is no sleep: the wall clock is set by so much now and then, and no window sees less than a slot.
    tolerance: u64,
}

/// What a look at the clocks shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Glance {
    Nothing,
    /// The wall clock went on without the monotonic one.
    Slept,
    /// It was set back, by so many ticks.
    SetBack(u64),
}

/// Below it, whatever the resolution, a difference is the work of whoever keeps the wall clock right.
const LEAST: u64 = 1_000_000_000;

impl Timekeeper {
    pub(crate) fn new(clocks: Skew, resolution: u64) -> Self {
        Self::tolerating(clocks, resolution.max(LEAST))
    }

    pub(crate) fn tolerating(clocks: Skew, tolerance: u64) -> Self {
        Self {
            clocks,
            slept: 0,
            skew: clocks(),
            tolerance,
        }
    }

    /// The ledger's tick for one of the monotonic clock.
    pub(crate) const fn tick(&self, monotonic: u64) -> u64 {
        monotonic.saturating_add(self.slept)
    }

    /// And back.
    pub(crate) const fn monotonic(&self, tick: u64) -> u64 {
        tick.saturating_sub(self.slept)
    }

    pub(crate) const fn slept(&self) -> u64 {
        self.slept
    }

    /// Looks at the machine's clocks.
    pub(crate) fn glance(&mut self) -> Glance {
        let Some(skew) = (self.clocks)() else {
            return Glance::Nothing;
        };
        let Some(before) = self.skew else {
            self.skew = Some(skew);
            return Glance::Nothing;
        };
        let gained = skew.saturating_sub(before);
        // Compared with what it was at the last event of this kind, so that a clock that creeps is noticed too.
        if gained.unsigned_abs() <= self.tolerance {
            return Glance::Nothing;
        }
        self.skew = Some(skew);
        if gained > 0 {
            self.slept = self.slept.saturating_add(gained.unsigned_abs());
            Glance::Slept
        } else {
            Glance::SetBack(gained.unsigned_abs())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unreadable_clock_or_a_small_difference_is_no_sleep_and_one_that_creeps_is() {
        use std::cell::Cell;
        thread_local!(static SKEW: Cell<Option<i64>> = const { Cell::new(None) });
        let mut time = Timekeeper::tolerating(|| SKEW.get(), 10);
        let mut look = |skew| {
            SKEW.set(skew);
            (time.glance(), time.slept())
        };
        assert_eq!(look(None), (Glance::Nothing, 0));
        assert_eq!(
            look(Some(1000)),
            (Glance::Nothing, 0),
            "the first is what it is"
        );
        assert_eq!(look(None), (Glance::Nothing, 0));
        assert_eq!(look(Some(1010)), (Glance::Nothing, 0));
        assert_eq!(look(Some(1011)), (Glance::Slept, 11), "since the first");
        assert_eq!(look(Some(1001)), (Glance::Nothing, 11));
        assert_eq!(look(Some(1000)), (Glance::SetBack(11), 11));
        assert_eq!(
            look(Some(i64::MIN)),
            (Glance::SetBack(i64::MAX as u64 + 1), 11)
        );
        assert_eq!(look(Some(i64::MAX)), (Glance::Slept, 11 + i64::MAX as u64));
        assert_eq!(time.tick(u64::MAX), u64::MAX);
    }

    #[test]
    fn the_least_that_is_a_sleep_is_a_second_or_a_slot() {
        assert_eq!(Timekeeper::new(|| None, 5).tolerance, LEAST);
        assert_eq!(Timekeeper::new(|| None, 10 * LEAST).tolerance, 10 * LEAST);
    }
}
