//! Histories minute by minute, and the alerts that promtool sees in them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    process::Command,
};

use tempfile::TempDir;

use crate::programs;

/// The values of a counter, minute by minute.
#[derive(Default)]
pub(crate) struct Counter {
    values: Vec<String>,
    pub(crate) events: u64,
}

impl Counter {
    pub(crate) fn of() -> Self {
        Self::default()
    }

    pub(crate) fn grows(mut self, minutes: usize, events: u64) -> Self {
        for _ in 0..minutes {
            self.events += events;
            self.values.push(self.events.to_string());
        }
        self
    }

    pub(crate) fn is(mut self, minutes: usize, what: &str) -> Self {
        self.values.extend((0..minutes).map(|_| what.to_owned()));
        self
    }
}

/// The alerts that fire at each minute, as `name/severity/long_window`, when these series are evaluated each minute.
pub(crate) fn firing(
    rules: &str,
    series: &[(&str, Counter)],
    minutes: &[usize],
) -> BTreeMap<usize, BTreeSet<String>> {
    let dir = TempDir::new().expect("there is room for a folder");
    let mut tests = "rule_files: [rules.yaml]\nevaluation_interval: 1m\ntests:\n  - interval: 1m\n    input_series:\n".to_owned();
    for (series, Counter { values, .. }) in series {
        let _ = writeln!(
            tests,
            "      - {{ series: '{series}', values: '{}' }}",
            values.join(" ")
        );
    }
    tests += "    promql_expr_test:\n";
    for minute in minutes {
        // An expectation that fails shows what there is.
        let _ = writeln!(
            tests,
            "      - {{ expr: 'ALERTS{{alertstate=\"firing\"}}', eval_time: {minute}m, exp_samples: [{{ labels: none, value: -1 }}] }}"
        );
    }
    let names: BTreeSet<&str> = rules
        .lines()
        .filter_map(|line| line.strip_prefix("  - name: "))
        .collect();
    let order = names.into_iter().collect::<Vec<_>>().join(", ");
    tests = tests.replacen("tests:", &format!("group_eval_order: [{order}]\ntests:"), 1);
    fs::write(dir.path().join("rules.yaml"), rules).expect("and for a file");
    fs::write(dir.path().join("tests.yaml"), tests).expect("and for a file");
    let promtool = programs::program("promtool").unwrap_or_else(|missing| panic!("{missing}"));
    let output = Command::new(promtool)
        .args(["test", "rules", "tests.yaml"])
        .current_dir(dir.path())
        .output()
        .expect("it is installed");
    let text = String::from_utf8_lossy(&output.stderr).into_owned()
        + &String::from_utf8_lossy(&output.stdout);
    let shown: Vec<&str> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("got:"))
        .collect();
    assert_eq!(shown.len(), minutes.len(), "{text}");
    let alerts = |line: &str| {
        let label = |alert: &str, name: &str| {
            let value = alert.split(&format!("{name}=\"")).nth(1)?;
            value.split('"').next().map(str::to_owned)
        };
        let alerts = line.split("__name__=").skip(1);
        alerts
            .map(|alert| {
                let parts = ["alertname", "severity", "long_window"].map(|name| label(alert, name));
                parts.into_iter().flatten().collect::<Vec<_>>().join("/")
            })
            .collect()
    };
    (minutes.iter().copied())
        .zip(shown.into_iter().map(alerts))
        .collect()
}
