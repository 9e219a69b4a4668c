use std::{fmt, time::Duration};

use crate::types::{
    Counts, Event, InvalidConfigKind, Objective,
    duration::{Spoken, ticks},
};

/// The budgeting method: whether events are counted, or slices of time. The terms are those of
/// [OpenSLO](https://github.com/OpenSLO/OpenSLO#slo).
///
/// Events weigh by traffic: a bad hour at night costs little. Slices weigh by time: "in 99.9 % of the minutes
/// at least 95 % of the requests are good" is an objective of 99.9 % over timeslices of a minute with a target
/// of 95 %. All windows, figures, alerts and gates then count slices. A slice is counted when it ends, in the
/// window that contains its end.
///
/// Slices are aligned to the moment at which the budget was first built.
///
/// # Examples
///
/// ```
/// use maestro_slo_budget::{Budgeting, Counts, ErrorBudget, Event};
/// use std::time::Duration;
/// use tokio::time::Instant;
///
/// let minute = Duration::from_secs(60);
/// let budget = ErrorBudget::builder()
///     .budgeting(Budgeting::timeslices(minute, "95%".parse()?))
///     .build("api")?;
/// let start = Instant::now();
/// for n in 0..1000 {
///     // 3 % bad in the first minute, 10 % in the second.
///     let (bad, at) = if n < 500 { (n % 33 == 0, start) } else { (n % 10 == 0, start + minute) };
///     budget.record_at(if bad { Event::Bad } else { Event::Good }, at);
/// }
/// assert_eq!(budget.counts_at(60 * minute, start + 2 * minute), Counts::new(1, 1));
/// # Ok::<(), maestro_slo_budget::InvalidConfig>(())
/// ```
#[doc(alias = "budgetingMethod")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize, serde::Serialize),
    serde(transparent)
)]
pub struct Budgeting(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize, serde::Serialize),
    serde(rename = "budgeting", rename_all = "snake_case")
)]
enum Kind {
    Occurrences,
    Timeslices(
        #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::file::table"))] Judged,
    ),
    RatioTimeslices(
        #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::file::table"))] Ratio,
    ),
}

/// Slices that are good or bad as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize, serde::Serialize),
    serde(deny_unknown_fields)
)]
struct Judged {
    #[cfg_attr(feature = "serde", serde(with = "crate::file::time"))]
    length: Duration,
    target: Objective,
    #[cfg_attr(feature = "serde", serde(default = "excluded"))]
    idle: Event,
}

/// Slices whose ratio is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize, serde::Serialize),
    serde(deny_unknown_fields)
)]
struct Ratio {
    #[cfg_attr(feature = "serde", serde(with = "crate::file::time"))]
    length: Duration,
    #[cfg_attr(feature = "serde", serde(default = "excluded"))]
    idle: Event,
}

#[cfg(feature = "serde")]
const fn excluded() -> Event {
    Event::Excluded
}

/// How long slices are, in ticks, and how each is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SliceRule {
    pub(crate) length: u64,
    pub(crate) target: Option<Objective>,
    pub(crate) idle: Event,
}

/// The count of a slice whose ratio is counted. Sums are then integers, exact to a billionth of a slice and rounded
/// against the service. 2^64 of them are 584 years of slices of a second. Rejected: exact fractions, whose common
/// denominator overflows after a few slices of different traffic.
const WHOLE: u64 = 1_000_000_000;

// === impl Budgeting ===

impl Budgeting {
    /// Counts each event: the share of good ones. The default.
    pub const OCCURRENCES: Self = Self(Kind::Occurrences);

    /// Counts slices of `length`: the share of slices in which at least `target` of the events are good.
    ///
    /// `length` is a whole number of slots of the [`resolution`](crate::Builder::resolution).
    #[doc(alias("timeSliceTarget", "timeSliceWindow"))]
    #[must_use]
    pub const fn timeslices(length: Duration, target: Objective) -> Self {
        Self(Kind::Timeslices(Judged {
            length,
            target,
            idle: Event::Excluded,
        }))
    }

    /// Counts slices of `length`: the mean of their shares of good events. Each slice weighs the same, whatever its
    /// traffic.
    ///
    /// [`Counts`] are then billionths of slices: a slice with 3 bad events of 4 counts 750,000,000 bad and
    /// 250,000,000 good. The bad part is rounded up to the next billionth.
    #[doc(alias = "RatioTimeslices")]
    #[must_use]
    pub const fn ratio_timeslices(length: Duration) -> Self {
        Self(Kind::RatioTimeslices(Ratio {
            length,
            idle: Event::Excluded,
        }))
    }

    /// Sets what a slice without events counts as. The default is [`Event::Excluded`]: no data is neither good nor
    /// bad. Use [`Event::Good`] if an idle service is healthy, and [`Event::Bad`] if traffic never stops.
    ///
    /// Slices in which the process did not run, or the machine was suspended, are slices without events.
    /// Occurrences ignore this setting.
    #[must_use]
    pub const fn idle(self, slice: Event) -> Self {
        Self(match self.0 {
            Kind::Occurrences => Kind::Occurrences,
            Kind::Timeslices(slices) => Kind::Timeslices(Judged {
                idle: slice,
                ..slices
            }),
            Kind::RatioTimeslices(slices) => Kind::RatioTimeslices(Ratio {
                idle: slice,
                ..slices
            }),
        })
    }

