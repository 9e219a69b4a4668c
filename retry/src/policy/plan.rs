use super::call_state::CallState;
use crate::types::Now;

/// What a call needs to know of a policy if nothing fails, in one word with the revision of its numbers above it:
///
/// ```text
/// 63         40 39                     8 7        0
/// [ revision   ][       attempts        ][ flags  ]
/// ```
#[derive(Clone, Copy)]
pub(super) struct Plan(u64);

const ATTEMPTS_SHIFT: u32 = 8;

const WAITS_FOR_READY: u64 = 1;
const SHORT_HINTS: u64 = 2;
const LIMITS_ELAPSED: u64 = 4;
const NO_DELAYS: u64 = 8;

impl Plan {
    pub(super) const fn new(word: u64) -> Self {
        Self(word)
    }

    /// The word without a revision.
    pub(super) fn tag(
        attempts: u32,
        waits_for_ready: bool,
        short_hints: bool,
        limits_elapsed: bool,
        no_delays: bool,
    ) -> u64 {
        u64::from(attempts) << ATTEMPTS_SHIFT
            | u64::from(waits_for_ready) * WAITS_FOR_READY
            | u64::from(short_hints) * SHORT_HINTS
            | u64::from(limits_elapsed) * LIMITS_ELAPSED
            | u64::from(no_delays) * NO_DELAYS
    }

    #[expect(clippy::cast_possible_truncation, reason = "without the revision")]
    #[inline]
    pub(super) const fn attempts(self) -> u32 {
        (self.0 >> ATTEMPTS_SHIFT) as u32
    }

    #[inline]
    pub(super) const fn allows_retries(self) -> bool {
        self.attempts() > 1
    }

    /// Whether retries are not limited by the age of the call.
    #[inline]
    pub(super) const fn has_no_limits(self) -> bool {
        self.0 & LIMITS_ELAPSED == 0
    }

    #[inline]
    pub(super) const fn waits_for_ready(self) -> bool {
        self.0 & WAITS_FOR_READY != 0
    }

    pub(super) const fn allows_short_hints(self) -> bool {
        self.0 & SHORT_HINTS != 0
    }

    /// Whether every delay is known to be zero, apart from that of throttling.
    #[inline]
    pub(super) const fn has_no_delays(self) -> bool {
        self.0 & NO_DELAYS != 0
    }

    /// Whether another attempt could follow the one that `call` is about to begin.
    #[inline]
    pub(super) fn may_follow(self, call: &CallState, now: &Now) -> bool {
        call.attempt() < self.attempts() && call.is_open(now)
    }
}
