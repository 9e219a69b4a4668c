use crate::{
    canary::{InvalidArms, Side},
    types::Counts,
};

/// What was counted on one side, the baseline's or the canary's, **since the canary was started**.
///
/// Cumulative, so that nothing is counted twice however often it is told; [`Canary::observe`](crate::Canary::observe)
/// takes the differences, and refuses numbers that go down. A request whose outcome is not known counts as bad.
///
/// # Examples
///
/// ```
/// use maestro_slo_budget::{Counts, canary::Arm};
///
/// let arm = Arm::new(9_990, 10).latency(520, 3);
/// assert_eq!(arm.counts(), Counts::new(9_990, 10));
/// ```
///
/// Of two budgets that were made when the canary was started, and are younger than 30 days:
///
/// ```
/// use maestro_slo_budget::{CanaryPolicy, ErrorBudget, Event, canary::Arm};
/// use std::time::Duration;
/// use tokio::time::Instant;
///
/// let [baseline, canary] = ["baseline", "canary"].map(|name| {
///     ErrorBudget::builder().build(name).expect("the defaults are valid")
/// });
/// let mut release = CanaryPolicy::builder().without_latency().build()?.start();
/// baseline.record(Event::Good);
/// canary.record(Event::Bad);
/// let arm = |budget: &ErrorBudget| Arm::from(budget.counts(Duration::MAX));
/// release.observe(arm(&baseline), arm(&canary))?;
/// assert!(release.verdict(Instant::now()).is_hold());
/// assert_eq!(release.evidence().canary(), Arm::new(0, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arm {
    counts: Counts,
    latency: Option<Slow>,
    in_a_row: u64,
}

/// Of all requests, good and bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slow {
    slow: u64,
    much_too_slow: u64,
}

/// Beyond this a count is a mistake: thirty years at a thousand requests a second. Also so that no sum of logarithms
/// loses its fourth decimal.
pub(crate) const MOST: u64 = 1_000_000_000_000;

impl Arm {
    /// So many good and so many bad requests.
    #[must_use]
    pub const fn new(good: u64, bad: u64) -> Self {
        Self {
            counts: Counts::new(good, bad),
            latency: None,
            in_a_row: 0,
        }
    }

    /// Of all these requests, good and bad, so many were slower than the 95th percentile that the baseline had before the
    /// canary was started, and so many than the multiple of it at which a release is rolled back
    /// ([`much_too_slow_after`](crate::CanaryPolicy::much_too_slow_after)). Both sides by the same two thresholds,
    /// until the end of the canary.
    #[must_use]
    pub const fn latency(self, slow: u64, much_too_slow: u64) -> Self {
        Self {
            latency: Some(Slow {
                slow,
                much_too_slow,
            }),
            ..self
        }
    }

    /// The longest run of failures so far, without a good request between. Of the canary; the baseline's is not looked
    /// at. Without it only runs that whole batches consist of are seen.
    #[must_use]
    pub const fn failures_in_a_row(self, failures: u64) -> Self {
        Self {
            in_a_row: failures,
            ..self
        }
    }

    /// The good and the bad requests.
    #[must_use]
    pub const fn counts(self) -> Counts {
        self.counts
    }

    /// The requests slower than the baseline's 95th percentile, if that was told.
    #[must_use]
    pub const fn slow(self) -> Option<u64> {
        match self.latency {
            Some(latency) => Some(latency.slow),
            None => None,
        }
    }

    /// The requests slower than the multiple of it at which a release is rolled back, if that was told.
    #[must_use]
    pub const fn much_too_slow(self) -> Option<u64> {
        match self.latency {
            Some(latency) => Some(latency.much_too_slow),
            None => None,
        }
    }

    pub(crate) const fn in_a_row(self) -> u64 {
        self.in_a_row
    }

    /// All requests. Only of an arm that was checked: at most [`MOST`].
    pub(crate) const fn total(self) -> u64 {
        self.counts.good + self.counts.bad
    }

    pub(crate) const fn tally(self, of: Of) -> Tally {
        let hits = match (of, self.latency) {
            (Of::Errors, _) => self.counts.bad,
            (Of::Slow, Some(latency)) => latency.slow,
            (Of::MuchTooSlow, Some(latency)) => latency.much_too_slow,
            (Of::Slow | Of::MuchTooSlow, None) => 0,
        };
        Tally {
            total: self.total(),
            hits,
        }
    }

    pub(crate) fn check(
        self,
        side: Side,
        before: Self,
        wants_latency: bool,
    ) -> Result<(), InvalidArms> {
        let (Counts { good, bad }, was) = (self.counts, before.counts);
        if self.counts.total() > u128::from(MOST) {
            return Err(InvalidArms::TooMany(side));
        }
        if good < was.good || bad < was.bad {
            return Err(InvalidArms::WentBack(side));
        }
        if self.in_a_row > bad {
            return Err(InvalidArms::InARow(side));
        }
        let Some(Slow {
            slow,
            much_too_slow,
        }) = self.latency
        else {
            return if wants_latency {
                Err(InvalidArms::NoLatency(side))
            } else {
                Ok(())
            };
        };
        if much_too_slow > slow || slow > good + bad {
            return Err(InvalidArms::MoreSlowThanAll(side));
        }
        let was = before.latency.unwrap_or(Slow {
            slow: 0,
            much_too_slow: 0,
        });
        if slow < was.slow || much_too_slow < was.much_too_slow {
            return Err(InvalidArms::WentBack(side));
        }
        // What was not slow cannot have become so.
        if slow - was.slow > self.total() - before.total() {
            return Err(InvalidArms::MoreSlowThanAll(side));
        }
        Ok(())
    }
}

impl From<Counts> for Arm {
    fn from(counts: Counts) -> Self {
        Self::new(counts.good, counts.bad)
    }
}

/// What is counted of the requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    Errors,
    Slow,
    MuchTooSlow,
}

/// So many of so many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) total: u64,
    pub(crate) hits: u64,
}

impl Tally {
    pub(crate) const fn since(self, earlier: Self) -> Self {
        Self {
            total: self.total - earlier.total,
            hits: self.hits - earlier.hits,
        }
    }
}
