//! How ticks of the monotonic clock become ticks of the ledger: with what the machine slept through added.

use crate::record::clocks::Skew;

#[derive(Debug)]
pub(crate) struct Timekeeper {
    clocks: Skew,
    /// What was slept through, in ticks.
    slept: u64,
    /// What the clocks last showed.
    skew: Option<i64>,
    /// How far the wall clock was behind what it had shown before a restart: until it has caught up, it is being set.
    behind: u64,
    /// What is no sleep: the wall clock is set by so much now and then, and no window sees less than a slot.
    tolerance: u64,
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
            behind: 0,
            tolerance,
        }
    }

    /// Goes on after a restart with a wall clock that is so far behind: a machine without a clock of its own begins in the year 1970.
    pub(crate) const fn behind(self, behind: u64) -> Self {
        Self { behind, ..self }
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

    /// Looks at the machine's clocks, and adds what was slept through. By how much the wall clock was set beside that.
    pub(crate) fn glance(&mut self) -> i64 {
        let Some(skew) = (self.clocks)() else {
            return 0;
        };
        let Some(before) = self.skew else {
            self.skew = Some(skew);
            return 0;
        };
        let gained = skew.saturating_sub(before);
        // Compared with what it was at the last event of this kind, so that a clock that creeps is noticed too.
        if gained.unsigned_abs() <= self.tolerance {
            return 0;
        }
        self.skew = Some(skew);
        if gained < 0 {
            return gained;
        }
        let set = self.behind.min(gained.unsigned_abs());
        self.behind -= set;
        self.slept = self.slept.saturating_add(gained.unsigned_abs() - set);
        // Not more than was gained.
        i64::try_from(set).unwrap_or(i64::MAX)
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
        assert_eq!(look(None), (0, 0));
        assert_eq!(look(Some(1000)), (0, 0), "the first is what it is");
        assert_eq!(look(None), (0, 0));
        assert_eq!(look(Some(1010)), (0, 0));
        assert_eq!(look(Some(1011)), (0, 11), "since the first");
        assert_eq!(look(Some(1001)), (0, 11));
        assert_eq!(look(Some(1000)), (-11, 11));
        assert_eq!(look(Some(i64::MIN)), (i64::MIN, 11));
        assert_eq!(look(Some(i64::MAX)), (0, 11 + i64::MAX as u64));
        assert_eq!(time.tick(u64::MAX), u64::MAX);
    }

    #[test]
    fn a_wall_clock_that_catches_up_with_what_it_was_is_set_and_only_the_rest_is_sleep() {
        use std::cell::Cell;
        thread_local!(static SKEW: Cell<i64> = const { Cell::new(0) });
        let mut time = Timekeeper::tolerating(|| Some(SKEW.get()), 10).behind(100);
        let mut look = |skew| {
            SKEW.set(skew);
            (time.glance(), time.slept())
        };
        assert_eq!(look(5), (0, 0));
        assert_eq!(look(60), (60, 0));
        assert_eq!(look(20), (-40, 0));
        assert_eq!(look(90), (40, 30), "it was 40 behind");
        assert_eq!(look(190), (0, 130));
    }

    #[test]
    fn the_least_that_is_a_sleep_is_a_second_or_a_slot() {
        assert_eq!(Timekeeper::new(|| None, 5).tolerance, LEAST);
        assert_eq!(Timekeeper::new(|| None, 10 * LEAST).tolerance, 10 * LEAST);
    }
}
