use std::time::Duration;

use tokio::time::Instant;

use super::{Elapsed, Label, Nanos, Phase};

/// The time that a call has: its start and its limit.
///
/// A pure decision. It reads no clock and owns no timer.
#[derive(Clone, Copy)]
pub(crate) struct Allowance {
    label: Label,
    started: Instant,
    limit: Nanos,
}

impl Allowance {
    /// The time from `started` until the earlier of `limit` and `deadline`.
    pub(crate) fn new(
        label: Label,
        started: Instant,
        limit: Nanos,
        deadline: Option<Instant>,
    ) -> Self {
        let limit = deadline.map_or(limit, |deadline| {
            let left = Nanos::from(deadline.saturating_duration_since(started));
            if left < limit {
                left.by_deadline()
            } else {
                limit
            }
        });
        Self {
            label,
            started,
            limit,
        }
    }

    /// The time of a call that begins at `now`, after `waited` for the readiness of the service.
    ///
    /// Returns the rejection where no time is left. The call is then not made: nothing is ready before it has
    /// begun, the result would be late in any case, and starting the work costs the inner service most when
    /// it is slow already.
    ///
    /// A deadline has passed when it is strictly before `now`. At the same instant, a result that is ready at
    /// once is in time, as in any other tie. A limit of zero is different: it asks for a result that is ready
    /// at once, so the call is made.
    #[inline]
    pub(crate) fn of_call(
        label: Label,
        now: Instant,
        waited: Option<Duration>,
        limit: Nanos,
        deadline: Option<Instant>,
    ) -> Result<Self, Elapsed> {
        if deadline.is_some_and(|deadline| deadline < now) {
            return Err(Elapsed::before(label));
        }
        let mut started = now;
        if let Some(waited) = waited {
            let waited_for = Nanos::from(waited);
            if waited_for > limit {
                return Err(Elapsed::new(label, Phase::Before, waited_for, limit));
            }
            started = now.checked_sub(waited).unwrap_or(now);
        }
        Ok(Self::new(label, started, limit, deadline))
    }

    /// The start and the limit; [`Duration::MAX`] if there is no limit.
    #[inline]
    pub(crate) fn parts(self) -> (Instant, Duration) {
        (self.started, self.limit.duration())
    }

    /// Whether only a result that is ready at once can be in time.
    pub(crate) fn is_zero(self) -> bool {
        self.limit.is_zero()
    }

    /// The last instant at which a result is in time; `None` if there is no limit.
    ///
    /// Computed on demand: a call that is ready at once never needs it.
    pub(crate) fn end(self) -> Option<Instant> {
        if self.limit == Nanos::UNBOUNDED {
            return None;
        }
        self.started.checked_add(self.limit.duration())
    }

    /// The rejection of a call that is given up at `now`.
    pub(crate) fn elapsed(self, phase: Phase, now: Instant) -> Elapsed {
        let after = now.saturating_duration_since(self.started);
        Elapsed::new(self.label, phase, Nanos::from(after), self.limit)
    }
}
