use std::{error::Error, fmt};

/// A configuration or a text that the builders or [`FromStr`](std::str::FromStr) refuse.
///
/// Its `Display` says what to do, after what it is about where that is known.
///
/// # Examples
///
/// ```
/// use maestro_slo_budget::{ErrorBudget, Gate, InvalidConfigKind};
///
/// let budget = ErrorBudget::new("api", "99.9%".parse()?);
/// let refused = Gate::builder().min_bad(0).build(budget).unwrap_err();
/// assert_eq!((refused.name(), refused.kind()), (Some("api"), InvalidConfigKind::ZeroMinBad));
/// assert!(refused.to_string().starts_with("gate of `api`: `min_bad` must be at least 1"));
/// # Ok::<(), maestro_slo_budget::InvalidConfig>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidConfig {
    /// `None` where nothing with a name is built, and where the name is empty.
    object: Option<(Object, &'static str)>,
    kind: InvalidConfigKind,
}

/// What was about to be built or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Object {
    Budget,
    Gate,
    Alerts,
}

/// What an [`InvalidConfig`] is about: the setting or the text that cannot work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidConfigKind {
    /// The text is no share of events.
    Objective,
    /// The text is no burn rate.
    Factor,
    /// The text is no length of time.
    Window,
    /// The period is zero.
    ZeroPeriod,
    /// The resolution is zero.
    ZeroResolution,
    /// The resolution is so long that 259,200 slots exceed 584 years.
    ResolutionTooLong,
    /// The period is longer than 259,200 slots.
    PeriodTooLong,
    /// A window is longer than the period.
    WindowLongerThanPeriod,
    /// A window is shorter than two slots, or two slices.
    WindowTooShort,
    /// A window is longer than 259,200 slots.
    WindowTooLong,
    /// The length of a slice is not a whole number of slots.
    SliceLength,
    /// A slice is longer than half of the period.
    SliceTooLong,
    /// The time zone is unknown.
    TimeZone,
    /// The setting with this name cannot change while the budget runs.
    Fixed(&'static str),
    /// The capacity of a family is 0: every key would share the overflow.
    Capacity,
    /// There are more than four windows, pages, limits or rules.
    TooMany,
    /// The short window of a page is not shorter than its long one.
    ShortNotShorter,
    /// Not even a total outage reaches a page or limit at this objective.
    NeverFires,
    /// The pace of a gate is a burn rate of 1 or less.
    FiresInBudget,
    /// The share of the budget and the windows of a page, or the time of a pace, give no usable factor.
    PageFactor,
    /// A limit is 0.
    ZeroLimit,
    /// The lowest share of a gate is not from 0.000001 to 1.
    Floor,
    /// The evidence limit is not above 0 and at most 0.5.
    Evidence,
    /// The minimum of bad events is 0.
    ZeroMinBad,
    /// α of a canary is not above 0 and at most 0.5.
    CanaryAlpha,
    /// The guard of a canary is 100 %, or below its availability.
    CanaryGuard,
    /// The availability of a canary is 0 %.
    CanaryAvailability,
    /// A limit of a canary is no share between 0 and 1, or its time is too short.
    CanaryAtMost,
    /// The batch of a canary is shorter than a second.
    CanaryBatch,
    /// The number of failures in a row of a canary is 0.
    CanaryFailures,
    /// A multiple of the baseline is out of range.
    CanaryTimes,
    /// The steps of a canary do not ascend to 100 %.
    CanarySteps,
    /// The maximum wait of a canary is zero.
    CanaryMaxWait,
}

// === impl InvalidConfig ===

impl InvalidConfig {
    /// The name of the budget or the family that could not be built or reconfigured, or whose gate or alerts could not.
    /// `None` where it is not known, as in [`Builder::check`](crate::Builder::check), in a file and in a text, and where
    /// it is empty.
    #[must_use]
    pub const fn name(&self) -> Option<&'static str> {
        match self.object {
            Some((_, name)) => Some(name),
            None => None,
        }
    }

    /// What could not work, for a program. People read the message.
    #[must_use]
    pub const fn kind(&self) -> InvalidConfigKind {
        self.kind
    }
}

impl fmt::Display for InvalidConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.object {
            None => {}
            Some((Object::Budget, name)) => write!(f, "error budget `{name}`: ")?,
            Some((Object::Gate, name)) => write!(f, "gate of `{name}`: ")?,
            Some((Object::Alerts, name)) => write!(f, "alerts of `{name}`: ")?,
        }
        self.kind.fmt(f)
    }
}

impl Error for InvalidConfig {}

// === impl InvalidConfigKind ===

