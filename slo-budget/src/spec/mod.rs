//! An objective, written down once, for people, for a process and for a fleet.

mod document;
mod indicator;
mod low_traffic;
mod mistakes;
mod number;
mod promtool;
mod read;
mod rules;
mod selector;
mod unit;
mod yaml;

use std::{str::FromStr, time::Duration};

pub use self::{
    indicator::MissingSeries,
    mistakes::{Mistake, Mistakes},
};
use crate::{
    alerts::{AlertRule, AlertsBuilder, Severity},
    builder::Builder,
    burn::{Limit, Page},
    gate::GateBuilder,
    record::SPAN,
    types::{Factor, Objective, decimal, duration::ticks},
};
use indicator::Indicator;

/// A service level objective, read from YAML or JSON. It configures the [budget](Self::budget), the
/// [alerts](Self::alerts) and the [gate](Self::gate) of a process, and gives [Prometheus rules](Self::rules) with
/// [tests](Self::rule_tests) for a fleet.
///
/// ```yaml
/// service: conductor
/// slo: runs                          # the name of the objective
/// description: POST /runs is answered, and not with 5xx.    # optional
/// objective: 99.9%                   # or 0.999, or 999/1000
/// period: 28d                        # the default is 30d; the period is always the time just past
/// indicator:                         # the counters of the fleet: `total`, and of it either `bad` or `good` ...
///   total: http_requests_total{job="conductor"}
///   bad: http_requests_total{job="conductor", code=~"5.."}
///   # ... or for latency a threshold, which is a bucket of a histogram:
///   # latency: { histogram: 'http_request_duration_seconds{job="conductor"}', within: 250ms }
///   #   unit: milliseconds           # of its bounds; by default as the name of the metric ends, or seconds
///   #   buckets: [0.1, 0.25, 0.5]    # if they are known, `within` has to be one of them
///   # `native` instead of `histogram` is a native histogram, which has no fixed buckets
///   series:                          # for `rule_tests`, necessary if a matcher is not `=`
///     good: http_requests_total{job="conductor", code="200"}
///     bad: http_requests_total{job="conductor", code="500"}
/// alerts:                            # at most four, or none: `[]`; the default are those of the Workbook
///   - { severity: page, budget: 2%, long: 1h, short: 5m }   # the default of `short` is a twelfth of `long`
///   - { severity: ticket, budget: 10%, long: 3d, for: 5m, keep_firing_for: 15m }   # by default both are zero
/// min_bad: { page: 3, ticket: 2 }    # the minimum of bad events in the long window; these are the defaults
/// deploy:                            # when a deployment may go ahead; these are the defaults
///   - { window: 1h, below: 1.0 }
///   - { window: 6h, below: 0.5 }
///   - { window: 1d, below: 0.2 }
/// labels: { cluster: eu }            # labels of all series and alerts, optional; they tell equal objectives apart
/// annotations: { runbook_url: https://example.com/runs }   # of all alerts, optional
/// interval: 30s                      # of the groups of rules; the default is the server's
/// scrape: 5m                         # between two scrapes, if it is a minute or more
/// no_data: ticket                    # the severity of missing series; by default page if there was traffic in the last hour
/// ```
///
/// `series` has `good` and `bad` if one metric counts both, and otherwise `total` and `bad` or `good`, as `indicator` has
/// them. For a latency these are `total`, a series of `…_count`, and `good`, one of `…_bucket` with its `le`.
///
/// The text has at most 64 KiB, and each list, map and selector at most 100 entries.
///
/// Everything that was read has been checked: building its budget, and its alerts and gate on that budget, does not fail.
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
/// let budget = spec.budget().build(spec.name())?;
/// let alerts = spec.alerts().build(budget.clone())?;
/// let gate = spec.gate().build(budget)?;
/// assert!(gate.is_open() && alerts.evaluate().active().next().is_none());
///
/// assert!(spec.rules().contains("record: slo:error_ratio:rate1h"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// All mistakes are reported, each with its position:
///
/// ```
/// let mistakes = "service: a\nslo: b\nobjectve: 99.9\n".parse::<maestro_slo_budget::Spec>().unwrap_err();
/// assert!(mistakes.to_string().contains("3:1: objectve: there is no such field: did you mean `objective`?"));
/// ```
#[doc(alias(
    "OpenSLO",
    "PrometheusServiceLevel",
    "ServiceLevelObjective",
    "pyrra",
    "sloth"
))]
#[derive(Clone, Debug)]
pub struct Spec {
    service: String,
    slo: String,
    description: Option<String>,
    objective: Objective,
    period: Duration,
    interval: Option<Duration>,
    /// The time between two scrapes, if it is known.
    scrape: Option<Duration>,
    /// The severity of missing data, if it does not depend on the traffic before.
    no_data: Option<Severity>,
    warnings: Vec<Mistake>,
    annotations: Vec<(String, String)>,
    labels: Vec<(String, String)>,
    indicator: Indicator,
    alerts: Vec<Pair>,
    min_bad: u64,
    min_bad_to_page: u64,
    limits: Vec<Limit>,
}

