//! Situations of real fleets, minute by minute, as promtool sees them with the emitted rules.

use std::collections::{BTreeMap, BTreeSet};

use maestro_slo_budget::Spec;

#[path = "slo_situations/minutes.rs"]
mod minutes;
mod programs;

use minutes::{Counter, firing};

const API: &str = r#"
service: api
slo: a
objective: 99.9%
indicator:
  total: http_requests_total{job="api"}
  bad: http_requests_total{job="api", code=~"5.."}
"#;

fn rules(text: &str) -> String {
    let spec: Spec = text.parse().unwrap_or_else(|mistakes| panic!("{mistakes}"));
    spec.rules()
}

const GOOD: &str = "http_requests_total{job=\"api\", code=\"200\"}";
const BAD: &str = "http_requests_total{job=\"api\", code=\"500\"}";
const PAGE: &str = "ErrorBudgetBurn/page/1h";
const GONE: &str = "ErrorBudgetNoData/page";

/// All requests fail from minute 60 on, and at 70 all instances are gone.
#[test]
fn promtool_holds_the_page_of_an_outage_without_series() {
    let series = [
        (
            GOOD,
            Counter::of().grows(60, 100).grows(10, 0).is(1, "stale"),
        ),
        (
            BAD,
            Counter::of().grows(60, 0).grows(10, 100).is(1, "stale"),
        ),
    ];
    let minutes: Vec<_> = (58..200).collect();
    let firing = firing(&rules(API), &series, &minutes);
    let fires = |minute: usize, alert: &str| firing[&minute].contains(alert);
    assert!(!fires(59, PAGE));
    for minute in 62..=125 {
        assert!(fires(minute, PAGE), "at {minute}: {:?}", firing[&minute]);
    }
    // Until the long window has fewer than two scrapes of it.
    for minute in 131..200 {
        assert!(!fires(minute, PAGE), "at {minute}: {:?}", firing[&minute]);
    }
    // The absence is a page for an hour, and then a ticket.
    assert!(!fires(72, GONE) && fires(80, GONE) && fires(138, GONE) && !fires(145, GONE));
    assert!(!fires(138, "ErrorBudgetNoData/ticket") && fires(155, "ErrorBudgetNoData/ticket"));
}

/// The outage is over, and its errors are still in the long window, when the instances go away.
#[test]
fn promtool_holds_no_page_that_had_recovered() {
    let series = [
        (
            GOOD,
            Counter::of()
                .grows(60, 100)
                .grows(5, 0)
                .grows(15, 100)
                .is(1, "stale"),
        ),
        (
            BAD,
            Counter::of()
                .grows(60, 0)
                .grows(5, 100)
                .grows(15, 0)
                .is(1, "stale"),
        ),
    ];
    let minutes: Vec<_> = (58..140).collect();
    let firing = firing(&rules(API), &series, &minutes);
    assert!(firing[&63].contains(PAGE));
    for minute in 73..140 {
        assert!(!firing[&minute].contains(PAGE), "at {minute}");
    }
}

/// Each instance is scraped once, with 80 failures.
#[test]
fn promtool_pages_for_a_crash_loop() {
    let mut series = vec![(GOOD.to_owned(), Counter::of().grows(60, 100).is(1, "stale"))];
    for minute in 60..200 {
        let name = format!("http_requests_total{{job=\"api\", pod=\"{minute}\", code=\"500\"}}");
        let counter = Counter::of().is(minute, "_").is(1, "80").is(1, "stale");
        series.push((name, counter));
    }
    let series: Vec<_> = series
        .iter_mut()
        .map(|(name, counter)| (name.as_str(), std::mem::take(counter)))
        .collect();
    let minutes: Vec<_> = (58..200).step_by(5).collect();
    let firing = firing(&rules(API), &series, &minutes);
    for (minute, firing) in firing {
        assert_eq!(
            firing.contains(GONE),
            minute >= 70,
            "at {minute}: {firing:?}"
        );
    }
}

/// The number of times that the page begins to fire.
fn begins(firing: &BTreeMap<usize, BTreeSet<String>>) -> usize {
    let pages: Vec<bool> = firing
        .values()
        .map(|firing| firing.contains(PAGE))
        .collect();
    pages.windows(2).filter(|pair| !pair[0] && pair[1]).count()
}

