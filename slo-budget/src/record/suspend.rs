//! The clock of the ledger: the monotonic clock plus the time for which the machine was suspended.
//!
//! While a machine is suspended its monotonic clock stops (on Linux and macOS) and its wall clock does not. So
//! what the wall clock gains on the monotonic clock was either slept through, or the wall clock was set. Both
//! clocks are the machine's own: tokio's paused clock is never suspended.
//!
//! The two clocks are compared at most once a slot, under the lock of the recorder. A loss of the wall clock moves
//! only the calendar, as the time of windows does not go back.
//!
//! Rejected: reading the wall clock for each event (25 ns, to be right within the first slot after a suspension); a
//! wall clock as a parameter (no caller would set it).

#![expect(
    clippy::disallowed_types,
    reason = "tokio's clock may be paused; it is the machine that is suspended"
)]

use std::{
    sync::LazyLock,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use crate::types::duration::ticks;

/// Reads by how many ticks the wall clock is ahead of the monotonic clock; only differences matter. `None` if
/// the two could not be read at the same moment.
pub(super) type Skew = fn() -> Option<i64>;

#[derive(Debug)]
pub(crate) struct SuspendClock {
    read: Skew,
    /// How long the machine was suspended, in ticks.
    slept: u64,
    /// The last skew that counted.
    skew: Option<i64>,
    /// How far the wall clock is behind what it showed before a restart. Until it has caught up, a gain means
    /// that the clock was set.
    behind: u64,
    /// Smaller differences are corrections of the wall clock. No window shows less than a slot anyway.
    tolerance: u64,
}

/// The tolerance at resolutions below a second.
const LEAST_TOLERANCE: u64 = 1_000_000_000;

/// A thread that needs longer than this between the two readings reads nothing.
const AT_ONCE: u64 = 100_000_000;

/// The time since the Unix epoch, in ticks.
pub(super) fn wall() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    ticks(since_epoch.unwrap_or_default())
}

/// The skew of this machine; see [`Skew`].
pub(super) fn skew() -> Option<i64> {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let monotonic = || ticks(START.elapsed());
    let before = monotonic();
    let wall = wall();
    if monotonic() - before > AT_ONCE {
        return None;
    }
    // 2^63 nanoseconds are 292 years.
    Some(i64::try_from(wall).ok()? - i64::try_from(before).ok()?)
}

impl SuspendClock {
    pub(crate) fn new(read: Skew, resolution: u64) -> Self {
        Self::tolerating(read, resolution.max(LEAST_TOLERANCE))
    }

    pub(crate) fn tolerating(read: Skew, tolerance: u64) -> Self {
        Self {
            read,
            slept: 0,
            skew: read(),
            behind: 0,
            tolerance,
        }
    }

    /// For a wall clock that shows an earlier time than before a restart: a machine without a battery starts
    /// in 1970.
    pub(super) const fn behind(self, behind: u64) -> Self {
        Self { behind, ..self }
    }

    /// The ledger's tick for a tick of the monotonic clock.
    pub(super) const fn tick(&self, monotonic: u64) -> u64 {
        monotonic.saturating_add(self.slept)
    }

    /// The inverse of [`tick`](Self::tick).
    pub(super) const fn monotonic(&self, tick: u64) -> u64 {
        tick.saturating_sub(self.slept)
    }

    pub(super) const fn slept(&self) -> u64 {
        self.slept
    }

    /// Reads the machine's clocks and adds what it slept. Returns by how much the wall clock was set.
    pub(super) fn update(&mut self) -> i64 {
        let Some(skew) = (self.read)() else {
            return 0;
        };
        let Some(before) = self.skew else {
            self.skew = Some(skew);
            return 0;
        };
        // Compared with the last skew that counted, so that a clock that drifts slowly is noticed too.
        let gained = skew.saturating_sub(before);
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
        // At most what was gained.
        i64::try_from(set).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_differences_are_no_sleep_until_they_add_up() {
        use std::cell::Cell;
        thread_local!(static SKEW: Cell<Option<i64>> = const { Cell::new(None) });
        let mut time = SuspendClock::tolerating(|| SKEW.get(), 10);
        let mut look = |skew| {
            SKEW.set(skew);
            (time.update(), time.slept())
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
    fn a_wall_clock_that_catches_up_was_set_not_suspended() {
        use std::cell::Cell;
        thread_local!(static SKEW: Cell<i64> = const { Cell::new(0) });
        let mut time = SuspendClock::tolerating(|| Some(SKEW.get()), 10).behind(100);
        let mut look = |skew| {
            SKEW.set(skew);
            (time.update(), time.slept())
        };
        assert_eq!(look(5), (0, 0));
        assert_eq!(look(60), (60, 0));
        assert_eq!(look(20), (-40, 0));
        assert_eq!(look(90), (40, 30), "it was 40 behind");
        assert_eq!(look(190), (0, 130));
    }

    #[test]
    fn the_shortest_sleep_is_a_second_or_a_slot() {
        assert_eq!(SuspendClock::new(|| None, 5).tolerance, LEAST_TOLERANCE);
        assert_eq!(
            SuspendClock::new(|| None, 10 * LEAST_TOLERANCE).tolerance,
            10 * LEAST_TOLERANCE
        );
    }
}