/// One alert: a checked pair of windows.
#[derive(Clone, Copy, Debug)]
struct Pair {
    severity: Severity,
    windows: Page,
    factor: Factor,
    pending_for: Duration,
    keep_firing_for: Duration,
}

/// Calls a setter that takes an array with the at most four items of a list.
macro_rules! set_few {
    ($builder:expr, $setter:ident, $items:expr) => {
        match *$items {
            [a] => $builder.$setter([a]),
            [a, b] => $builder.$setter([a, b]),
            [a, b, c] => $builder.$setter([a, b, c]),
            [a, b, c, d] => $builder.$setter([a, b, c, d]),
            _ => $builder.$setter([]),
        }
    };
}

// === impl Spec ===

impl Spec {
    /// The service that makes the promise.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.service
    }

    /// The name of the objective. A service may have several.
    #[must_use]
    pub fn slo(&self) -> &str {
        &self.slo
    }

    /// The labels of all series and alerts, in the order of their names. The service, the name of the objective and these
    /// labels are the identity of an objective: two specifications that have all of them in common write the same series.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        (self.labels.iter()).map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Both names as `service/slo`: a name for the [`ErrorBudget`](crate::ErrorBudget).
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.service, self.slo)
    }

    /// What is legal and probably not intended, such as `code="5.."`, which equals no code.
    pub fn warnings(&self) -> impl Iterator<Item = &Mistake> {
        self.warnings.iter()
    }

    /// The share of events that should be good.
    #[must_use]
    pub const fn objective(&self) -> Objective {
        self.objective
    }

    /// The period of the budget, always the time just past.
    #[must_use]
    pub const fn period(&self) -> Duration {
        self.period
    }

    /// The time within which an event is good, if the indicator is a latency. It is meant for
    /// [`slow_after`](crate::ErrorBudgetLayer::slow_after).
    #[must_use]
    pub const fn within(&self) -> Option<Duration> {
        self.indicator.within()
    }

    /// The configuration of an [`ErrorBudget`](crate::ErrorBudget) of this objective and period.
    ///
    /// Its windows are the long windows of the alerts. Its resolution is a thirtieth of the shortest window, at most
    /// 10 s, or coarser if the period needs it (10 s for 30 days). With the default alerts it is the default of
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
        set_few!(builder, windows, windows)
    }

    /// The configuration of [`Alerts`](crate::Alerts) on a [budget](Self::budget) of this specification.
    pub fn alerts(&self) -> AlertsBuilder {
        let builder = AlertsBuilder::new()
            .min_bad(self.min_bad)
            .min_bad_to_page(self.min_bad_to_page);
        let rules: Vec<_> = self.alerts.iter().map(Pair::rule).collect();
        set_few!(builder, rules, rules)
    }

    /// The configuration of a [`Gate`](crate::Gate) on a [budget](Self::budget) of this specification. Its pace is the
    /// highest burn rate at which an alert pages, its minimum of bad events that of a page, and its limits come from
    /// `deploy`.
    pub fn gate(&self) -> GateBuilder {
        let builder = GateBuilder::new().min_bad(self.min_bad_to_page);
        let pages = (self.alerts.iter()).filter(|pair| pair.severity == Severity::Page);
        let fastest = pages.max_by(|a, b| a.factor.as_f64().total_cmp(&b.factor.as_f64()));
        let builder = match fastest {
            Some(Pair { windows, .. }) => builder.pace(windows.budget, windows.long),
            None => builder,
        };
        set_few!(builder, limits, self.limits)
    }

    /// Recording and alerting rules for Prometheus, in groups of at most 20, as YAML.
    ///
    /// The series are `slo:error_ratio:rate…` and `slo:events:increase…` for each window, `slo:error_ratio:increase…`,
    /// `slo:error_budget:remaining` and `slo:error_budget:coverage` for the period, and `slo:objective:ratio`. The alerts are
    /// `ErrorBudgetBurn`, by `severity`, `long_window` and `short_window`, and those on what is not measured:
    /// `ErrorBudgetNoData`, `ErrorBudgetNoBucket`, `ErrorBudgetContradiction` and `ErrorBudgetRetention`. All of them have the
    /// labels `service`, `slo` and those of the specification. Names of metrics and labels are checked and values are
    /// quoted, so that only a selector gets into an expression. Regular expressions are left to Prometheus.
    ///
    /// The [guide](crate::guide#the-same-budgets-for-a-fleet) has the reasons. `keep_firing_for` needs Prometheus 2.42.
    #[must_use]
    pub fn rules(&self) -> String {
        rules::write(self)
    }

    /// Tests of [`rules`](Self::rules) for `promtool test rules`, as YAML: the expected alerts and figures in four
    /// scenarios (healthy, outage, slow burn, no data), computed by this crate in integers. `rules_file` is the path of the
    /// rules, relative to the tests. With the default alerts they have less than 15 KB, and promtool takes less than a second
    /// for them.
    ///
    /// # Errors
    ///
    /// [`MissingSeries`] when a selector has a matcher that is not `=`, and `indicator` has no `series` for it. The rules do
    /// not need one.
    pub fn rule_tests(&self, rules_file: &str) -> Result<String, MissingSeries> {
        promtool::write(self, rules_file)
    }
}

