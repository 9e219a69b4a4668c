//! Recording and alerting rules for Prometheus.
//!
//! All in one group, whose rules see each other's results of the same moment. Every share is of sums of events,
//! never a mean of shares, and over the period it is of sums of increases: a time without traffic weighs nothing in it.

use std::time::Duration;

use crate::{
    Objective, Severity, Spec, decimal,
    span::Spoken,
    spec::{
        Pair,
        duration::Written,
        selector::Quoted,
        yaml::{Yaml, map, text},
    },
};

pub(crate) const BURN: &str = "ErrorBudgetBurn";
pub(crate) const NO_DATA: &str = "ErrorBudgetNoData";

pub(crate) fn write(spec: &Spec) -> String {
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
    let mut counted = spec.long_windows();
    counted.push(step);
    counted.sort();
    counted.dedup();
    for window in counted {
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
    record(
        "slo:objective:ratio".into(),
        format!("vector({})", objective(spec)),
    );

    rules.extend(spec.alerts.iter().map(|pair| alert(spec, pair)));
    rules.push(no_data(spec));

    let name = format!("slo-{}-{}", spec.service, spec.slo);
    let mut group = map([("name", text(name))]);
    if let Some(interval) = spec.interval {
        group = group.with("interval", text(Written(interval).to_string()));
    }
    let group = group.with("rules", Yaml::List(rules));
    map([("groups", Yaml::List(vec![group]))]).to_string()
}

pub(crate) const REMAINING: &str = "slo:error_budget:remaining";

pub(crate) fn ratio(window: Duration) -> String {
    format!("slo:error_ratio:rate{}", Written(window))
}

pub(crate) fn period_ratio(spec: &Spec) -> String {
    format!("slo:error_ratio:increase{}", Written(spec.period))
}

fn events(window: Duration) -> String {
    format!("slo:events:increase{}", Written(window))
}

fn bad_events(window: Duration) -> String {
    format!("slo:bad_events:increase{}", Written(window))
}

fn alert(spec: &Spec, pair: &Pair) -> Yaml {
    let windows = pair.windows;
    let line = pair.line_as_f64(spec.objective);
    let [long, short] = [windows.long, windows.short].map(|window| spec.of(&ratio(window)));
    let [bad, all] = [bad_events(windows.long), events(windows.long)].map(|name| spec.of(&name));
    let expr = format!(
        "{long} > {line}\nand {short} > {line}\nand round({bad}) >= {}\nand {bad} >= {}",
        spec.min_bad_of(pair.severity),
        Evidence::of(spec.objective).expr(&all),
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

/// What an alert adds to the labels of its series.
pub(crate) fn alert_labels(pair: &Pair) -> Vec<(String, Yaml)> {
    let label = |name: &str, value: String| (name.to_owned(), text(value));
    vec![
        label("severity", severity(pair.severity).into()),
        label("long_window", Written(pair.windows.long).to_string()),
        label("short_window", Written(pair.windows.short).to_string()),
    ]
}

pub(crate) fn annotations(spec: &Spec, pair: &Pair, value: &str) -> Yaml {
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
        human(pair.line_as_f64(spec.objective) * 100.0),
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

pub(crate) fn no_data_labels(spec: &Spec) -> Yaml {
    labels(spec).with("severity", text("ticket"))
}

pub(crate) fn no_data_annotations(spec: &Spec) -> Yaml {
    let metric = spec.indicator.metric();
    map([
        (
            "summary",
            text(format!("{}: nothing is measured", spec.name())),
        ),
        (
            "description",
            text(format!(
                "There is no series of {metric} that the indicator selects, so nobody knows whether {} is kept: \
                 the service is gone, or is not scraped, or counts under another name.",
                spec.objective
            )),
        ),
    ])
}

/// Of all series and alerts.
pub(crate) fn labels(spec: &Spec) -> Yaml {
    let labels = map([
        ("service", text(spec.service.clone())),
        ("slo", text(spec.slo.clone())),
    ]);
    (spec.labels.iter()).fold(labels, |labels, (name, value)| {
        labels.with(name, text(value.clone()))
    })
}

fn objective(spec: &Spec) -> f64 {
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

/// With at most four significant decimals: for people.
pub(crate) fn human(number: f64) -> String {
    let places = if number < 0.01 { 8 } else { 4 };
    let text = format!("{number:.places$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// As Prometheus' `humanizePercentage`, which is Go's `%.4g%%` of a hundred times it.
pub(crate) fn human_percentage(share: f64) -> String {
    let percent = share * 100.0;
    // Its digits are rounded once, by Rust, and then laid out as Go does.
    let scientific = format!("{percent:.3e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trim = |text: &str| text.trim_end_matches('0').trim_end_matches('.').to_owned();
    if (-4..4).contains(&exponent) {
        let places = usize::try_from(3 - exponent).unwrap_or(0);
        let text = format!("{percent:.places$}");
        return if places > 0 { trim(&text) } else { text } + "%";
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}%", trim(digits), exponent.abs())
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus computes with f64")]
pub(crate) fn float(numerator: u128, denominator: u128) -> f64 {
    numerator as f64 / denominator as f64
}

/// That so many bad events are hardly chance: what a process asks of the binomial law, by the normal law with the
/// variance of the binomial, as Prometheus has no other. It agrees with 1 % to within one event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Evidence {
    mean: f64,
    variance: f64,
}

/// The normal law exceeds its mean by so many standard deviations with a probability of 1 %.
const DEVIATIONS: f64 = 2.326;

impl Evidence {
    pub(crate) fn of(objective: Objective) -> Self {
        let of = u128::from(objective.of());
        let (bad, good) = (
            u128::from(objective.budget()),
            of - u128::from(objective.budget()),
        );
        Self {
            mean: float(bad, of),
            variance: float(bad * good, of * of),
        }
    }

    /// Of so many events at least so many have to be bad. The one is for what comes in whole numbers.
    pub(crate) fn least_bad(self, events: f64) -> f64 {
        1.0 + self.mean * events + DEVIATIONS * (self.variance * events).sqrt()
    }

    /// The same, for Prometheus.
    fn expr(self, events: &str) -> String {
        let Self { mean, variance } = self;
        format!("1 + {mean} * {events} + {DEVIATIONS} * sqrt({variance} * {events})")
    }
}

impl Pair {
    /// The share of bad events above which it fires, as Prometheus reads it.
    fn line_as_f64(&self, objective: Objective) -> f64 {
        let (numerator, denominator) = self.line(objective);
        float(numerator, denominator)
    }
}

impl Spec {
    /// A series of these rules, of this specification.
    pub(crate) fn of(&self, name: &str) -> String {
        let (service, slo) = (Quoted(&self.service), Quoted(&self.slo));
        format!("{name}{{service={service}, slo={slo}}}")
    }

    /// The share of events that may be bad.
    pub(crate) fn allowed(&self) -> f64 {
        float(self.objective.budget().into(), self.objective.of().into())
    }

    pub(crate) const fn min_bad_of(&self, severity: Severity) -> u64 {
        match severity {
            Severity::Page => self.min_bad_to_page,
            Severity::Ticket => self.min_bad,
        }
    }

    /// How finely the period is summed: 5 m, or where that is no fraction of it, the shortest window.
    pub(crate) fn step(&self) -> Duration {
        const USUAL: Duration = Duration::from_secs(300);
        if self.period >= USUAL * 288 {
            USUAL
        } else {
            self.windows()[0].min(USUAL)
        }
    }

    pub(crate) fn long_windows(&self) -> Vec<Duration> {
        self.alerts.iter().map(|pair| pair.windows.long).collect()
    }

    /// All windows, from the shortest on, once each.
    pub(crate) fn windows(&self) -> Vec<Duration> {
        let mut windows = self.long_windows();
        windows.extend(self.alerts.iter().map(|pair| pair.windows.short));
        windows.sort();
        windows.dedup();
        windows
    }

    /// How often the tests evaluate the rules: the greatest time of which all windows are multiples.
    pub(crate) fn beat(&self) -> Duration {
        let windows = self.windows().into_iter().chain([self.step()]);
        let beat = windows.fold(0, |beat, window| decimal::gcd(beat, window.as_millis()));
        Duration::from_millis(u64::try_from(beat).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Counts, evidence::is_unlikely};

    #[test]
    fn percentages_are_laid_out_as_go_does() {
        for (share, written) in [
            (1.0, "100%"),
            (0.0288, "2.88%"),
            (0.023_456_7, "2.346%"),
            (0.000_1, "0.01%"),
            (1.0 / 3.0, "33.33%"),
            (0.000_001_234_56, "0.0001235%"),
            (0.000_000_123_456, "1.235e-05%"),
            (0.099_999_99, "10%"),
            (0.0, "0%"),
        ] {
            assert_eq!(human_percentage(share), written);
        }
    }

    #[test]
    fn evidence_by_the_normal_law_agrees_with_the_binomial_to_one_event() {
        for (good, of) in [
            (2, 3),
            (9, 10),
            (95, 100),
            (99, 100),
            (999, 1000),
            (99_999, 100_000),
        ] {
            let objective = Objective::new(good, of).unwrap();
            let evidence = Evidence::of(objective);
            for expected in (1..400)
                .map(|n| f64::from(n) / 10.0)
                .chain([100.0, 300.0, 1000.0, 5000.0])
            {
                let events = (expected / evidence.mean).ceil();
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "whole, and small"
                )]
                let (events, least) = (events as u64, evidence.least_bad(events).ceil() as u64);
                let is_evident = |bad: u64, limit| {
                    bad <= events && is_unlikely(objective, Counts::new(events - bad, bad), limit)
                };
                // What it lets through is chance with a probability of 1.15 % at most; and one event more than
                // the binomial asks for is enough for it.
                let none = least > events;
                assert!(
                    none || is_evident(least, 0.0115),
                    "{least} of {events} at {objective}"
                );
                assert!(
                    !is_evident(least.saturating_sub(2), 0.01),
                    "{least} of {events} at {objective}"
                );
            }
        }
    }

    #[test]
    fn numbers_for_people_have_no_tail() {
        for (number, written) in [
            (14.4, "14.4"),
            (14.0 / 15.0, "0.9333"),
            (6.0, "6"),
            (0.001, "0.001"),
            (1e-7, "0.0000001"),
        ] {
            assert_eq!(human(number), written);
        }
    }
}
