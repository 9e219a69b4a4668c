//! Unit tests of the emitted rules, in the form of `promtool test rules`.

pub(crate) mod history;
pub(crate) mod scenarios;

use std::time::Duration;

use crate::{
    spec::{
        Spec,
        duration::Written,
        number::float,
        promtool::history::{Counted, History},
        promtool::scenarios::{Firing, Scale},
        rules::{
            BURN, NO_DATA, OBJECTIVE, REMAINING, alert_labels, annotations, bad_events, events,
            labels, no_data_annotations, no_data_labels, objective, period_ratio, ratio,
        },
        selector::Quoted,
        yaml::{Yaml, map, text},
    },
    types::Counts,
};

/// One test, as it grows.
struct Test<'a> {
    spec: &'a Spec,
    scale: &'a Scale,
    name: String,
    history: History,
    /// Whether a series that counts nothing at all is there, as zeros.
    zeros: bool,
    alerts: Vec<Yaml>,
    figures: Vec<Yaml>,
}

pub(crate) fn write(spec: &Spec, rules_file: &str) -> String {
    let scale = Scale::of(spec);
    let mut tests = vec![
        healthy(spec, &scale, true),
        healthy(spec, &scale, false),
        outage(spec, &scale),
        low_traffic(spec, &scale),
        idle(spec, &scale),
        silent(spec, &scale),
        nothing(spec, &scale),
    ];
    for index in 0..spec.alerts.len() {
        tests.extend(by_chance(spec, &scale, index));
        tests.extend(long_ago(spec, &scale, index));
        tests.push(burn(spec, &scale, index));
        tests.extend(on_the_line(spec, &scale, index));
    }
    tests.extend(outlived(spec, &scale));
    map([
        ("rule_files", Yaml::List(vec![text(rules_file)])),
        (
            "evaluation_interval",
            text(Written(scale.tick * u32::try_from(scale.beat).unwrap_or(1)).to_string()),
        ),
        ("tests", Yaml::List(tests)),
    ])
    .to_string()
}

fn healthy(spec: &Spec, scale: &Scale, zeros: bool) -> Yaml {
    let name = if zeros {
        "healthy: no error, no alert"
    } else {
        "no error has ever been counted, so that its series is missing: that is zero, not unknown"
    };
    let mut test = Test::new(spec, scale, name, scale.healthy());
    test.zeros = zeros;
    test.changes();
    test.quiet(NO_DATA, scale.step * 3);
    let end = test.history.ticks();
    for window in spec.windows() {
        test.figure(&ratio(window), end, Some(0.0));
    }
    test.figure(&period_ratio(spec), end - end % scale.step, Some(0.0));
    test.figure(REMAINING, end - end % scale.step, Some(1.0));
    test.figure(OBJECTIVE, end, Some(objective(spec)));
    test.counts(end);
    test.yaml()
}

fn outage(spec: &Spec, scale: &Scale) -> Yaml {
    let mut test = Test::new(
        spec,
        scale,
        "total outage: nothing good is counted, and that is not kept but broken",
        scale.outage(),
    );
    test.zeros = false;
    test.changes();
    let end = test.history.ticks();
    for window in spec.windows() {
        test.figure(&ratio(window), end, Some(1.0));
    }
    test.counts(end);
    test.figure(&period_ratio(spec), scale.step, Some(1.0));
    test.figure(REMAINING, scale.step, Some(1.0 - 1.0 / spec.allowed()));
    test.yaml()
}

fn low_traffic(spec: &Spec, scale: &Scale) -> Yaml {
    let name = "low traffic: one error pages nobody, and the number that the guard asks for does";
    let mut test = Test::new(spec, scale, name, scale.low_traffic());
    // At each error, not only at changes.
    let mut at = 0;
    while at <= test.history.ticks() {
        test.alerts_at(at);
        at += scale.beat;
    }
    test.yaml()
}

fn by_chance(spec: &Spec, scale: &Scale, index: usize) -> Option<Yaml> {
    let pair = &spec.alerts[index];
    let name = format!(
        "above the line of {}/{} by as few bad events as its guard asks for: it fires only if that is hardly chance",
        Written(pair.windows.long),
        Written(pair.windows.short),
    );
    let mut test = Test::new(spec, scale, &name, scale.by_chance(index)?);
    test.alerts_at(scale.beat);
    test.alerts_at(scale.beat * 2);
    Some(test.yaml())
}

fn long_ago(spec: &Spec, scale: &Scale, index: usize) -> Option<Yaml> {
    let pair = &spec.alerts[index];
    let (long, short) = (pair.windows.long, pair.windows.short);
    let name = format!(
        "traffic long ago and errors now: whether it is chance for {}/{} is asked of all that the long window holds",
        Written(long),
        Written(short),
    );
    let mut test = Test::new(spec, scale, &name, scale.long_ago(index)?);
    let end = test.history.ticks();
    test.alerts_at(end);
    // It holds all that was ever counted, from zero on: there is nothing to estimate.
    let counts = test.history.at(end);
    test.rounded(&events(long), end, float(counts.total(), 1));
    test.rounded(&bad_events(long), end, float(counts.bad().into(), 1));
    Some(test.yaml())
}

