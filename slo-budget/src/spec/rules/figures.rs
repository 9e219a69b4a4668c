//! The recorded figures: events and shares of bad events in each window, and what is left of the period.
//!
//! The counters are read once for each window. A window of more than a day reads the sums of a shorter window instead: three
//! days of samples of each series cost more than all other windows together, and more for each restart of an instance.
//! A step has at most a hundredth of its window, and the window is late by at most that.
//!
//! The period is a sum of increases as well, over steps of 5 m. A rate over 30 d would need 30 days of raw samples and read
//! all of them at each evaluation. A mean of ratios weighs an idle night as much as a busy noon, and is NaN for the whole
//! period after one idle window. Sums of increases are weighted by events, and 0 where there was no traffic.

use std::time::Duration;

use super::{labels, objective};
use crate::spec::{
    Spec,
    number::{Written, float},
    yaml::{Yaml, map, text},
};

pub(in crate::spec) const REMAINING: &str = "slo:error_budget:remaining";
pub(in crate::spec) const OBJECTIVE: &str = "slo:objective:ratio";
/// What the names of the shares of bad events begin with.
pub(in crate::spec) const RATIO: &str = "slo:error_ratio:rate";
/// What the names of the numbers of events begin with.
pub(in crate::spec) const EVENTS: &str = "slo:events:increase";
/// The share of the period in which the rules were evaluated, and which Prometheus still has.
pub(super) const COVERAGE: &str = "slo:error_budget:coverage";

pub(in crate::spec) fn ratio(window: Duration) -> String {
    format!("{RATIO}{}", Written(window))
}

pub(in crate::spec) fn period_ratio(spec: &Spec) -> String {
    format!("slo:error_ratio:increase{}", Written(spec.period))
}

pub(in crate::spec) fn events(window: Duration) -> String {
    format!("{EVENTS}{}", Written(window))
}

pub(super) fn bad_events(window: Duration) -> String {
    format!("slo:bad_events:increase{}", Written(window))
}

/// The events and the share of bad events in each window, the shortest first, so that a sum of steps finds its steps.
pub(super) fn windows(spec: &Spec) -> Vec<Yaml> {
    let mut rules = Vec::new();
    let mut record = |name, expr| rules.push(rule(spec, name, expr));
    let windows = spec.recorded_windows();
    let steps: Vec<_> = (windows.iter())
        .filter_map(|window| spec.step_of(*window))
        .chain([spec.step()])
        .collect();
    for window in windows {
        let all = spec.of(&events(window));
        if let Some(step) = spec.step_of(window) {
            let sum = |name: String| over(spec, "sum_over_time", &name, window, step);
            record(events(window), sum(events(step)));
            record(
                ratio(window),
                format!("{}\n/ ({all} > 0)", sum(bad_events(step))),
            );
            continue;
        }
        record(events(window), spec.indicator.total(window));
        let bad = spec.indicator.bad(window, &all);
        if steps.contains(&window) {
            record(bad_events(window), bad);
            let bad = spec.of(&bad_events(window));
            record(ratio(window), format!("{bad}\n/ ({all} > 0)"));
        } else {
            let bad = bad.replace('\n', "\n  ");
            record(ratio(window), format!("(\n  {bad}\n)\n/ (sum({all}) > 0)"));
        }
    }
    rules
}

/// The figures of the period.
pub(super) fn period(spec: &Spec) -> Vec<Yaml> {
    let step = spec.step();
    let sum = |name: String| over(spec, "sum_over_time", &name, spec.period, step);
    // Counters that contradict each other show neither less than nothing nor more than all.
    let share = format!(
        "clamp(\n  {}\n  / ({} > 0),\n  0, 1\n)",
        sum(bad_events(step)),
        sum(events(step))
    );
    let left = format!("1 - {} / {}", spec.of(&period_ratio(spec)), spec.allowed());
    let steps = float(spec.period.as_millis(), step.as_millis());
    let covered = over(spec, "count_over_time", OBJECTIVE, spec.period, step);
    [
        (period_ratio(spec), share),
        (REMAINING.to_owned(), left),
        (OBJECTIVE.to_owned(), format!("vector({})", objective(spec))),
        (COVERAGE.to_owned(), format!("{covered} / {steps}")),
    ]
    .map(|(name, expr)| rule(spec, name, expr))
    .into()
}

fn over(spec: &Spec, function: &str, name: &str, window: Duration, step: Duration) -> String {
    let [window, step] = [window, step].map(Written);
    format!("{function}({}[{window}:{step}])", spec.of(name))
}

fn rule(spec: &Spec, name: String, expr: String) -> Yaml {
    map([
        ("record", text(name)),
        ("expr", Yaml::Block(expr)),
        ("labels", labels(spec)),
    ])
}
