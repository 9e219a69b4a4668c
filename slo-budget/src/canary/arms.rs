//! The counts of the baseline and of the canary, and why counts can be invalid.

use std::{error::Error, fmt};

use crate::types::Counts;

/// The counts of one arm, the baseline or the canary, **since the canary started**.
///
/// Counts are cumulative, so reporting the same counts twice changes nothing.
/// [`Canary::observe`](crate::Canary::observe) takes the differences and rejects numbers that decrease. A request with an
/// unknown outcome counts as bad.
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
/// From two budgets that were built when the canary started, and are younger than 30 days:
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

/// Slow requests among all requests, good and bad.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Slow {
    slow: u64,
    much_too_slow: u64,
}

/// The quantity that a test is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Metric {
    Errors,
    Slow,
    MuchTooSlow,
}

/// Hits among requests, where a hit is a failure or a slow request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) total: u64,
    pub(super) hits: u64,
}

/// One of the two arms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Side {
    /// The version that runs beside the canary.
    Baseline,
    /// The release under test.
    Canary,
}

/// The reason why counts are invalid. [`Canary::observe`](crate::Canary::observe) then only counts a failed measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidArms {
    /// A count is lower than before.
    WentBack(Side),
    /// There are more slow requests than requests, or more much too slow than slow ones.
    MoreSlowThanAll(Side),
    /// The run of failures is longer than the number of failures.
    InARow(Side),
    /// The policy judges latency, and the arm has none.
    NoLatency(Side),
    /// There are more than 10^12 requests.
    TooMany(Side),
}

/// A larger count is a mistake: thirty years at a thousand requests a second. The limit also keeps the fourth decimal of
/// every sum of logarithms.
pub(super) const MOST: u64 = 1_000_000_000_000;

// === impl Arm ===

impl Arm {
    /// An arm with these numbers of good and bad requests.
    #[must_use]
    pub const fn new(good: u64, bad: u64) -> Self {
        Self {
            counts: Counts::new(good, bad),
            latency: None,
            in_a_row: 0,
        }
    }

    /// Adds the slow requests among all requests, good and bad: those slower than the 95th percentile of the baseline
    /// before the canary started, and those slower than the multiple of it that rolls a release back
    /// ([`much_too_slow_after`](crate::CanaryPolicy::much_too_slow_after)). Both arms use the same two thresholds until
    /// the canary ends.
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

    /// Adds the longest run of failures without a good request in between. It matters for the canary only. Without it,
    /// only runs that fill whole batches are detected.
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

    /// The requests slower than the baseline's 95th percentile, if known.
    #[must_use]
    pub const fn slow(self) -> Option<u64> {
        match self.latency {
            Some(latency) => Some(latency.slow),
            None => None,
        }
    }

    /// The requests slower than the multiple of it that rolls a release back, if known.
    #[must_use]
    pub const fn much_too_slow(self) -> Option<u64> {
        match self.latency {
            Some(latency) => Some(latency.much_too_slow),
            None => None,
        }
    }

    pub(super) const fn in_a_row(self) -> u64 {
        self.in_a_row
    }

    /// All requests. The arm must have been checked, so that the sum is at most [`MOST`].
    pub(super) const fn total(self) -> u64 {
        self.counts.good() + self.counts.bad()
    }

    pub(super) const fn tally(self, metric: Metric) -> Tally {
        let hits = match (metric, self.latency) {
            (Metric::Errors, _) => self.counts.bad(),
            (Metric::Slow, Some(latency)) => latency.slow,
            (Metric::MuchTooSlow, Some(latency)) => latency.much_too_slow,
            (Metric::Slow | Metric::MuchTooSlow, None) => 0,
        };
        Tally {
            total: self.total(),
            hits,
        }
    }

    /// The arm if its counts are valid after those `before`. Without `judges_latency` its latency is dropped unseen.
    pub(super) fn checked(
        self,
        side: Side,
        before: Self,
        judges_latency: bool,
    ) -> Result<Self, InvalidArms> {
        if self.counts.total() > u128::from(MOST) {
            return Err(InvalidArms::TooMany(side));
        }
        if self.counts.good() < before.counts.good() || self.counts.bad() < before.counts.bad() {
            return Err(InvalidArms::WentBack(side));
        }
        if self.in_a_row > self.counts.bad() {
            return Err(InvalidArms::InARow(side));
        }
        if !judges_latency {
            return Ok(Self {
                latency: None,
                ..self
            });
        }
        let Some(Slow {
            slow,
            much_too_slow,
        }) = self.latency
        else {
            return Err(InvalidArms::NoLatency(side));
        };
        if much_too_slow > slow || slow > self.total() {
            return Err(InvalidArms::MoreSlowThanAll(side));
        }
        let was = before.latency.unwrap_or_default();
        if slow < was.slow || much_too_slow < was.much_too_slow {
            return Err(InvalidArms::WentBack(side));
        }
        // A request that was not slow cannot become slow later.
        if slow - was.slow > self.total() - before.total() {
            return Err(InvalidArms::MoreSlowThanAll(side));
        }
        Ok(self)
    }
}

impl From<Counts> for Arm {
    fn from(counts: Counts) -> Self {
        Self::new(counts.good(), counts.bad())
    }
}

// === impl Tally ===

impl Tally {
    pub(super) const fn since(self, earlier: Self) -> Self {
        Self {
            total: self.total - earlier.total,
            hits: self.hits - earlier.hits,
        }
    }
}

// === impl Side ===

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Baseline => "baseline",
            Self::Canary => "canary",
        })
    }
}

// === impl InvalidArms ===

impl InvalidArms {
    /// The arm with the invalid counts.
    #[must_use]
    pub const fn side(self) -> Side {
        match self {
            Self::WentBack(side)
            | Self::MoreSlowThanAll(side)
            | Self::InARow(side)
            | Self::NoLatency(side)
            | Self::TooMany(side) => side,
        }
    }
}

impl fmt::Display for InvalidArms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = self.side();
        match self {
            Self::WentBack(_) => write!(
                f,
                "a count of the {side} is lower than before: counts are cumulative since the canary was started; add up instances that were restarted, or start a new canary"
            ),
            Self::MoreSlowThanAll(_) => write!(
                f,
                "the {side} has more slow requests than requests, or more much too slow than slow ones: count both of all requests, good and bad, since the canary was started"
            ),
            Self::InARow(_) => write!(
                f,
                "the {side} has more failures in a row than failures: count both since the canary was started"
            ),
            Self::NoLatency(_) => write!(
                f,
                "the policy judges latency, and the {side} has none: set it by `Arm::latency`, or build the policy `without_latency`"
            ),
            Self::TooMany(_) => write!(
                f,
                "more than 10^12 requests of the {side}: check that the counts are requests"
            ),
        }
    }
}

impl Error for InvalidArms {}
