//! Warnings about configurations that are legal and probably not intended.

use std::time::Duration;

use maestro_slo_budget::{
    Admission, AlertRule, Alerts, Budgeting, ErrorBudget, Event, Factor, Gate, Objective, Page,
    Severity, Warning,
};
use tokio::time::advance;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn at(objective: &str) -> ErrorBudget {
    ErrorBudget::new("w", objective.parse().expect("an objective"))
}

fn page(percent: u32, long: Duration, short: Duration) -> Page {
    Page::new(Factor::new(percent, 100).expect("a share"), long, short)
}

#[test]
fn the_defaults_give_no_warning() {
    for objective in ["99%", "99.9%", "99.999999%"] {
        let budget = at(objective);
        assert_eq!(budget.warnings(), []);
        assert_eq!(Gate::new(budget.clone()).warnings(), []);
        assert_eq!(Alerts::new(budget).warnings(), []);
    }
}

#[test]
fn objectives_of_0_and_100_percent_give_warnings() {
    assert_eq!(at("100%").warnings(), [Warning::NoBudget]);
    assert_eq!(at("0%").warnings(), [Warning::EverythingIsAllowed]);
    let sentence = Warning::NoBudget.to_string();
    assert!(
        sentence.starts_with("at 100 % there is no budget"),
        "{sentence}"
    );
}

#[test]
fn windows_with_the_same_slots_give_warnings() {
    let builder = ErrorBudget::builder();
    let budget = builder
        .windows([25 * SECOND, 30 * SECOND, HOUR])
        .build("w")
        .unwrap();
    let slots = |window, slots| Warning::FewSlots { window, slots };
    let same = Warning::SameSlots {
        long: 30 * SECOND,
        short: 25 * SECOND,
    };
    assert_eq!(
        budget.warnings(),
        [slots(25 * SECOND, 2), slots(30 * SECOND, 3), same]
    );
    assert_eq!(
        same.to_string(),
        "windows of 30s and 25s hold the same slots or slices, so the shorter one says nothing of its own; \
         let them be further apart"
    );
    // There are fewer slices than slots.
    let minutes = Budgeting::timeslices(MINUTE, Objective::new(95, 100).unwrap());
    let budget = builder.budgeting(minutes).build("w").unwrap();
    let gate = Gate::builder()
        .pages([page(2, HOUR, 5 * MINUTE)])
        .build(budget)
        .unwrap();
    assert_eq!(gate.warnings(), [slots(5 * MINUTE, 5)]);
    let pair = page(2, HOUR, 3599 * SECOND);
    let gate = Gate::builder().pages([pair]).build(at("99.9%")).unwrap();
    assert!(matches!(gate.warnings()[..], [Warning::SameSlots { .. }]));
}

#[test]
fn a_page_only_for_outages_gives_a_warning() {
    let alerts = Alerts::new(at("95%"));
    let [
        Warning::OnlyInOutage {
            index: 0,
            error_rate,
        },
    ] = alerts.warnings()[..]
    else {
        panic!("{:?}", alerts.warnings());
    };
    assert!((error_rate - 0.72).abs() < 1e-9);
    assert_eq!(
        alerts.warnings()[0].to_string(),
        "number 1 fires only when more than 72.0 % of all events are bad; lower its share of the budget, \
         or set the objective higher"
    );
}

/// The number is exact: with that many events one error fires, with one more it does not.
#[tokio::test(start_paused = true)]
async fn a_warning_names_the_traffic_in_which_one_error_pages() {
    let rule = AlertRule::new(Severity::Page, page(2, HOUR, 5 * MINUTE));
    // With an evidence limit of one half the factor decides: one of 69 burns 14.49.
    for (evidence, up_to) in [(0.01, 10), (0.5, 69)] {
        let alerts = |budget| {
            let builder = Alerts::builder()
                .rules([rule])
                .min_bad_to_page(1)
                .evidence(evidence);
            builder.build(budget).unwrap()
        };
        assert_eq!(
            alerts(at("99.9%")).warnings(),
            [Warning::OneErrorFires { index: 0, up_to }]
        );
        for (events, fires) in [(up_to, true), (up_to + 1, false)] {
            let budget = at("99.9%");
            let alerts = alerts(budget.clone());
            budget.record(Event::Bad);
            (1..events).for_each(|_| budget.record(Event::Good));
            assert_eq!(alerts.evaluate().active().count() == 1, fires, "{events}");
        }
        // The page of the gate is the same.
        let gate = Gate::builder().pages([page(2, HOUR, 5 * MINUTE)]);
        let gate = gate
            .min_bad_to_page(1)
            .evidence(evidence)
            .build(at("99.9%"))
            .unwrap();
        assert_eq!(
            gate.warnings(),
            [Warning::OneErrorFires { index: 0, up_to }]
        );
        for (events, closes) in [(up_to, true), (up_to + 1, false)] {
            let budget = at("99.9%");
            let gate = Gate::builder().pages([page(2, HOUR, 5 * MINUTE)]);
            let gate = gate
                .min_bad_to_page(1)
                .evidence(evidence)
                .build(budget.clone())
                .unwrap();
            budget.record(Event::Bad);
            (1..events).for_each(|_| budget.record(Event::Good));
            advance(10 * SECOND).await;
            assert_eq!(!gate.is_open(), closes, "{events}");
        }
    }
    // At 100 % one error fires whatever the traffic.
    let alerts = Alerts::builder()
        .min_bad(1)
        .min_bad_to_page(1)
        .build(at("100%"))
        .unwrap();
    let [
        Warning::OneErrorFires {
            up_to: u64::MAX, ..
        },
        ..,
    ] = alerts.warnings()[..]
    else {
        panic!("{:?}", alerts.warnings());
    };
}

#[test]
fn a_gate_with_deploy_limits_gives_a_warning() {
    let gate = Gate::builder()
        .admission(Admission::Deploy)
        .build(at("99.9%"))
        .unwrap();
    let fires = |index, up_to| Warning::OneErrorFires { index, up_to };
    assert_eq!(
        gate.warnings(),
        [fires(0, 1000), fires(1, 2000), fires(2, 5000)]
    );
    assert_eq!(
        gate.warnings()[2].to_string(),
        "one bad event of up to 5000 fires number 3; ask for more bad events, or expect it in low traffic"
    );
    assert!(DAY > HOUR);
}
