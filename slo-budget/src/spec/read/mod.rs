//! Makes a specification from a document, and notes every mistake on the way.

mod alerts;
mod defaults;
mod fields;
mod indicator;
mod values;
mod warnings;

use std::time::Duration;

use crate::{
    builder::Builder,
    record::Settings,
    spec::{
        Pair, Spec, document,
        mistakes::{Mistake, Mistakes, Place},
        number::{Written, parse_duration},
        resolution,
    },
    types::Objective,
};
use defaults::{default_alerts, default_limits};
use fields::{Field, Fields, Notes};
use values::objective_for;

const FIELDS: [&str; 14] = [
    "service",
    "slo",
    "description",
    "objective",
    "period",
    "indicator",
    "alerts",
    "min_bad",
    "deploy",
    "labels",
    "interval",
    "scrape",
    "no_data",
    "annotations",
];
/// The longest window spans at most this number of evaluations of the tests, which are the greatest common divisor of all
/// windows apart.
const MOST_EVALUATIONS: u32 = 20_000;
/// With a longer time between two scrapes the shortest window is too long for an alert.
const LONGEST_SCRAPE: Duration = Duration::from_secs(3600);
/// At most twelve decimals, so that thresholds are exact.
const FINEST: u64 = 1_000_000_000_000;

const NAME: &str = "a name of letters, digits, `-`, `_`, `.` and `/` that begins with a letter";
const OBJECTIVE: &str = "the share of good events, above 0 % and below 100 %, with at most 12 decimals: `99.9%`, `0.999` or `999/1000`";
const DURATION: &str =
    "a time longer than zero, in whole numbers with units: `250ms`, `5m`, `1h30m`, `30d` or `4w`";
const COUNT: &str = "a number of events from 1 on";
const INDICATOR: &str = "`total` with `bad`, or `total` with `good`, or `latency`";
const SELECTOR: &str = "a metric and its labels, `http_requests_total{job=\"api\"}`";
const TEXT: &str = "a text on one line, without `{{`, which Prometheus would expand";

pub(super) fn read(source: &str) -> Result<Spec, Mistakes> {
    let mut notes = Notes {
        source,
        mistakes: Vec::new(),
        warnings: Vec::new(),
    };
    let spec = match document::read(source) {
        Ok(root) => {
            let root = Field {
                node: &root,
                path: String::new(),
            };
            notes
                .fields(&root, &FIELDS)
                .and_then(|fields| notes.spec(&fields))
        }
        Err(problem) => {
            notes
                .mistakes
                .push(Mistake::new(problem, String::new(), source));
            None
        }
    };
    match (spec, Mistakes::of(notes.mistakes)) {
        (Some(mut spec), None) => {
            spec.warnings = notes.warnings;
            Ok(spec)
        }
        (_, Some(mistakes)) => Err(mistakes),
        (None, None) => unreachable!("where there is no specification there is a mistake"),
    }
}