fn idle(spec: &Spec, scale: &Scale) -> Yaml {
    let (history, [_, idle, end]) = scale.idle();
    let name = "a time without traffic is unknown, and weighs nothing in the period";
    let mut test = Test::new(spec, scale, name, history);
    test.changes();
    test.quiet(NO_DATA, idle);
    test.figure(&ratio(spec.windows()[0]), idle, None);
    for at in [idle, end] {
        let counts = test.history.at(at);
        test.period_figure(at, counts);
    }
    test.yaml()
}

fn outlived(spec: &Spec, scale: &Scale) -> Option<Yaml> {
    let name = "what is older than the period is forgiven, and nothing before";
    let mut test = Test::new(spec, scale, name, scale.outlived()?);
    let kept = scale.period - scale.period % scale.step;
    let counts = test.history.at(kept);
    test.period_figure(kept, counts);
    test.figure(
        &period_ratio(spec),
        test.history.ticks() / scale.step * scale.step,
        Some(0.0),
    );
    Some(test.yaml())
}

fn burn(spec: &Spec, scale: &Scale, index: usize) -> Yaml {
    let pair = &spec.alerts[index];
    let name = format!(
        "burning at four times the line of {}/{}: it fires when the formula says so, and is quiet once the short window is",
        Written(pair.windows.long),
        Written(pair.windows.short),
    );
    let mut test = Test::new(spec, scale, &name, scale.burn_and_recovery(index));
    test.changes();
    test.total(pair.windows.long);
    test.yaml()
}

fn on_the_line(spec: &Spec, scale: &Scale, index: usize) -> Vec<Yaml> {
    let pair = &spec.alerts[index];
    let [long, short] = [pair.windows.long, pair.windows.short].map(Written);
    let test = |(history, left, is_long): (History, u64, bool)| {
        let (on, above) = if is_long {
            (long, short)
        } else {
            (short, long)
        };
        let name = format!(
            "exactly on the line of {long}/{short} in {on} and above in {above} it does not fire, and just above in both it does",
        );
        let mut test = Test::new(spec, scale, &name, history);
        for at in [left, test.history.ticks()] {
            let expected = scale.firing_exactly(&test.history, at);
            test.expect(at, &expected);
        }
        test.yaml()
    };
    scale.on_the_line(index).map(test).collect()
}

fn silent(spec: &Spec, scale: &Scale) -> Yaml {
    let name = "series at zero: nothing has happened yet, which is neither health nor an outage, and nothing to be told";
    let mut test = Test::new(spec, scale, name, scale.silent());
    let end = test.history.ticks();
    test.quiet(NO_DATA, end);
    test.quiet(BURN, end);
    for window in spec.windows() {
        test.figure(&ratio(window), end, None);
    }
    test.figure(&period_ratio(spec), end, None);
    test.figure(REMAINING, end, None);
    test.counts(end);
    test.yaml()
}

fn nothing(spec: &Spec, scale: &Scale) -> Yaml {
    let name = "no series at all: that is told, after a while";
    let mut test = Test::new(spec, scale, name, History::of(Vec::new()));
    test.zeros = false;
    test.quiet(NO_DATA, scale.step);
    let alert = map([
        ("exp_labels", no_data_labels(spec)),
        ("exp_annotations", no_data_annotations(spec)),
    ]);
    test.alerts.push(map([
        ("eval_time", test.time(scale.step * 2)),
        ("alertname", text(NO_DATA)),
        ("exp_alerts", Yaml::List(vec![alert])),
    ]));
    test.quiet(BURN, scale.step * 2);
    test.yaml()
}

// === impl Test ===

impl<'a> Test<'a> {
    fn new(spec: &'a Spec, scale: &'a Scale, name: &str, history: History) -> Self {
        Self {
            spec,
            scale,
            name: name.to_owned(),
            history,
            zeros: true,
            alerts: Vec::new(),
            figures: Vec::new(),
        }
    }

    /// Whenever an alert begins or ceases to fire: what fires just before, and then. And at the end.
    fn changes(&mut self) {
        let mut times = Vec::new();
        let mut before: Option<(u64, Vec<usize>)> = None;
        let mut at = 0;
        while at <= self.history.ticks() {
            if let Some(firing) = self.scale.firing(&self.history, at) {
                let firing: Vec<usize> = firing.iter().map(|firing| firing.index).collect();
                if let Some((time, _)) = before.take_if(|(_, before)| *before != firing) {
                    times.extend([time, at]);
                }
                before = Some((at, firing));
            }
            at += self.scale.beat;
        }
        times.extend(before.map(|(at, _)| at));
        times.sort_unstable();
        times.dedup();
        for at in times {
            self.alerts_at(at);
        }
    }

