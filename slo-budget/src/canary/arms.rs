//! The counts of the baseline and of the canary.

use std::time::Duration;

use super::invalid::{InvalidArms, Side};
use crate::types::{Counts, few::Few};

/// The counts of one arm, the baseline or the canary, **since the canary started**.
///
/// Counts are cumulative, so reporting the same counts twice changes nothing.
/// [`Canary::observe`](crate::Canary::observe) takes the differences. A count that falls, as after a restart or if
/// instances are removed, begins a new batch. A request with an unknown outcome counts as bad.
///
/// # Examples
///
/// ```
/// use maestro_slo_budget::{Counts, canary::Arm};
/// use std::time::Duration;
///
/// let arm = Arm::new(9_990, 10).latency(520, 3).slower_than(Duration::from_millis(1500), 7);
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
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize, serde::Serialize),
    serde(default, deny_unknown_fields)
)]
pub struct Arm {
    good: u64,
    bad: u64,
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    latency: Option<Slow>,
    slower_than: Few<(Duration, u64), MOST_LATENCIES>,
    failures_in_a_row: u64,
}

/// Slow requests among all requests, good and bad.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
struct Slow {
    slow: u64,
    much_too_slow: u64,
}

/// The quantity that a test is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Metric {
    Errors,
    /// Slower than the 95th percentile of the baseline before the canary started.
    Slow,
    /// Slower than the multiple of it that rolls back.
    MuchTooSlow,
    SlowerThan(Duration),
}

/// Hits among requests, where a hit is a failure or a slow request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub(super) struct Tally {
    pub(super) total: u64,
    pub(super) hits: u64,
}

/// A larger count is a mistake: thirty years at a thousand requests a second.
pub(super) const MOST: u64 = 1_000_000_000_000;
/// The most requests of all batches, whose counters may have begun again many times: what an `f64` holds exactly.
#[cfg(feature = "serde")]
const MOST_IN_ALL: u64 = 1 << 53;
/// The most thresholds of an arm, and limits of a policy.
pub(super) const MOST_LATENCIES: usize = 4;

// === impl Arm ===

