use std::{fmt, time::Duration};

use tokio::time::Instant;

use crate::{
    backoff::{Backoff, Custom, Growth, Jitter},
    policy::{builder::Numbers, call_state::CallState, shared::Shared},
    types::{GiveUpReason, Now, Verdict},
};

/// The numbers of a policy, and the rules that follow from them: how many attempts, and when.
///
/// Each call copies the numbers, because the service that made the call may be dropped before it ends. So they take
/// 48 bytes, less than half of the builder's: durations are nanoseconds, and 584 years or more are [`FOR_EVER`]. An `Arc`
/// would cost a call two bus-locked instructions; a `&'static` policy ([`leak`](crate::RetryPolicy::leak)) has
/// neither price.
#[derive(Clone, Copy)]
pub(super) struct Config {
    first: u64,
    cap: u64,
    max_elapsed: u64,
    max_hint: u64,
    custom: Option<Custom>,
    attempts: u32,
    jitter: Jitter,
    growth: Growth,
    /// [`WAITS_FOR_READY`] and [`SHORT_HINTS`], in one byte because a second one would make it 56 bytes.
    flags: u8,
}

const FOR_EVER: u64 = u64::MAX;

const WAITS_FOR_READY: u8 = 1;
const SHORT_HINTS: u8 = 2;

// === impl Config ===

impl Config {
    pub(super) fn new(numbers: &Numbers) -> Self {
        let (first, cap, growth, custom, jitter) = numbers.backoff.into_parts();
        Self {
            first: pack(first),
            cap: pack(cap),
            max_elapsed: numbers.max_elapsed.map_or(FOR_EVER, pack),
            max_hint: pack(numbers.max_hint),
            custom,
            attempts: numbers.attempts,
            jitter,
            growth,
            flags: (u8::from(numbers.wait_for_ready) * WAITS_FOR_READY)
                | (u8::from(numbers.short_hints) * SHORT_HINTS),
        }
    }

    /// The numbers, as `Debug` shows them.
    pub(super) fn describe(&self, debug: &mut fmt::DebugStruct<'_, '_>) {
        debug
            .field("attempts", &self.attempts)
            .field("backoff", &self.backoff())
            .field("max_elapsed", &unpack(self.max_elapsed))
            .field("max_hint", &unpack(self.max_hint).unwrap_or(Duration::MAX))
            .field("short_hints", &self.allows_short_hints())
            .field("wait_for_ready", &self.waits_for_ready());
    }

    #[inline]
    pub(super) const fn allows_retries(&self) -> bool {
        self.attempts > 1
    }

    /// Whether retries are allowed and not limited by the age of the call.
    #[inline]
    pub(super) const fn has_no_limits(&self) -> bool {
        self.allows_retries() && !self.limits_elapsed()
    }

    #[inline]
    pub(super) const fn waits_for_ready(&self) -> bool {
        self.flags & WAITS_FOR_READY != 0
    }

    /// Whether another attempt could follow the one that `call` is about to begin.
    #[inline]
    pub(super) fn may_follow(&self, call: &CallState, now: &Now) -> bool {
        call.attempt() < self.attempts && call.is_open(now)
    }

    /// The beginning of a call, if it is needed, its time limit, and whether another attempt could follow the first.
    ///
    /// `timed`: the classifier asks for the age of the call.
    ///
    /// Out of line, so that a call without limits does not pay for its size.
    #[inline(never)]
    pub(super) fn limits(
        &self,
        timed: bool,
        deadline: Option<Instant>,
    ) -> (Option<Instant>, Option<Instant>, bool) {
        let now = Now::unread();
        if timed || self.limits_elapsed() {
            now.get();
        }
        let started = now.if_read();
        let own = unpack(self.max_elapsed).and_then(|max| now.get().checked_add(max));
        let limit = match (own, deadline) {
            (Some(own), Some(deadline)) => Some(own.min(deadline)),
            (own, deadline) => own.or(deadline),
        };
        let may_follow = self.may_follow(&CallState::new(started, limit), &now);
        (started, limit, may_follow)
    }

    /// How long to wait for the next attempt, or why there is none. `repeatable`: there is something to send.
    #[inline]
    pub(super) fn wait(
        &self,
        call: &mut CallState,
        verdict: Verdict,
        repeatable: bool,
        now: &Now,
        shared: &Shared,
    ) -> Result<Duration, GiveUpReason> {
        let is_plain = matches!(verdict, Verdict::Retry | Verdict::RetryCosting(_));
        if is_plain && repeatable && self.has_no_delays() && call.is_open(now) {
            return Ok(Duration::ZERO);
        }
        self.wait_in_general(call, verdict, repeatable, now, shared)
    }

    /// Out of line: a policy without delays does not pay for its size.
    #[inline(never)]
    fn wait_in_general(
        &self,
        call: &mut CallState,
        verdict: Verdict,
        repeatable: bool,
        now: &Now,
        shared: &Shared,
    ) -> Result<Duration, GiveUpReason> {
        let Some(terms) = verdict.terms() else {
            return Err(GiveUpReason::Never);
        };
        if !repeatable {
            return Err(if call.attempt() >= self.attempts {
                GiveUpReason::Attempts
            } else if call.is_open(now) {
                GiveUpReason::NotRepeatable
            } else {
                GiveUpReason::Time
            });
        }
        let hint = terms.hint();
        if hint.is_some_and(|hint| !self.allows_hint(hint)) {
            return Err(GiveUpReason::Hint);
        }
        let throttled = shared.throttle_backoff(terms.is_throttled());
        let wait = if throttled.is_none() && self.has_no_delays() {
            hint.unwrap_or(Duration::ZERO)
        } else {
            let backoff = throttled.unwrap_or_else(|| self.backoff());
            let floor = !self.allows_short_hints();
            call.wait(&backoff, hint, floor, || shared.generator())
        };
        if call.fits(wait, now) {
            Ok(wait)
        } else {
            Err(GiveUpReason::Time)
        }
    }

    const fn limits_elapsed(&self) -> bool {
        self.max_elapsed != FOR_EVER
    }

    const fn allows_short_hints(&self) -> bool {
        self.flags & SHORT_HINTS != 0
    }

    fn allows_hint(&self, hint: Duration) -> bool {
        unpack(self.max_hint).is_none_or(|max| hint <= max)
    }

    /// Whether every delay is known to be zero. A custom function is not called for it.
    #[inline]
    const fn has_no_delays(&self) -> bool {
        self.cap == 0 || (self.custom.is_none() && self.first == 0)
    }

    fn backoff(&self) -> Backoff {
        // Not unpacked: what is `FOR_EVER` here may have been a little less before, and the cap is a promise.
        let (first, cap) = (
            Duration::from_nanos(self.first),
            Duration::from_nanos(self.cap),
        );
        Backoff::from_parts(first, cap, self.growth, self.custom, self.jitter)
    }
}

fn pack(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(FOR_EVER)
}

fn unpack(nanos: u64) -> Option<Duration> {
    (nanos != FOR_EVER).then(|| Duration::from_nanos(nanos))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::backoff;

    proptest! {
        #[test]
        fn packed_backoff_stays_within_its_cap(backoff in backoff::tests::backoff()) {
            let (first, cap, ..) = backoff.into_parts();
            let packed = Config::new(&Numbers { backoff, ..Numbers::new() }).backoff();
            let (packed_first, packed_cap, ..) = packed.into_parts();
            prop_assert!(packed_cap <= cap && packed_first <= first);
            let century = Duration::from_secs(3_600 * 24 * 36_500);
            if cap.max(first) < century {
                prop_assert_eq!(packed, backoff);
            }
        }
    }
}
