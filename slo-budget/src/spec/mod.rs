//! The only folder that knows the feature `spec`: an objective as it is written down for people, for a process
//! and for a fleet.

mod document;
mod duration;
mod indicator;
mod mistakes;
mod number;
mod promtool;
mod read;
mod rules;
mod sample;
mod selector;
mod yaml;

use std::{str::FromStr, time::Duration};

#[expect(unused_imports, reason = "the documentation names them")]
use crate::{alerts::Alerts, budget::ErrorBudget, gate::Gate};
use crate::{
    alerts::{AlertRule, AlertsBuilder, Severity},
    builder::Builder,
    burn::{Limit, Page},
    gate::GateBuilder,
    record::SPAN,
    types::{Factor, Objective, decimal, duration::ticks},
};
use indicator::Indicator;
pub use mistakes::{Mistake, Mistakes};

/// A service level objective as it is written down, in YAML or JSON: for the [budget](Self::budget) of a process, with its
/// [alerts](Self::alerts) and [gate](Self::gate), and for a fleet as [Prometheus rules](Self::rules) with
/// [their tests](Self::rule_tests).
///
/// ```yaml
/// service: conductor
/// slo: runs                          # the name of the objective
/// description: POST /runs is answered, and not with 5xx.    # optional
/// objective: 99.9%                   # or 0.999, or 999/1000
/// period: 28d                        # the default is 30d; always the time just past
/// indicator:                         # what the fleet counts: `total` and either `bad` or `good` of it ...
///   total: http_requests_total{job="conductor"}
///   bad: http_requests_total{job="conductor", code=~"5.."}
///   # ... or a threshold for latency, which is a bucket of a histogram:
///   # latency: { histogram: 'http_request_duration_seconds{job="conductor"}', within: 250ms }
/// alerts:                            # at most four; the default are those of the Workbook
///   - { severity: page, budget: 2%, long: 1h, short: 5m }   # `short` is a twelfth of `long` by default
///   - { severity: ticket, budget: 10%, long: 3d }
/// min_bad: { page: 3, ticket: 2 }    # so many bad events in the long window at least; these are the defaults
/// deploy:                            # when a deployment may go ahead; these are the defaults
///   - { window: 1h, below: 1.0 }
///   - { window: 6h, below: 0.5 }
///   - { window: 1d, below: 0.2 }
/// labels: { team: orchestration }    # of all series and alerts, optional
/// interval: 30s                      # of the group of rules; the default is the server's
/// ```
///
/// What was read was checked: the builders that it gives, built on one another, do not fail.
///
/// # Examples
///
/// ```
/// use maestro_slo_budget::{ErrorBudget, Spec};
///
/// let spec: Spec = r#"
/// service: conductor
/// slo: runs
/// objective: 99.9%
/// indicator:
///   total: http_requests_total{job="conductor"}
///   bad: http_requests_total{job="conductor", code=~"5.."}
/// "#
/// .parse()?;
///
/// let name = spec.name().leak(); // once
/// let budget = spec.budget().build(name)?;
/// let alerts = spec.alerts().build(budget.clone())?;
/// let gate = spec.gate().build(budget)?;
/// assert!(gate.is_open() && alerts.evaluate().active().next().is_none());
///
/// assert!(spec.rules().contains("record: slo:error_ratio:rate1h"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Every mistake is told, with its place:
///
/// ```
/// let mistakes = "service: a\nslo: b\nobjectve: 99.9\n".parse::<maestro_slo_budget::Spec>().unwrap_err();
/// assert!(mistakes.to_string().contains("3:1: objectve: there is no such field: did you mean `objective`?"));
/// ```
#[derive(Clone, Debug)]
pub struct Spec {
    service: String,
    slo: String,
    description: Option<String>,
    objective: Objective,
    period: Duration,
    interval: Option<Duration>,
    labels: Vec<(String, String)>,
    indicator: Indicator,
    alerts: Vec<Pair>,
    min_bad: u64,
    min_bad_to_page: u64,
    limits: Vec<Limit>,
}

/// One alert: a pair of windows that was checked.
#[derive(Clone, Copy, Debug)]
struct Pair {
    severity: Severity,
    windows: Page,
    factor: Factor,
}

// === impl Spec ===

