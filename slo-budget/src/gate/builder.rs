use std::time::Duration;

use crate::{
    budget::ErrorBudget,
    burn::{Limit, LimitRule, Significance},
    gate::{Gate, law::WHOLE, policy::Policy, rules::Rules, state::SECOND},
    record::Settings,
    types::{
        Factor, InvalidConfig,
        duration::ticks,
        few::{Few, Setting},
    },
};

/// The configuration of a gate. `Copy`, and usable in a `const`.
///
/// Made by [`Gate::builder`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "a builder does nothing until `build`"]
pub struct GateBuilder {
    /// A share of the budget, and the time in which it may burn.
    pace: Option<(Factor, Duration)>,
    floor: Factor,
    grace: Duration,
    when_spent: WhenSpent,
    limits: Setting<Limit>,
    significance: Significance,
    no_data: NoData,
}

/// What a gate does while the budget of its period is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
#[non_exhaustive]
pub enum NoData {
    /// Allows the deployment: a new service has no data, and must be deployed to get some.
    Allow,
    /// Blocks it: if traffic never stops, no data means that the measurement is broken.
    Block,
}

/// The default pace, as the fastest page of the Workbook (table 5-8): per cent of the budget, and slots.
const DEFAULT_PACE: (u32, u64) = (2, 360);
/// The default limits in slots and tenths: 1.0 over 1 h, 0.5 over 6 h, 0.2 over 24 h.
const DEFAULT_LIMITS: Few<(u32, u32)> = [Some((360, 10)), Some((2160, 5)), Some((8640, 2)), None];

impl GateBuilder {
    pub(crate) const fn new() -> Self {
        let mut significance = Significance::DEFAULT;
        significance.min_bad = 3;
        Self {
            pace: None,
            floor: match Factor::new(1, 100) {
                Some(floor) => floor,
                None => unreachable!(),
            },
            grace: Duration::from_secs(1),
            when_spent: WhenSpent::Shed,
            limits: Setting::Default,
            significance,
            no_data: NoData::Allow,
        }
    }

    /// Sets how fast a whole budget may burn: the share `budget` (0.02 is 2 %) within `time`. What burns faster is shed.
    /// The default is 2 % in 1 h, a burn rate of 14.4 at 30 days. An hour is 360 slots of the budget's resolution.
    ///
    /// The allowed burn rate falls to 1 in proportion to what is left of the budget. It is never more than half of the
    /// burn rate of a total outage, nor less than 1.
    pub const fn pace(self, budget: Factor, time: Duration) -> Self {
        Self {
            pace: Some((budget, time)),
            ..self
        }
    }

    /// Sets the lowest share of optional requests that is admitted; their results show when the fault is over. The
    /// default is 0.01; the range is 0.000001 to 1, with which no request is ever refused.
    pub const fn floor(self, share: Factor) -> Self {
        Self {
            floor: share,
            ..self
        }
    }

    /// Sets for how long after a cut of the share results still come from before it, so that they cause no further cut:
    /// the usual time-out of calls. The default is 1 s. Rounded up to seconds.
    pub const fn grace(self, time: Duration) -> Self {
        Self {
            grace: time,
            ..self
        }
    }

    /// Sets what to do while the budget of the period is spent. The default is [`WhenSpent::Shed`].
    pub const fn when_spent(self, when_spent: WhenSpent) -> Self {
        Self { when_spent, ..self }
    }

    /// Sets the limits of [`Gate::deploy`], at most four. The default is below 1.0 over 1 h, 0.5 over 6 h and 0.2
    /// over 24 h. An hour is 360 slots of the budget's resolution.
    pub const fn limits<const N: usize>(self, limits: [Limit; N]) -> Self {
        Self {
            limits: Setting::given(limits),
            ..self
        }
    }

    /// Sets how many bad events there must be in the window that decides, which is 10 s to 10 min long, before the gate
    /// refuses anything. The default is 3.
    pub const fn min_bad(mut self, events: u64) -> Self {
        self.significance.min_bad = events;
        self
    }

    /// Sets the highest probability that the bad events are chance, `P(X >= bad)` for a service that just meets the
    /// objective. Above it the gate refuses nothing. The default is 0.01; the range is above 0 to 0.5.
    pub const fn evidence(mut self, at_most: f64) -> Self {
        self.significance.evidence = at_most;
        self
    }

    /// Sets how [`Gate::deploy`] treats no data in any of its windows. The default is [`NoData::Allow`].
    pub const fn no_data(self, no_data: NoData) -> Self {
        Self { no_data, ..self }
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
        let policy = self.policy(budget.core().settings())?;
        Ok(Gate::of(budget, &policy))
    }

    pub(crate) fn policy(self, settings: &Settings) -> Result<Policy, InvalidConfig> {
        let significance = self.significance.check(settings.slices)?;
        let limits = match self.limits {
            // Not checked: the rings reach back that far whatever the period is.
            Setting::Default => default_limits(settings),
            limits => limits.check([None; 4], |limit| LimitRule::new(limit, settings))?,
        };
        let rules = Rules {
            objective: settings.objective,
            fastest: self.fastest(settings)?,
            floor: self.lowest()?,
            grace: ticks(self.grace).div_ceil(SECOND),
            min_bad: significance.min_bad,
            evidence: significance.evidence,
            counts_slices: settings.slices.is_some(),
        };
        Ok(Policy {
            rules,
            resolution: settings.resolution,
            when_spent: self.when_spent,
            limits,
            significance,
            no_data: self.no_data,
        })
    }

    /// The burn rate of the pace in thousandths, rounded down.
    fn fastest(&self, settings: &Settings) -> Result<u32, InvalidConfig> {
        let (percent, slots) = DEFAULT_PACE;
        let (budget, time) = match self.pace {
            Some((budget, time)) => (Some(budget), ticks(time)),
            None => (Factor::new(percent, 100), slots * settings.resolution),
        };
        let pace = budget
            .and_then(|budget| Factor::of_ticks(budget, settings.period, time))
            .ok_or(InvalidConfig::PageFactor)?;
        // The default does with periods of any length.
        if self.pace.is_some() && pace.is_at_most_one() {
            return Err(InvalidConfig::FiresInBudget);
        }
        let (budget, of) = (settings.objective.budget(), settings.objective.of());
        let half_an_outage = (500 * u128::from(of)).checked_div(budget.into());
        let fastest = pace.times(1000).min(half_an_outage.unwrap_or(u128::MAX));
        Ok(u32::try_from(fastest).unwrap_or(u32::MAX).max(1000))
    }

    /// The floor in millionths.
    fn lowest(&self) -> Result<u32, InvalidConfig> {
        match u32::try_from(self.floor.times(WHOLE.into())) {
            Ok(floor) if (1..=WHOLE).contains(&floor) => Ok(floor),
            _ => Err(InvalidConfig::Floor),
        }
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