impl FromStr for Spec {
    type Err = Mistakes;

    /// Reads YAML or JSON. Numbers are not rounded.
    ///
    /// # Errors
    ///
    /// [`Mistakes`] with every mistake in the text.
    fn from_str(text: &str) -> Result<Self, Mistakes> {
        read::read(text)
    }
}

impl Pair {
    fn rule(&self) -> AlertRule {
        AlertRule::new(self.severity, self.windows)
            .pending_for(self.pending_for)
            .keep_firing_for(self.keep_firing_for)
    }

    /// The share of bad events above which the alert fires, as numerator and denominator.
    fn threshold(&self, objective: Objective) -> (u128, u128) {
        let (numerator, denominator) = self.factor.terms();
        let (above, of) = (
            numerator * u128::from(objective.budget()),
            denominator * u128::from(objective.of()),
        );
        let divisor = decimal::gcd(above, of);
        (above / divisor, of / divisor)
    }
}

/// A resolution that is fine enough for the shortest window and coarse enough for the period.
fn resolution(period: Duration, alerts: &[Pair]) -> Duration {
    const USUAL: Duration = Duration::from_secs(10);
    let shortest = alerts.iter().map(|pair| pair.windows.short).min();
    let fine = USUAL.min(shortest.unwrap_or(USUAL * 30) / 30);
    // Rounded up to a nanosecond, so that the whole period is kept.
    let coarse = Duration::from_nanos(ticks(period).div_ceil(SPAN.into()));
    fine.max(coarse)
}
