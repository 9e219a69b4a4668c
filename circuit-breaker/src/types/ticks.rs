//! Time as a number. The state machine counts ticks: nanoseconds from the first clock reading of
//! its breaker.

use std::time::Duration;

use tokio::time::Instant;

use crate::sync::OnceLock;

/// The last tick, 36 years of 365 days after the first. Later instants and longer durations are
/// taken for this one. It is below 2^60, which leaves four bits of a word for other things.
pub(crate) const NEVER: u64 = 36 * 365 * 24 * 60 * 60 * NANOS;

/// The end of an override without an end: later than any instant.
pub(crate) const FOREVER: u64 = u64::MAX;

const NANOS: u64 = 1_000_000_000;

/// The first clock reading of the process. A rejection counts from here, so that it names an
/// instant without a pointer to its breaker.
static ORIGIN: OnceLock<Instant> = OnceLock::new();

/// A duration in ticks, at most [`NEVER`].
#[expect(clippy::cast_possible_truncation, reason = "at most NEVER")]
pub(crate) const fn ticks(duration: Duration) -> u64 {
    let nanos = duration.as_nanos();
    if nanos < NEVER as u128 {
        nanos as u64
    } else {
        NEVER
    }
}

/// The same for an elapsed time, in 64 bits throughout: on the path of a call `as_nanos` would cost
/// twice as much.
#[inline]
pub(crate) fn elapsed(time: Duration) -> u64 {
    if time.as_secs() < NEVER / NANOS {
        time.as_secs() * NANOS + u64::from(time.subsec_nanos())
    } else {
        NEVER
    }
}

/// The tick that lies `ticks` after `now`, at most [`NEVER`].
pub(crate) const fn after(now: u64, ticks: u64) -> u64 {
    // Both are at most NEVER: no overflow.
    if now + ticks < NEVER {
        now + ticks
    } else {
        NEVER
    }
}

/// Nanoseconds from the process's first clock reading to `at`, negative before it.
#[cold]
pub(crate) fn since_origin(at: Instant) -> i64 {
    let origin = *ORIGIN.get_or_init(|| at);
    let nanos = |time| i64::try_from(elapsed(time)).unwrap_or(i64::MAX);
    nanos(at.saturating_duration_since(origin)) - nanos(origin.saturating_duration_since(at))
}

/// The instant that [`since_origin`] was asked about; the origin where the platform cannot
/// represent it.
pub(super) fn instant(since_origin: i64) -> Instant {
    let origin = *ORIGIN.get_or_init(Instant::now);
    let distance = Duration::from_nanos(since_origin.unsigned_abs());
    let instant = if since_origin < 0 {
        origin.checked_sub(distance)
    } else {
        origin.checked_add(distance)
    };
    instant.unwrap_or(origin)
}
