use std::time::Duration;

use tokio::time::Instant;

use crate::{settings::NEVER, sync::OnceLock};

const NANOS: u64 = 1_000_000_000;

/// The first clock reading of the process: a common origin for the rejections of all breakers.
static ORIGIN: OnceLock<Instant> = OnceLock::new();

/// The instant that ticks are counted from: the first one that the clock was read for. A breaker in a `static` is built
/// before there is a clock, so all breakers take the first reading.
#[derive(Debug)]
pub(crate) struct Epoch(OnceLock<Start>);

#[derive(Clone, Copy, Debug)]
struct Start {
    at: Instant,
    /// Nanoseconds from [`ORIGIN`], negative before it.
    since_origin: i64,
}

impl Epoch {
    pub(crate) const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// The epoch; `now`, if this is the first reading.
    #[inline]
    pub(crate) fn start(&self, now: Instant) -> Instant {
        self.0.get_or_init(|| Start::new(now)).at
    }

    /// Nanoseconds from the epoch to `now`, 0 before it.
    #[inline]
    pub(crate) fn ticks(&self, now: Instant) -> u64 {
        nanos(now.saturating_duration_since(self.start(now)))
    }

    /// What [`instant`] turns into the instant of `ticks`, about 36 years at most from [`ORIGIN`]. Reads no clock: whatever
    /// rejects a call has been told the time before.
    #[inline]
    pub(crate) fn since_origin(&self, ticks: u64) -> i64 {
        let start = self.0.get().map_or(0, |start| start.since_origin);
        // `Open` has 61 bits for it: ticks are below 2^60, and this cuts off what a breaker that is older than 200 days calls
        // "never".
        start.saturating_add_unsigned(ticks).min((1 << 60) - 1)
    }
}

impl Start {
    #[cold]
    fn new(at: Instant) -> Self {
        let origin = *ORIGIN.get_or_init(|| at);
        let (after, before) = (
            at.saturating_duration_since(origin),
            origin.saturating_duration_since(at),
        );
        Self {
            at,
            since_origin: nanos(after) as i64 - nanos(before) as i64,
        }
    }
}

/// The instant so many nanoseconds from [`ORIGIN`]; `ORIGIN` where the platform cannot represent it.
pub(crate) fn instant(since_origin: i64) -> Instant {
    let origin = *ORIGIN.get_or_init(Instant::now);
    let distance = Duration::from_nanos(since_origin.unsigned_abs());
    let instant = if since_origin < 0 {
        origin.checked_sub(distance)
    } else {
        origin.checked_add(distance)
    };
    instant.unwrap_or(origin)
}

#[inline]
fn nanos(elapsed: Duration) -> u64 {
    // In 64 bits, which cost half of what `as_nanos` does.
    if elapsed.as_secs() < NEVER / NANOS {
        elapsed.as_secs() * NANOS + u64::from(elapsed.subsec_nanos())
    } else {
        NEVER
    }
}
