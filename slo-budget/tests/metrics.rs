//! Figures for a recorder, on a paused clock: true at each scrape, whichever comes first, the object or the recorder.

use std::{collections::BTreeMap, fmt::Debug, hash::Hash, time::Duration};

use maestro_slo_budget::{
    Alerts, Class, ErrorBudget, ErrorBudgets, Event, Gate, Gates, Objective, Override,
};
use metrics::with_local_recorder;
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use tokio::time::advance;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

fn budget() -> ErrorBudget {
    ErrorBudget::new("m", Objective::new(999, 1000).expect("an objective"))
}

fn record(budget: &ErrorBudget, good: u64, bad: u64) {
    (0..good).for_each(|_| budget.record(Event::Good));
    (0..bad).for_each(|_| budget.record(Event::Bad));
}

/// Each metric by its name and labels but for `name`, as text. A snapshot takes what counters have, so counters are what
/// is new since the last one.
fn values(snapshotter: &Snapshotter) -> BTreeMap<String, String> {
    let all = snapshotter.snapshot().into_vec();
    all.into_iter()
        .map(|(key, _, _, value)| {
            let labels = key.key().labels();
            let labels: Vec<_> = labels
                .filter(|label| label.key() != "name")
                .map(|label| format!(" {}", label.value()))
                .collect();
            let name = key.key().name();
            let name = name.trim_start_matches("maestro_slo_budget_");
            let value = match value {
                DebugValue::Counter(n) => n.to_string(),
                DebugValue::Gauge(x) => format!("{:.3}", x.into_inner()),
                DebugValue::Histogram(_) => panic!("a histogram"),
            };
            (format!("{name}{}", labels.concat()), value)
        })
        .collect()
}

