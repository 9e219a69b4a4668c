//! The alerts on an objective that is not measured, or not as it says.

use super::{burn::severity, figures, labels, texts};
use crate::{
    alerts::Severity,
    spec::{
        Spec,
        number::Written,
        yaml::{Yaml, map, text},
    },
};

pub(in crate::spec) const NO_DATA: &str = "ErrorBudgetNoData";
pub(in crate::spec) const NO_BUCKET: &str = "ErrorBudgetNoBucket";
pub(in crate::spec) const CONTRADICTION: &str = "ErrorBudgetContradiction";
const RETENTION: &str = "ErrorBudgetRetention";

/// A period of less than two days is within every retention.
const DAY: std::time::Duration = std::time::Duration::from_secs(86_400);

pub(super) fn alerts(spec: &Spec) -> Vec<Yaml> {
    let mut alerts = no_data(spec);
    let (step, indicator) = (spec.step(), &spec.indicator);
    let [all, bad] = [figures::events(step), figures::bad_events(step)].map(|name| spec.of(&name));
    let severity = spec.no_data.unwrap_or(Severity::Page);
    if let Some((metric, bound)) = indicator.bucket() {
        alerts.push(alert(
            spec,
            (NO_BUCKET, severity),
            (format!("{all}\nunless {bad}"), step * 2),
            "the histogram has no such bucket",
            format!(
                "There is a series of all requests, and none of {metric} with the bound {bound} in `le`, so it is unknown whether {} is met: choose the bound of a bucket, in the unit of the histogram.",
                spec.objective
            ),
        ));
    }
    if indicator.may_contradict() {
        // At most one event, and 1 % for counters that are scraped one after the other.
        alerts.push(alert(
            spec,
            (CONTRADICTION, Severity::Ticket),
            (
                format!("{bad} < -1 - 0.01 * {all}\nor {bad} > 1 + 1.01 * {all}"),
                step * 3,
            ),
            "the counters contradict each other",
            format!(
                "More good or bad events are counted than events in all, so it is unknown whether {} is met: one selector finds what the other does not.",
                spec.objective
            ),
        ));
    }
    if spec.period >= DAY * 2 {
        let covered = spec.of(figures::COVERAGE);
        alerts.push(alert(
            spec,
            (RETENTION, Severity::Ticket),
            (
                // A young budget gains a tenth in this time. Prometheus deletes blocks of up to a tenth of its retention, so
                // that the share goes up and down by less.
                format!(
                    "{covered} < 0.95\nand {covered} - {covered} offset {} < 0.05",
                    Written(spec.period / 10)
                ),
                DAY / 24,
            ),
            "the period is longer than the data",
            format!(
                "Prometheus has {{{{ $value | humanizePercentage }}}} of the period of {}, and gains little, so the figures of the period are those of a shorter one: keep the data longer, or shorten the period. Prometheus may also have been down for a part of it.",
                Written(spec.period)
            ),
        ));
    }
    alerts
}

/// No series. Unless the specification says otherwise, it is a page if there was traffic in the last hour, or if there are
/// counters that live too short to be scraped twice, as in a crash loop.
fn no_data(spec: &Spec) -> Vec<Yaml> {
    let step = spec.step();
    let absent = format!("absent({})", spec.of(&figures::events(step)));
    let rule = |severity, expr: String, time| {
        let (summary, description) = no_data_texts(spec);
        alert(
            spec,
            (NO_DATA, severity),
            (expr, time),
            summary,
            description,
        )
    };
    if let Some(severity) = spec.no_data {
        return vec![rule(severity, absent, step * 2)];
    }
    let traffic = format!(
        "on() (\n  {} > 0\n  or {} > 0\n)",
        spec.indicator.total(spec.recent()),
        spec.indicator.highest(step)
    );
    vec![
        rule(Severity::Page, format!("{absent}\nand {traffic}"), step),
        rule(
            Severity::Ticket,
            format!("{absent}\nunless {traffic}"),
            step * 2,
        ),
    ]
}

fn alert(
    spec: &Spec,
    (name, severity): (&str, Severity),
    (expr, time): (String, std::time::Duration),
    summary: &str,
    description: String,
) -> Yaml {
    map([
        ("alert", text(name)),
        ("expr", Yaml::Block(expr)),
        ("for", text(Written(time).to_string())),
        ("labels", no_data_labels(spec, severity)),
        (
            "annotations",
            texts(spec, titled(spec, summary), description),
        ),
    ])
}

pub(in crate::spec) fn no_data_labels(spec: &Spec, of: Severity) -> Yaml {
    labels(spec).with("severity", text(severity(of)))
}

pub(in crate::spec) fn no_data_annotations(spec: &Spec) -> Yaml {
    let (summary, description) = no_data_texts(spec);
    texts(spec, titled(spec, summary), description)
}

fn no_data_texts(spec: &Spec) -> (&'static str, String) {
    let description = format!(
        "No series of {} that the indicator selects had two samples within {}, so it is unknown whether {} is met: \
         the service is gone or restarts again and again, is not scraped or too rarely, uses another metric, or has had no \
         request since it started: export its counters at 0.",
        spec.indicator.metric(),
        Written(spec.step()),
        spec.objective
    );
    ("nothing is measured", description)
}

fn titled(spec: &Spec, summary: &str) -> String {
    format!("{}: {summary}", spec.name())
}
