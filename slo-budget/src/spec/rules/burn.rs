//! The alerts on the burn rate.

use super::{
    figures::{events, ratio},
    texts,
};
use crate::{
    alerts::Severity,
    spec::{
        Pair, Spec,
        low_traffic::LowTraffic,
        number::{Written, float, human},
        yaml::{Yaml, map, text},
    },
    types::{Objective, duration::Spoken},
};

pub(in crate::spec) const BURN: &str = "ErrorBudgetBurn";

/// The short window counts with its last value, while the long window still has data. So an alert keeps firing if the
/// instances, and with them their series, go away during an outage, or no request arrives any more, until the long window
/// has forgotten the outage; and an alert whose short window had recovered does not fire again.
pub(super) fn alert(spec: &Spec, pair: &Pair) -> Yaml {
    let windows = pair.windows;
    let above = pair.threshold_as_f64(spec.objective);
    let [long, short] = [windows.long, windows.short].map(|window| spec.of(&ratio(window)));
    let all = spec.of(&events(windows.long));
    let known = Written(windows.long + windows.short);
    let expr = format!(
        "{long} > {above}\nand last_over_time({short}[{known}]) > {above}\nand round({long} * {all}) >= {}\nand {}",
        spec.min_bad_of(pair.severity),
        LowTraffic::of(spec.objective).expr(&long, &all),
    );
    let mut rule = map([("alert", text(BURN)), ("expr", Yaml::Block(expr))]);
    for (name, time) in [
        ("for", pair.pending_for),
        ("keep_firing_for", spec.keep_firing_for(pair)),
    ] {
        if !time.is_zero() {
            rule = rule.with(name, text(Written(time).to_string()));
        }
    }
    let annotations = annotations(spec, pair, "{{ $value | humanizePercentage }}");
    let labels = alert_labels(pair).into_iter();
    let labels = labels.map(|(name, value)| (name, text(value))).collect();
    rule.with("labels", Yaml::Map(labels))
        .with("annotations", annotations)
}

/// The labels that an alert adds to those of its series.
pub(in crate::spec) fn alert_labels(pair: &Pair) -> Vec<(String, String)> {
    let label = |name: &str, value: String| (name.to_owned(), value);
    vec![
        label("severity", severity(pair.severity).into()),
        label("long_window", Written(pair.windows.long).to_string()),
        label("short_window", Written(pair.windows.short).to_string()),
    ]
}

pub(in crate::spec) fn annotations(spec: &Spec, pair: &Pair, value: &str) -> Yaml {
    // Below the rate at which the budget is just spent the guard lets nothing through.
    let factor = pair.factor.as_f64().max(1.0);
    let [long, short] = [pair.windows.long, pair.windows.short].map(Written);
    let summary = format!(
        "{}: the error budget burns at a rate above {} ({long} and {short})",
        spec.name(),
        human(factor),
    );
    let spent = spec.period.div_f64(factor);
    let mut description = format!(
        "{value} of the events of the last {long} were bad, and more than {}% of those of the last {short}, when there were any. \
         {} over {} allows {}%: this spends a whole budget in less than {}.",
        human(pair.threshold_as_f64(spec.objective).max(spec.allowed()) * 100.0),
        spec.objective,
        Written(spec.period),
        human(spec.allowed() * 100.0),
        Spoken(spent),
    );
    if let Some(promise) = &spec.description {
        description = format!("{description} The promise: {promise}");
    }
    texts(spec, summary, description)
}

pub(super) fn severity(severity: Severity) -> &'static str {
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
    /// How long an alert keeps firing after its windows stop burning. Where a window holds fewer than four scrapes, one
    /// scrape more or less decides about its share, and the alert waits for two.
    pub(in crate::spec) fn keep_firing_for(&self, pair: &Pair) -> std::time::Duration {
        match self.scrape {
            Some(scrape) if pair.keep_firing_for.is_zero() && pair.windows.short < scrape * 4 => {
                scrape * 2
            }
            _ => pair.keep_firing_for,
        }
    }
}