/// What `publish` publishes, without the metrics that have `0` or a share of 1.
fn scrape(recorder: &DebuggingRecorder, publish: impl FnOnce()) -> Vec<String> {
    with_local_recorder(recorder, publish);
    let values = values(&recorder.snapshotter()).into_iter();
    values
        .filter(|(_, value)| !["0", "0.000", "1.000"].contains(&value.as_str()))
        .map(|(name, value)| format!("{name} = {value}"))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_scrape_shows_the_budget_of_that_moment() {
    let (recorder, budget) = (DebuggingRecorder::new(), budget());
    record(&budget, 3998, 2);
    let expected = [
        "burn_rate 1h = 0.500",
        "burn_rate 1d = 0.500",
        "burn_rate 6h = 0.500",
        "events_total bad = 2",
        "events_total good = 3998",
        "objective_ratio = 0.999",
        "remaining_ratio = 0.500",
    ];
    let mut expected = expected.map(str::to_owned);
    expected.sort_unstable();
    assert_eq!(scrape(&recorder, || budget.publish_metrics()), expected);
    // No event since, and nothing keeps its last value.
    advance(2 * HOUR).await;
    let seen = scrape(&recorder, || budget.publish_metrics());
    assert_eq!(
        seen,
        [
            "burn_rate 1d = 0.500",
            "burn_rate 1h = NaN",
            "burn_rate 6h = 0.500",
            "objective_ratio = 0.999",
            "remaining_ratio = 0.500"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_recorder_may_be_installed_late() {
    let (recorder, budget) = (DebuggingRecorder::new(), budget());
    record(&budget, 0, 1);
    budget.publish_metrics(); // to nobody
    record(&budget, 0, 2);
    let seen = scrape(&recorder, || budget.publish_metrics());
    assert!(
        seen.contains(&"events_total bad = 2".to_owned()),
        "{seen:?}"
    );
    // Or replaced.
    let other = DebuggingRecorder::new();
    record(&budget, 0, 3);
    let seen = scrape(&other, || budget.publish_metrics());
    assert!(
        seen.contains(&"events_total bad = 3".to_owned()),
        "{seen:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_window_that_is_removed_ends_as_nan() {
    let (recorder, builder) = (DebuggingRecorder::new(), ErrorBudget::builder());
    let with = |hours: &[u32; 2]| builder.windows(hours.map(|hours| hours * HOUR));
    let burn_rates = |publish: &dyn Fn()| {
        let mut seen = scrape(&recorder, publish);
        seen.retain(|metric| metric.starts_with("burn_rate"));
        seen
    };
    let budget = with(&[1, 2]).build("m").unwrap();
    record(&budget, 1998, 1);
    let publish = || budget.publish_metrics();
    assert_eq!(
        burn_rates(&publish),
        ["burn_rate 1h = 0.500", "burn_rate 2h = 0.500"]
    );
    budget.reconfigure(with(&[2, 3])).unwrap();
    let after = [
        "burn_rate 1h = NaN",
        "burn_rate 2h = 0.500",
        "burn_rate 3h = 0.500",
    ];
    assert_eq!(burn_rates(&publish), after);
    // Once: another budget may have the name and the window.
    let other = DebuggingRecorder::new();
    let seen = scrape(&other, publish);
    assert!(!seen.iter().any(|metric| metric.contains("1h")), "{seen:?}");

    let family = with(&[4, 5]).build_family("m", 2).unwrap().label_metrics();
    record(&family.get(&1), 1998, 1);
    record(&family.get(&2), 1998, 1);
    let publish = || family.publish_metrics();
    burn_rates(&publish);
    assert!(family.forget(&2));
    family.reconfigure(with(&[5, 6])).unwrap();
    let seen = burn_rates(&publish);
    for gone in ["1 4h", "2 4h", "_overflow 4h"] {
        let expected = format!("burn_rate {gone} = NaN");
        assert!(seen.contains(&expected), "{seen:?}");
    }
    assert!(seen.contains(&"burn_rate 1 5h = 0.500".to_owned()));
}

#[test]
fn a_label_costs_as_many_series_as_documented() {
    let recorder = DebuggingRecorder::new();
    let tenants = ErrorBudget::builder().build_family("m", 10).unwrap();
    let tenants = tenants.label_metrics();
    let gates = Gate::builder().build_family(tenants.clone()).unwrap();
    let gate = gates.get(&7);
    let alerts = Alerts::new(gate.budget().clone());
    let series = |label: &str, publish: &dyn Fn()| {
        with_local_recorder(&recorder, publish);
        let all = recorder.snapshotter().snapshot().into_vec();
        let has_label = |key: &metrics::Key| {
            (key.labels()).any(|has| (has.key(), has.value()) == ("key", label))
        };
        let of_label = all.iter().filter(|(key, ..)| has_label(key.key()));
        of_label.count()
    };
    assert_eq!(series("7", &|| tenants.publish_metrics()), 7);
    assert_eq!(series("7", &|| gates.publish_metrics()), 17);
    assert_eq!(series("_overflow", &|| ()), 17);
    assert_eq!(series("7", &|| alerts.publish_metrics()), 19);
}

#[tokio::test(start_paused = true)]
async fn a_restored_history_is_not_counted_again() {
    let (recorder, wall) = (DebuggingRecorder::new(), Duration::from_secs(1_700_000_000));
    let before = budget();
    record(&before, 10, 10);
    let bytes = before.history(wall).to_bytes();
    let (after, _) = ErrorBudget::builder().restore("m", &bytes, wall).unwrap();
    record(&after, 0, 1);
    let seen = scrape(&recorder, || after.publish_metrics());
    assert!(
        seen.contains(&"events_total bad = 1".to_owned()),
        "{seen:?}"
    );
    assert_eq!(after.counts(HOUR).bad(), 11);
}

#[test]
fn concurrent_scrapes_count_each_event_once() {
    let (recorder, budget) = (DebuggingRecorder::new(), budget());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                with_local_recorder(&recorder, || {
                    for _ in 0..200 {
                        record(&budget, 3, 2);
                        budget.publish_metrics();
                    }
                });
            });
        }
    });
    let seen = values(&recorder.snapshotter());
    assert_eq!(seen["events_total good"], "2400");
    assert_eq!(seen["events_total bad"], "1600");
}

