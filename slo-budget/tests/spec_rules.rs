//! What the rules of a specification select and ask for, and what is probably not intended.

use maestro_slo_budget::Spec;

fn spec(more: &str) -> Spec {
    let text = format!("service: api\nslo: a\nobjective: 99%\n{more}");
    text.parse().unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn latency(fields: &str) -> String {
    spec(&format!("indicator: {{ latency: {{ {fields} }} }}\n")).rules()
}

#[test]
fn a_bound_has_the_unit_of_the_histogram() {
    for (fields, le) in [
        ("histogram: h_seconds, within: 250ms", r#"le="0.25""#),
        ("histogram: h, within: 2s", r#"le=~"2(\\.0)?""#),
        (
            "histogram: istio_request_duration_milliseconds, within: 500ms",
            r#"le=~"500(\\.0)?""#,
        ),
        ("histogram: h_us, within: 2ms", r#"le=~"2000(\\.0)?""#),
        ("histogram: h_micros, within: 1ms", r#"le=~"1000(\\.0)?""#),
        (
            "histogram: h, within: 500ms, unit: milliseconds",
            r#"le=~"500(\\.0)?""#,
        ),
        (
            "histogram: h_ms, within: 500ms, unit: seconds",
            r#"le="0.5""#,
        ),
    ] {
        let rules = latency(fields);
        assert!(
            rules.contains(&format!("_bucket{{{le}}}[5m]")),
            "{fields}\n{rules}"
        );
    }
}

#[test]
fn a_bucket_that_does_not_exist_is_a_mistake() {
    for buckets in ["[0.1, 0.3, 1]", "[100ms, 300ms, 1s]"] {
        latency(&format!("histogram: h, within: 300ms, buckets: {buckets}"));
    }
    latency("histogram: h_ms, within: 300ms, buckets: [250, 300.0, 500]");
    for buckets in ["[0.25, 0.5]", "[250ms, 500ms]"] {
        let text = format!(
            "service: a\nslo: b\nobjective: 99%\nindicator:\n  latency: {{ histogram: h, within: 300ms, buckets: {buckets} }}\n"
        );
        let told = text.parse::<Spec>().unwrap_err().to_string();
        let expected = "5:36: indicator.latency.within: the histogram has no bucket with the bound `0.3`: choose one of `0.25`, `0.5`, or add this bucket to the service";
        assert!(told.starts_with(expected), "{told}");
    }
}

#[test]
fn a_native_histogram_needs_no_bucket() {
    let spec = spec("indicator: { latency: { native: 'h{job=\"a\"}', within: 300ms } }\n");
    let rules = spec.rules();
    for part in [
        "histogram_count(sum(increase(h{job=\"a\"}[1h])))",
        "(1 - histogram_fraction(0, 0.3, sum(increase(h{job=\"a\"}[1h])))) * (sum(slo:events:increase1h",
    ] {
        assert!(rules.contains(part), "{rules}");
    }
    assert!(!rules.contains("NoBucket"), "{rules}");
    let told = spec.rule_tests("r").unwrap_err().to_string();
    assert!(
        told.contains("no notation for the samples of a native histogram"),
        "{told}"
    );
}

/// The texts after `line:column: `.
fn warnings(text: &str) -> Vec<String> {
    let spec: Spec = text.parse().unwrap_or_else(|mistakes| panic!("{mistakes}"));
    spec.warnings()
        .map(|warning| format!("{}:{} {}", warning.line(), warning.field(), warning.what()))
        .collect()
}

#[test]
fn what_is_probably_not_intended_gives_a_warning() {
    let start = "service: a\nslo: b\nobjective: 99%\n";
    for (more, told) in [
        (
            "indicator: { total: m, bad: 'm{code=\"5..\"}' }\n",
            "4:indicator `code=\"5..\"` compares with a text that looks like a regular expression, and finds only that text: write `=~`",
        ),
        (
            "indicator: { total: m, good: 'm{code!=\"5..|429\"}' }\n",
            "write `!~`",
        ),
        (
            "indicator: { total: 'm{path!=\"/api/.*\"}', bad: e }\n",
            "write `!~`",
        ),
        (
            "indicator: { total: 'm{job=\"a\"}', good: 'm{code=\"200\"}' }\n",
            "4:indicator the part has no `job=\"a\"` and so may count what `total` does not",
        ),
        (
            "indicator: { total: '{\"http.requests\"}', bad: bad }\n",
            "4:indicator `http.requests` is a name that Prometheus reads from version 3 on",
        ),
        (
            "indicator: { total: m, bad: e }\nscrape: 5m\n",
            "5:scrape the window of 5m has fewer than four scrapes, so one scrape decides about it: its alert keeps firing for 10m; scrape more often, or lengthen the window to 20m",
        ),
        (
            "indicator: { total: m, bad: e }\nperiod: 7d\nalerts: [{ severity: ticket, budget: 10%, long: 1d }]\n",
            "6:alerts the alert on 1d/2h asks for a burn rate above 0.7, and fires above 1 only",
        ),
    ] {
        let found = warnings(&format!("{start}{more}"));
        assert!(
            found.len() == 1 && found[0].contains(told),
            "{more}: {found:?}"
        );
    }
    for more in [
        "indicator: { total: 'm{job=\"a\"}', bad: 'm{job=\"a\", code=~\"5..\"}' }\n",
        "indicator: { total: 'm{v=\"1.2.3\", path=\"/a.b\"}', bad: 'e{ip=\"10.0.0.1\"}' }\n",
        "indicator: { total: 'm{job=\"a\", code!=\"404\"}', bad: 'm{job=\"a\", code=~\"5..\"}' }\n",
        "indicator: { total: m, bad: e }\nperiod: 7d\nscrape: 1m\n",
    ] {
        assert_eq!(warnings(&format!("{start}{more}")), [""; 0], "{more}");
    }
}

#[test]
fn names_and_quotes_of_prometheus_reach_the_rules() {
    let rules = spec(
        r#"indicator: { total: '{"http.server.duration", job=`api`}', bad: '{"http.server.duration", job="api", "http.code"=~`\p{Nd}{3}`}' }
"#,
    )
    .rules();
    assert!(
        rules.contains(
            r#"sum(increase({"http.server.duration", job="api", "http.code"=~"\\p{Nd}{3}"}[5m]))"#
        ),
        "{rules}"
    );
}

/// A ticket of a week has a factor of 1, at which 14 % of the budget are consumed in a day.
#[test]
fn the_default_alerts_of_a_week_say_what_fires() {
    let rules = spec("period: 7d\nindicator: { total: all, bad: bad }\n").rules();
    for summary in [
        "above 3.36 (1h and 5m)",
        "above 1.4 (6h and 30m)",
        "above 1 (1d and 2h)",
        "above 1 (3d and 6h)",
    ] {
        assert!(rules.contains(summary), "{summary}\n{rules}");
    }
    assert!(
        rules.contains("slo:error_ratio:rate3d{service=\"api\", slo=\"a\"} > 0.01\n"),
        "{rules}"
    );
}

/// With four alerts of eight windows.
#[test]
fn no_group_has_more_than_twenty_rules() {
    let default = spec("indicator: { total: all, bad: bad }\n").rules();
    let eight = spec(
        "indicator: { total: all, bad: bad }
alerts:
  - { severity: page, budget: 2%, long: 1h, short: 6m }
  - { severity: page, budget: 5%, long: 6h, short: 20m }
  - { severity: ticket, budget: 10%, long: 1d, short: 90m }
  - { severity: ticket, budget: 15%, long: 3d, short: 3h }
",
    )
    .rules();
    for rules in [default, eight] {
        let groups = rules.split("\n  - name: ").skip(1);
        let sizes: Vec<_> = groups
            .map(|group| group.matches("- record:").count() + group.matches("- alert:").count())
            .collect();
        assert!(
            sizes.len() > 1 && sizes.iter().all(|rules| *rules <= 20),
            "{sizes:?}"
        );
    }
}

/// Each counter is read once for each window of up to a day, and never for a longer one.
#[test]
fn each_window_reads_the_counters_once() {
    let rules = spec("indicator: { total: all, bad: bad }\n").rules();
    for window in ["5m", "30m", "1h", "2h", "6h", "1d"] {
        for metric in ["all", "bad"] {
            let read = format!("increase({metric}[{window}])");
            assert_eq!(rules.matches(&read).count(), 1, "{read}");
        }
    }
    assert!(
        !rules.contains("all[3d]") && !rules.contains("bad[3d]"),
        "{rules}"
    );
    assert!(
        rules.contains("sum_over_time(slo:events:increase30m{service=\"api\", slo=\"a\"}[3d:30m])")
    );
}

#[test]
fn the_severity_of_no_data_can_be_chosen() {
    let plain = "indicator: { total: all, bad: bad }\n";
    let severities = |more: &str| {
        let rules = spec(&format!("{plain}{more}")).rules();
        let alerts = rules.split("- alert: ErrorBudgetNoData").skip(1);
        let severity = |alert: &str| {
            alert
                .split("severity: ")
                .nth(1)?
                .lines()
                .next()
                .map(str::to_owned)
        };
        alerts.filter_map(severity).collect::<Vec<_>>()
    };
    assert_eq!(severities(""), ["page", "ticket"]);
    assert_eq!(severities("no_data: page\n"), ["page"]);
    assert_eq!(severities("no_data: ticket\n"), ["ticket"]);
}

#[test]
fn the_tests_of_the_default_alerts_are_small() {
    let spec = spec(
        "description: POST /runs is answered, and not with 5xx.\nlabels: { team: orchestration }
indicator: { total: 'http_requests_total{job=\"conductor\"}', bad: 'http_requests_total{job=\"conductor\", code=\"500\"}' }\n",
    );
    let tests = spec.rule_tests("rules.yaml").unwrap();
    assert!(tests.len() < 15_000, "{}", tests.len());
}

#[test]
fn annotations_reach_every_alert() {
    let rules = spec(
        "indicator: { total: all, bad: bad }\nannotations: { runbook_url: 'https://runbooks/api', owner: me }\n",
    )
    .rules();
    let alerts = rules.matches("- alert:").count();
    assert_eq!(rules.matches("owner: me").count(), alerts);
    assert_eq!(
        rules.matches("runbook_url: https://runbooks/api").count(),
        alerts
    );
    let text = "service: a\nslo: b\nobjective: 99%\nindicator: { total: all, bad: bad }\nannotations: { summary: x, 5x: y }\n";
    let told = text.parse::<Spec>().unwrap_err().to_string();
    assert!(
        told.contains("5:16: annotations.summary: the rules set this annotation"),
        "{told}"
    );
    assert!(told.contains("5:28: annotations.5x: the name of"), "{told}");
}

#[test]
fn a_specification_without_alerts_records_and_builds() {
    let spec = spec("indicator: { total: all, bad: bad }\nalerts: []\n");
    let budget = spec.budget().build("a").unwrap();
    let alerts = spec.alerts().build(budget.clone()).unwrap();
    assert_eq!(alerts.snapshot().iter().count(), 0);
    assert!(spec.gate().build(budget).unwrap().is_open());
    let rules = spec.rules();
    assert!(
        !rules.contains("ErrorBudgetBurn") && rules.contains("slo:error_budget:remaining"),
        "{rules}"
    );
    assert!(!spec.rule_tests("rules.yaml").unwrap().is_empty());
}
