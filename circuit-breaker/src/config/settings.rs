use std::time::Duration;

use crate::{
    OnCancel, Outcome, buckets::Grid, circuit::End, ramp::Steps, ratio::Ratio, recent::Last,
    tally::Tally, wait::Waits,
};

/// The numbers of a circuit as its core wants them: checked, in ticks (nanoseconds) below [`NEVER`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) trial: Trial,
    /// Where a ratio opens the circuit.
    pub(crate) window: Option<Measured>,
    /// How many failures in a row open the circuit; 0 where they do not.
    pub(crate) in_a_row: u32,
    pub(crate) wait: Waits,
    /// How long a call takes at least that is slow, where it matters.
    pub(crate) slow_after: Option<u64>,
    pub(crate) on_cancel: OnCancel,
    /// How all calls come back once the probes have closed the circuit.
    pub(crate) ramp: Option<Steps>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    /// Which calls are looked at.
    pub(crate) over: Over,
    /// From how many calls a ratio counts.
    pub(crate) minimum: u32,
    /// The share of failures that opens.
    pub(crate) failed: Option<Ratio>,
    /// The share of slow calls that opens.
    pub(crate) slow: Option<Ratio>,
    /// Whether any call that is recorded may be the one too many, a good one too.
    pub(crate) judges_all: bool,
}

/// How a half-open circuit tries the backend.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trial {
    /// What the results of probes come to.
    pub(crate) rule: Rule,
    /// How many of them.
    pub(crate) results: u32,
    /// How many at once.
    pub(crate) in_flight: u8,
    /// How long each may take.
    pub(crate) time: u64,
}

impl Trial {
    /// A half-open circuit with one probe more, if it has room for it.
    pub(crate) const fn admits(&self, tally: Tally) -> Option<Tally> {
        tally.admit(self.in_flight, self.results)
    }

    /// Whether a half-open circuit opens (or closes) with these results; `None` if it is too early to say.
    pub(crate) fn decides(&self, tally: Tally) -> Option<bool> {
        let (failures, results) = (tally.failures, tally.results());
        match self.rule {
            Rule::Share(ratio) => {
                (results >= self.results).then(|| ratio.is_reached(failures, results))
            }
            Rule::Successes(needed) if tally.successes >= needed => Some(false),
            Rule::Successes(needed) => (failures + needed > self.results).then_some(true),
        }
    }
}

impl Settings {
    /// Whether the end of a call has a time, though nothing opens.
    pub(crate) const fn reads_clock(&self) -> bool {
        self.slow_after.is_some()
            || matches!(
                self.window,
                Some(Measured {
                    over: Over::Time(_),
                    ..
                })
            )
    }

    /// Whether a call that began at `started` is slow at `now`.
    pub(crate) fn is_slow(&self, started: u64, now: u64) -> bool {
        (self.slow_after).is_some_and(|limit| now.saturating_sub(started) >= limit)
    }

    /// Whether a call failed that ended so; `None` if it says nothing.
    pub(crate) fn has_failed(&self, end: End, slow: bool) -> Option<bool> {
        match end {
            End::Finished(Outcome::Success) => Some(false),
            End::Finished(Outcome::Failure | Outcome::FailureFor(_)) => Some(true),
            End::Finished(Outcome::Ignored) => None,
            End::Cancelled => match self.on_cancel {
                OnCancel::Ignored => None,
                OnCancel::Failure => Some(true),
                OnCancel::FailureIfSlow => slow.then_some(true),
            },
        }
    }
}

/// How a half-open circuit decides.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rule {
    /// After all results, by the share of failures.
    Share(Ratio),
    /// As soon as so many successes are there, or out of reach.
    Successes(u32),
}

/// The calls that a window holds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Over {
    /// Those of as many buckets as there are.
    Time(Grid),
    /// The last so many.
    Calls(Last),
}

/// The last tick, 36 years of 365 days after the first: later instants and longer durations are taken
/// for this one. Below 2^60, as a lease keeps four bits for other things.
pub(crate) const NEVER: u64 = 36 * 365 * 24 * 60 * 60 * 1_000_000_000;

/// In ticks, at most [`NEVER`].
#[expect(clippy::cast_possible_truncation, reason = "at most NEVER")]
pub(crate) const fn ticks(duration: Duration) -> u64 {
    let nanos = duration.as_nanos();
    if nanos < NEVER as u128 {
        nanos as u64
    } else {
        NEVER
    }
}

/// `now` and `ticks` later.
pub(crate) const fn after(now: u64, ticks: u64) -> u64 {
    // Both are at most NEVER: no overflow.
    if now + ticks < NEVER {
        now + ticks
    } else {
        NEVER
    }
}
