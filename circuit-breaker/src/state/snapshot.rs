#[cfg(feature = "serde")]
mod serialize;

use std::{fmt, sync::Arc, time::Duration};

use super::{
    StateMachine,
    overrides::History,
    word::{Phase, Word},
};
use crate::{
    types::{Cause, Override, Refusal, State},
    window::{Counts, Limits, Shape},
};

/// A circuit breaker at one moment, for people and gauges. What had expired by then is not in it.
///
/// With the feature `serde` it can be serialized, for an admin page or a log: a field for each accessor.
#[derive(Clone, PartialEq, Eq)]
#[doc(alias("CircuitMetrics"))]
pub struct Snapshot {
    name: &'static str,
    key: Option<Arc<str>>,
    word: Word,
    window: Counts,
    in_a_row: u32,
    /// Of a hundred calls.
    share: u64,
    /// In ticks, from the moment of the snapshot.
    retry_after: Option<u64>,
    cause: Option<Cause>,
    kept_closed: u64,
    history: History,
}

impl StateMachine {
    /// Everything at one moment.
    pub(crate) fn snapshot(&self, now: u64) -> Snapshot {
        // Before the lock, as it takes another one.
        let key = self.observers.key().text();
        loop {
            let word = self.advance(now);
            // The only reader that takes the lock. Without it, state, window and history could be of three
            // moments, and there is no word that says so.
            // Under the lock no other thread opens, closes or reconfigures the breaker.
            let history = self.transitions.lock();
            let (_, config) = self.config.read();
            let Some(Refusal { until, .. }) = self.refusal(word, now) else {
                continue;
            };
            let counts = |(shape, limits): (Shape, Limits)| {
                (self.window).counts(shape, limits.tracked(), word.generation(), now)
            };
            return Snapshot {
                name: self.observers.name(),
                key,
                word,
                window: config.window.map(counts).unwrap_or_default(),
                in_a_row: self.row(&config, word, now),
                share: self.share(&config, word, now),
                retry_after: (!self.has_room(word)).then_some(until.saturating_sub(now)),
                cause: Cause::from_bits(self.state.cause()),
                kept_closed: self.membership.kept_closed(),
                history: history.clone(),
            };
        }
    }
}

impl Snapshot {
    /// The name of the circuit breaker.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The key of the member of a family, if the family shows its keys
    /// ([`show_keys`](crate::CircuitBreakers::show_keys)); else `None`.
    #[must_use]
    pub fn key(&self) -> Option<Arc<str>> {
        self.key.clone()
    }

    /// The state.
    #[must_use]
    pub const fn state(&self) -> State {
        self.word.phase().state()
    }

    /// The number of transitions, resets included, since it was built. It only rises: comparing two
    /// snapshots shows whether anything happened in between.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.word.generation().into()
    }

    /// Calls in the window: 0 unless closed, ramping or only measuring, and where nothing that looks
    /// at the window is configured.
    #[must_use]
    pub const fn calls(&self) -> u32 {
        self.window.calls()
    }

    /// Failures among [`calls`](Self::calls); 0 where neither a failure ratio nor
    /// a failure count is configured.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.window.failed.bad
    }

    /// Slow calls among [`calls`](Self::calls), failed or not; 0 where no slow ratio is configured.
    #[must_use]
    pub const fn slow_calls(&self) -> u32 {
        self.window.slow.bad
    }

    /// How many of a hundred calls are admitted: all while closed, disabled or only measuring, none
    /// while open or forced open. Half-open it is 0 too, as probes are no share of the calls. In
    /// between while [ramping](crate::State::Ramping).
    #[must_use]
    pub const fn percent_admitted(&self) -> u64 {
        self.share
    }

    /// Failures since the last success, unless they are
    /// [forgotten](crate::Builder::forget_failures_after): counted while closed, ramping or only
    /// measuring, and only where [`consecutive_failures`](crate::Builder::consecutive_failures) is
    /// configured; else 0.
    #[must_use]
    pub const fn consecutive_failures(&self) -> u32 {
        self.in_a_row
    }

    /// Probes in flight, while half-open.
    #[must_use]
    pub const fn probes_in_flight(&self) -> u32 {
        match self.word.phase() {
            Phase::HalfOpen(counts) => counts.in_flight,
            _ => 0,
        }
    }

    /// Probes that have succeeded or failed, while half-open.
    #[must_use]
    pub const fn probes_settled(&self) -> u32 {
        match self.word.phase() {
            Phase::HalfOpen(counts) => counts.results(),
            _ => 0,
        }
    }

    /// How long until a call may be admitted, from the moment of the snapshot; `None` if one would
    /// be then. The instant is that of [`Open::retry_at`](crate::Open::retry_at).
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self.retry_after {
            Some(ticks) => Some(Duration::from_nanos(ticks)),
            None => None,
        }
    }

    /// An operator's last decision: in an operator's state the override that holds; in another the
    /// one that ended it, the override that ran out, or the last
    /// [trip](crate::CircuitBreaker::trip) or [reset](crate::CircuitBreaker::reset). `None` if there never was one.
    #[must_use]
    pub const fn last_override(&self) -> Option<&Override> {
        self.history.last_override()
    }

    /// How often the breaker would have opened since
    /// [`metrics_only`](crate::CircuitBreaker::metrics_only); kept after that has ended, until the
    /// next override or reset.
    #[must_use]
    pub const fn would_have_opened(&self) -> u32 {
        self.history.would_have_opened()
    }

    /// How often it would have opened since it was built, while its family had as many open members
    /// as it may, see [`limit_open`](crate::CircuitBreakers::limit_open). It rises with each call
    /// that would open it: a difference between two snapshots shows a member that is kept closed.
    #[must_use]
    pub const fn kept_closed(&self) -> u64 {
        self.kept_closed
    }

    /// Why it opened last, or would have, also after it has closed again; `None` if it never did,
    /// or was reset since.
    #[must_use]
    pub const fn cause(&self) -> Option<Cause> {
        self.cause
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("name", &self.name())
            .field("key", &self.key())
            .field("state", &self.state())
            .field("generation", &self.generation())
            .field("calls", &self.calls())
            .field("failures", &self.failures())
            .field("slow_calls", &self.slow_calls())
            .field("percent_admitted", &self.percent_admitted())
            .field("consecutive_failures", &self.consecutive_failures())
            .field("probes_in_flight", &self.probes_in_flight())
            .field("probes_settled", &self.probes_settled())
            .field("retry_after", &self.retry_after())
            .field("last_override", &self.last_override())
            .field("would_have_opened", &self.would_have_opened())
            .field("kept_closed", &self.kept_closed())
            .field("cause", &self.cause())
            .finish()
    }
}
