//! The machine's own clocks, read at most once a slot: the only file that does not go by tokio's.
//!
//! While a machine sleeps its monotonic clock stands still (on Linux and macOS), and with it everything that is counted by it; the
//! wall clock does not. So what the wall clock gains on the monotonic one was slept through, or the wall clock was set. Both are
//! the machine's: under tokio's paused clock there is nothing to see here.

#![expect(
    clippy::disallowed_types,
    reason = "tokio's clock may be paused; it is the machine's that sleeps, and calendars are about wall time"
)]

use std::{
    sync::LazyLock,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use crate::types::duration::ticks;

/// By how much the wall clock is ahead of the monotonic one, in ticks, whatever that may be; `None` where the two could not be
/// read at one moment.
pub(crate) type Skew = fn() -> Option<i64>;

/// The time since the Unix epoch, in ticks.
pub(crate) fn wall() -> u64 {
    ticks(
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default(),
    )
}

/// A thread that is held up between the readings, for longer than this, reads nothing.
const AT_ONCE: u64 = 100_000_000;

/// See [`Skew`].
pub(crate) fn skew() -> Option<i64> {
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
