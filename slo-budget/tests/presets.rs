//! What the starting points of the builders promise.

use std::time::Duration;

use maestro_slo_budget::{
    Alert, AlertState, Alerts, AlertsBuilder, AlertsSnapshot, Builder, ErrorBudget, Event, Gate,
    GateBuilder, Severity,
};
use tokio::time::advance;

const HOUR: Duration = Duration::from_secs(3600);
const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

fn build(builder: Builder) -> ErrorBudget {
    builder.build("preset").expect("legal numbers")
}

fn fail(budget: &ErrorBudget, bad: u32, of: u32) {
    (0..bad).for_each(|_| budget.record(Event::Bad));
    (bad..of).for_each(|_| budget.record(Event::Good));
}

#[test]
fn each_preset_has_its_objective_and_period() {
    let day = 24 * HOUR;
    for (builder, objective, period) in [
        (Builder::http_api(), "99.9%", 28 * day),
        (Builder::database(), "99.95%", 30 * day),
        (Builder::batch(), "99%", 28 * day),
    ] {
        let budget = build(builder);
        assert_eq!(budget.objective().to_string(), objective);
        assert_eq!(budget.period(), period);
        assert_eq!(budget.warnings(), []);
        // The defaults of gate and alerts work with it.
        assert_eq!(Gate::new(budget.clone()).warnings(), []);
        assert_eq!(Alerts::builder().build(budget).unwrap().warnings(), []);
    }
}

#[tokio::test(start_paused = true)]
async fn one_failed_run_of_a_batch_blocks_no_deployment() {
    let budget = build(Builder::batch());
    let gate = GateBuilder::batch().build(budget.clone()).unwrap();
    let default = Gate::new(budget.clone());
    // A run an hour for a week, the last of which fails: 1 of 168, where 1.68 may.
    for _ in 1..168 {
        fail(&budget, 0, 1);
        advance(HOUR).await;
    }
    fail(&budget, 1, 1);
    assert!(gate.deploy().is_allowed() && !default.deploy().is_allowed());
    fail(&budget, 1, 1);
    assert!(!gate.deploy().is_allowed(), "2 of 169, where 1.69 may");
    advance(4 * WEEK).await;
    assert!(gate.deploy().is_allowed());
}

#[tokio::test(start_paused = true)]
async fn a_failing_batch_gets_a_ticket_and_no_page() {
    let budget = build(Builder::batch());
    let alerts = AlertsBuilder::batch().build(budget.clone()).unwrap();
    assert_eq!(alerts.warnings(), []);
    let default = Alerts::new(budget.clone());
    for _ in 0..23 {
        fail(&budget, 0, 1);
        advance(HOUR).await;
    }
    fail(&budget, 3, 3);
    let severities = |alerts: AlertsSnapshot| -> Vec<_> {
        let firing = alerts
            .iter()
            .filter(|alert| alert.state() == AlertState::Firing);
        firing.map(Alert::severity).collect()
    };
    assert_eq!(severities(alerts.evaluate()), [Severity::Ticket; 2]);
    assert!(severities(default.evaluate()).contains(&Severity::Page));
}

#[test]
fn a_preset_configures_a_const() {
    const BATCH: (Builder, GateBuilder, AlertsBuilder) = (
        Builder::batch(),
        GateBuilder::batch(),
        AlertsBuilder::batch(),
    );
    let (budget, gate, alerts) = BATCH;
    let budget = build(budget);
    assert!(gate.build(budget.clone()).is_ok() && alerts.build(budget).is_ok());
}
