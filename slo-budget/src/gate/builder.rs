use std::{sync::Arc, time::Duration};

use crate::{
    budget::ErrorBudget,
    builder::Builder,
    burn::{Limit, LimitRule, Significance},
    file::builder,
    gate::{
        Gate,
        config::Configured,
        law::WHOLE,
        policy::{Pace, Policy},
        rules::Rules,
        state::SECOND,
    },
    record::Settings,
    types::{
        Factor, InvalidConfig, InvalidConfigKind, Object,
        duration::ticks,
        few::{Few, Setting},
    },
};

builder! {
    /// The configuration of a gate. `Copy`, and usable in a `const`.
    ///
    /// Made by [`Gate::builder`], or with the feature `serde` read from a file: see the
    /// [guide](crate::guide#configuration-files).
    pub struct GateBuilder named "gate" {
        #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::file::optional_table", skip_serializing_if = "Option::is_none"))]
        pace: Option<Written> = None,
        floor: Factor = ONE_PERCENT,
        #[cfg_attr(feature = "serde", serde(with = "crate::file::time"))]
        grace: Duration = Duration::from_secs(1),
        when_spent: WhenSpent = WhenSpent::Shed,
        #[cfg_attr(feature = "serde", serde(with = "crate::file::list::tables", skip_serializing_if = "Setting::is_default"))]
        limits: Setting<Limit> = Setting::Default,
        min_bad: u64 = 3,
        evidence: f64 = Significance::DEFAULT.evidence,
        no_data: NoData = NoData::Allow,
    }
}

/// A pace as it is written.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize, serde::Serialize),
    serde(rename = "pace", deny_unknown_fields)
)]
struct Written {
    budget: Factor,
    #[cfg_attr(feature = "serde", serde(with = "crate::file::time"))]
    time: Duration,
}

/// What a gate does while the budget of its period is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize, serde::Serialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum WhenSpent {
    /// Sheds what burns faster than a budget is earned, a burn rate of 1. A service that is well again admits all
    /// requests, and their good results fill the budget. The default.
    Shed,
    /// Admits the [lowest share](GateBuilder::floor) until 90 % of the budget or less is consumed. That may take as long
    /// as the period, because refused requests do not dilute the bad events.
    Refuse,
}

/// How a deployment decision treats a service for which nothing was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize, serde::Serialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum NoData {
    /// Allows the deployment: a new service has no data, and must be deployed to get some.
    Allow,
    /// Blocks it: if traffic never stops, no data means that the measurement is broken.
    Block,
}

const ONE_PERCENT: Factor = Factor::new(1, 100).expect("1 of 100");
/// The default pace, as the fastest page of the Workbook (table 5-8): per cent of the budget, and slots.
const DEFAULT_PACE: (u32, u64) = (2, 360);
/// The default limits in slots and tenths: 1.0 over 1 h, 0.5 over 6 h, 0.2 over 24 h.
const DEFAULT_LIMITS: Few<(u32, u32)> = [Some((360, 10)), Some((2160, 5)), Some((8640, 2)), None];

impl GateBuilder {
    pub(crate) const fn new() -> Self {
        Self(Numbers::new())
    }

    /// Sets how fast a whole budget may burn: the share `budget` (0.02 is 2 %) within `time`. What burns faster is shed.
    /// The default is 2 % in 1 h, a burn rate of 14.4 at 30 days. An hour is 360 slots of the budget's resolution.
    ///
    /// The allowed burn rate falls to 1 in proportion to what is left of the budget. It is never more than half of the
    /// burn rate of a total outage, nor less than 1.
    pub const fn pace(mut self, budget: Factor, time: Duration) -> Self {
        self.0.pace = Some(Written { budget, time });
        self
    }

    /// Sets the lowest share of optional requests that is admitted; their results show when the fault is over. The
    /// default is 0.01; the range is 0.000001 to 1, with which no request is ever refused.
    pub const fn floor(mut self, share: Factor) -> Self {
        self.0.floor = share;
        self
    }

    /// Sets for how long after a cut of the share results still come from before it, so that they cause no further cut:
    /// the usual time-out of calls. The default is 1 s. Rounded up to seconds.
    pub const fn grace(mut self, time: Duration) -> Self {
        self.0.grace = time;
        self
    }

    /// Sets what to do while the budget of the period is spent. The default is [`WhenSpent::Shed`].
    pub const fn when_spent(mut self, when_spent: WhenSpent) -> Self {
        self.0.when_spent = when_spent;
        self
    }

    /// Sets the limits of [`Gate::deploy`], at most four. The default is below 1.0 over 1 h, 0.5 over 6 h and 0.2
    /// over 24 h. An hour is 360 slots of the budget's resolution.
    pub const fn limits<const N: usize>(mut self, limits: [Limit; N]) -> Self {
        self.0.limits = Setting::given(limits);
        self
    }

    /// Sets how many bad events there must be in the window that decides, which is 10 s to 10 min long, before the gate
    /// refuses anything. The default is 3.
    pub const fn min_bad(mut self, events: u64) -> Self {
        self.0.min_bad = events;
        self
    }

