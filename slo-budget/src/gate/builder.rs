use crate::{
    budget::ErrorBudget,
    burn::{Limit, LimitRule, Page, Rule, Significance},
    gate::{Gate, policy::Policy},
    record::Settings,
    types::{
        Factor, InvalidConfig,
        few::{Few, Setting},
    },
};

/// The configuration of a gate. `Copy`, and usable in a `const`.
///
/// Made by [`Gate::builder`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "a builder does nothing until `build`"]
pub struct GateBuilder {
    admission: Admission,
    pages: Setting<Page>,
    limits: Setting<Limit>,
    significance: Significance,
    reopen_percent: u8,
    one_probe_in: u32,
    no_data: NoData,
}

/// What closes a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Admission {
    /// The budget of the period is spent, or a [page](GateBuilder::pages) fires. The default.
    Budget,
    /// A deployment would be blocked: a burn rate is not below its [limit](GateBuilder::limits).
    ///
    /// There are no guards against low traffic. The gate easily locks itself shut, as refused requests do not
    /// dilute the errors: one error in 3,000 events burns 0.33 over 24 h, where the limit is 0.2.
    Deploy,
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

/// The pages of the Workbook (table 5-8): per cent of the budget, slots of the long and the short window.
const DEFAULT_PAGES: Few<(u32, u32, u32)> = [Some((2, 360, 30)), Some((5, 2160, 180)), None, None];
/// The default limits in slots and tenths: 1.0 over 1 h, 0.5 over 6 h, 0.2 over 24 h.
const DEFAULT_LIMITS: Few<(u32, u32)> = [Some((360, 10)), Some((2160, 5)), Some((8640, 2)), None];

impl GateBuilder {
    pub(crate) const fn new() -> Self {
        Self {
            admission: Admission::Budget,
            pages: Setting::Default,
            limits: Setting::Default,
            significance: Significance::DEFAULT,
            reopen_percent: 90,
            one_probe_in: 50,
            no_data: NoData::Allow,
        }
    }

    /// Sets what closes the gate. The default is [`Admission::Budget`].
    pub const fn admission(self, admission: Admission) -> Self {
        Self { admission, ..self }
    }

    /// Sets the pairs of windows that close the gate, at most four. The default is the two pages of the Workbook:
    /// 2 % of the budget in 1 h, still burning over 5 m (a factor of 14.4 at 30 days), and 5 % in 6 h, still
    /// burning over 30 m (6). An hour is 360 slots of the budget's resolution.
    pub const fn pages<const N: usize>(self, pages: [Page; N]) -> Self {
        Self {
            pages: Setting::given(pages),
            ..self
        }
    }

    /// Sets the limits of [`Gate::deploy`], at most four. The default is below 1.0 over 1 h, 0.5 over 6 h and 0.2
    /// over 24 h. An hour is 360 slots of the budget's resolution.
    pub const fn limits<const N: usize>(self, limits: [Limit; N]) -> Self {
        Self {
            limits: Setting::given(limits),
            ..self
        }
    }

    /// Sets how many bad events the period must have before the budget counts as spent. The default is 2.
    pub const fn min_bad(mut self, events: u64) -> Self {
        self.significance.min_bad = events;
        self
    }

    /// Sets how many bad events the long window must have before a page fires. The default is 3.
    pub const fn min_bad_to_page(mut self, events: u64) -> Self {
        self.significance.min_bad_to_page = events;
        self
    }

    /// Sets the highest probability that the bad events are chance, `P(X >= bad)` for a service that just meets the
    /// objective. Above it the gate does not close. The default is 0.01; the range is above 0 to 0.5.
    pub const fn evidence(mut self, at_most: f64) -> Self {
        self.significance.evidence = at_most;
        self
    }

    /// Sets the hysteresis: a reason keeps the gate closed until its burn rate is at or below this percentage of
    /// the line that closed it. The default is 90; the range is 1 to 100.
    pub const fn reopen_percent(self, percent: u8) -> Self {
        Self {
            reopen_percent: percent,
            ..self
        }
    }

    /// Sets how many optional requests there are for each one that a closed gate admits as a probe, evenly spread.
    /// The default is 50, which is 2 %. With 1 no request is ever refused. One request in 6 slots (1 m at 10 s)
    /// is a probe in any case.
    pub const fn one_probe_in(self, requests: u32) -> Self {
        Self {
            one_probe_in: requests,
            ..self
        }
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
    /// - a page or limit can never fire at the budget's objective;
    /// - a page fires while the budget lasts;
    /// - a window is longer than the period or shorter than two slots;
    /// - there are more than four pages or limits;
    /// - a number is out of the range that its setter names.
    pub fn build(self, budget: ErrorBudget) -> Result<Gate, InvalidConfig> {
        let policy = self.policy(budget.core().settings())?;
        Ok(Gate::of(budget, &policy, self.one_probe_in))
    }

    /// Builds a gate with those default pages that can work with this budget.
    pub(super) fn build_what_fits(mut self, budget: ErrorBudget) -> Result<Gate, InvalidConfig> {
        let settings = budget.core().settings();
        let pages = default_pages(settings.resolution);
        let fits = |page: &Page| page_rule(*page, settings).is_ok();
        self.pages = Setting::Given(pages.map(|page| page.filter(fits)));
        self.build(budget)
    }

    pub(crate) fn policy(self, settings: &Settings) -> Result<Policy, InvalidConfig> {
        if self.one_probe_in == 0 {
            return Err(InvalidConfig::NoProbes);
        }
        let significance = self.significance.check(settings.slices)?;
        if !(1..=100).contains(&self.reopen_percent) {
            return Err(InvalidConfig::Reopen);
        }
        let pages = (self.pages).check(default_pages(settings.resolution), |page| {
            page_rule(page, settings)
        })?;
        let limits = match self.limits {
            // Not checked: the rings reach back that far whatever the period is.
            Setting::Default => default_limits(settings),
            limits => limits.check([None; 4], |limit| LimitRule::new(limit, settings))?,
        };
        Ok(Policy {
            objective: settings.objective,
            resolution: settings.resolution,
            admission: self.admission,
            pages,
            limits,
            significance,
            reopen_percent: self.reopen_percent,
            no_data: self.no_data,
        })
    }
}

fn default_pages(resolution: u64) -> Few<Page> {
    DEFAULT_PAGES.map(|page| {
        let (percent, long, short) = page?;
        Page::of_slots(percent, long, short, resolution)
    })
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

/// A page of a gate. Unlike an alert it must not fire while the service keeps within its budget.
fn page_rule(page: Page, settings: &Settings) -> Result<Rule, InvalidConfig> {
    let rule = Rule::new(page, settings)?;
    if rule.factor.is_at_most_one() {
        return Err(InvalidConfig::FiresInBudget);
    }
    rule.check_outage(settings)
}
