//! The test kit: a budget that is spent, and a gate that sheds.

use std::time::Duration;

use maestro_slo_budget::{
    Budgeting, Class, ErrorBudget, Event, Factor, Gate, Override,
    test_util::{shed, spend},
};

fn budget(objective: &str) -> ErrorBudget {
    ErrorBudget::new("api", objective.parse().expect("an objective"))
}

#[tokio::test(start_paused = true)]
async fn a_spent_share_is_consumed_exactly() {
    for (objective, share, events) in [
        ("99.9%", 1.0, 1_000),
        ("99.9%", 0.5, 2_000),
        ("99%", 0.25, 400),
        ("99%", 100.0, 1),
        ("0%", 0.5, 2),
    ] {
        let budget = budget(objective);
        spend(&budget, share);
        let counts = budget.counts(budget.period());
        assert_eq!(budget.consumed(), Some(share), "{share} of {objective}");
        assert_eq!(counts.total(), events, "{share} of {objective}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_budget_with_events_gets_what_is_missing() {
    let budget = budget("99%");
    (0..10_000).for_each(|_| budget.record(Event::Good));
    for share in [0.1, 0.3, 1.0, 1.7] {
        spend(&budget, share);
        let consumed = budget.consumed().unwrap();
        assert!((share..share + 0.01).contains(&consumed), "{consumed}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_budget_that_has_consumed_more_stays_as_it_is() {
    let budget = budget("99%");
    spend(&budget, 2.0);
    let before = budget.counts(budget.period());
    spend(&budget, 1.0);
    spend(&budget, 2.0);
    assert_eq!(budget.counts(budget.period()), before);
}

#[test]
#[should_panic(expected = "budget `api` of 99% cannot consume 101 of itself")]
fn no_traffic_consumes_more_than_all_bad_events() {
    spend(&budget("99%"), 101.0);
}

#[test]
#[should_panic(expected = "budget `api` has 1 good events: no traffic consumes 100 of it")]
fn a_good_event_keeps_a_budget_from_consuming_everything() {
    let budget = budget("99%");
    budget.record(Event::Good);
    spend(&budget, 100.0);
}

#[test]
#[should_panic(expected = "budget `api` of 100% cannot consume 1 of itself")]
fn an_objective_of_everything_has_no_budget() {
    spend(&budget("100%"), 1.0);
}

#[test]
#[should_panic(expected = "budget `api` counts slices of time")]
fn slices_of_time_are_not_spent_at_one_instant() {
    let slices = Budgeting::ratio_timeslices(Duration::from_secs(60));
    let budget = ErrorBudget::builder()
        .budgeting(slices)
        .build("api")
        .unwrap();
    spend(&budget, 1.0);
}

#[tokio::test(start_paused = true)]
async fn a_gate_sheds_to_the_share() {
    for objective in ["90%", "99%", "99.9%", "99.99%"] {
        let gate = Gate::new(budget(objective));
        for (share, admitted) in [(0.6, 0.5), (0.5, 0.5), (0.3, 0.25), (0.01, 0.01)] {
            shed(&gate, share).await;
            let found = gate.snapshot().share();
            assert!(
                (found - admitted).abs() < 1e-9,
                "{share} of {objective}: {found}"
            );
        }
        let admitted = (0..1_000).filter(|_| gate.check(Class::Optional).is_ok());
        assert!((9..=11).contains(&admitted.count()), "{objective}");
        assert!(gate.check(Class::Essential).is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn a_gate_that_sheds_enough_gets_no_events() {
    let gate = Gate::new(budget("99.9%"));
    shed(&gate, 1.0).await;
    gate.force_closed(Override::new("alice", "a migration"));
    shed(&gate, 0.0).await;
    let counts = gate.budget().counts(gate.budget().period());
    assert_eq!(counts.total(), 0);
}

#[tokio::test(start_paused = true)]
#[should_panic(
    expected = "the gate of `api` admitted a share of 0.25 or more in 600 s of failures, not 0.2"
)]
async fn a_gate_does_not_shed_below_its_floor() {
    let floor = Factor::new(1, 4).unwrap();
    let gate = Gate::builder().floor(floor).build(budget("99.9%")).unwrap();
    shed(&gate, 0.2).await;
}