impl Spec {
    /// The service that promises.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.service
    }

    /// The name of the objective, one of perhaps several of the service.
    #[must_use]
    pub fn slo(&self) -> &str {
        &self.slo
    }

    /// Both, as `service/slo`: a name for the [`ErrorBudget`].
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.service, self.slo)
    }

    /// The share of events that are to be good.
    #[must_use]
    pub const fn objective(&self) -> Objective {
        self.objective
    }

    /// The time that the budget is for, always the one just past.
    #[must_use]
    pub const fn period(&self) -> Duration {
        self.period
    }

    /// Within what time an event is good, if the indicator is a latency: for
    /// [`slow_after`](crate::ErrorBudgetLayer::slow_after).
    #[must_use]
    pub const fn within(&self) -> Option<Duration> {
        self.indicator.within
    }

    /// The configuration of an [`ErrorBudget`] of this objective and period.
    ///
    /// Its windows are the long ones of the alerts. Its resolution is a thirtieth of the shortest window, but at most
    /// 10 s, and as coarse as the period asks for (10 s for 30 days): with the default alerts it is that of
    /// [`Builder::resolution`].
    pub fn budget(&self) -> Builder {
        let mut windows: Vec<Duration> = Vec::new();
        for pair in &self.alerts {
            if !windows.contains(&pair.windows.long) {
                windows.push(pair.windows.long);
            }
        }
        let builder = Builder::new()
            .objective(self.objective)
            .period(self.period)
            .resolution(resolution(self.period, &self.alerts));
        match *windows {
            [a] => builder.windows([a]),
            [a, b] => builder.windows([a, b]),
            [a, b, c] => builder.windows([a, b, c]),
            [a, b, c, d] => builder.windows([a, b, c, d]),
            _ => builder.windows([]),
        }
    }

    /// The configuration of [`Alerts`] on a [budget](Self::budget) of this specification.
    pub fn alerts(&self) -> AlertsBuilder {
        let builder = AlertsBuilder::new()
            .min_bad(self.min_bad)
            .min_bad_to_page(self.min_bad_to_page);
        let rules: Vec<_> = self.alerts.iter().map(Pair::rule).collect();
        match *rules {
            [a] => builder.rules([a]),
            [a, b] => builder.rules([a, b]),
            [a, b, c] => builder.rules([a, b, c]),
            [a, b, c, d] => builder.rules([a, b, c, d]),
            _ => builder.rules([]),
        }
    }

    /// The configuration of a [`Gate`] on a [budget](Self::budget) of this specification. Its pages are the
    /// alerts that page, its limits what is under `deploy`.
    pub fn gate(&self) -> GateBuilder {
        let builder = GateBuilder::new()
            .min_bad(self.min_bad)
            .min_bad_to_page(self.min_bad_to_page);
        let pages: Vec<_> = (self.alerts.iter())
            .filter(|pair| pair.severity == Severity::Page)
            .map(|pair| pair.windows)
            .collect();
        let builder = match *pages {
            [a] => builder.pages([a]),
            [a, b] => builder.pages([a, b]),
            [a, b, c] => builder.pages([a, b, c]),
            [a, b, c, d] => builder.pages([a, b, c, d]),
            _ => builder.pages([]),
        };
        match *self.limits {
            [a] => builder.limits([a]),
            [a, b] => builder.limits([a, b]),
            [a, b, c] => builder.limits([a, b, c]),
            [a, b, c, d] => builder.limits([a, b, c, d]),
            _ => builder.limits([]),
        }
    }

    /// Recording and alerting rules for Prometheus, one group, as YAML.
    ///
    /// The series are `slo:error_ratio:rate…` for each window, `slo:events:increase…` and `slo:bad_events:increase…`,
    /// `slo:error_ratio:increase…` and `slo:error_budget:remaining` for the period, and `slo:objective:ratio`; the alerts
    /// `ErrorBudgetBurn`, by `severity`, `long_window` and `short_window`, and `ErrorBudgetNoData`. All of them have the labels
    /// `service`, `slo` and those of the specification. Names of metrics and labels are checked and values quoted, so
    /// that nothing but a selector gets into an expression.
    #[must_use]
    pub fn rules(&self) -> String {
        rules::write(self)
    }

    /// Tests of [`rules`](Self::rules) for `promtool test rules`, as YAML: what they say over made-up histories, as the
    /// arithmetic of this crate has it. `rules_file` is the path of the rules, from where the tests are.
    ///
    /// With the default alerts promtool takes some seconds for them, as each evaluation looks at all of the period.
    #[must_use]
    pub fn rule_tests(&self, rules_file: &str) -> String {
        promtool::write(self, rules_file)
    }
}

impl FromStr for Spec {
    type Err = Mistakes;

    /// Reads YAML, and so JSON. Numbers are read as they are written, so that none is rounded.
    ///
    /// # Errors
    ///
    /// [`Mistakes`], all that there are. No text makes it panic.
    fn from_str(text: &str) -> Result<Self, Mistakes> {
        read::read(text)
    }
}

impl Pair {
    fn rule(&self) -> AlertRule {
        AlertRule::new(self.severity, self.windows)
    }

    /// The share of bad events above which it fires, as numerator and denominator.
    fn line(&self, objective: Objective) -> (u128, u128) {
        let (numerator, denominator) = self.factor.terms();
        let (above, of) = (
            numerator * u128::from(objective.budget()),
            denominator * u128::from(objective.of()),
        );
        let divisor = decimal::gcd(above, of);
        (above / divisor, of / divisor)
    }
}

/// Fine enough for the shortest window, coarse enough for the period.
fn resolution(period: Duration, alerts: &[Pair]) -> Duration {
    const USUAL: Duration = Duration::from_secs(10);
    let shortest = alerts.iter().map(|pair| pair.windows.short).min();
    let fine = USUAL.min(shortest.unwrap_or(USUAL * 30) / 30);
    // Up to a whole nanosecond, so that all of the period is kept.
    let coarse = Duration::from_nanos(ticks(period).div_ceil(SPAN.into()));
    fine.max(coarse)
}
