//! Recording and alerting rules for Prometheus.
//!
//! All rules are in one group, so that each sees the results of the others from the same evaluation. Every share is a
//! ratio of sums of events, never a mean of shares.
//!
//! The period is a sum of increases over 5 m. A rate over 30 d would need 30 days of raw samples and read all of them at
//! each evaluation. A mean of ratios weighs an idle night as much as a busy noon, and is NaN for the whole period after one
//! idle window. Sums of increases are weighted by events, and 0 where there was no traffic.

use std::{fmt::Write as _, time::Duration};

use crate::{
    alerts::Severity,
    spec::{
        Pair, Spec,
        low_traffic::LowTraffic,
        number::{Written, float, human},
        selector::Quoted,
        yaml::{Yaml, map, text},
    },
    types::{Objective, decimal, duration::Spoken},
};

pub(super) const BURN: &str = "ErrorBudgetBurn";
pub(super) const NO_DATA: &str = "ErrorBudgetNoData";
pub(super) const REMAINING: &str = "slo:error_budget:remaining";
pub(super) const OBJECTIVE: &str = "slo:objective:ratio";

pub(super) fn write(spec: &Spec) -> String {
    let mut rules = Vec::new();
    let mut record = |name: String, expr: String| {
        rules.push(map([
            ("record", text(name)),
            ("expr", Yaml::Block(expr)),
            ("labels", labels(spec)),
        ]));
    };
    let (indicator, step) = (&spec.indicator, spec.step());
    for window in spec.windows() {
        record(ratio(window), indicator.error_ratio(window));
    }
    for window in spec.counted_windows() {
        record(events(window), indicator.total("increase", window));
        record(bad_events(window), indicator.bad("increase", window));
    }
    let over = format!("[{}:{}]", Written(spec.period), Written(step));
    let sum = |name: String| format!("sum_over_time({}{over})", spec.of(&name));
    record(
        period_ratio(spec),
        format!("{}\n/ ({} > 0)", sum(bad_events(step)), sum(events(step))),
    );
    record(
        REMAINING.into(),
        format!("1 - {} / {}", spec.of(&period_ratio(spec)), spec.allowed()),
    );
    record(OBJECTIVE.into(), format!("vector({})", objective(spec)));

    rules.extend(spec.alerts.iter().map(|pair| alert(spec, pair)));
    rules.push(no_data(spec));

    let mut name = format!("slo-{}-{}", spec.service, spec.slo);
    for (label, value) in &spec.labels {
        let _ = write!(name, ",{label}={value}");
    }
    let mut group = map([("name", text(name))]);
    if let Some(interval) = spec.interval {
        group = group.with("interval", text(Written(interval).to_string()));
    }
    let group = group.with("rules", Yaml::List(rules));
    map([("groups", Yaml::List(vec![group]))]).to_string()
}

pub(super) fn ratio(window: Duration) -> String {
    format!("slo:error_ratio:rate{}", Written(window))
}

pub(super) fn period_ratio(spec: &Spec) -> String {
    format!("slo:error_ratio:increase{}", Written(spec.period))
}

pub(super) fn events(window: Duration) -> String {
    format!("slo:events:increase{}", Written(window))
}

pub(super) fn bad_events(window: Duration) -> String {
    format!("slo:bad_events:increase{}", Written(window))
}

fn alert(spec: &Spec, pair: &Pair) -> Yaml {
    let windows = pair.windows;
    let threshold = pair.threshold_as_f64(spec.objective);
    let [long, short] = [windows.long, windows.short].map(|window| spec.of(&ratio(window)));
    let [bad, all] = [bad_events(windows.long), events(windows.long)].map(|name| spec.of(&name));
    let expr = format!(
        "{long} > {threshold}\nand {short} > {threshold}\nand round({bad}) >= {}\nand {bad} >= {}",
        spec.min_bad_of(pair.severity),
        LowTraffic::of(spec.objective).expr(&all),
    );
    map([
        ("alert", text(BURN)),
        ("expr", Yaml::Block(expr)),
        ("labels", Yaml::Map(alert_labels(pair))),
        (
            "annotations",
            annotations(spec, pair, "{{ $value | humanizePercentage }}"),
        ),
    ])
}

/// The labels that an alert adds to those of its series.
pub(super) fn alert_labels(pair: &Pair) -> Vec<(String, Yaml)> {
    let label = |name: &str, value: String| (name.to_owned(), text(value));
    vec![
        label("severity", severity(pair.severity).into()),
        label("long_window", Written(pair.windows.long).to_string()),
        label("short_window", Written(pair.windows.short).to_string()),
    ]
}