/// 5 % errors for 99 minutes, scraped every 5 minutes: a window of 5 minutes rarely has two scrapes.
#[test]
fn promtool_pages_once_where_scrapes_are_rare() {
    let sparse = |events: u64| {
        let mut counter = Counter::of();
        for n in 0..36 {
            counter.events = if n < 12 { 0 } else { events * (n - 12) };
            counter = counter.grows(1, 0).is(4, "_");
        }
        counter
    };
    for scrape in ["", "scrape: 5m\n"] {
        let series = [(GOOD, sparse(475)), (BAD, sparse(25))];
        let minutes: Vec<_> = (0..180).collect();
        let firing = firing(&rules(&format!("{API}{scrape}")), &series, &minutes);
        assert_eq!(begins(&firing), 1, "{scrape}");
        assert!(
            firing[&150].contains(PAGE) && firing[&99].contains(PAGE),
            "{scrape}"
        );
    }
    let rules = rules(&format!("{API}scrape: 5m\n"));
    // Two scrapes, for the alert whose short window has fewer than four; the period has steps of four.
    assert_eq!(
        rules.matches("keep_firing_for: \"10m\"").count(),
        1,
        "{rules}"
    );
    assert!(rules.contains("[30d:20m]"), "{rules}");
}

/// One minute of outage every ten.
#[test]
fn promtool_pages_once_where_an_alert_keeps_firing() {
    for (keep, times) in [("", 20), (", keep_firing_for: 10m", 1)] {
        let mut series = [(GOOD, Counter::of()), (BAD, Counter::of())];
        for _ in 0..20 {
            let [(_, good), (_, bad)] = &mut series;
            *good = std::mem::take(good).grows(9, 100).grows(1, 0);
            *bad = std::mem::take(bad).grows(9, 0).grows(1, 100);
        }
        let text = format!("{API}alerts: [{{ severity: page, budget: 2%, long: 1h{keep} }}]\n");
        let minutes: Vec<_> = (0..200).collect();
        assert_eq!(
            begins(&firing(&rules(&text), &series, &minutes)),
            times,
            "{keep}"
        );
    }
}

#[test]
fn promtool_finds_that_the_retention_is_too_short() {
    let expr = "count_over_time(slo:objective:ratio{service=\"api\", slo=\"a\"}[2d:5m]) / 576";
    let rules = rules(&format!("{API}period: 2d\nalerts: []\n"));
    assert!(rules.contains(expr), "{rules}");
    let minute = [7 * 60];
    let alert = "ErrorBudgetRetention/ticket";
    // A budget that is younger than its period covers a tenth more in a tenth of it.
    assert!(!firing(&rules, &[], &minute)[&minute[0]].contains(alert));
    let half = rules.replace(expr, "vector(0.5)");
    assert!(firing(&half, &[], &minute)[&minute[0]].contains(alert));
    let all = rules.replace(expr, "vector(0.96)");
    assert!(!firing(&all, &[], &minute)[&minute[0]].contains(alert));
}

#[test]
fn promtool_says_when_good_exceeds_total() {
    let rules =
        rules("service: api\nslo: a\nobjective: 99.9%\nindicator: { total: all, good: good }\n");
    let series = [
        ("all", Counter::of().grows(60, 100)),
        ("good", Counter::of().grows(60, 110)),
    ];
    let at = firing(&rules, &series, &[10, 50]);
    assert!(at[&10].is_empty());
    assert_eq!(
        at[&50],
        BTreeSet::from(["ErrorBudgetContradiction/ticket".to_owned()])
    );
}

#[test]
fn promtool_says_when_there_is_no_such_bucket() {
    let rules = rules(
        "service: api\nslo: a\nobjective: 99%\nindicator: { latency: { histogram: h, within: 300ms } }\n",
    );
    let series = [
        ("h_count", Counter::of().grows(60, 100)),
        ("h_bucket{le=\"0.25\"}", Counter::of().grows(60, 90)),
        ("h_bucket{le=\"0.5\"}", Counter::of().grows(60, 99)),
    ];
    let at = firing(&rules, &series, &[50]);
    let told = BTreeSet::from(["ErrorBudgetNoBucket/page".to_owned()]);
    assert_eq!(at[&50], told);
    // One request in 12 minutes.
    let rarely = |of: Counter| (0..8).fold(of, |of, _| of.grows(11, 0).grows(1, 1));
    let series = [
        ("h_count", rarely(Counter::of())),
        ("h_bucket{le=\"0.25\"}", Counter::of().grows(96, 0)),
        ("h_bucket{le=\"0.5\"}", rarely(Counter::of())),
    ];
    assert_eq!(firing(&rules, &series, &[80])[&80], told);
}
