//! From a document to a specification, with every mistake on the way.

mod alerts;
pub(crate) mod fields;
mod indicator;

use std::time::Duration;

use crate::{
    budget::ErrorBudget,
    record::Settings,
    spec::{
        Pair, Spec, document,
        duration::{self, Written},
        mistakes::{Mistake, Mistakes, Place},
        read::fields::{Field, Fields, Notes},
        resolution,
        selector::is_label,
    },
    types::Objective,
};
use alerts::{default_alerts, default_limits};

const FIELDS: [&str; 11] = [
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
];
/// What the rules put on series and alerts themselves.
const OUR_LABELS: [&str; 7] = [
    "service",
    "slo",
    "severity",
    "long_window",
    "short_window",
    "alertname",
    "le",
];

/// What a common measure of all windows has to be in the longest one, so that rules can be tested at all of its multiples.
const MOST_BEATS: u32 = 20_000;
/// So many decimals that thresholds are exact.
const FINEST: u64 = 1_000_000_000_000;

const NAME: &str = "a name of letters, digits, `-`, `_`, `.` and `/` that begins with a letter";
const OBJECTIVE: &str = "the share of good events, above 0 % and below 100 %, with at most 12 decimals: `99.9%`, `0.999` or `999/1000`";
const DURATION: &str =
    "a time longer than zero, in whole numbers with units: `250ms`, `5m`, `1h30m`, `30d` or `4w`";
const COUNT: &str = "a number of events from 1 on";
const INDICATOR: &str = "`total` with `bad`, or `total` with `good`, or `latency`";
const SELECTOR: &str = "a metric and its labels, `http_requests_total{job=\"api\"}`";
const TEXT: &str = "a text on one line, without `{{`, which Prometheus would expand";

pub(crate) fn read(source: &str) -> Result<Spec, Mistakes> {
    let mut notes = Notes {
        source,
        mistakes: Vec::new(),
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
        (Some(spec), None) => Ok(spec),
        (_, Some(mistakes)) => Err(mistakes),
        (None, None) => unreachable!("where there is no specification there is a mistake"),
    }
}

impl Notes<'_> {
    fn spec(&mut self, fields: &Fields<'_>) -> Option<Spec> {
        // Each on its own, and only then what is missing: so that all mistakes are told at once.
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
            Some(field) => self.value(&field, DURATION, duration::parse),
        };
        let description = fields
            .get("description")
            .and_then(|field| self.line(&field));
        let labels = fields
            .get("labels")
            .map_or(Vec::new(), |field| self.labels(&field));
        let min_bad = (fields.get("min_bad")).map_or((2, 3), |field| self.min_bad(&field));
        let interval = (fields.get("interval"))
            .and_then(|field| Some((self.value(&field, DURATION, duration::parse)?, field)));
        let indicator = self
            .required(fields, "indicator", INDICATOR)
            .and_then(|field| self.indicator(&field));
        let asked = match fields.get("alerts") {
            None => Some(default_alerts()),
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
                // One of the defaults is enough said of all.
                return None;
            }
        }
        let shortest = alerts.iter().map(|pair| pair.windows.short).min()?;
        let interval = interval.map(|(interval, field)| {
            if interval > shortest / 2 {
                let what = format!(
                    "{} is more than half of the shortest window, {}, which would be looked at too seldom",
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
        Some(spec)
    }

    /// That the windows have a common measure which is not too small.
    fn check_measure(&mut self, spec: &Spec, at: Place) {
        let (beat, windows) = (spec.beat(), spec.windows());
        if let Some(longest) = windows
            .last()
            .filter(|longest| **longest > beat * MOST_BEATS)
        {
            let what = format!(
                "all windows are multiples of {} only, which is too little beside {}: choose round ones",
                Written(beat),
                Written(*longest),
            );
            self.add(at, "alerts", what);
        }
    }

    /// What a budget of it is built with.
    fn settings(
        &mut self,
        objective: Objective,
        period: Duration,
        at: Place,
        alerts: &[Pair],
    ) -> Option<Settings> {
        let budget = ErrorBudget::builder()
            .objective(objective)
            .period(period)
            .resolution(resolution(period, alerts))
            .windows([])
            .build("");
        match budget {
            Ok(budget) => Some(budget.core().settings().clone()),
            Err(error) => {
                self.add(at, "period", error.to_string());
                None
            }
        }
    }

    fn name(&mut self, fields: &Fields<'_>, name: &str, what: &str) -> Option<String> {
        let field = self.required(fields, name, what)?;
        self.value(&field, NAME, |text| {
            let is_name = text.starts_with(|c: char| c.is_ascii_alphabetic())
                && (text.chars()).all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
            is_name.then(|| text.to_owned())
        })
    }

    fn line(&mut self, field: &Field<'_>) -> Option<String> {
        self.value(field, TEXT, |text| {
            let text = text.trim_end();
            let is_line =
                !text.is_empty() && !text.contains("{{") && !text.contains(char::is_control);
            is_line.then(|| text.to_owned())
        })
    }

    fn labels(&mut self, field: &Field<'_>) -> Vec<(String, String)> {
        let document::Value::Map(entries) = &field.node.value else {
            self.at(field, "expected names with values: `team: orchestration`");
            return Vec::new();
        };
        let known: Vec<&str> = entries.iter().map(|(key, _)| key.name.as_str()).collect();
        let Some(fields) = self.fields(field, &known) else {
            return Vec::new();
        };
        let mut labels = Vec::new();
        for (key, _) in entries {
            let path = fields.path_of(&key.name);
            if OUR_LABELS.contains(&key.name.as_str()) {
                self.add(
                    key.at,
                    &path,
                    "this label is given by the rules themselves: choose another name",
                );
            } else if !is_label(&key.name) {
                let what = "a label's name is of letters, digits and `_`, begins with a letter, and not with `__`";
                self.add(key.at, &path, what);
            } else if let Some(value) = fields.get(&key.name).and_then(|field| self.line(&field)) {
                if !labels.iter().any(|(name, _)| *name == key.name) {
                    labels.push((key.name.clone(), value));
                }
            }
        }
        labels.sort();
        labels
    }

    /// For tickets and for pages.
    fn min_bad(&mut self, field: &Field<'_>) -> (u64, u64) {
        let Some(fields) = self.fields(field, &["page", "ticket"]) else {
            return (2, 3);
        };
        let mut count = |name, usual| {
            let field = fields.get(name)?;
            let read = |text: &str| text.parse().ok().filter(|count| *count > 0);
            Some(self.value(&field, COUNT, read).unwrap_or(usual))
        };
        (
            count("ticket", 2).unwrap_or(2),
            count("page", 3).unwrap_or(3),
        )
    }
}

/// What is expected of an objective, with a word on the usual slip.
fn objective_for(field: &Field<'_>) -> &'static str {
    match &field.node.value {
        document::Value::Text(text) if (text.parse()).is_ok_and(|n: f64| n > 1.0 && n < 100.0) => {
            "a share: put `%` after it, or divide it by 100"
        }
        _ => OBJECTIVE,
    }
}