impl InvalidConfigKind {
    /// The error about the budget of this name, or about a gate or alerts on it.
    pub(crate) fn of(self, object: Object, name: &'static str) -> InvalidConfig {
        InvalidConfig {
            object: (!name.is_empty()).then_some((object, name)),
            kind: self,
        }
    }

    /// The error about settings or a text without a name.
    pub(crate) const fn unnamed(self) -> InvalidConfig {
        InvalidConfig {
            object: None,
            kind: self,
        }
    }
}

impl fmt::Display for InvalidConfigKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fixed(setting) => {
                return write!(
                    f,
                    "`{setting}` cannot change while the budget runs, as its history depends on it: leave it as it is, or start again with `restore`, which keeps the history if it is still of use"
                );
            }
            Self::Objective => {
                "an objective is the share of good events, from 0 to 100 %, with at most 18 decimals: write `99.9%`, `0.999` or `999/1000`"
            }
            Self::Factor => {
                "a factor is a plain decimal such as `14.4`, with at most nine digits in all, or a fraction such as `1/3`"
            }
            Self::Window => {
                "a window is a length of time above zero, the largest unit first: write `5m`, `1h 30m`, `28d`, `4w` or `250ms`"
            }
            Self::ZeroPeriod => "the period of a budget must be longer than zero",
            Self::ZeroResolution => "the resolution must be longer than zero",
            Self::ResolutionTooLong => {
                "the resolution is too long: 259,200 slots of it must fit 584 years"
            }
            Self::PeriodTooLong => {
                "the period is longer than the 259,200 slots that are kept: choose a coarser `resolution`"
            }
            Self::WindowLongerThanPeriod => {
                "a window is longer than the period: shorten the window, lengthen the period, or use `compressed`, which scales all windows with the period"
            }
            Self::WindowTooShort => {
                "a window is shorter than two slots or slices and would often be empty: lengthen it, or choose a finer `resolution` or shorter slices"
            }
            Self::WindowTooLong => {
                "a window is longer than the 259,200 slots that are kept: shorten it, or choose a coarser `resolution`"
            }
            Self::SliceLength => {
                "the length of a slice must be a whole number of slots, one or more: choose a multiple of the `resolution`"
            }
            Self::SliceTooLong => {
                "a slice is longer than half of the period, which would hold one at most: shorten it"
            }
            Self::TimeZone => {
                "the time zone is not known here: write a name of the IANA database such as `Europe/Berlin` or `UTC`"
            }
            Self::Capacity => {
                "`capacity` of a family of budgets must be at least 1: with 0 all keys would share the overflow"
            }
            Self::TooMany => "there is room for at most four `windows`, `limits` or `rules`",
            Self::ShortNotShorter => "the short window of a page must be shorter than its long one",
            Self::NeverFires => {
                "at this objective not even a total outage burns as fast as a page or limit asks: lower the factor, or set the objective higher"
            }
            Self::FiresInBudget => {
                "a gate with a pace of a burn rate of 1 or less would refuse requests while the budget lasts: raise its share of the budget, or shorten its time"
            }
            Self::PageFactor => {
                "the share of the budget and the windows of a page, or the time of a pace, give no usable factor"
            }
            Self::ZeroLimit => "a limit of 0 would block for ever: no burn rate is below it",
            Self::Floor => {
                "the lowest share of a gate is a number from 0.000001 to 1; with 0 it would never learn that the fault is over"
            }
            Self::Evidence => "the evidence limit is a probability above 0 and at most 0.5",
            Self::ZeroMinBad => "`min_bad` must be at least 1: without a bad event nothing burns",
            Self::CanaryAlpha => "α of a canary is a probability above 0 and at most 0.5",
            Self::CanaryGuard => {
                "the guard of a canary must be below 100 %, which no number of requests can show, and at least its `availability`, below which it is rolled back"
            }
            Self::CanaryAvailability => {
                "an `availability` of 0 % can never roll a canary back: set it higher"
            }
            Self::CanaryAtMost => {
                "a limit of a canary is a share above 0 and below 1, over at least 5 seconds"
            }
            Self::CanaryBatch => "the `batch` of a canary must be at least 1 second",
            Self::CanaryFailures => "`failures_in_a_row` of a canary must be at least 1",
            Self::CanaryTimes => {
                "`margin`, `times_error_rate` and `times_p95` of a canary are multiples of the baseline from 1.001 to 100"
            }
            Self::CanarySteps => {
                "the steps of a canary are two to eight percentages that ascend from at least 1 and end with 100"
            }
            Self::CanaryMaxWait => "`max_wait` of a canary must be longer than zero",
        })
    }
}
