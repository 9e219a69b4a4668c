//! Unit tests of the emitted rules, in the form of `promtool test rules`.
//!
//! promtool evaluates all rules from the beginning of a test to its last expectation, which takes most of its time. So the
//! evaluations are as far apart as the windows allow, and a test has only those that it needs. What has to happen between two
//! evaluations is a sample of a recorded series.
//!
//! Counts are compared rounded, because `increase` estimates, and only where it has nothing to estimate: traffic is
//! even, or a window holds all of it since zero.

mod grid;
mod history;
mod scenarios;
mod slow_burn;

use self::{
    grid::{Alert, Grid},
    history::History,
};
use crate::spec::{
    Spec,
    indicator::{MissingSeries, Role},
    number::{Written, float},
    rules::{
        BURN, EVENTS, RATIO, REMAINING, alert_labels, annotations, events, groups, labels,
        period_ratio,
    },
    selector::Quoted,
    yaml::{Yaml, map, text},
};

pub(super) fn write(spec: &Spec, rules_file: &str) -> Result<String, MissingSeries> {
    let series = spec.indicator.series(&spec.name())?;
    let grid = Grid::of(spec, series);
    let interval = spec.evaluation_interval();
    let groups = (groups(spec).into_iter()).map(|(name, _)| text(name));
    let file = map([
        ("rule_files", Yaml::List(vec![text(rules_file)])),
        ("evaluation_interval", text(Written(interval).to_string())),
        // promtool evaluates groups in any order, unless it is told one.
        ("group_eval_order", Yaml::List(groups.collect())),
        ("tests", Yaml::List(scenarios::all(&grid))),
    ]);
    Ok(file.to_string())
}

/// One test while it is put together.
struct Test<'a> {
    grid: &'a Grid<'a>,
    name: String,
    history: History,
    /// Leaves out the series of a counter that stays at zero.
    omits_zeros: bool,
    /// Leaves out all series but that of this counter.
    only: Option<Role>,
    /// Series of other kinds.
    more: Vec<(String, String)>,
    alerts: Vec<Yaml>,
    figures: Vec<Yaml>,
}

// === impl Test ===

impl<'a> Test<'a> {
    const fn new(grid: &'a Grid<'a>, name: String, history: History) -> Self {
        Self {
            grid,
            name,
            history,
            omits_zeros: false,
            only: None,
            more: Vec::new(),
            alerts: Vec::new(),
            figures: Vec::new(),
        }
    }

    /// Expects that `alert` fires at as many evaluations between two ticks as it should, unless rounding would decide.
    fn burns(&mut self, alert: &Alert, from: u64, to: u64) {
        let grid = self.grid;
        let evaluations = (from / grid.interval..=to / grid.interval).map(|n| n * grid.interval);
        let fires = |tick| grid.fires(alert, &self.history, tick, None);
        let Some(fires) = evaluations.map(fires).collect::<Option<Vec<_>>>() else {
            return;
        };
        let times = fires.into_iter().filter(|fires| *fires).count();
        let long = alert.pair.windows.long;
        let mut labels = alert_labels(&alert.pair);
        if (grid.alerts.iter())
            .filter(|alert| alert.pair.windows.long == long)
            .count()
            == 1
        {
            labels.retain(|(name, _)| name == "long_window");
        }
        // Also after the evaluation before `from`.
        let since = grid.time(to - from + 1);
        let alerts = grid.spec.of_alerts(BURN, &labels);
        let sample = (times > 0).then(|| ("{}".to_owned(), float(times as u128, 1)));
        let expr = format!("sum(count_over_time({alerts}[{since}]))");
        self.samples(expr, to, sample.into_iter().collect());
    }

    /// Expects that these alerts fire at `tick` and no others, unless rounding would decide. The windows without data had no
    /// good event at the `known` tick.
    fn burning(&mut self, tick: u64, known: u64) {
        let mut firing = Vec::new();
        for alert in &self.grid.alerts {
            let is_empty = self.history.window(tick, alert.short.ticks).is_none();
            let known = is_empty.then_some(known);
            match self.grid.fires(alert, &self.history, tick, known) {
                None => return,
                Some(false) => {}
                Some(true) => {
                    let labels = matchers(&alert_labels(&alert.pair));
                    firing.push((format!("{{{}}}", &labels[2..]), 1.0));
                }
            }
        }
        let by = "sum by (severity, long_window, short_window)";
        let expr = format!("{by} ({})", self.grid.spec.of_alerts(BURN, &[]));
        self.samples(expr, tick, firing);
    }

    /// Expects whether an alert with these labels is pending or firing.
    fn active(&mut self, name: &str, labels: &[(String, String)], tick: u64, is_active: bool) {
        let expr = format!("count({})", self.grid.spec.of_alerts(name, labels));
        let active = is_active.then(|| ("{}".to_owned(), 1.0));
        self.samples(expr, tick, active.into_iter().collect());
    }