pub(super) fn annotations(spec: &Spec, pair: &Pair, value: &str) -> Yaml {
    let factor = human(pair.factor.as_f64());
    let [long, short] = [pair.windows.long, pair.windows.short].map(Written);
    let summary = format!(
        "{}: the error budget burns at a rate above {factor} ({long} and {short})",
        spec.name(),
    );
    let spent = spec.period.div_f64(pair.factor.as_f64());
    let mut description = format!(
        "{value} of all events were bad over the last {long}. Over that time and over the last {short} it is more than {}%, \
         where {} over {} allows {}%: going on like this spends a whole budget in less than {}.",
        human(pair.threshold_as_f64(spec.objective) * 100.0),
        spec.objective,
        Written(spec.period),
        human(spec.allowed() * 100.0),
        Spoken(spent),
    );
    if let Some(promise) = &spec.description {
        description = format!("{description} The promise: {promise}");
    }
    map([
        ("summary", text(summary)),
        ("description", text(description)),
    ])
}

fn no_data(spec: &Spec) -> Yaml {
    map([
        ("alert", text(NO_DATA)),
        (
            "expr",
            text(format!("absent({})", spec.of(&events(spec.step())))),
        ),
        ("for", text(Written(spec.step() * 2).to_string())),
        ("labels", no_data_labels(spec)),
        ("annotations", no_data_annotations(spec)),
    ])
}

pub(super) fn no_data_labels(spec: &Spec) -> Yaml {
    labels(spec).with("severity", text("ticket"))
}

pub(super) fn no_data_annotations(spec: &Spec) -> Yaml {
    let metric = spec.indicator.metric();
    map([
        (
            "summary",
            text(format!("{}: nothing is measured", spec.name())),
        ),
        (
            "description",
            text(format!(
                "There is no series of {metric} that the indicator selects, so it is unknown whether {} is met: \
                 the service is gone, is not scraped, or uses another metric.",
                spec.objective
            )),
        ),
    ])
}

/// The labels of all series and alerts.
pub(super) fn labels(spec: &Spec) -> Yaml {
    let labels = map([
        ("service", text(spec.service.clone())),
        ("slo", text(spec.slo.clone())),
    ]);
    (spec.labels.iter()).fold(labels, |labels, (name, value)| {
        labels.with(name, text(value.clone()))
    })
}

pub(super) fn objective(spec: &Spec) -> f64 {
    float(
        u128::from(spec.objective.of() - spec.objective.budget()),
        u128::from(spec.objective.of()),
    )
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Page => "page",
        Severity::Ticket => "ticket",
    }
}

impl Pair {
    /// The share of bad events above which the alert fires, as Prometheus reads it.
    fn threshold_as_f64(&self, objective: Objective) -> f64 {
        let (numerator, denominator) = self.threshold(objective);
        float(numerator, denominator)
    }
}

impl Spec {
    /// Selects a series of these rules by all labels of this specification, which are its identity: the same objective of
    /// two clusters has two sets of rules, and each reads only its own series.
    pub(super) fn of(&self, name: &str) -> String {
        let mut selector = format!(
            "{name}{{service={}, slo={}",
            Quoted(&self.service),
            Quoted(&self.slo)
        );
        for (label, value) in &self.labels {
            let _ = write!(selector, ", {label}={}", Quoted(value));
        }
        selector + "}"
    }

    /// The share of events that may be bad.
    pub(super) fn allowed(&self) -> f64 {
        float(self.objective.budget().into(), self.objective.of().into())
    }

    pub(super) const fn min_bad_of(&self, severity: Severity) -> u64 {
        match severity {
            Severity::Page => self.min_bad_to_page,
            Severity::Ticket => self.min_bad,
        }
    }

    /// The step in which the period is summed: 5 m, or the shortest window if the period is shorter than a day.
    pub(super) fn step(&self) -> Duration {
        const USUAL: Duration = Duration::from_secs(300);
        if self.period >= USUAL * 288 {
            USUAL
        } else {
            self.windows()[0].min(USUAL)
        }
    }

    fn long_windows(&self) -> Vec<Duration> {
        self.alerts.iter().map(|pair| pair.windows.long).collect()
    }

    /// The windows in which events are counted, the shortest first.
    pub(super) fn counted_windows(&self) -> Vec<Duration> {
        let mut windows = self.long_windows();
        windows.push(self.step());
        windows.sort();
        windows.dedup();
        windows
    }

    /// All windows without duplicates, the shortest first.
    pub(super) fn windows(&self) -> Vec<Duration> {
        let mut windows = self.long_windows();
        windows.extend(self.alerts.iter().map(|pair| pair.windows.short));
        windows.sort();
        windows.dedup();
        windows
    }

    /// The evaluation interval of the tests: the greatest common divisor of all windows.
    pub(super) fn evaluation_interval(&self) -> Duration {
        let windows = self.windows().into_iter().chain([self.step()]);
        let divisor = windows.fold(0, |divisor, window| {
            decimal::gcd(divisor, window.as_millis())
        });
        Duration::from_millis(u64::try_from(divisor).unwrap_or(u64::MAX))
    }
}
