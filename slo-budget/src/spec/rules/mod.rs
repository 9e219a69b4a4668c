//! Recording and alerting rules for Prometheus.
//!
//! The rules are in groups of at most 20, the limit of Mimir. Within a group each rule sees the results of those before it
//! from the same evaluation; a later group sees those of an earlier group at most one evaluation late. With the alerts of
//! the Workbook the windows and their alerts are the first group, and the period is in the second one.
//!
//! Every share is a ratio of sums of events, never a mean of shares.

mod burn;
mod figures;
mod unmeasured;
mod windows;

use std::fmt::Write as _;

use crate::{
    alerts::Severity,
    spec::{
        Spec,
        number::{Written, float},
        selector::Quoted,
        yaml::{Yaml, map, text},
    },
};

pub(super) use self::{
    burn::{BURN, alert_labels, annotations},
    figures::{EVENTS, OBJECTIVE, RATIO, REMAINING, events, period_ratio, ratio},
    unmeasured::{CONTRADICTION, NO_BUCKET, NO_DATA, no_data_annotations, no_data_labels},
};

/// Mimir refuses larger groups, unless it is configured otherwise.
const MOST_RULES: usize = 20;

pub(super) fn write(spec: &Spec) -> String {
    let group = |(name, rules)| {
        let mut group = map([("name", text(name))]);
        if let Some(interval) = spec.interval {
            group = group.with("interval", text(Written(interval).to_string()));
        }
        group.with("rules", Yaml::List(rules))
    };
    let groups = groups(spec).into_iter().map(group).collect();
    map([("groups", Yaml::List(groups))]).to_string()
}

/// The groups with their names, in the order in which they need each other.
pub(super) fn groups(spec: &Spec) -> Vec<(String, Vec<Yaml>)> {
    let mut rules = figures::windows(spec);
    rules.extend(spec.alerts.iter().map(|pair| burn::alert(spec, pair)));
    rules.extend(figures::period(spec));
    rules.extend(unmeasured::alerts(spec));

    let mut name = format!("slo-{}-{}", spec.service, spec.slo);
    for (label, value) in &spec.labels {
        let _ = write!(name, ",{label}={value}");
    }
    let mut groups = Vec::new();
    while !rules.is_empty() {
        let rest = rules.split_off(rules.len().min(MOST_RULES));
        let name = match groups.len() {
            0 => name.clone(),
            n => format!("{name},{}", n + 1),
        };
        groups.push((name, rules));
        rules = rest;
    }
    groups
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

/// The texts of an alert.
fn texts(spec: &Spec, summary: String, description: String) -> Yaml {
    let texts = map([
        ("summary", text(summary)),
        ("description", text(description)),
    ]);
    (spec.annotations.iter()).fold(texts, |texts, (name, value)| {
        texts.with(name, text(value.clone()))
    })
}

pub(super) fn objective(spec: &Spec) -> f64 {
    float(
        u128::from(spec.objective.of() - spec.objective.budget()),
        u128::from(spec.objective.of()),
    )
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
}
