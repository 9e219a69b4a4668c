//! Specifications: what they configure, and how mistakes are reported.

use std::{fmt::Write as _, time::Duration};

use maestro_slo_budget::{ErrorBudget, Event, Gate, Mistakes, Objective, Severity, Spec};

/// A complete specification with all defaults.
const PLAIN: &str = r#"service: conductor
slo: runs
objective: 99.9%
indicator:
  total: http_requests_total{job="conductor"}
  bad: http_requests_total{job="conductor", code=~"5.."}
"#;

fn spec(text: &str) -> Spec {
    text.parse()
        .unwrap_or_else(|mistakes: Mistakes| panic!("{mistakes}"))
}

fn mistakes(text: &str) -> String {
    match text.parse::<Spec>() {
        Ok(_) => panic!("there is no mistake in\n{text}"),
        Err(mistakes) => mistakes.to_string(),
    }
}

/// PLAIN, with one line replaced.
fn with(from: &str, to: &str) -> String {
    assert!(PLAIN.contains(from), "{from}");
    PLAIN.replace(from, to)
}

/// PLAIN, with one more line in `indicator`.
fn and_in_indicator(line: &str) -> String {
    format!("{PLAIN}  {line}\n")
}

/// PLAIN, with one more field.
fn and(more: &str) -> String {
    format!("{PLAIN}{more}\n")
}

/// PLAIN, with a series of good and one of bad events.
const WITH_SERIES: &str = r#"service: conductor
slo: runs
objective: 99.9%
indicator:
  total: http_requests_total{job="conductor"}
  bad: http_requests_total{job="conductor", code=~"5.."}
  series:
    good: http_requests_total{job="conductor", code="200"}
    bad: http_requests_total{job="conductor", code="500"}
"#;

#[test]
fn json_and_yaml_give_the_same_rules_and_tests() {
    let json = r#"{ "service": "conductor", "slo": "runs", "objective": "99.9%", "indicator": {
        "total": "http_requests_total{job=\"conductor\"}",
        "bad": "http_requests_total{job=\"conductor\", code=~\"5..\"}",
        "series": { "good": "http_requests_total{job=\"conductor\", code=\"200\"}",
            "bad": "http_requests_total{job=\"conductor\", code=\"500\"}" } } }"#;
    assert_eq!(spec(json).rules(), spec(WITH_SERIES).rules());
    let tests = spec(json).rule_tests("r").unwrap();
    assert_eq!(tests, spec(WITH_SERIES).rule_tests("r").unwrap());
}

