use std::sync::Arc;

use crate::{
    alerts::{AlertRule, Alerts, Configured, Severity, evaluate::Rules},
    budget::ErrorBudget,
    builder::Builder,
    burn::{Page, Significance},
    file::builder,
    record::Settings,
    types::{
        InvalidConfig, InvalidConfigKind, Object,
        few::{Few, Setting},
    },
};

builder! {
    /// The configuration of the alerts on a budget. `Copy`, and usable in a `const`.
    ///
    /// Made by [`Alerts::builder`], or with the feature `serde` read from a file: see the
    /// [guide](crate::guide#configuration-files).
    pub struct AlertsBuilder named "alerts" {
        #[cfg_attr(feature = "serde", serde(with = "crate::file::list::tables", skip_serializing_if = "Setting::is_default"))]
        rules: Setting<AlertRule> = Setting::Default,
        min_bad: u64 = Significance::DEFAULT.min_bad,
        min_bad_to_page: u64 = Significance::DEFAULT.min_bad_to_page,
        evidence: f64 = Significance::DEFAULT.evidence,
        without_data: WithoutData = WithoutData::Hold,
        inhibition: bool = true,
    }
}

/// How an alert treats a window in which nothing was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize, serde::Serialize),
    serde(rename_all = "snake_case")
)]
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
        Self(Numbers::new())
    }

    /// Sets the rules, at most four. The default is those of the Google SRE Workbook:
    /// - pages on 2 % of the budget in 1 h, still burning over 5 m, and on 5 % in 6 h, over 30 m;
    /// - tickets on 10 % in 1 d, over 2 h, and on 10 % in 3 d, over 6 h.
    ///
    /// These are factors of 14.4, 6, 3 and 1 for a period of 30 days, and of 13.44, 5.6, 2.8 and 1 for 28 days. The factor of a
    /// ticket is at least 1: for 7 days both tickets have a factor of 1, at which 14 % of the budget are consumed in 1 d.
    /// An hour is 360 slots of the budget's resolution.
    pub const fn rules<const N: usize>(mut self, rules: [AlertRule; N]) -> Self {
        self.0.rules = Setting::given(rules);
        self
    }

    /// Sets how many bad events the long window must have for a ticket. The default is 2.
    pub const fn min_bad(mut self, events: u64) -> Self {
        self.0.min_bad = events;
        self
    }

    /// Sets how many bad events the long window must have for a page. The default is 3.
    pub const fn min_bad_to_page(mut self, events: u64) -> Self {
        self.0.min_bad_to_page = events;
        self
    }

    /// Sets the highest probability that the bad events of the long window are chance, for a service that just
    /// meets the objective. Above it no alert fires. The default is 0.01; the range is above 0 to 0.5.
    ///
    /// This matters in low traffic, and for factors near 1: such an alert waits until the objective is certainly
    /// missed.
    pub const fn evidence(mut self, at_most: f64) -> Self {
        self.0.evidence = at_most;
        self
    }

    /// Sets how to treat windows without data. The default is [`WithoutData::Hold`].
    pub const fn without_data(mut self, without_data: WithoutData) -> Self {
        self.0.without_data = without_data;
        self
    }

    /// Sets whether a firing alert inhibits alerts of lower severity. By default it does.
    pub const fn inhibition(mut self, inhibition: bool) -> Self {
        self.0.inhibition = inhibition;
        self
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
        let configured = self.configured(budget.core().settings());
        let configured = configured.map_err(|kind| kind.of(Object::Alerts, budget.name()))?;
        Ok(Alerts::of(budget, configured))
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
    /// use maestro_slo_budget::{Alerts, ErrorBudget, InvalidConfigKind};
    ///
    /// let budget = ErrorBudget::builder();
    /// assert_eq!(Alerts::builder().check(&budget), Ok(()));
    /// // Not even an outage burns 14.4 times as fast as a budget of a tenth allows.
    /// let lax = budget.objective("90%".parse()?);
    /// let refused = Alerts::builder().check(&lax).unwrap_err();
    /// assert_eq!(refused.kind(), InvalidConfigKind::NeverFires);
    /// # Ok::<(), maestro_slo_budget::InvalidConfig>(())
    /// ```
    pub fn check(&self, budget: &Builder) -> Result<(), InvalidConfig> {
        (budget.settings())
            .and_then(|settings| self.rules_for(&settings).map(drop))
            .map_err(InvalidConfigKind::unnamed)
    }

    /// Builds alerts with those default rules that can work with this budget.
    pub(super) fn build_what_fits(mut self, budget: ErrorBudget) -> Result<Alerts, InvalidConfig> {
        let settings = budget.core().settings();
        let fits = |rule: &AlertRule| rule.check(&settings).is_ok();
        let rules = default_rules(&settings);
        self.0.rules = Setting::Given(rules.map(|rule| rule.filter(fits)));
        self.build(budget)
    }

    pub(super) fn configured(
        self,
        settings: Arc<Settings>,
    ) -> Result<Configured, InvalidConfigKind> {
        let rules = self.rules_for(&settings)?;
        Ok(Configured {
            builder: self,
            settings,
            rules,
        })
    }

    pub(super) fn rules_for(self, settings: &Settings) -> Result<Rules, InvalidConfigKind> {
        let Self(numbers) = self;
        let default = default_rules(settings);
        Ok(Rules {
            list: (numbers.rules).check(default, |rule| rule.check(settings))?,
            significance: numbers.significance().check(settings.slices)?,
            without_data: numbers.without_data,
            inhibition: numbers.inhibition,
        })
    }
}

impl Numbers {
    /// Checks the numbers whose range does not depend on a budget.
    #[cfg(feature = "serde")]
    fn check(&self) -> Result<Significance, InvalidConfigKind> {
        self.significance().check(None)
    }

    const fn significance(&self) -> Significance {
        let mut significance = Significance::DEFAULT;
        significance.min_bad = self.min_bad;
        significance.min_bad_to_page = self.min_bad_to_page;
        significance.evidence = self.evidence;
        significance
    }
}

fn default_rules(settings: &Settings) -> Few<AlertRule> {
    DEFAULT_RULES.map(|(severity, percent, long, short)| {
        let windows = Page::of_slots(percent, long, short, settings.resolution)?;
        let windows = match severity {
            Severity::Ticket => windows.at_least_the_budget(settings.period),
            Severity::Page => windows,
        };
        Some(AlertRule::new(severity, windows))
    })
}