    /// Sets the highest probability that the bad events are chance, `P(X >= bad)` for a service that just meets the
    /// objective. Above it the gate refuses nothing. The default is 0.01; the range is above 0 to 0.5.
    pub const fn evidence(mut self, at_most: f64) -> Self {
        self.0.evidence = at_most;
        self
    }

    /// Sets how [`Gate::deploy`] treats no data in any of its windows. The default is [`NoData::Allow`].
    pub const fn no_data(mut self, no_data: NoData) -> Self {
        self.0.no_data = no_data;
        self
    }

    /// Builds a gate on `budget`, and so on all its clones.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] if
    /// - the pace is a burn rate of 1 or less, so that the gate would refuse requests while the budget lasts;
    /// - a limit can never be exceeded at the budget's objective;
    /// - a window is longer than the period or shorter than two slots;
    /// - there are more than four limits;
    /// - a number is out of the range that its setter names.
    pub fn build(self, budget: ErrorBudget) -> Result<Gate, InvalidConfig> {
        let configured = self.configured(budget.core().settings());
        let configured = configured.map_err(|kind| kind.of(Object::Gate, budget.name()))?;
        Ok(Gate::of(budget, configured))
    }

    /// Whether [`build`](Self::build) accepts these numbers on a budget of `budget`, without building anything: for numbers that
    /// are checked where they are read, before there is a name. It depends on the objective, the period and the resolution of
    /// the budget.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build), and the errors of [`Builder::check`] for the budget.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_slo_budget::{ErrorBudget, Gate, InvalidConfigKind};
    ///
    /// let budget = ErrorBudget::builder();
    /// assert_eq!(Gate::builder().check(&budget), Ok(()));
    /// let refused = Gate::builder().min_bad(0).check(&budget).unwrap_err();
    /// assert_eq!((refused.name(), refused.kind()), (None, InvalidConfigKind::ZeroMinBad));
    /// ```
    pub fn check(&self, budget: &Builder) -> Result<(), InvalidConfig> {
        (budget.settings())
            .and_then(|settings| self.policy(&settings).map(drop))
            .map_err(InvalidConfigKind::unnamed)
    }

    pub(super) fn configured(
        self,
        settings: Arc<Settings>,
    ) -> Result<Configured, InvalidConfigKind> {
        let policy = self.policy(&settings)?;
        Ok(Configured {
            builder: self,
            settings,
            policy,
        })
    }

    pub(crate) fn policy(self, settings: &Settings) -> Result<Policy, InvalidConfigKind> {
        let Self(numbers) = self;
        let floor = numbers.check()?;
        let significance = numbers.significance().check(settings.slices)?;
        let limits = match numbers.limits {
            // Not checked: the rings reach back that far whatever the period is.
            Setting::Default => default_limits(settings),
            limits => limits.check([None; 4], |limit| LimitRule::new(limit, settings))?,
        };
        let pace = numbers.pace(settings)?;
        let rules = Rules {
            objective: settings.objective,
            fastest: pace.fastest(settings),
            floor,
            grace: ticks(numbers.grace).div_ceil(SECOND),
            min_bad: significance.min_bad,
            evidence: significance.evidence,
            counts_slices: settings.slices.is_some(),
        };
        Ok(Policy {
            pace,
            rules,
            when_spent: numbers.when_spent,
            limits,
            significance,
            no_data: numbers.no_data,
        })
    }
}

impl Numbers {
    /// Checks the numbers whose range does not depend on a budget, and returns the floor in millionths.
    fn check(&self) -> Result<u32, InvalidConfigKind> {
        self.significance().check(None)?;
        match u32::try_from(self.floor.times(WHOLE.into())) {
            Ok(floor) if (1..=WHOLE).contains(&floor) => Ok(floor),
            _ => Err(InvalidConfigKind::Floor),
        }
    }

    const fn significance(&self) -> Significance {
        let mut significance = Significance::DEFAULT;
        significance.min_bad = self.min_bad;
        significance.evidence = self.evidence;
        significance
    }

    fn pace(&self, settings: &Settings) -> Result<Pace, InvalidConfigKind> {
        let (percent, slots) = DEFAULT_PACE;
        let default = Factor::new(percent, 100).map(|budget| Pace {
            budget,
            time: slots * settings.resolution,
        });
        let given = (self.pace).map(|pace| Pace {
            budget: pace.budget,
            time: ticks(pace.time),
        });
        let pace = given.or(default).ok_or(InvalidConfigKind::PageFactor)?;
        let factor = pace.factor(settings).ok_or(InvalidConfigKind::PageFactor)?;
        // The default does with periods of any length.
        if given.is_some() && factor.is_at_most_one() {
            return Err(InvalidConfigKind::FiresInBudget);
        }
        Ok(pace)
    }
}

// A window that is too short for the slices is left out.
fn default_limits(settings: &Settings) -> Few<LimitRule> {
    let slice = settings.slices.map_or(0, |slices| slices.length);
    DEFAULT_LIMITS.map(|limit| {
        let (slots, tenths) = limit?;
        let window = u64::from(slots) * settings.resolution;
        let below = Factor::new(tenths, 10)?;
        (window / 2 >= slice).then_some(LimitRule { window, below })
    })
}
