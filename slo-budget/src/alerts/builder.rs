use std::time::Duration;

use crate::{
    alerts::{AlertRule, Alerts, Severity, rule::Rule},
    budget::{ErrorBudget, Settings},
    builder::{Few, few},
    burn::Page,
    record::budgeting_method::SliceRule,
    types::{Factor, InvalidConfig},
};

/// The numbers of the alerts on a budget. `Copy`, and usable in a `const`.
///
/// Made by [`Alerts::builder`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "a builder makes nothing until `build`"]
pub struct AlertsBuilder {
    rules: Option<Few<AlertRule>>,
    min_bad: u64,
    min_bad_to_page: u64,
    evidence: f64,
    without_data: WithoutData,
    inhibition: bool,
}

/// What an alert makes of a window of which nothing was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WithoutData {
    /// What was, goes on: an outage that keeps all requests away ends no alert. The default.
    Hold,
    /// All is well: a service that is often idle.
    Healthy,
    /// It burns: where traffic never ceases, no data is an outage, or a broken measurement.
    Breach,
}

/// What was checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) list: [Option<Rule>; 4],
    pub(crate) slices: Option<SliceRule>,
    pub(crate) min_bad: u64,
    pub(crate) min_bad_to_page: u64,
    pub(crate) evidence: f64,
    pub(crate) without_data: WithoutData,
    pub(crate) inhibition: bool,
}

/// The Workbook's table 5-8: per cent of the budget, slots of the long and the short window.
pub(crate) const DEFAULT_RULES: [(Severity, u32, u32, u32); 4] = [
    (Severity::Page, 2, 360, 30),
    (Severity::Page, 5, 2160, 180),
    (Severity::Ticket, 10, 8640, 720),
    (Severity::Ticket, 10, 25_920, 2160),
];

impl AlertsBuilder {
    pub(crate) const fn new() -> Self {
        Self {
            rules: None,
            // As with a gate.
            min_bad: 2,
            min_bad_to_page: 3,
            evidence: 0.01,
            without_data: WithoutData::Hold,
            inhibition: true,
        }
    }

    /// The rules, at most four. The default are those of the Google SRE Workbook: pages on 2 % of the budget
    /// in 1 h, still burning over 5 m, and on 5 % in 6 h, over 30 m; tickets on 10 % in 1 d, over 2 h, and on 10 % in
    /// 3 d, over 6 h. At a period of 30 days these are factors of 14.4, 6, 3 and 1; at 28 days 13.44, 5.6, 2.8
    /// and 0.93. The hour is 360 slots of the budget's resolution.
    pub const fn rules<const N: usize>(self, rules: [AlertRule; N]) -> Self {
        Self {
            rules: Some(few(rules)),
            ..self
        }
    }

    /// How many bad events the long window must hold for a ticket: the default is 2.
    pub const fn min_bad(self, events: u64) -> Self {
        Self {
            min_bad: events,
            ..self
        }
    }

    /// How many bad events the long window must hold for a page: the default is 3.
    pub const fn min_bad_to_page(self, events: u64) -> Self {
        Self {
            min_bad_to_page: events,
            ..self
        }
    }

    /// How likely so many bad events in the long window may at most be by chance, were the objective just
    /// met. The default is 0.01; above 0, and at most 0.5. It matters in low traffic, and where a factor is
    /// near 1: there an alert waits until it is sure that the objective is missed at all.
    pub const fn evidence(self, at_most: f64) -> Self {
        Self {
            evidence: at_most,
            ..self
        }
    }

    /// What to make of no data. The default is [`WithoutData::Hold`].
    pub const fn without_data(self, without_data: WithoutData) -> Self {
        Self {
            without_data,
            ..self
        }
    }

    /// Whether a firing alert inhibits those of lesser severity: by default it does.
    pub const fn inhibition(self, inhibition: bool) -> Self {
        Self { inhibition, ..self }
    }

    /// Builds alerts on `budget`, and on all its clones.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] when a rule can never fire at the budget's objective, or asks for no share of the
    /// budget; when a window is longer than the period or shorter than two slots; when there are more than
    /// four; when a number is out of the range that its setter names.
    pub fn build(self, budget: ErrorBudget) -> Result<Alerts, InvalidConfig> {
        let rules = self.check(budget.core().settings())?;
        Ok(Alerts::of(budget, &rules))
    }

    /// With those rules only that are of use to this budget.
    pub(crate) fn build_what_fits(mut self, budget: ErrorBudget) -> Result<Alerts, InvalidConfig> {
        let settings = budget.core().settings();
        let rules = default_rules(settings.resolution)
            .map(|rule| rule.filter(|rule| rule.check(settings).is_ok()));
        self.rules = Some(Some(rules));
        self.build(budget)
    }

    fn check(self, settings: &Settings) -> Result<Rules, InvalidConfig> {
        // Written so that a NaN is refused.
        if !(self.evidence > 0.0 && self.evidence <= 0.5) {
            return Err(InvalidConfig::Evidence);
        }
        if self.min_bad == 0 || self.min_bad_to_page == 0 {
            return Err(InvalidConfig::ZeroMinBad);
        }
        let asked = match self.rules {
            None => default_rules(settings.resolution),
            Some(rules) => rules.ok_or(InvalidConfig::TooMany)?,
        };
        let mut rules = [None; 4];
        for (to, rule) in rules.iter_mut().zip(asked) {
            *to = rule.map(|rule| rule.check(settings)).transpose()?;
        }
        Ok(Rules {
            list: rules,
            slices: settings.slices,
            min_bad: self.min_bad,
            min_bad_to_page: self.min_bad_to_page,
            evidence: self.evidence,
            without_data: self.without_data,
            inhibition: self.inhibition,
        })
    }
}

fn default_rules(resolution: u64) -> [Option<AlertRule>; 4] {
    DEFAULT_RULES.map(|(severity, percent, long, short)| {
        let slots = |n: u32| Duration::from_nanos(u64::from(n) * resolution);
        let budget = Factor::new(percent, 100)?;
        Some(AlertRule::new(
            severity,
            Page::new(budget, slots(long), slots(short)),
        ))
    })
}
