//! Limits that hold whatever the baseline does, over a short time.
//!
//! A limit rolls back if the canary is beyond it in four of the last five parts of its time, with at least five hits in
//! all, and if they are hardly chance: `P(X >= hits) <= 0.01 %` for a canary exactly at the limit. Four parts of five keep
//! a single burst from deciding. If the baseline is beyond the limit in the same time, both arms have the same fault, and
//! the release holds.

use std::time::Duration;

use tokio::time::Instant;

use super::arms::{Arm, Metric, Tally};
use crate::{
    burn::significance::is_unlikely,
    types::{Counts, Factor, Objective},
};

/// A limit on the share of failed or slow requests of the canary over a short time, 5 minutes by default.
///
/// It rolls back if the canary is above `share` in four of the last five parts of that time, with at least five such
/// requests, and hardly by chance. While the baseline is above it as well, the release holds.
///
/// # Examples
///
/// ```
/// use maestro_slo_budget::{CanaryPolicy, canary::AtMost};
/// use std::time::Duration;
///
/// // Errors below 0.5 %, and a 95th percentile below 1.5 s.
/// let policy = CanaryPolicy::builder()
///     .at_most([AtMost::errors("0.005".parse()?), AtMost::p95(Duration::from_millis(1500))])
///     .without_latency()
///     .build()?;
/// # let _ = policy;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize, serde::Serialize),
    serde(rename = "at_most", deny_unknown_fields)
)]
pub struct AtMost {
    share: Factor,
    #[cfg_attr(
        feature = "serde",
        serde(
            default,
            with = "crate::file::time::option",
            skip_serializing_if = "Option::is_none"
        )
    )]
    slower_than: Option<Duration>,
    #[cfg_attr(
        feature = "serde",
        serde(default = "AtMost::usual_time", with = "crate::file::time")
    )]
    within: Duration,
}

/// A checked limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Limit {
    pub(super) metric: Metric,
    /// The share of requests that must not be hits.
    pub(super) objective: Objective,
    pub(super) within: Duration,
}

/// The parts of a limit's time.
const PARTS: u32 = 5;
/// The parts in which the canary must be beyond a limit.
const BEYOND: usize = 4;
/// The fewest hits. Of fewer the share says little.
const LEAST_HITS: u64 = 5;
/// The greatest probability of the hits for a canary exactly at the limit.
const CHANCE: f64 = 0.0001;
const FIVE_MINUTES: Duration = Duration::from_secs(300);

/// The last parts of a limit's time, oldest first, and the current one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts {
    pub(super) kept: Kept,
    pub(super) began: Instant,
}

/// What is saved of the parts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub(super) struct Kept {
    complete: [Both; PARTS as usize],
    /// The counts when the current part began, or when one of them fell in it.
    start: Both,
    /// What the current part had when a count fell.
    carried: Both,
}

/// The tallies of both arms.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
struct Both {
    baseline: Tally,
    canary: Tally,
}

/// A canary that is beyond a limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Beyond {
    /// The requests of the canary within the time of the limit.
    pub(super) tally: Tally,
    /// Whether the baseline is beyond it as well.
    pub(super) both: bool,
}

// === impl AtMost ===

impl AtMost {
    /// At most this share of the requests fails. It is above 0 and below 1.
    #[must_use]
    pub const fn errors(share: Factor) -> Self {
        Self {
            share,
            slower_than: None,
            within: FIVE_MINUTES,
        }
    }

    /// At most this share of the requests takes longer than `time`: good and bad ones, counted by
    /// [`Arm::slower_than`]. It is above 0 and below 1.
    #[must_use]
    pub const fn slower_than(time: Duration, share: Factor) -> Self {
        Self {
            share,
            slower_than: Some(time),
            within: FIVE_MINUTES,
        }
    }

    /// The 95th percentile is at most `time`: at most 5 % of the requests take longer.
    ///
    /// # Panics
    ///
    /// Never: the share is a constant.
    #[must_use]
    pub const fn p95(time: Duration) -> Self {
        Self::slower_than(time, Factor::new(5, 100).expect("not by zero"))
    }

    /// The time over which the share is measured. The default is 5 minutes. It must be at least 5 seconds.
    #[must_use]
    pub const fn within(self, time: Duration) -> Self {
        Self {
            within: time,
            ..self
        }
    }

    #[cfg(feature = "serde")]
    fn usual_time() -> Duration {
        FIVE_MINUTES
    }

