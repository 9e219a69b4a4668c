use super::{builder::Numbers, call_state::CallState};
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
/// Retries are allowed, and not limited by the age of the call: one bit for what every call asks.
const IS_PLAIN: u64 = 16;

impl Plan {
    pub(super) const fn new(word: u64) -> Self {
        Self(word)
    }

    /// The word without a revision.
    pub(super) fn tag(numbers: &Numbers) -> u64 {
        let flags = [
            (numbers.wait_for_ready, WAITS_FOR_READY),
            (numbers.short_hints, SHORT_HINTS),
            (numbers.limits_elapsed(), LIMITS_ELAPSED),
            (numbers.backoff.has_no_delays(), NO_DELAYS),
            (numbers.attempts > 1 && !numbers.limits_elapsed(), IS_PLAIN),
        ];
        let set = flags.into_iter().filter(|(is_set, _)| *is_set);
        let attempts = u64::from(numbers.attempts) << ATTEMPTS_SHIFT;
        set.fold(attempts, |tag, (_, flag)| tag | flag)
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

    /// Whether a retry may follow the first attempt at any time.
    #[inline]
    pub(super) const fn is_plain(self) -> bool {
        self.0 & IS_PLAIN != 0
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