    pub(crate) fn check(
        self,
        resolution: u64,
        period: u64,
    ) -> Result<Option<SliceRule>, InvalidConfigKind> {
        let (length, target, idle) = match self.0 {
            Kind::Occurrences => return Ok(None),
            Kind::Timeslices(slices) => (slices.length, Some(slices.target), slices.idle),
            Kind::RatioTimeslices(slices) => (slices.length, None, slices.idle),
        };
        let length = ticks(length);
        if length == 0 || length % resolution != 0 {
            return Err(InvalidConfigKind::SliceLength);
        }
        if length > period / 2 {
            return Err(InvalidConfigKind::SliceTooLong);
        }
        Ok(Some(SliceRule {
            length,
            target,
            idle,
        }))
    }
}

// === impl SliceRule ===

impl SliceRule {
    /// The count of a slice with these events.
    pub(crate) fn verdict(self, events: Counts) -> Counts {
        let (bad, total) = (u128::from(events.bad()), events.total());
        if total == 0 {
            return self.one(self.idle);
        }
        if let Some(target) = self.target {
            // Below 2^65 × 2^60 each.
            let is_good = bad * u128::from(target.of()) <= total * u128::from(target.budget());
            return self.one(if is_good { Event::Good } else { Event::Bad });
        }
        let bad = (bad * u128::from(WHOLE)).div_ceil(total);
        // At most the whole, as `bad` is at most `total`.
        let bad = u64::try_from(bad).unwrap_or(WHOLE).min(WHOLE);
        Counts::new(WHOLE - bad, bad)
    }

    /// The count of a slice that is good, bad or excluded as a whole.
    pub(crate) const fn one(self, slice: Event) -> Counts {
        match slice {
            Event::Good => Counts::new(self.whole(), 0),
            Event::Bad => Counts::new(0, self.whole()),
            Event::Excluded => Counts::new(0, 0),
        }
    }

    /// The count of one slice.
    const fn whole(self) -> u64 {
        match self.target {
            Some(_) => 1,
            None => WHOLE,
        }
    }
}

/// Whole good and bad trials, as a binomial test needs them. A ratio contributes its whole bad slices only. Slices in
/// a row are not independent, so for slices this is a guard against one bad minute and no test of a hypothesis.
pub(crate) fn trials(slices: Option<SliceRule>, counts: Counts) -> Counts {
    match slices {
        Some(SliceRule { target: None, .. }) => {
            let bad = counts.bad() / WHOLE;
            let good = counts.total() / u128::from(WHOLE) - u128::from(bad);
            Counts::new(u64::try_from(good).unwrap_or(u64::MAX), bad)
        }
        Some(_) | None => counts,
    }
}

/// Displays `3 bad of 10 events`, or of slices.
pub(crate) struct SpokenCounts(pub(crate) Option<SliceRule>, pub(crate) Counts);

impl fmt::Display for SpokenCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(slices, counts) = self;
        let amount = Amount(*slices, u128::from(counts.bad()));
        let total = Amount(*slices, counts.total());
        write!(f, "{amount} bad of {total} ")?;
        match slices {
            None => f.write_str("events"),
            Some(rule) => write!(f, "slices of {}", Spoken(Duration::from_nanos(rule.length))),
        }
    }
}

/// Displays a number of events or slices; ratios with two decimals.
pub(crate) struct Amount(pub(crate) Option<SliceRule>, pub(crate) u128);

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(SliceRule { target: None, .. }) if self.1 % u128::from(WHOLE) != 0 => {
                let hundredths = self.1 / u128::from(WHOLE / 100);
                write!(f, "{}.{:02}", hundredths / 100, hundredths % 100)
            }
            Some(SliceRule { target: None, .. }) => (self.1 / u128::from(WHOLE)).fmt(f),
            Some(_) | None => self.1.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(target: Option<Objective>) -> SliceRule {
        SliceRule {
            length: 1,
            target,
            idle: Event::Excluded,
        }
    }

    #[test]
    fn a_slice_is_good_at_its_target_and_bad_below() {
        let good = |target: &str, good, bad| {
            let verdict = rule(Some(target.parse().unwrap())).verdict(Counts::new(good, bad));
            assert_eq!(verdict.total(), 1);
            verdict.good() == 1
        };
        assert!(good("95%", 95, 5) && !good("95%", 94, 5));
        assert!(good("100%", u64::MAX, 0) && !good("100%", u64::MAX, 1));
        assert!(good("0%", 0, u64::MAX));
        assert!(good("50%", u64::MAX, u64::MAX) && !good("50%", u64::MAX - 1, u64::MAX));
    }

    #[test]
    fn a_ratio_is_rounded_against_the_service() {
        let bad = |good, bad| {
            let verdict = rule(None).verdict(Counts::new(good, bad));
            assert_eq!(verdict.total(), u128::from(WHOLE));
            verdict.bad()
        };
        assert_eq!((bad(7, 0), bad(0, 7), bad(1, 1)), (0, WHOLE, WHOLE / 2));
        assert_eq!(bad(2, 1), 333_333_334);
        assert_eq!(
            bad(u64::MAX, 1),
            1,
            "one error is seen, however many are good"
        );
        assert_eq!(bad(1, u64::MAX), WHOLE);
        assert_eq!(bad(u64::MAX, u64::MAX), WHOLE / 2);
    }

    #[test]
    fn a_ratio_gives_whole_bad_slices_as_trials() {
        let counts = Counts::new(5 * WHOLE + 1, 3 * WHOLE - 1);
        assert_eq!(trials(Some(rule(None)), counts), Counts::new(6, 2));
        assert_eq!(trials(None, counts), counts);
    }
}