#[test]
fn tests_of_a_regular_expression_ask_for_series() {
    let plain = spec(PLAIN);
    assert_eq!(
        plain.rule_tests("r").unwrap_err().to_string(),
        "conductor/runs: the tests need a series for each counter, and `http_requests_total{job=\"conductor\"}` and \
         `http_requests_total{job=\"conductor\", code=~\"5..\"}` do not name them; add to `indicator`, with all labels:
  series:
    good: http_requests_total{label=\"value\"}
    bad: http_requests_total{label=\"value\"}"
    );
    // The rules need none.
    assert_eq!(plain.rules(), spec(WITH_SERIES).rules());
    let latency = spec(
        "service: a\nslo: b\nobjective: 95%\nindicator: { latency: { histogram: 'h{code!~\"5..\"}', within: 1s } }
alerts: [{ severity: page, budget: 2%, long: 1h }]",
    );
    let told = latency.rule_tests("r").unwrap_err().to_string();
    assert!(
        told.ends_with(
            "\n    total: h_count{label=\"value\"}\n    good: h_bucket{label=\"value\"}"
        ),
        "{told}"
    );
}

#[test]
fn literal_selectors_need_no_series() {
    for indicator in [
        "{ total: 'm{job=\"a\"}', bad: 'm{job=\"a\", code=\"500\"}' }",
        "{ total: 'm{job=\"a\"}', good: 'm{code=\"200\"}' }",
        "{ total: m, good: 'm{error=\"\"}' }",
        "{ total: all, bad: bad }",
        "{ latency: { histogram: h, within: 1s } }",
    ] {
        let text = format!("service: a\nslo: b\nobjective: 99.9%\nindicator: {indicator}\n");
        assert!(spec(&text).rule_tests("r").is_ok(), "{indicator}");
    }
}

#[test]
fn the_defaults_equal_those_of_the_process() {
    let spec = spec(PLAIN);
    let budget = spec.budget().build("api").unwrap();
    assert_eq!(budget.objective(), Objective::new(999, 1000).unwrap());
    assert_eq!(budget.period(), Duration::from_secs(30 * 86_400));
    let alerts = spec.alerts().build(budget.clone()).unwrap();
    let usual = maestro_slo_budget::Alerts::new(ErrorBudget::new("api", budget.objective()));
    let pairs = |alerts: &maestro_slo_budget::Alerts| -> Vec<_> {
        let alerts = alerts.snapshot();
        (alerts.iter())
            .map(|alert| {
                (
                    alert.severity(),
                    alert.long().0,
                    alert.short().0,
                    alert.factor(),
                )
            })
            .collect()
    };
    assert_eq!(pairs(&alerts), pairs(&usual));
    assert_eq!(spec.name(), "conductor/runs");
    assert_eq!((spec.service(), spec.slo()), ("conductor", "runs"));
    assert_eq!(spec.within(), None);
}

#[test]
fn every_field_reaches_budget_alerts_and_gate() {
    let spec = spec(
        "
service: a
slo: b
objective: 0.95
period: 7d
indicator: { latency: { histogram: h_seconds, within: 250ms } }
alerts:
  - { severity: page, budget: 0.1, long: 2h, short: 10m }
  - { severity: ticket, budget: 25%, long: 1d }
min_bad: { page: 7, ticket: 4 }
deploy: [{ window: 2h, below: 0.5 }]
",
    );
    assert_eq!(spec.within(), Some(Duration::from_millis(250)));
    assert_eq!(spec.objective(), Objective::new(95, 100).unwrap());
    assert_eq!(spec.period(), Duration::from_secs(7 * 86_400));
    let budget = spec.budget().build("a").unwrap();
    let windows: Vec<_> = budget
        .report()
        .windows()
        .map(maestro_slo_budget::WindowReport::window)
        .collect();
    let hour = Duration::from_secs(3600);
    assert_eq!(windows, [hour * 2, hour * 24]);
    let alerts = spec.alerts().build(budget.clone()).unwrap();
    let gate = spec.gate().build(budget.clone()).unwrap();
    let snapshot = alerts.snapshot();
    let list: Vec<_> = snapshot.iter().collect();
    assert_eq!(list.len(), 2);
    assert_eq!(list[0].severity(), Severity::Page);
    // 10 % of 7 d in 2 h, and 25 % in 1 d.
    assert_eq!(list[0].factor(), "8.4".parse().unwrap());
    assert_eq!(list[1].factor(), "1.75".parse().unwrap());
    assert_eq!(list[1].short().0, hour * 2);

    // Six bad events are too few for the page, and enough for the ticket. A deployment follows its limit.
    let count = |n| (0..n).for_each(|_| budget.record(Event::Bad));
    count(3);
    assert_eq!(alerts.evaluate().active().count(), 0);
    assert!(!gate.deploy().is_allowed());
    count(3);
    let severities = |alerts: &maestro_slo_budget::Alerts| -> Vec<_> {
        alerts
            .evaluate()
            .active()
            .map(maestro_slo_budget::Alert::severity)
            .collect()
    };
    assert_eq!(severities(&alerts), [Severity::Ticket]);
    count(1);
    assert_eq!(severities(&alerts), [Severity::Page]);
    let limit = maestro_slo_budget::Limit::new(hour * 2, "0.5".parse().unwrap());
    let share = "0.1".parse().unwrap();
    assert_eq!(
        spec.gate(),
        Gate::builder()
            .min_bad(7)
            .pace(share, hour * 2)
            .limits([limit])
    );
}

#[test]
fn period_and_windows_choose_the_resolution() {
    for (period, alerts) in [
        ("90d", "[{ severity: ticket, budget: 10%, long: 9d }]"),
        (
            "10m",
            "[{ severity: page, budget: 10%, long: 10s, short: 1s }]",
        ),
        (
            "1h",
            "[{ severity: page, budget: 10%, long: 2m, short: 10s }]",
        ),
        (
            "365d",
            "[{ severity: ticket, budget: 2%, long: 6h, short: 30m }]",
        ),
    ] {
        let text = format!("{PLAIN}period: {period}\nalerts: {alerts}\n");
        let spec = spec(&text);
        let budget = spec.budget().build("api").unwrap();
        spec.alerts().build(budget.clone()).unwrap();
        spec.gate().build(budget).unwrap();
    }
}

/// Each text has one mistake, and its whole message follows.
#[test]
fn every_mistake_has_a_place_and_says_what_is_allowed() {
    let mut wrong = Vec::new();
    for (text, told) in include!("spec/mistakes.rs") {
        let found = mistakes(&text);
        if found != told.trim_matches('\n') {
            wrong.push(format!("{text}----\n{found}\n---- instead of\n{told}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n====\n"));
}

#[test]
fn all_mistakes_are_reported_in_the_order_of_lines() {
    let text =
        "servce: a\nslo: 1\nobjective: 101%\nperiod: 5x\nindicator: { total: 'a{', bad: b }\n";
    let mistakes = text.parse::<Spec>().unwrap_err();
    let places: Vec<_> = mistakes
        .iter()
        .map(|mistake| (mistake.line(), mistake.column(), mistake.field().to_owned()))
        .collect();
    let place = |line, column, field: &str| (line, column, field.to_owned());
    assert_eq!(
        places,
        [
            place(1, 1, "servce"),
            place(2, 6, "slo"),
            place(3, 12, "objective"),
            place(4, 9, "period"),
            place(5, 24, "indicator.total"),
        ]
    );
}

#[test]
fn no_text_panics() {
    for text in [
        "",
        "\0",
        "a",
        "[",
        "{",
        "- a",
        "a: [b",
        "a: b: c",
        "\t",
        "%YAML 9",
        "--- a\n--- b",
        "? a",
        "!!x y",
        "&a b",
        "*a",
        "\u{feff}",
        "'",
        "\"\\x",
        "{a: {b: {c: [[[[",
        "service: |\n  a\n  b\n",
        "? {a: b}\n: c\n",
        "ä: ö\nservice: \u{1f980}\u{1f980}\n",
        "service: 'a\n  b'\n",
    ] {
        let told = mistakes(text);
        assert!(told.contains(':'), "{text:?}: {told}");
    }
    let deep = "[".repeat(60_000);
    assert!(!mistakes(&deep).is_empty());
}

#[test]
fn a_text_of_any_size_is_read_in_bounded_work() {
    let keys: String = (0..101).fold(String::new(), |text, n| text + &format!("k{n}: 1\n"));
    let labels = keys.replace('k', "  k");
    let matchers = (0..101).fold(String::new(), |text, n| text + &format!("k{n}!=\"\","));
    let total = r#"total: http_requests_total{job="conductor"}"#;
    for (text, told) in [
        (
            format!("# {}\n{PLAIN}", "x".repeat(64 * 1024)),
            format!(
                "1:1: the text has {} bytes: a specification has at most 65536",
                64 * 1024 + 3 + PLAIN.len()
            ),
        ),
        (
            keys.clone(),
            "1:1: there are more than 100 entries here".into(),
        ),
        (
            and(&format!("labels:\n{labels}")),
            "8:3: there are more than 100 entries here".into(),
        ),
        (
            with(total, &format!("total: m{{{matchers}}}")),
            "a selector has at most 100 matchers".into(),
        ),
    ] {
        let found = mistakes(&text);
        assert!(found.contains(&told), "{told}: {found}");
        assert_eq!(found.matches("\n  ").count(), 2, "one mistake: {found}");
    }
    let most = labels.replacen("  k100: 1\n", "", 1);
    spec(&and(&format!("labels:\n{most}")));
}

#[test]
fn only_selectors_and_quoted_labels_reach_the_rules() {
    let text = r#"
service: a
slo: b
objective: 99.9%
indicator: { total: "m{job='x\\\"} or vector(1) # '}", bad: "bad{job='x'}" }
labels: { note: 'a"} or vector(1) #' }
"#;
    let rules = spec(text).rules();
    assert!(rules.contains(r#"{job="x\"} or vector(1) # "}"#), "{rules}");
    assert!(rules.contains(r#"note: "a\"} or vector(1) #""#), "{rules}");
}

proptest::proptest! {
    /// An accepted specification builds, and gives rules and tests, whatever its numbers.
    #[test]
    fn every_accepted_spec_builds_and_writes_rules(
        digits in 1_u64..1_000_000,
        places in 3_usize..13,
        period in proptest::sample::select(vec!["90s", "10m", "1h", "1d", "7d", "28d", "30d", "90d", "365d", "3650d", "36500d"]),
        longs in proptest::collection::vec(
            proptest::sample::select(vec!["10ms", "1s", "7s", "1m", "90s", "1h", "6h", "1d", "3d", "30d", "365d"]),
            1..5,
        ),
        share in proptest::sample::select(vec!["0.000001%", "0.1%", "2%", "33.333333%", "100%"]),
        short in proptest::option::of(proptest::sample::select(vec!["1ms", "250ms", "7s", "5m", "2h"])),
        page in proptest::bool::ANY,
        min_bad in proptest::sample::select(vec![1, 2, 3, 1000, u64::MAX]),
    ) {
        let mut text = format!(
            "service: a\nslo: b\nobjective: 0.{digits:0>places$}\nperiod: {period}\nmin_bad: {{ page: {min_bad}, ticket: {min_bad} }}\n\
             indicator: {{ total: all, bad: bad }}\nalerts:\n"
        );
        for long in &longs {
            let severity = if page { "page" } else { "ticket" };
            let short = short.map(|short| format!(", short: {short}")).unwrap_or_default();
let _ = writeln!(text, "  - {{ severity: {severity}, budget: {share}, long: {long}{short} }}");
        }
        if let Ok(spec) = text.parse::<Spec>() {
            let budget = spec.budget().build("a/b").unwrap();
            spec.alerts().build(budget.clone()).unwrap();
            spec.gate().build(budget).unwrap();
            proptest::prop_assert!(!spec.rules().is_empty());
            proptest::prop_assert!(spec.rule_tests("rules.yaml").is_ok_and(|tests| !tests.is_empty()));
        }
    }
}

/// Dashboards and routes depend on the names of series, alerts and labels, so a change must be visible.
#[test]
fn the_rules_equal_the_golden_file() {
    let spec = spec(
        r#"
service: conductor
slo: runs
description: POST /runs is answered in time.
objective: 99%
indicator: { latency: { histogram: 'http_request_duration_seconds{job="conductor"}', within: 250ms } }
alerts: [{ severity: page, budget: 2%, long: 1h }]
labels: { team: orchestration }
interval: 30s
"#,
    );
    assert_eq!(spec.rules(), include_str!("spec/rules.yaml"));
}