    /// Expects the texts of all alerts that fire at `tick`, where rounding decides about none and none waits.
    fn texts(&mut self, tick: u64) {
        let spec = self.grid.spec;
        if spec.alerts.iter().any(|pair| !pair.pending_for.is_zero()) {
            return;
        }
        let mut firing = Vec::new();
        for alert in &self.grid.alerts {
            match self.grid.fires(alert, &self.history, tick, None) {
                None => return,
                Some(false) => {}
                Some(true) => {
                    let more = alert_labels(&alert.pair).into_iter();
                    let labels = more.fold(labels(spec), |labels, (name, value)| {
                        labels.with(&name, text(value))
                    });
                    firing.push(map([
                        ("exp_labels", labels.line()),
                        (
                            "exp_annotations",
                            annotations(spec, &alert.pair, "100%").line(),
                        ),
                    ]));
                }
            }
        }
        self.alert(BURN, tick, firing);
    }

    fn alert(&mut self, name: &str, tick: u64, alerts: Vec<Yaml>) {
        self.alerts.push(map([
            ("eval_time", text(self.grid.time(tick))),
            ("alertname", text(name)),
            ("exp_alerts", Yaml::List(alerts)),
        ]));
    }

    /// Expects this share of bad events in the period, and the budget that it leaves.
    fn period(&mut self, tick: u64, share: Option<f64>) {
        let spec = self.grid.spec;
        self.figure(&period_ratio(spec), tick, share);
        let remaining = share.map(|share| 1.0 - share / spec.allowed());
        self.figure(REMAINING, tick, remaining);
    }

    /// Expects this share of bad events in every window, or in none.
    fn ratios(&mut self, tick: u64, share: Option<f64>) {
        let windows = float(self.grid.spec.recorded_windows().len() as u128, 1);
        let all = self.grid.spec.of_all(&format!("{RATIO}.+"));
        let (expr, samples) = match share {
            Some(share) => (
                format!("count({all} == {share})"),
                vec![("{}".to_owned(), windows)],
            ),
            None => (format!("count({all})"), Vec::new()),
        };
        self.samples(expr, tick, samples);
    }

    /// Expects the number of events in each window.
    fn counts(&mut self, tick: u64) {
        let spec = self.grid.spec;
        let count = |window| {
            let counts = (self.grid).counts(&self.history, self.grid.window(window), tick)?;
            Some((events(window), float(counts.total(), 1)))
        };
        let samples = spec.recorded_windows().into_iter().filter_map(count);
        let samples = samples.collect();
        let all = spec.of_all(&format!("{EVENTS}.+"));
        self.samples(format!("sum by (__name__) ({all})"), tick, samples);
    }

    fn figure(&mut self, name: &str, tick: u64, value: Option<f64>) {
        let sample = value.map(|value| ("{}".to_owned(), value));
        let expr = format!("sum({})", self.grid.spec.of(name));
        self.samples(expr, tick, sample.into_iter().collect());
    }

    fn samples(&mut self, expr: String, tick: u64, samples: Vec<(String, f64)>) {
        let samples = samples.into_iter().map(|(series, value)| {
            map([
                ("labels", text(series)),
                ("value", Yaml::Bare(value.to_string())),
            ])
        });
        let figure = map([
            ("expr", text(expr)),
            ("eval_time", text(self.grid.time(tick))),
            ("exp_samples", Yaml::List(samples.collect())),
        ]);
        self.figures.push(figure.line());
    }

    fn yaml(self) -> Yaml {
        let mut series = self.more;
        for (role, name) in &self.grid.series {
            let counted = |phase: &history::Phase| match role {
                Role::Total => phase.good + phase.bad,
                Role::Good => phase.good,
                Role::Bad => phase.bad,
            };
            let is_shown = self.only.is_none_or(|only| only == *role);
            if is_shown && (self.history.has(counted) || !self.omits_zeros) {
                series.push((name.clone(), self.history.values(counted)));
            }
        }
        let series = series
            .into_iter()
            .map(|(series, values)| map([("series", text(series)), ("values", text(values))]));
        let mut test = map([
            ("name", text(self.name)),
            ("interval", text(Written(self.grid.tick).to_string())),
            ("input_series", Yaml::List(series.collect())),
        ]);
        if !self.alerts.is_empty() {
            test = test.with("alert_rule_test", Yaml::List(self.alerts));
        }
        if !self.figures.is_empty() {
            test = test.with("promql_expr_test", Yaml::List(self.figures));
        }
        test
    }
}

/// Labels and values as matchers, each after a comma.
fn matchers(labels: &[(String, String)]) -> String {
    let matcher = |(label, value): &(String, String)| format!(", {label}={}", Quoted(value));
    labels.iter().map(matcher).collect()
}

impl Spec {
    /// Selects the alerts of this name by all labels of this specification, and more.
    fn of_alerts(&self, name: &str, more: &[(String, String)]) -> String {
        let mut expr = self.of("ALERTS");
        expr.pop();
        format!("{expr}, alertname={}{}}}", Quoted(name), matchers(more))
    }

    /// Selects the series of these rules whose names match.
    fn of_all(&self, names: &str) -> String {
        let labels = self.of("").replacen('{', "", 1);
        format!("{{__name__=~{}, {labels}", Quoted(names))
    }
}
