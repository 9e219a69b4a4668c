//! Warnings about configurations that are legal and probably not intended.

use std::time::Duration;

use maestro_slo_budget::{
    AlertRule, Alerts, Budgeting, ErrorBudget, Event, Factor, Gate, Objective, Page, Severity,
    Warning,
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

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
    let alerts = |short, budget| {
        let rule = AlertRule::new(Severity::Page, page(2, HOUR, short));
        Alerts::builder().rules([rule]).build(budget).unwrap()
    };
    assert_eq!(
        alerts(5 * MINUTE, budget).warnings(),
        [slots(5 * MINUTE, 5)]
    );
    let same = alerts(3599 * SECOND, at("99.9%"));
    assert!(matches!(same.warnings()[..], [Warning::SameSlots { .. }]));
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
#[test]
fn a_warning_names_the_traffic_in_which_one_error_pages() {
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
fn a_gate_on_long_slices_gives_a_warning() {
    let gate = |slice, bad| {
        let slices = Budgeting::timeslices(slice, Objective::new(95, 100).unwrap());
        let budget = ErrorBudget::builder().budgeting(slices).build("w").unwrap();
        Gate::builder().min_bad(bad).build(budget).unwrap()
    };
    assert_eq!(gate(200 * SECOND, 3).warnings(), []);
    let needed = 630 * SECOND;
    assert_eq!(
        gate(210 * SECOND, 3).warnings(),
        [Warning::NeverRefuses { needed }]
    );
    assert_eq!(gate(210 * SECOND, 2).warnings(), []);
    assert_eq!(
        gate(210 * SECOND, 3).warnings()[0].to_string(),
        "the bad slices that a gate needs take 10m 30s, and it looks back for 10m, so that it never refuses a \
         request; shorten the slices, or lower `min_bad`"
    );
}