impl Notes<'_> {
    fn spec(&mut self, fields: &Fields<'_>) -> Option<Spec> {
        // Every field is read before the first missing one returns, so that all mistakes are reported at once.
        let service = self.name(
            fields,
            "service",
            "the name of the service that promises this: `service: api`",
        );
        let slo = self.name(
            fields,
            "slo",
            "the name of what is promised: `slo: availability`",
        );
        let objective = self.required(fields, "objective", OBJECTIVE);
        let objective_at = objective.as_ref().map_or(fields.at, |field| field.node.at);
        let objective = objective.and_then(|field| {
            self.value(&field, objective_for(&field), |text| {
                let objective = text.parse::<Objective>().ok()?;
                (0 < objective.budget()
                    && objective.budget() < objective.of()
                    && objective.of() <= FINEST)
                    .then_some(objective)
            })
        });
        let period = match fields.get("period") {
            None => Some(Duration::from_secs(30 * 86_400)),
            Some(field) => self.value(&field, DURATION, parse_duration),
        };
        let description = (fields.get("description")).and_then(|field| self.line(&field));
        let labels = (fields.get("labels")).map_or(Vec::new(), |field| self.labels(&field));
        let min_bad = (fields.get("min_bad")).map_or((2, 3), |field| self.min_bad(&field));
        let interval = (fields.get("interval"))
            .and_then(|field| Some((self.value(&field, DURATION, parse_duration)?, field)));
        let annotations =
            (fields.get("annotations")).map_or(Vec::new(), |field| self.annotations(&field));
        let scrape = (fields.get("scrape")).and_then(|field| {
            self.value(&field, "a duration of at most 1h, such as 30s", |text| {
                parse_duration(text).filter(|time| *time <= LONGEST_SCRAPE)
            })
        });
        let no_data = (fields.get("no_data")).and_then(|field| self.severity(&field));
        let indicator = self
            .required(fields, "indicator", INDICATOR)
            .and_then(|field| self.indicator(&field));
        let asked = match fields.get("alerts") {
            None => period.map(default_alerts),
            Some(field) => self.alerts(&field),
        };
        let limits = match fields.get("deploy") {
            None => Some(default_limits()),
            Some(field) => self.limits(&field),
        };
        let (objective, period, asked) = (objective?, period?, asked?);

        let mut alerts: Vec<Pair> = asked.iter().map(|(_, pair)| *pair).collect();
        let period_at = fields
            .get("period")
            .map_or(objective_at, |field| field.node.at);
        let settings = self.settings(objective, period, period_at, &alerts)?;
        let at = (objective_at, period_at);
        for ((field, _), pair) in asked.iter().zip(&mut alerts) {
            let fits = self.check_alert(field.as_ref(), at, pair, &settings);
            if !fits && field.is_none() {
                // One default that does not fit is enough to report.
                return None;
            }
        }
        let shortest = alerts.iter().map(|pair| pair.windows.short).min();
        let shortest = shortest.unwrap_or(period);
        let interval = interval.map(|(interval, field)| {
            if interval > shortest / 2 {
                let what = format!(
                    "{} is more than half of the shortest window, {}, which would be evaluated too rarely",
                    Written(interval),
                    Written(shortest),
                );
                self.at(&field, what);
            }
            interval
        });
        let limits = self.check_limits(limits?, &settings);
        let spec = Spec {
            service: service?,
            slo: slo?,
            description,
            objective,
            period,
            interval,
            scrape,
            no_data,
            warnings: Vec::new(),
            annotations,
            labels,
            indicator: indicator?,
            alerts,
            min_bad: min_bad.0,
            min_bad_to_page: min_bad.1,
            limits,
        };
        let at = fields
            .get("alerts")
            .map_or(fields.at, |field| field.node.at);
        self.check_measure(&spec, at);
        self.warn_of(&spec, fields);
        Some(spec)
    }

    /// Checks that the windows have a common divisor that is not too small.
    fn check_measure(&mut self, spec: &Spec, at: Place) {
        let (interval, windows) = (spec.common_divisor(), spec.windows());
        if let Some(longest) = windows
            .last()
            .filter(|longest| **longest > interval * MOST_EVALUATIONS)
        {
            let what = format!(
                "the greatest common divisor of all windows is {}, which is too small for {}: choose round windows",
                Written(interval),
                Written(*longest),
            );
            self.add(at, "alerts", what);
        }
    }

    /// The settings of a budget with this objective and period.
    fn settings(
        &mut self,
        objective: Objective,
        period: Duration,
        at: Place,
        alerts: &[Pair],
    ) -> Option<Settings> {
        let settings = Builder::new()
            .objective(objective)
            .period(period)
            .resolution(resolution(period, alerts))
            .windows([])
            .settings();
        settings
            .inspect_err(|error| self.add(at, "period", error.to_string()))
            .ok()
    }
}