#[tokio::test(start_paused = true)]
async fn a_scrape_shows_the_gate_of_that_moment() {
    let recorder = DebuggingRecorder::new();
    let gate = Gate::new(budget());
    let scrape = || scrape(&recorder, || gate.publish_metrics());
    assert_eq!(scrape(), [""; 0], "all admitted");
    record(gate.budget(), 4000, 1000);
    advance(SECOND).await;
    assert_eq!(
        scrape(),
        ["gate_share = 0.800", "gate_transitions_total refusing = 1"]
    );
    let refused = (0..1280).filter(|_| gate.check(Class::Optional).is_err());
    let refused = refused.count();
    assert_eq!(
        scrape(),
        [
            format!("gate_refused_total policy = {refused}"),
            "gate_share = 0.800".to_owned()
        ]
    );
    gate.force_closed(Override::new("alice", "a migration").lasting(HOUR));
    assert!(gate.check(Class::Optional).is_err());
    let shown = with_local_recorder(&recorder, || {
        gate.publish_metrics();
        values(&recorder.snapshotter())
    });
    assert_eq!(shown["gate_share"], "0.000");
    assert_eq!(shown["gate_forced"], "1.000");
    assert_eq!(shown["gate_refused_total forced"], "1");
    // No request comes, and the gauges follow.
    advance(HOUR).await;
    assert_eq!(
        scrape(),
        [
            "gate_transitions_total override_over = 1",
            "gate_transitions_total recovered = 1"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_scrape_evaluates_the_alerts() {
    let (recorder, budget) = (DebuggingRecorder::new(), budget());
    let alerts = Alerts::new(budget.clone());
    assert_eq!(scrape(&recorder, || alerts.publish_metrics()), [""; 0]);
    record(&budget, 950, 50);
    assert_eq!(
        scrape(&recorder, || alerts.publish_metrics()),
        ["alerts_firing page = 2.000"],
        "tickets are inhibited"
    );
}

fn families(capacity: usize) -> (ErrorBudgets<u32>, Gates<u32>) {
    let budgets = ErrorBudget::builder().build_family("m", capacity);
    gated(budgets.expect("the defaults are valid"))
}

fn gated<K>(budgets: ErrorBudgets<K>) -> (ErrorBudgets<K>, Gates<K>)
where
    K: Hash + Eq + Clone + Debug + Send + Sync + 'static,
{
    let gates = Gate::builder().build_family(budgets.clone());
    (budgets, gates.expect("the defaults are valid"))
}

#[tokio::test(start_paused = true)]
async fn a_family_without_labels_publishes_sums() {
    let recorder = DebuggingRecorder::new();
    let (budgets, gates) = families(2);
    for (key, good, bad) in [(1, 600, 0), (2, 300, 1), (3, 99, 0)] {
        assert!(gates.get(&key).is_open());
        record(&budgets.get(&key), good, bad);
    }
    for gate in [gates.get(&1), gates.overflow().clone()] {
        gate.force_closed(Override::new("me", "test"));
        assert!(gate.check(Class::Optional).is_err());
    }
    let seen = with_local_recorder(&recorder, || {
        budgets.publish_metrics();
        gates.publish_metrics();
        values(&recorder.snapshotter())
    });
    let shown = [
        "burn_rate 1h",
        "events_total bad",
        "events_total good",
        "gate_forced",
        "gate_refused_total forced",
        "gate_share",
        "gate_transitions_total forced",
        "remaining_ratio",
    ];
    assert_eq!(
        shown.map(|name| seen[name].as_str()),
        ["1.000", "1", "999", "2.000", "2", "0.000", "2", "0.000"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_labelled_family_publishes_a_bounded_number_of_keys() {
    let recorder = DebuggingRecorder::new();
    let (budgets, gates) = gated(families(2).0.label_metrics());
    for key in 1..=3 {
        record(&budgets.get(&key), 0, key.into());
        let closed = gates.get(&key);
        closed.force_closed(Override::new("me", "test"));
    }
    assert!(budgets.forget(&1));
    record(&budgets.get(&4), 0, 40);
    let seen = with_local_recorder(&recorder, || {
        budgets.publish_metrics();
        gates.publish_metrics();
        values(&recorder.snapshotter())
    });
    let shown = |name: &str| {
        let labelled = ["1", "2", "_overflow"].map(|key| {
            let (name, label) = name.split_once(' ').unwrap_or((name, ""));
            format!("{name} {key} {label}").trim_end().to_owned()
        });
        labelled.map(|name| seen[&name].as_str())
    };
    // 3 had no room, and 4 has a budget but no label.
    assert_eq!(shown("events_total bad"), ["0", "2", "43"]);
    assert_eq!(shown("remaining_ratio"), ["NaN", "-999.000", "-999.000"]);
    assert_eq!(shown("gate_share"), ["1.000", "0.000", "0.000"]);
    assert_eq!(
        seen.keys()
            .filter(|name| name.starts_with("remaining"))
            .count(),
        3
    );
}