impl Arm {
    /// An arm with these numbers of good and bad requests.
    #[must_use]
    pub const fn new(good: u64, bad: u64) -> Self {
        Self {
            good,
            bad,
            latency: None,
            slower_than: [None; MOST_LATENCIES],
            failures_in_a_row: 0,
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

    /// Adds the number of requests, good and bad, that took longer than `time`, for a limit of this time
    /// ([`AtMost::slower_than`](crate::canary::AtMost::slower_than)). At most four times; a fifth is ignored. The same
    /// time again replaces its count.
    #[must_use]
    pub fn slower_than(mut self, time: Duration, requests: u64) -> Self {
        let mut places = self.slower_than.iter_mut();
        if let Some(place) = places.find(|place| place.is_none_or(|(other, _)| other == time)) {
            *place = Some((time, requests));
        }
        self
    }

    /// Adds the longest run of failures without a good request in between. It matters for the canary only. Without it,
    /// only runs that fill whole measurements are detected.
    #[must_use]
    pub const fn failures_in_a_row(self, failures: u64) -> Self {
        Self {
            failures_in_a_row: failures,
            ..self
        }
    }

    /// The good and the bad requests.
    #[must_use]
    pub const fn counts(self) -> Counts {
        Counts::new(self.good, self.bad)
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
        self.failures_in_a_row
    }

    /// The hits of a checked arm. It has every metric of the policy.
    pub(super) fn tally(self, metric: Metric) -> Tally {
        let latency = self.latency.unwrap_or_default();
        let hits = match metric {
            Metric::Errors => self.bad,
            Metric::Slow => latency.slow,
            Metric::MuchTooSlow => latency.much_too_slow,
            Metric::SlowerThan(time) => self.slower(time).unwrap_or_default(),
        };
        Tally {
            total: self.good + self.bad,
            hits,
        }
    }

    fn slower(self, time: Duration) -> Option<u64> {
        let mut counts = self.slower_than.into_iter().flatten();
        counts.find_map(|(of, requests)| (of == time).then_some(requests))
    }

    /// Whether a count is lower than `before`.
    pub(super) fn fell(self, before: Self) -> bool {
        let slow = |arm: Self| arm.latency.unwrap_or_default();
        let (now, was) = (slow(self), slow(before));
        let mut slower = before.slower_than.into_iter().flatten();
        self.good < before.good
            || self.bad < before.bad
            || now.slow < was.slow
            || now.much_too_slow < was.much_too_slow
            || slower.any(|(time, was)| self.slower(time).is_some_and(|now| now < was))
    }

    /// The arm if its counts are valid after those `before`, with the metrics of the policy only.
    pub(super) fn checked(
        mut self,
        side: Side,
        before: Self,
        metrics: impl Iterator<Item = Metric>,
    ) -> Result<Self, InvalidArms> {
        if self.counts().total() > u128::from(MOST) {
            return Err(InvalidArms::TooMany(side));
        }
        if self.failures_in_a_row > self.bad {
            return Err(InvalidArms::InARow(side));
        }
        let given = self;
        (self.latency, self.slower_than) = (None, [None; MOST_LATENCIES]);
        // Counts that fell have nothing in common with those before.
        let before = if given.fell(before) {
            Self::default()
        } else {
            before
        };
        for metric in metrics {
            match metric {
                Metric::Errors => {}
                Metric::Slow | Metric::MuchTooSlow => {
                    let latency = given.latency.ok_or(InvalidArms::NoLatency(side))?;
                    if latency.much_too_slow > latency.slow {
                        return Err(InvalidArms::MoreSlowThanAll(side));
                    }
                    self.latency = Some(latency);
                }
                Metric::SlowerThan(time) => {
                    let slower = given.slower(time);
                    self = self.slower_than(time, slower.ok_or(InvalidArms::NoCount(side, time))?);
                }
            }
            // A request that was not slow cannot become slow later.
            let new = self.tally(metric).since(before.tally(metric));
            if new.hits > new.total {
                return Err(InvalidArms::MoreSlowThanAll(side));
            }
        }
        Ok(self)
    }
}

impl From<Counts> for Arm {
    fn from(counts: Counts) -> Self {
        Self::new(counts.good(), counts.bad())
    }
}

// === impl Metric ===

#[cfg(feature = "serde")]
impl Metric {
    /// What tells it from other metrics.
    pub(super) const fn words(self) -> [u64; 3] {
        match self {
            Self::Errors => [0, 0, 0],
            Self::Slow => [1, 0, 0],
            Self::MuchTooSlow => [2, 0, 0],
            Self::SlowerThan(time) => [3, time.as_secs(), time.subsec_nanos() as u64],
        }
    }
}

// === impl Tally ===

impl Tally {
    /// What came since `earlier`, if no count has fallen.
    pub(super) const fn since(self, earlier: Self) -> Self {
        Self {
            total: self.total - earlier.total,
            hits: self.hits - earlier.hits,
        }
    }

    pub(super) const fn plus(self, more: Self) -> Self {
        Self {
            total: self.total + more.total,
            hits: self.hits + more.hits,
        }
    }

    pub(super) const fn counts(self) -> Counts {
        Counts::new(self.total - self.hits, self.hits)
    }

    #[cfg(feature = "serde")]
    pub(super) const fn is_sound(self) -> bool {
        self.hits <= self.total && self.total <= MOST_IN_ALL
    }

    /// Whether a later tally of the same counters can be `later`.
    #[cfg(feature = "serde")]
    pub(super) const fn is_before(self, later: Self) -> bool {
        self.is_sound()
            && later.is_sound()
            && self.hits <= later.hits
            && self.total <= later.total
            && later.hits - self.hits <= later.total - self.total
    }

    /// Whether at least half of the requests are hits. Not without requests.
    pub(super) const fn is_half(self) -> bool {
        self.hits > 0 && self.hits >= self.total - self.hits
    }
}