    fn alerts_at(&mut self, at: u64) {
        if let Some(firing) = self.scale.firing(&self.history, at) {
            self.expect(at, &firing);
        }
    }

    fn expect(&mut self, at: u64, firing: &[Firing]) {
        let alert = |firing: &Firing| {
            let pair = &self.spec.alerts[firing.index];
            let labels = (alert_labels(pair).into_iter())
                .fold(labels(self.spec), |labels, (name, value)| {
                    labels.with(&name, value)
                });
            map([
                ("exp_labels", labels),
                (
                    "exp_annotations",
                    annotations(self.spec, pair, &firing.value),
                ),
            ])
        };
        let alerts = firing.iter().map(alert).collect();
        self.alerts.push(map([
            ("eval_time", self.time(at)),
            ("alertname", text(BURN)),
            ("exp_alerts", Yaml::List(alerts)),
        ]));
    }

    fn quiet(&mut self, alert: &str, at: u64) {
        self.alerts.push(map([
            ("eval_time", self.time(at)),
            ("alertname", text(alert)),
            ("exp_alerts", Yaml::List(Vec::new())),
        ]));
    }

    /// Of all events of the period.
    fn period_figure(&mut self, at: u64, counts: Counts) {
        let share = float(counts.bad().into(), counts.total());
        self.figure(&period_ratio(self.spec), at, Some(share));
        self.figure(REMAINING, at, Some(1.0 - share / self.spec.allowed()));
    }

    /// How many events the rules see, and how many bad ones, in every window that they count. Of even traffic, so that what
    /// `increase` estimates is but for rounding what there was.
    fn counts(&mut self, at: u64) {
        for window in self.spec.counted_windows() {
            let counts = self.history.window(at, self.scale.ticks(window));
            let all = float(counts.total(), 1);
            self.rounded(&events(window), at, all);
            self.rounded(&bad_events(window), at, float(counts.bad().into(), 1));
        }
    }

    /// How many events there are in the window at the end, of a history in which they come evenly.
    fn total(&mut self, window: Duration) {
        let at = self.history.ticks();
        let counts = self.history.window(at, self.scale.ticks(window));
        self.rounded(&events(window), at, float(counts.total(), 1));
    }

    fn rounded(&mut self, name: &str, at: u64, value: f64) {
        let expr = format!("round({})", self.spec.of(name));
        self.sample(expr, "", at, Some(value));
    }

    fn figure(&mut self, name: &str, at: u64, value: Option<f64>) {
        self.sample(self.spec.of(name), name, at, value);
    }

    /// `name` is that of the series which comes out, if it has one.
    fn sample(&mut self, expr: String, name: &str, at: u64, value: Option<f64>) {
        let mut labels = format!(
            "service={}, slo={}",
            Quoted(&self.spec.service),
            Quoted(&self.spec.slo)
        );
        for (name, value) in &self.spec.labels {
            labels = format!("{labels}, {name}={}", Quoted(value));
        }
        let sample = value.map(|value| {
            map([
                ("labels", text(format!("{name}{{{labels}}}"))),
                ("value", Yaml::Bare(value.to_string())),
            ])
        });
        self.figures.push(map([
            ("expr", text(expr)),
            ("eval_time", self.time(at)),
            ("exp_samples", Yaml::List(sample.into_iter().collect())),
        ]));
    }

    fn time(&self, ticks: u64) -> Yaml {
        let time = self.scale.tick * u32::try_from(ticks).unwrap_or(u32::MAX);
        text(if time.is_zero() {
            "0s".to_owned()
        } else {
            Written(time).to_string()
        })
    }

    fn yaml(self) -> Yaml {
        let mut series = Vec::new();
        for (name, counted) in self.spec.indicator.samples.counted() {
            let is_counted = self.history.phases().iter().any(|phase| counted(phase) > 0);
            if is_counted || self.zeros {
                series.push(map([
                    ("series", text(name)),
                    ("values", text(values(&self.history, counted))),
                ]));
            }
        }
        let mut test = map([
            ("name", text(self.name)),
            ("interval", text(Written(self.scale.tick).to_string())),
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

/// A counter in promtool's notation: `start+stepxtimes`, the start included.
fn values(history: &History, counted: Counted) -> String {
    let mut said = 0;
    let mut parts = Vec::new();
    for phase in history.phases().iter().filter(|phase| phase.ticks > 0) {
        let step = counted(phase);
        if parts.is_empty() {
            parts.push(format!("0+{step}x{}", phase.ticks));
        } else {
            parts.push(format!("{}+{step}x{}", said + step, phase.ticks - 1));
        }
        said += step * phase.ticks;
    }
    parts.join(" ")
}
