use crate::{
    alerts::{AlertRule, Alerts, Severity, evaluate::Rules},
    budget::ErrorBudget,
    burn::{Page, Significance},
    record::Settings,
    types::{
        InvalidConfig,
        few::{Few, Setting},
    },
};

/// The configuration of the alerts on a budget. `Copy`, and usable in a `const`.
///
/// Made by [`Alerts::builder`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "a builder does nothing until `build`"]
pub struct AlertsBuilder {
    rules: Setting<AlertRule>,
    significance: Significance,
    without_data: WithoutData,
    inhibition: bool,
}

/// How an alert treats a window in which nothing was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WithoutData {
    /// The state stays: an outage that keeps all requests away resolves no alert. The default.
    Hold,
    /// The window does not burn: for a service that is often idle.
    Healthy,
    /// The window burns: if traffic never stops, no data is an outage or a broken measurement.
    Breach,
}

/// The table 5-8 of the Workbook: per cent of the budget, slots of the long and the short window.
pub(crate) const DEFAULT_RULES: [(Severity, u32, u32, u32); 4] = [
    (Severity::Page, 2, 360, 30),
    (Severity::Page, 5, 2160, 180),
    (Severity::Ticket, 10, 8640, 720),
    (Severity::Ticket, 10, 25_920, 2160),
];

impl AlertsBuilder {
    pub(crate) const fn new() -> Self {
        Self {
            rules: Setting::Default,
            significance: Significance::DEFAULT,
            without_data: WithoutData::Hold,
            inhibition: true,
        }
    }

    /// Sets the rules, at most four. The default is those of the Google SRE Workbook:
    /// - pages on 2 % of the budget in 1 h, still burning over 5 m, and on 5 % in 6 h, over 30 m;
    /// - tickets on 10 % in 1 d, over 2 h, and on 10 % in 3 d, over 6 h.
    ///
    /// These are factors of 14.4, 6, 3 and 1 for a period of 30 days, and of 13.44, 5.6, 2.8 and 0.93 for 28 days.
    /// An hour is 360 slots of the budget's resolution.
    pub const fn rules<const N: usize>(self, rules: [AlertRule; N]) -> Self {
        Self {
            rules: Setting::given(rules),
            ..self
        }
    }

    /// Sets how many bad events the long window must have for a ticket. The default is 2.
    pub const fn min_bad(mut self, events: u64) -> Self {
        self.significance.min_bad = events;
        self
    }

    /// Sets how many bad events the long window must have for a page. The default is 3.
    pub const fn min_bad_to_page(mut self, events: u64) -> Self {
        self.significance.min_bad_to_page = events;
        self
    }

    /// Sets the highest probability that the bad events of the long window are chance, for a service that just
    /// meets the objective. Above it no alert fires. The default is 0.01; the range is above 0 to 0.5.
    ///
    /// This matters in low traffic, and for factors near 1: such an alert waits until the objective is certainly
    /// missed.
    pub const fn evidence(mut self, at_most: f64) -> Self {
        self.significance.evidence = at_most;
        self
    }

    /// Sets how to treat windows without data. The default is [`WithoutData::Hold`].
    pub const fn without_data(self, without_data: WithoutData) -> Self {
        Self {
            without_data,
            ..self
        }
    }

    /// Sets whether a firing alert inhibits alerts of lower severity. By default it does.
    pub const fn inhibition(self, inhibition: bool) -> Self {
        Self { inhibition, ..self }
    }

    /// Builds alerts on `budget`, and so on all its clones.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] if
    /// - a rule can never fire at the budget's objective, or asks for no share of the budget;
    /// - a window is longer than the period or shorter than two slots;
    /// - there are more than four rules;
    /// - a number is out of the range that its setter names.
    pub fn build(self, budget: ErrorBudget) -> Result<Alerts, InvalidConfig> {
        let rules = self.check(budget.core().settings())?;
        Ok(Alerts::of(budget, &rules))
    }

    /// Builds alerts with those default rules that can work with this budget.
    pub(super) fn build_what_fits(mut self, budget: ErrorBudget) -> Result<Alerts, InvalidConfig> {
        let settings = budget.core().settings();
        let fits = |rule: &AlertRule| rule.check(settings).is_ok();
        let rules = default_rules(settings.resolution);
        self.rules = Setting::Given(rules.map(|rule| rule.filter(fits)));
        self.build(budget)
    }

    fn check(self, settings: &Settings) -> Result<Rules, InvalidConfig> {
        let significance = self.significance.check(settings.slices)?;
        let default = default_rules(settings.resolution);
        Ok(Rules {
            list: self.rules.check(default, |rule| rule.check(settings))?,
            significance,
            without_data: self.without_data,
            inhibition: self.inhibition,
        })
    }
}

fn default_rules(resolution: u64) -> Few<AlertRule> {
    DEFAULT_RULES.map(|(severity, percent, long, short)| {
        let windows = Page::of_slots(percent, long, short, resolution)?;
        Some(AlertRule::new(severity, windows))
    })
}
