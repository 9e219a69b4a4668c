use tokio::time::Instant;

use crate::{
    sync::OnceLock,
    types::ticks::{elapsed, since_origin},
};

/// Turns instants into ticks. Tick 0 is the first instant that the breaker is told: one in a
/// `static` is built before there is a clock, and so that all are alike, the others wait for it as
/// well.
#[derive(Debug)]
pub(crate) struct Clock(OnceLock<Start>);

#[derive(Clone, Copy, Debug)]
struct Start {
    at: Instant,
    // Kept, so that a rejection adds two numbers instead of comparing two instants.
    since_origin: i64,
}

impl Clock {
    pub(crate) const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// The instant of tick 0: `now`, if this is the first reading.
    #[inline]
    pub(crate) fn start(&self, now: Instant) -> Instant {
        // Not `get_or_init` here: its closure takes a pointer to `now`, which is then written to
        // memory once more at every reading.
        match self.0.get() {
            Some(start) => start.at,
            None => self.start_at(now),
        }
    }

    // Out of line, so that reading the clock stays short where it is inlined.
    #[cold]
    #[inline(never)]
    fn start_at(&self, now: Instant) -> Instant {
        let since_origin = since_origin(now);
        let start = Start {
            at: now,
            since_origin,
        };
        self.0.get_or_init(|| start).at
    }

    /// Nanoseconds from the start to `now`, 0 before it.
    #[inline]
    pub(crate) fn ticks(&self, now: Instant) -> u64 {
        elapsed(now.saturating_duration_since(self.start(now)))
    }

    /// A tick as [`Open`](crate::types::Open) keeps it, without a look at the clock: a breaker that
    /// rejects was told the time before.
    #[inline]
    #[expect(
        clippy::cast_possible_wrap,
        reason = "a rejection ends at NEVER at the latest"
    )]
    pub(crate) fn since_origin(&self, tick: u64) -> i64 {
        let start = self.0.get().map_or(0, |start| start.since_origin);
        // Both are below 2^60: no overflow, and a saturating sum would be five instructions more.
        // `Open` has 61 bits for it: this cuts off nothing but what a breaker of a process that is
        // older than 200 days calls "never".
        (start + tick as i64).min((1 << 60) - 1)
    }
}
