//! From a document to a specification, with every mistake on the way.

use std::time::Duration;

use crate::{
    AlertRule, BurnRate, ErrorBudget, Factor, Gate, InvalidConfig, Limit, Objective, Page,
    Severity, Spec,
    alerts_builder::DEFAULT_RULES,
    budget::Settings,
    decimal,
    gate_builder::outage,
    spec::{
        Pair, document,
        duration::{self, Written},
        fields::{Field, Fields, Notes},
        indicator::Indicator,
        mistake::{Mistake, Mistakes, Place},
        resolution,
        rules::human,
        selector::{Selector, is_label},
    },
};

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
const SHARE: &str = "a share of the budget, above 0 and at most all of it: `2%` or `0.02`";
const BURN: &str = "a burn rate above 0, with at most nine digits: `1.0` or `0.5`";
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

    fn indicator(&mut self, field: &Field<'_>) -> Option<Indicator> {
        let fields = self.fields(field, &["total", "bad", "good", "latency"])?;
        let has = ["total", "bad", "good", "latency"].map(|name| fields.get(name).is_some());
        let part_is_bad = match has {
            [true, true, false, false] => true,
            [true, false, true, false] => false,
            [false, false, false, true] => return self.latency(&fields.get("latency")?),
            // A slip in one of the names is told already.
            _ if fields.has_slips() => return None,
            _ => {
                self.add(fields.at, &field.path, format!("expected {INDICATOR}"));
                return None;
            }
        };
        let total = self.selector(&fields.get("total")?);
        let part_field = fields.get(if part_is_bad { "bad" } else { "good" })?;
        let part = self.selector(&part_field);
        let indicator = Indicator::new(total?, part?, part_is_bad);
        if indicator.is_none() {
            self.at(
                &part_field,
                "among the series of `total` there have to be some that this selects and some that it leaves out, and none were found: look for matchers that exclude each other, or simplify them",
            );
        }
        indicator
    }

    fn latency(&mut self, field: &Field<'_>) -> Option<Indicator> {
        let fields = self.fields(field, &["histogram", "within"])?;
        let within = "the time within which an event is good, a bucket of the histogram: `250ms`";
        let histogram = self.required(&fields, "histogram", SELECTOR);
        let histogram = histogram.and_then(|field| {
            let selector = self.selector(&field)?;
            let suffix = ["_bucket", "_count", "_sum"]
                .into_iter()
                .find(|suffix| selector.metric.ends_with(suffix));
            if let Some(suffix) = suffix {
                self.at(
                    &field,
                    format!("name the histogram without `{suffix}`: what it needs of it is added"),
                );
                return None;
            }
            if selector
                .matchers
                .iter()
                .any(|matcher| matcher.label == "le")
            {
                self.at(&field, "leave out `le`: `within` says which bucket it is");
                return None;
            }
            Some((field, selector))
        });
        let within = (self.required(&fields, "within", within))
            .and_then(|field| self.value(&field, DURATION, duration::parse));
        let ((field, histogram), within) = (histogram?, within?);
        let indicator = Indicator::latency(&histogram, within);
        if indicator.is_none() {
            self.at(
                &field,
                "no series could be made up that this selects: simplify its matchers",
            );
        }
        indicator
    }

    fn selector(&mut self, field: &Field<'_>) -> Option<Selector> {
        let text = self.text(field, SELECTOR)?;
        match Selector::parse(text) {
            Ok(selector) => Some(selector),
            Err((offset, what)) => {
                self.within(field, offset, what);
                None
            }
        }
    }

    fn alerts<'a>(&mut self, field: &Field<'a>) -> Option<Vec<(Option<Field<'a>>, Pair)>> {
        let what =
            "a list of one to four alerts: `- { severity: page, budget: 2%, long: 1h, short: 5m }`";
        let items = self.items(field, what)?;
        if items.is_empty() || items.len() > 4 {
            self.at(
                field,
                format!("found {} of them; expected {what}", items.len()),
            );
            return None;
        }
        let alerts: Vec<_> = (items.into_iter())
            .filter_map(|item| Some((Some(item.clone()), self.alert(&item)?)))
            .collect();
        // With one of them wrong, the others still are looked at.
        (!alerts.is_empty()).then_some(alerts)
    }

    fn alert(&mut self, field: &Field<'_>) -> Option<Pair> {
        let fields = self.fields(field, &["severity", "budget", "long", "short"])?;
        let severity = self
            .required(&fields, "severity", "`page` or `ticket`")
            .and_then(|field| {
                self.value(&field, "`page` or `ticket`", |text| match text {
                    "page" => Some(Severity::Page),
                    "ticket" => Some(Severity::Ticket),
                    _ => None,
                })
            });
        let budget = self.required(&fields, "budget", SHARE);
        let budget = budget.and_then(|field| self.value(&field, SHARE, share));
        let long = self.required(&fields, "long", "the long window: `1h`");
        let long = long.and_then(|field| self.value(&field, DURATION, duration::parse));
        let short = match fields.get("short") {
            None => long.map(|long| long / 12),
            Some(field) => self.value(&field, DURATION, duration::parse),
        };
        let (severity, budget, long, short) = (severity?, budget?, long?, short?);
        // Prometheus knows no less than milliseconds.
        if short.subsec_nanos() % 1_000_000 != 0 {
            let what = "a twelfth of `long`, the default of `short`, is no whole number of milliseconds: write `short` out";
            self.at(field, what);
            return None;
        }
        Some(Pair {
            severity,
            windows: Page::new(budget, long, short),
            factor: budget,
        })
    }

    /// Checks it, and sets its factor. What is wrong stands at its own place, or at that of the objective if it is
    /// one of the defaults.
    fn check_alert(
        &mut self,
        field: Option<&Field<'_>>,
        (objective, period_at): (Place, Place),
        pair: &mut Pair,
        settings: &Settings,
    ) -> bool {
        let Page {
            budget,
            long,
            short,
        } = pair.windows;
        let rule = AlertRule::new(pair.severity, pair.windows).check(settings);
        let checked = match pair.severity {
            // In a process it closes a gate, too.
            Severity::Page => (Gate::builder().pages([pair.windows]).policy(settings)).and(rule),
            Severity::Ticket => rule,
        };
        let error = match checked {
            Ok(rule) => {
                pair.factor = rule.factor;
                return true;
            }
            Err(error) => error,
        };
        let factor = Factor::of_budget(budget, Duration::from_nanos(settings.period), long);
        let factor = human(factor.map_or(0.0, Factor::as_f64));
        let most = human(outage(settings).map_or(f64::INFINITY, BurnRate::as_f64));
        let period = Written(Duration::from_nanos(settings.period));
        let what = match error {
            InvalidConfig::NeverFires => format!(
                "it can never fire: it asks for a burn rate above {factor}, and at {} a total outage burns at {most}; take a smaller share of the budget, or a higher objective",
                settings.objective,
            ),
            InvalidConfig::FiresInBudget => format!(
                "it would page at a burn rate of {factor}, which keeps within the budget: make it a ticket, or take a larger share or a shorter window",
            ),
            InvalidConfig::WindowLongerThanPeriod => {
                format!("a window is longer than the period of {period}: shorten it")
            }
            InvalidConfig::WindowTooShort => format!(
                "the window of {} is too short for a period of {period}: lengthen it to {} at least",
                Written(short.min(long)),
                Written(Duration::from_millis(settings.resolution.div_ceil(500_000))),
            ),
            _ => error.to_string(),
        };
        if let Some(field) = field {
            self.at(field, what);
        } else {
            let which = format!(
                "the default alert on {}/{}: {what}. Or write `alerts` of your own",
                Written(long),
                Written(short)
            );
            let at = match error {
                InvalidConfig::NeverFires => objective,
                _ => period_at,
            };
            self.add(at, "alerts", which);
        }
        false
    }

    fn limits<'a>(&mut self, field: &Field<'a>) -> Option<Vec<(Option<Field<'a>>, Limit)>> {
        let what = "a list of one to four limits: `- { window: 1h, below: 1.0 }`";
        let items = self.items(field, what)?;
        if items.is_empty() || items.len() > 4 {
            self.at(
                field,
                format!("found {} of them; expected {what}", items.len()),
            );
            return None;
        }
        let mut limits = Vec::new();
        for item in items {
            let Some(fields) = self.fields(&item, &["window", "below"]) else {
                continue;
            };
            let window = self.required(&fields, "window", "the time that is looked at: `1h`");
            let window = window.and_then(|field| self.value(&field, DURATION, duration::parse));
            let below = self.required(
                &fields,
                "below",
                "the burn rate that it has to be below: `1.0`",
            );
            let above_zero = |text: &str| text.parse().ok().filter(|f: &Factor| f.terms().0 > 0);
            let below = below.and_then(|field| self.value(&field, BURN, above_zero));
            if let (Some(window), Some(below)) = (window, below) {
                limits.push((Some(item), Limit::new(window, below)));
            }
        }
        Some(limits)
    }

    fn check_limits(
        &mut self,
        asked: Vec<(Option<Field<'_>>, Limit)>,
        settings: &Settings,
    ) -> Vec<Limit> {
        let mut limits = Vec::new();
        for (field, limit) in asked {
            let checked = Gate::builder().pages([]).limits([limit]).policy(settings);
            match (checked, field) {
                (Ok(_), _) => limits.push(limit),
                (Err(InvalidConfig::WindowLongerThanPeriod), Some(field)) => {
                    self.at(&field, "the window is longer than the period: shorten it");
                }
                (Err(error), Some(field)) => self.at(&field, error.to_string()),
                // A default for which the period is too short, or which an outage does not reach.
                (Err(_), None) => {}
            }
        }
        limits
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

/// `2%` or `0.02`.
fn share(text: &str) -> Option<Factor> {
    let (digits, scale) = match text.strip_suffix('%') {
        Some(percent) => {
            let (digits, scale) = decimal::parse(percent.trim_end(), 6)?;
            (digits, scale * 100)
        }
        None => decimal::parse(text, 8)?,
    };
    if digits == 0 || digits > scale {
        return None;
    }
    Factor::new(digits.try_into().ok()?, scale.try_into().ok()?)
}

/// Those of [`AlertsBuilder::rules`](crate::AlertsBuilder::rules), with a slot of 10 s.
fn default_alerts<'a>() -> Vec<(Option<Field<'a>>, Pair)> {
    DEFAULT_RULES
        .into_iter()
        .filter_map(|(severity, percent, long, short)| {
            let budget = Factor::new(percent, 100)?;
            let slots = |n: u32| Duration::from_secs(10) * n;
            let pair = Pair {
                severity,
                windows: Page::new(budget, slots(long), slots(short)),
                factor: budget,
            };
            Some((None, pair))
        })
        .collect()
}

/// 1.0 over 1 h, 0.5 over 6 h, 0.2 over 24 h.
fn default_limits<'a>() -> Vec<(Option<Field<'a>>, Limit)> {
    [(1, 10), (6, 5), (24, 2)]
        .into_iter()
        .filter_map(|(hours, tenths)| {
            let below = Factor::new(tenths, 10)?;
            Some((None, Limit::new(Duration::from_secs(hours * 3600), below)))
        })
        .collect()
}
