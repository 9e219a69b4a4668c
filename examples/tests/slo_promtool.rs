//! promtool judges the emitted rules: they are lint-clean, their tests pass, and each rule that is broken on purpose
//! fails the tests.

use std::{fs, path::Path, process::Command};

use maestro_slo_budget::Spec;
use tempfile::TempDir;

#[path = "slo_promtool/mutants.rs"]
mod mutants;
mod programs;

/// Several kinds: counters by label and separate, good and bad, a latency, custom alerts, small and large objectives.
const SPECS: [&str; 7] = [
    include_str!("../slo/availability.yaml"),
    include_str!("../slo/latency.yaml"),
    include_str!("../slo/dispatch.json"),
    // Small windows, a negative matcher, a third as the objective.
    r#"
service: a/b.c
slo: d_e
objective: 2/3
period: 2h
indicator:
  total: 'm{path=~"/api/.*|/x", x!="1"}'
  good: 'm{path=~"/api/.*", code!~"5..|429"}'
  series: { good: 'm{path="/api/a"}', bad: 'm{path="/x"}' }
alerts: [{ severity: page, budget: 10%, long: 10m, short: 1m }]
deploy: [{ window: 1h, below: 1.0 }]
"#,
    // One bad event suffices, and a bucket of whole seconds.
    r#"
service: one
slo: latency
objective: 99%
period: 4w
indicator: { latency: { histogram: h_seconds, within: 1s } }
alerts: [{ severity: page, budget: 2%, long: 1h, short: 5m }, { severity: ticket, budget: 10%, long: 1d, short: 2h }]
min_bad: { page: 1, ticket: 1 }
labels: { quote: 'say "so"', path: 'C:\' }
"#,
    // Nine nines: thresholds with many decimals.
    r"
service: nines
slo: many
objective: 99.9999999%
indicator: { total: all_total, bad: bad_total }
",
    // Less than a second, as in the test that scrapes.
    r#"
service: small
slo: scaled
objective: 95%
period: 10m
indicator: { total: 'events_total', bad: 'events_total{outcome="bad"}' }
alerts: [{ severity: page, budget: 2%, long: 5s, short: 1s }, { severity: ticket, budget: 5%, long: 20s, short: 4s }]
deploy: [{ window: 1m, below: 1.0 }]
"#,
];

fn promtool(dir: &Path, args: &[&str]) -> Result<(), String> {
    let promtool = programs::program("promtool").unwrap_or_else(|missing| panic!("{missing}"));
    let output = Command::new(promtool).args(args).current_dir(dir).output();
    let output = output.expect("it is installed");
    if output.status.success() {
        return Ok(());
    }
    let (out, err) = (output.stdout, output.stderr);
    Err(String::from_utf8_lossy(&out).into_owned() + &String::from_utf8_lossy(&err))
}

/// Checks the rules, changed by `alter`, with their tests.
fn judge(spec: &Spec, alter: impl Fn(String) -> String) -> Result<(), String> {
    let dir = TempDir::new().expect("there is room for a folder");
    let write = |name, text| fs::write(dir.path().join(name), text).expect("and for a file");
    write("rules.yaml", alter(spec.rules()));
    let tests = spec.rule_tests("rules.yaml");
    write(
        "tests.yaml",
        tests.unwrap_or_else(|missing| panic!("{missing}")),
    );
    promtool(
        dir.path(),
        &["check", "rules", "--lint=all", "--lint-fatal", "rules.yaml"],
    )
    .unwrap_or_else(|error| panic!("{error}"));
    promtool(dir.path(), &["test", "rules", "tests.yaml"])
}

/// The series of both are in one server, so a rule that reads the other's finds two series, or fires for both.
#[test]
fn promtool_keeps_two_clusters_of_one_objective_apart() {
    let of = |cluster: &str, code: &str| -> Spec {
        let text = format!(
            "service: s\nslo: o\nobjective: 99.9%\nperiod: 1d\nlabels: {{ cluster: {cluster} }}\n\
             indicator: {{ total: 'm{{cluster=\"{cluster}\"}}', bad: 'm{{cluster=\"{cluster}\", code=\"{code}\"}}' }}\n\
             alerts: [{{ severity: page, budget: 60%, long: 1h }}]\n"
        );
        text.parse().unwrap_or_else(|mistakes| panic!("{mistakes}"))
    };
    let dir = TempDir::new().expect("there is room for a folder");
    let write = |name, text| fs::write(dir.path().join(name), text).expect("and for a file");
    let (eu, us) = (of("eu", "500"), of("us", "500"));
    write("eu.yaml", eu.rules());
    write("us.yaml", us.rules());
    let firing = r#"ALERTS{alertname="ErrorBudgetBurn", alertstate="firing", cluster="eu", long_window="1h", service="s", severity="page", short_window="5m", slo="o"}"#;
    let tests = format!(
        r#"rule_files: [eu.yaml, us.yaml]
evaluation_interval: 5m
tests:
  - interval: 5m
    input_series:
      - {{ series: 'm{{cluster="eu", code="500"}}', values: '0+100x12' }}
      - {{ series: 'm{{cluster="us", code="200"}}', values: '0+100x12' }}
    promql_expr_test:
      - expr: 'ALERTS{{alertname="ErrorBudgetBurn"}}'
        eval_time: 1h
        exp_samples: [{{ labels: '{firing}', value: 1 }}]
      - expr: 'count(slo:error_budget:remaining)'
        eval_time: 1h
        exp_samples: [{{ labels: '{{}}', value: 2 }}]
"#
    );
    write("both.yaml", tests);
    promtool(dir.path(), &["test", "rules", "both.yaml"]).unwrap_or_else(|error| panic!("{error}"));
}

fn specs() -> impl Iterator<Item = Spec> {
    SPECS
        .into_iter()
        .map(|text| text.parse().unwrap_or_else(|mistakes| panic!("{mistakes}")))
}

#[test]
fn promtool_passes_the_emitted_rules() {
    for spec in specs() {
        if let Err(error) = judge(&spec, |rules| rules) {
            panic!("{}: {error}", spec.name());
        }
    }
}

/// promtool has no samples of native histograms, so their rules have no tests.
#[test]
fn promtool_accepts_the_rules_of_a_native_histogram() {
    let text = "service: s\nslo: o\nobjective: 99%\nindicator: { latency: { native: h, within: 250ms } }\n";
    let spec: Spec = text.parse().unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let dir = TempDir::new().expect("there is room for a folder");
    fs::write(dir.path().join("rules.yaml"), spec.rules()).expect("and for a file");
    let args = ["check", "rules", "--lint=all", "--lint-fatal", "rules.yaml"];
    promtool(dir.path(), &args).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn promtool_fails_each_broken_rule() {
    let spec: Spec = r#"
service: s
slo: o
objective: 99.9%
period: 1d
indicator: { total: m, bad: 'm{c=~"5.."}', series: { good: m, bad: 'm{c="500"}' } }
alerts: [{ severity: page, budget: 60%, long: 1h }, { severity: ticket, budget: 75%, long: 6h }]
"#
    .parse()
    .unwrap_or_else(|mistakes| panic!("{mistakes}"));
    judge(&spec, |rules| rules).unwrap_or_else(|error| panic!("unbroken: {error}"));
    let survives = |(from, to): &(&str, &str)| {
        let broken = |rules: String| {
            assert!(rules.contains(from), "no rule says {from}:\n{rules}");
            rules.replacen(from, to, 1)
        };
        judge(&spec, broken).is_ok()
    };
    let survivors: Vec<_> = mutants::MUTANTS
        .iter()
        .filter(|mutant| survives(mutant))
        .collect();
    assert!(survivors.is_empty(), "not noticed: {survivors:#?}");
}

#[test]
fn promtool_takes_missing_good_events_for_an_outage() {
    let spec: Spec = "
service: s
slo: o
objective: 90%
period: 1d
indicator: { total: all, good: good }
alerts: [{ severity: page, budget: 5%, long: 1h }]
"
    .parse()
    .unwrap_or_else(|mistakes| panic!("{mistakes}"));
    judge(&spec, |rules| rules).unwrap_or_else(|error| panic!("unbroken: {error}"));
    for missing in [
        "              or 0 * sum(slo:events:increase1h{service=\"s\", slo=\"o\"})\n",
        "            or 0 * sum(slo:events:increase5m{service=\"s\", slo=\"o\"})\n",
    ] {
        let broken = |rules: String| {
            assert!(rules.contains(missing), "no rule says {missing}:\n{rules}");
            rules.replacen(missing, "", 1)
        };
        assert!(
            judge(&spec, broken).is_err(),
            "the missing {missing} was not noticed"
        );
    }
}