    /// `None` if a number is out of its range.
    pub(super) fn checked(self) -> Option<Limit> {
        let (numerator, denominator) = self.share.terms();
        let (hits, of) = (
            u64::try_from(numerator).ok()?,
            u64::try_from(denominator).ok()?,
        );
        let is_share = 0 < hits && hits < of;
        let objective = Objective::new(of.checked_sub(hits)?, of).filter(|_| is_share)?;
        let metric = self.slower_than.map_or(Metric::Errors, Metric::SlowerThan);
        (self.within >= Duration::from_secs(5)).then_some(Limit {
            metric,
            objective,
            within: self.within,
        })
    }
}

// === impl Limit ===

impl Limit {
    /// A limit over 5 minutes.
    pub(super) const fn usual(metric: Metric, objective: Objective) -> Self {
        Self {
            metric,
            objective,
            within: FIVE_MINUTES,
        }
    }

    fn is_beyond(&self, counts: Counts) -> bool {
        u128::from(counts.bad()) * u128::from(self.objective.of())
            > counts.total() * u128::from(self.objective.budget())
    }
}

// === impl Kept ===

#[cfg(feature = "serde")]
impl Kept {
    /// Whether these parts can belong to counts that are now those of `arms`.
    pub(super) fn is_sound(&self, limit: &Limit, arms: &[Arm; 2]) -> bool {
        let Both { baseline, canary } = Both::of(limit, arms);
        let mut parts = self.complete.iter();
        parts.all(|part| part.baseline.is_sound() && part.canary.is_sound())
            && self.carried.baseline.is_sound()
            && self.carried.canary.is_sound()
            && self.start.baseline.is_before(baseline)
            && self.start.canary.is_before(canary)
    }
}

// === impl Both ===

impl Both {
    fn of(limit: &Limit, arms: &[Arm; 2]) -> Self {
        let [baseline, canary] = [arms[0], arms[1]].map(|arm| arm.tally(limit.metric));
        Self { baseline, canary }
    }
}

// === impl Parts ===

impl Parts {
    pub(super) const fn new(began: Instant) -> Self {
        const NONE: Tally = Tally { total: 0, hits: 0 };
        const BOTH: Both = Both {
            baseline: NONE,
            canary: NONE,
        };
        Self {
            kept: Kept {
                complete: [BOTH; PARTS as usize],
                start: BOTH,
                carried: BOTH,
            },
            began,
        }
    }

    /// Continues the current part after a count fell. `was` are the last counts before.
    pub(super) fn carry(&mut self, limit: &Limit, was: &[Arm; 2], arms: &[Arm; 2]) {
        self.kept.carried = self.current(limit, was);
        self.kept.start = Both::of(limit, arms);
    }

    /// What the current part has, with these counts.
    fn current(&self, limit: &Limit, arms: &[Arm; 2]) -> Both {
        let Kept { start, carried, .. } = self.kept;
        let arms = Both::of(limit, arms);
        Both {
            baseline: carried.baseline.plus(arms.baseline.since(start.baseline)),
            canary: carried.canary.plus(arms.canary.since(start.canary)),
        }
    }

    /// Takes counts, and completes the current part if it is long enough and has requests of the canary.
    pub(super) fn update(&mut self, limit: &Limit, arms: &[Arm; 2], now: Instant) {
        let new = self.current(limit, arms);
        if new.canary.total > 0 && super::batches::is_over(self.began, limit.within / PARTS, now) {
            self.kept.complete.rotate_left(1);
            self.kept.complete[PARTS as usize - 1] = new;
            self.began = now;
            self.kept.start = Both::of(limit, arms);
            self.kept.carried = Both::default();
        }
    }

    /// Whether the canary is beyond the limit.
    pub(super) fn beyond(&self, limit: &Limit) -> Option<Beyond> {
        let parts = &self.kept.complete;
        let beyond = |part: &&Both| limit.is_beyond(part.canary.counts());
        if parts.iter().filter(beyond).count() < BEYOND
            || parts.iter().any(|part| part.canary.total == 0)
        {
            return None;
        }
        let all = parts.iter().fold(Both::default(), |all, part| Both {
            baseline: all.baseline.plus(part.baseline),
            canary: all.canary.plus(part.canary),
        });
        let is_shown = all.canary.hits >= LEAST_HITS
            && is_unlikely(limit.objective, all.canary.counts(), CHANCE);
        is_shown.then(|| Beyond {
            tally: all.canary,
            both: limit.is_beyond(all.baseline.counts()),
        })
    }
}
