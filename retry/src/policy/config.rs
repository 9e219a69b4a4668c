use std::{fmt, time::Duration};

use rand::rngs::SmallRng;
use tokio::time::Instant;

use crate::{
    backoff::{self, Backoff, Customs},
    cell::Cell,
    policy::{builder::Numbers, call_state::CallState, plan::Plan},
    types::{GiveUpReason, Now, Verdict},
};

/// The numbers of a policy where they may change while calls use them.
///
/// A call that needs no retry reads the plan alone. A policy without delays reads nothing more for a retry either.
pub(super) struct ConfigCell {
    cell: Cell<WORDS>,
    customs: Customs,
}

const WORDS: usize = 2 + 2 * backoff::WORDS;

/// The numbers of a policy, of one revision, and the rules that follow from them: how many attempts, and when.
pub(super) struct Config {
    plan: Plan,
    backoff: Backoff,
    /// If the bit [`HAS_THROTTLE`] of its last word was set.
    throttle_backoff: Option<Backoff>,
    max_elapsed: Option<Duration>,
    max_hint: Option<Duration>,
}

/// Durations are nanoseconds, and 584 years or more are this.
const FOR_EVER: u64 = u64::MAX;

/// In the last word of the backoff for throttling, whose byte there is unused.
const HAS_THROTTLE: u64 = 1 << 31;

// === impl ConfigCell ===

impl ConfigCell {
    pub(super) fn new(numbers: &Numbers) -> Self {
        let customs = Customs::default();
        let (tag, words) = pack(numbers, &customs);
        Self {
            cell: Cell::new(tag, words),
            customs,
        }
    }

    #[inline]
    pub(super) fn plan(&self) -> Plan {
        Plan::new(self.cell.plan())
    }

    /// All numbers, of one revision.
    #[inline(never)] // A call that needs no retry does not pay for its size.
    pub(super) fn read(&self) -> Config {
        let (plan, [max_elapsed, max_hint, b0, b1, b2, t0, t1, t2]) = self.cell.read();
        let throttle = (t2 & HAS_THROTTLE != 0)
            .then(|| Backoff::unpack([t0, t1, t2 & !HAS_THROTTLE], &self.customs));
        Config {
            plan: Plan::new(plan),
            backoff: Backoff::unpack([b0, b1, b2], &self.customs),
            throttle_backoff: throttle,
            max_elapsed: unpack(max_elapsed),
            max_hint: unpack(max_hint),
        }
    }

    /// Puts other numbers into force.
    pub(super) fn change(&self, to: &Numbers) {
        // Under the lock of the cell: two changes could otherwise give one number to two functions.
        self.cell.change(|| pack(to, &self.customs));
    }

    /// A separate cell with the same numbers.
    pub(super) fn copied(&self) -> Self {
        let config = self.read();
        Self::new(&config.numbers())
    }
}

fn pack(numbers: &Numbers, customs: &Customs) -> (u64, [u64; WORDS]) {
    let max_elapsed = numbers.max_elapsed.map_or(FOR_EVER, nanos);
    let [b0, b1, b2] = numbers.backoff.pack(customs);
    let [t0, t1, t2] = match numbers.throttle_backoff {
        Some(backoff) => backoff.pack(customs),
        None => [0; 3],
    };
    let has_throttle = u64::from(numbers.throttle_backoff.is_some()) * HAS_THROTTLE;
    let max_hint = nanos(numbers.max_hint);
    let words = [max_elapsed, max_hint, b0, b1, b2, t0, t1, t2 | has_throttle];
    (Plan::tag(numbers), words)
}

impl Numbers {
    /// Whether retries are limited by the age of the call, in less than 584 years.
    pub(super) fn limits_elapsed(&self) -> bool {
        self.max_elapsed.is_some_and(|max| nanos(max) != FOR_EVER)
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(FOR_EVER)
}

fn unpack(nanos: u64) -> Option<Duration> {
    (nanos != FOR_EVER).then(|| Duration::from_nanos(nanos))
}

// === impl Config ===

impl Config {
    /// The numbers, as `Debug` shows them.
    pub(super) fn describe(&self, debug: &mut fmt::DebugStruct<'_, '_>) {
        debug
            .field("attempts", &self.plan.attempts())
            .field("backoff", &self.backoff)
            .field("max_elapsed", &self.max_elapsed)
            .field("max_hint", &self.max_hint.unwrap_or(Duration::MAX))
            .field("short_hints", &self.plan.allows_short_hints())
            .field("wait_for_ready", &self.plan.waits_for_ready())
            .field("throttle_backoff", &self.throttle_backoff);
    }

    fn numbers(&self) -> Numbers {
        Numbers {
            attempts: self.plan.attempts(),
            backoff: self.backoff,
            throttle_backoff: self.throttle_backoff,
            max_elapsed: self.max_elapsed,
            max_hint: self.max_hint.unwrap_or(Duration::MAX),
            short_hints: self.plan.allows_short_hints(),
            wait_for_ready: self.plan.waits_for_ready(),
            seed: None,
        }
    }

    /// The beginning of a call, if it is needed, its time limit, and whether another attempt could follow the first.
    ///
    /// `timed`: the classifier asks for the age of the call.
    pub(super) fn limits(
        &self,
        timed: bool,
        deadline: Option<Instant>,
    ) -> (Option<Instant>, Option<Instant>, bool) {
        let now = Now::unread();
        if timed || self.max_elapsed.is_some() {
            now.get();
        }
        let started = now.if_read();
        let own = self.max_elapsed.and_then(|max| now.get().checked_add(max));
        let limit = match (own, deadline) {
            (Some(own), Some(deadline)) => Some(own.min(deadline)),
            (own, deadline) => own.or(deadline),
        };
        let call = CallState::new(started, limit);
        (started, limit, self.plan.may_follow(&call, &now))
    }

    /// How long to wait for the next attempt, or why there is none. `repeatable`: there is something to send.
    pub(super) fn wait(
        &self,
        call: &mut CallState,
        verdict: Verdict,
        repeatable: bool,
        now: &Now,
        generator: impl FnOnce() -> SmallRng,
    ) -> Result<Duration, GiveUpReason> {
        let Some(terms) = verdict.terms() else {
            return Err(GiveUpReason::Never);
        };
        if call.attempt() >= self.plan.attempts() {
            return Err(GiveUpReason::Attempts);
        }
        if !repeatable {
            return Err(if call.is_open(now) {
                GiveUpReason::NotRepeatable
            } else {
                GiveUpReason::Time
            });
        }
        let hint = terms.hint();
        if hint.is_some_and(|hint| self.max_hint.is_some_and(|max| max < hint)) {
            return Err(GiveUpReason::Hint);
        }
        let throttled = self.throttle_backoff.filter(|_| terms.is_throttled());
        let wait = if throttled.is_none() && self.plan.has_no_delays() {
            hint.unwrap_or(Duration::ZERO)
        } else {
            let backoff = throttled.unwrap_or(self.backoff);
            let floor = !self.plan.allows_short_hints();
            call.wait(&backoff, hint, floor, generator)
        };
        if call.fits(wait, now) {
            Ok(wait)
        } else {
            Err(GiveUpReason::Time)
        }
    }
}
