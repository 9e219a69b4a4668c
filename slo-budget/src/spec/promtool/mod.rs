//! Unit tests of the emitted rules, in the form of `promtool test rules`.
//!
//! Counts are compared rounded, because `increase` estimates, and only where it has nothing to estimate: traffic is
//! even, or a window holds all of it since zero.

mod grid;
mod history;
mod scenarios;

use std::time::Duration;

use self::{
    grid::{Firing, Grid},
    history::History,
};
use crate::spec::{
    Spec,
    indicator::{MissingSeries, Role},
    number::{Written, float},
    rules::{
        BURN, NO_DATA, REMAINING, alert_labels, annotations, bad_events, events, labels,
        no_data_annotations, no_data_labels, period_ratio, ratio,
    },
    yaml::{Yaml, map, text},
};

pub(super) fn write(spec: &Spec, rules_file: &str) -> Result<String, MissingSeries> {
    let series = spec.indicator.series(&spec.name())?;
    let grid = Grid::of(spec, series);
    let interval = spec.evaluation_interval();
    let file = map([
        ("rule_files", Yaml::List(vec![text(rules_file)])),
        ("evaluation_interval", text(Written(interval).to_string())),
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
            alerts: Vec::new(),
            figures: Vec::new(),
        }
    }

    /// Expects the alerts around each moment at which one begins or ceases to fire, and at the end.
    fn changes(&mut self) {
        let mut ticks = Vec::new();
        let mut before: Option<(u64, Vec<usize>)> = None;
        let end = self.history.ticks();
        for tick in (0..=end).step_by(usize::try_from(self.grid.interval).unwrap_or(1)) {
            let Some(firing) = self.grid.firing(&self.history, tick) else {
                continue;
            };
            let firing: Vec<_> = firing.iter().map(|firing| firing.index).collect();
            if let Some((last, _)) = before.take_if(|(_, before)| *before != firing) {
                ticks.extend([last, tick]);
            }
            before = Some((tick, firing));
        }
        ticks.extend(before.map(|(tick, _)| tick));
        ticks.dedup();
        for tick in ticks {
            self.expect(tick);
        }
    }

    /// Expects the alerts at `tick`, unless rounding would decide about them.
    fn expect(&mut self, tick: u64) {
        let Some(firing) = self.grid.firing(&self.history, tick) else {
            return;
        };
        let spec = self.grid.spec;
        let alert = |firing: &Firing| {
            let pair = &spec.alerts[firing.index];
            let labels = (alert_labels(pair).into_iter())
                .fold(labels(spec), |labels, (name, value)| {
                    labels.with(&name, value)
                });
            map([
                ("exp_labels", labels),
                ("exp_annotations", annotations(spec, pair, &firing.value)),
            ])
        };
        let alerts = firing.iter().map(alert).collect();
        self.alert(BURN, tick, alerts);
    }

    fn expect_quiet(&mut self, alert: &str, tick: u64) {
        self.alert(alert, tick, Vec::new());
    }

    fn expect_no_data(&mut self, tick: u64) {
        let alert = map([
            ("exp_labels", no_data_labels(self.grid.spec)),
            ("exp_annotations", no_data_annotations(self.grid.spec)),
        ]);
        self.alert(NO_DATA, tick, vec![alert]);
    }

    fn alert(&mut self, name: &str, tick: u64, alerts: Vec<Yaml>) {
        self.alerts.push(map([
            ("eval_time", self.time(tick)),
            ("alertname", text(name)),
            ("exp_alerts", Yaml::List(alerts)),
        ]));
    }

    /// Expects this share of bad events in each window.
    fn ratios(&mut self, tick: u64, share: Option<f64>) {
        for window in self.grid.spec.windows() {
            self.figure(&ratio(window), tick, share);
        }
    }

    /// Expects this share of bad events in the period, and the budget that it leaves. At a whole step.
    fn period(&mut self, tick: u64, share: Option<f64>) {
        let spec = self.grid.spec;
        self.figure(&period_ratio(spec), tick, share);
        let remaining = share.map(|share| 1.0 - share / spec.allowed());
        self.figure(REMAINING, tick, remaining);
    }

    /// Expects the numbers of events and of bad events in each window in which the rules count them.
    fn counts(&mut self, tick: u64) {
        for window in self.grid.spec.counted_windows() {
            self.count(window, tick);
        }
    }

    fn count(&mut self, window: Duration, tick: u64) {
        let counts = self.history.window(tick, self.grid.ticks(window));
        for (name, count) in [
            (events(window), counts.total()),
            (bad_events(window), counts.bad().into()),
        ] {
            let expr = format!("round({})", self.grid.spec.of(&name));
            self.sample(expr, "", tick, Some(float(count, 1)));
        }
    }

    fn figure(&mut self, name: &str, tick: u64, value: Option<f64>) {
        self.sample(self.grid.spec.of(name), name, tick, value);
    }

    /// `name` is that of the resulting series, empty where it has none.
    fn sample(&mut self, expr: String, name: &str, tick: u64, value: Option<f64>) {
        let sample = value.map(|value| {
            map([
                ("labels", text(self.grid.spec.of(name))),
                ("value", Yaml::Bare(value.to_string())),
            ])
        });
        self.figures.push(map([
            ("expr", text(expr)),
            ("eval_time", self.time(tick)),
            ("exp_samples", Yaml::List(sample.into_iter().collect())),
        ]));
    }

    fn time(&self, ticks: u64) -> Yaml {
        let time = self.grid.tick * u32::try_from(ticks).unwrap_or(u32::MAX);
        text(if time.is_zero() {
            "0s".to_owned()
        } else {
            Written(time).to_string()
        })
    }

    fn yaml(self) -> Yaml {
        let mut series = Vec::new();
        for (role, name) in &self.grid.series {
            let counted = |phase: &history::Phase| match role {
                Role::Total => phase.good + phase.bad,
                Role::Good => phase.good,
                Role::Bad => phase.bad,
            };
            if self.history.has(counted) || !self.omits_zeros {
                series.push(map([
                    ("series", text(name.clone())),
                    ("values", text(self.history.values(counted))),
                ]));
            }
        }
        let mut test = map([
            ("name", text(self.name)),
            ("interval", text(Written(self.grid.tick).to_string())),
            ("input_series", Yaml::List(series)),
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
