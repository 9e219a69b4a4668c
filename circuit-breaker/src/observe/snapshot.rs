use std::time::Duration;

use crate::{
    Cause, Override, State,
    measure::Measure,
    steer::Steering,
    word::{Phase, Word},
};

/// A circuit breaker at one moment, for people and gauges. What had expired by then is not in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    name: &'static str,
    counters: Counters,
}

/// What the core knows of a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Counters {
    pub(crate) word: Word,
    pub(crate) window: Measure,
    pub(crate) in_a_row: u32,
    /// Of a hundred calls.
    pub(crate) share: u64,
    /// In ticks.
    pub(crate) retry_after: Option<u64>,
    pub(crate) cause: Option<Cause>,
    pub(crate) steering: Steering,
}

impl Snapshot {
    pub(crate) const fn new(name: &'static str, counters: Counters) -> Self {
        Self { name, counters }
    }

    /// The name of the circuit breaker.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The state.
    #[must_use]
    pub const fn state(&self) -> State {
        self.counters.word.phase().state()
    }

    /// How many transitions there were, resets included, since it was built: it only rises, so that who
    /// compares two snapshots sees whether anything happened in between.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.counters.word.generation().into()
    }

    /// Calls in the window: 0 unless closed, ramping or only measuring, and where no ratio is configured.
    #[must_use]
    pub const fn calls(&self) -> u32 {
        self.counters.window.calls()
    }

    /// Failures among [`calls`](Self::calls); 0 where no failure ratio is configured.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.counters.window.failed.bad
    }

    /// Slow ones among [`calls`](Self::calls), failed or not; 0 where no slow ratio is configured.
    #[must_use]
    pub const fn slow_calls(&self) -> u32 {
        self.counters.window.slow.bad
    }

    /// Of a hundred calls, how many are let in: all while closed, disabled or only measuring, none while open or
    /// forced open; half-open it is 0 too, as probes are no share of the calls. In between while
    /// [ramping](crate::State::Ramping).
    #[must_use]
    pub const fn percent_admitted(&self) -> u64 {
        self.counters.share
    }

    /// Failures since the last success: counted while closed, ramping or only measuring, and only where
    /// [`consecutive_failures`](crate::Builder::consecutive_failures) is configured; else 0.
    #[must_use]
    pub const fn consecutive_failures(&self) -> u32 {
        self.counters.in_a_row
    }

    /// Probes in flight, while half-open.
    #[must_use]
    pub const fn probes_in_flight(&self) -> u32 {
        match self.counters.word.phase() {
            Phase::HalfOpen(tally) => tally.in_flight,
            _ => 0,
        }
    }

    /// Probes that succeeded or failed so far, while half-open.
    #[must_use]
    pub const fn probes_settled(&self) -> u32 {
        match self.counters.word.phase() {
            Phase::HalfOpen(tally) => tally.results(),
            _ => 0,
        }
    }

    /// How long until a call may be let in; `None` if one would be now. As [`Open::retry_after`](crate::Open::retry_after).
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self.counters.retry_after {
            Some(ticks) => Some(Duration::from_nanos(ticks)),
            None => None,
        }
    }

    /// What an operator said last: in an operator's state the override that holds; in another the word that
    /// ended it, or the override that ran out. `None` if there never was one.
    #[must_use]
    pub const fn last_override(&self) -> Option<&Override> {
        self.counters.steering.last.as_ref()
    }

    /// How often the circuit would have opened since [`metrics_only`](crate::CircuitBreaker::metrics_only);
    /// kept after it has ended, until the next override or reset.
    #[must_use]
    pub const fn would_have_opened(&self) -> u32 {
        self.counters.steering.would_have_opened
    }

    /// Why it opened last, or would have, also after it has closed again; `None` if it never did, or was reset since.
    #[must_use]
    pub const fn cause(&self) -> Option<Cause> {
        self.counters.cause
    }
}
