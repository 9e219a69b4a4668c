//! Other configurations while budgets, gates and alerts are in use, on a paused clock.

use std::{sync::Arc, thread, time::Duration};

use AlertState::{Firing, Inactive, Pending, Resolved};
use maestro_slo_budget::{
    Alert, AlertRule, AlertState, Alerts, Budgeting, Builder, Change, Class, Counts, ErrorBudget,
    ErrorBudgetLayer, Event, Factor, Gate, GateLayer, InvalidConfigKind, Limit, Objective,
    Override, Page, Severity, Spent, Warning, WindowReport,
};
use parking_lot::Mutex;
use tokio::time::advance;
use tokio_test::{assert_ready, task};
use tower::{BoxError, Layer, Service, service_fn};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn at(objective: &str) -> Builder {
    let objective: Objective = objective.parse().expect("an objective");
    ErrorBudget::builder().objective(objective)
}

fn factor(text: &str) -> Factor {
    text.parse().expect("a factor")
}

fn record(budget: &ErrorBudget, good: u64, bad: u64) {
    (0..good).for_each(|_| budget.record(Event::Good));
    (0..bad).for_each(|_| budget.record(Event::Bad));
}

fn pace(gate: &Gate) -> String {
    format!("{:.1}", gate.snapshot().pace())
}

/// Seconds in which one of twenty events is bad.
async fn serve(gate: &Gate, seconds: u64) -> bool {
    for _ in 0..seconds {
        record(gate.budget(), 950, 50);
        advance(SECOND).await;
        let _ = gate.check(Class::Optional);
    }
    gate.is_open()
}

// === budgets ===

#[test]
fn figures_follow_the_new_objective_and_no_count_is_lost() {
    let budget = at("99.9%").build("api").unwrap();
    let clone = budget.clone();
    record(&budget, 990, 10);
    assert_eq!(clone.consumed(), Some(10.0));
    let to = at("99%").period(28 * DAY).windows([HOUR, 2 * HOUR]);
    budget.reconfigure(to).unwrap();
    assert_eq!(clone.consumed(), Some(1.0));
    assert_eq!(clone.counts(HOUR), Counts::new(990, 10));
    let report = clone.report();
    assert_eq!(report.objective().to_string(), "99%");
    assert_eq!(
        (clone.period(), report.period().window()),
        (28 * DAY, 28 * DAY)
    );
    let windows: Vec<_> = report.windows().map(WindowReport::window).collect();
    assert_eq!(windows, [HOUR, 2 * HOUR]);
}

#[test]
fn what_counts_depend_on_cannot_change() {
    let builder = at("99.9%").meaning("5xx");
    let budget = builder.build("api").unwrap();
    let (slot, slices) = (Duration::from_secs(20), Budgeting::ratio_timeslices(MINUTE));
    for (to, setting) in [
        (builder.resolution(slot), "resolution"),
        (builder.budgeting(slices), "budgeting"),
        (builder.meaning("5xx and 429"), "meaning"),
    ] {
        let to = to.objective(Objective::new(1, 2).unwrap());
        let error = budget.reconfigure(to).unwrap_err();
        assert_eq!(error.kind(), InvalidConfigKind::Fixed(setting));
        let says = format!("error budget `api`: `{setting}` cannot change");
        assert!(error.to_string().starts_with(&says));
    }
    let long = builder.period(31 * DAY);
    assert_eq!(
        budget.reconfigure(long).unwrap_err().kind(),
        InvalidConfigKind::PeriodTooLong
    );
    assert_eq!(budget.objective().to_string(), "99.9%");
    assert_eq!(budget.period(), 30 * DAY);
}

#[cfg(feature = "calendar")]
#[test]
fn a_budget_keeps_its_calendar() {
    use maestro_slo_budget::Calendar;

    let month = at("99%").calendar(Calendar::month("UTC"));
    let budget = month.build("api").unwrap();
    record(&budget, 0, 1);
    budget
        .reconfigure(month.objective(Objective::new(1, 2).unwrap()))
        .unwrap();
    assert_eq!(budget.report().period().counts(), Counts::new(0, 1));
    for to in [
        at("99%"),
        at("99%").calendar(Calendar::month("Europe/Berlin")),
    ] {
        assert_eq!(
            budget.reconfigure(to).unwrap_err().kind(),
            InvalidConfigKind::Fixed("calendar")
        );
    }
}

#[test]
fn a_cancelled_call_counts_by_the_latest_configuration() {
    let budget = at("99%").build("api").unwrap();
    let begun_before = budget.observe();
    budget.reconfigure(at("99%").on_cancel(Event::Bad)).unwrap();
    drop(begun_before);
    assert_eq!(budget.counts(HOUR), Counts::new(0, 1));
    budget
        .reconfigure(at("99%").on_cancel(Event::Good))
        .unwrap();
    drop(budget.observe());
    budget.reconfigure(at("99%")).unwrap();
    drop(budget.observe());
    assert_eq!(budget.counts(HOUR), Counts::new(1, 1));
}

// === gates ===

#[tokio::test(start_paused = true)]
async fn a_gate_follows_the_objective_within_a_second() {
    let budget = at("90%").build("api").unwrap();
    let gate = Gate::new(budget.clone());
    // One of twenty is bad: a burn rate of 0.5, and of 50 at 99.9 %.
    assert!(serve(&gate, 20).await);
    assert!(
        (4.9..=5.0).contains(&gate.snapshot().pace()),
        "half of an outage"
    );
    budget.reconfigure(at("99.9%")).unwrap();
    assert!(!gate.deploy().is_allowed());
    assert!(!serve(&gate, 1).await);
    assert!(gate.snapshot().pace() > 13.0);
    budget.reconfigure(at("90%")).unwrap();
    assert!(serve(&gate, 20).await);
    assert!((4.9..=5.0).contains(&gate.snapshot().pace()));
}

#[tokio::test(start_paused = true)]
async fn a_reconfigured_gate_keeps_its_counts_and_its_override() {
    let gate = Gate::new(at("99.9%").build("api").unwrap());
    let told = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&told);
    let listener = gate.on_transition(move |transition| {
        let is_decision = matches!(transition.change(), Change::Decided(_));
        into.lock().push((is_decision, transition.is_open()));
    });
    let mut service =
        GateLayer::new(gate.clone()).layer(service_fn(async |()| Ok::<_, BoxError>(())));
    assert!(!serve(&gate, 10).await);
    let refused = gate.snapshot().refused();
    assert!(refused > 0);
    // A floor of 1 admits all requests.
    gate.reconfigure(Gate::builder().floor(factor("1")))
        .unwrap();
    assert!(serve(&gate, 2).await);
    assert_eq!(gate.snapshot().since(), None);
    assert_eq!(gate.snapshot().refused(), refused);
    assert!(assert_ready!(task::spawn(Box::pin(service.call(()))).poll()).is_ok());
    assert_eq!(*told.lock(), [(true, false), (true, true)]);
    drop(listener);

    gate.force_closed(Override::new("alice", "a migration"));
    gate.reconfigure(Gate::builder()).unwrap();
    advance(SECOND).await;
    let error = assert_ready!(task::spawn(Box::pin(service.call(()))).poll()).unwrap_err();
    assert!(Spent::find(error.as_ref()).is_some());
    assert!(gate.snapshot().is_forced());
}

#[tokio::test(start_paused = true)]
async fn a_share_rises_to_a_higher_floor() {
    let gate = Gate::new(at("99.9%").build("api").unwrap());
    for _ in 0..20 {
        record(gate.budget(), 0, 100);
        advance(SECOND).await;
        let _ = gate.check(Class::Optional);
    }
    assert!(gate.snapshot().share() < 0.5);
    gate.reconfigure(Gate::builder().floor(factor("0.5")))
        .unwrap();
    record(gate.budget(), 0, 100);
    advance(SECOND).await;
    assert!(gate.snapshot().share() >= 0.5 && !gate.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_gate_keeps_its_configuration_where_another_is_refused() {
    let gate = Gate::new(at("99.9%").build("api").unwrap());
    let paces = [
        ("0.001", InvalidConfigKind::FiresInBudget),
        ("0", InvalidConfigKind::FiresInBudget),
    ];
    for (budget, error) in paces {
        let to = Gate::builder().pace(factor(budget), HOUR);
        assert_eq!(gate.reconfigure(to).unwrap_err().kind(), error);
    }
    assert_eq!(
        gate.reconfigure(Gate::builder().min_bad(0))
            .unwrap_err()
            .kind(),
        InvalidConfigKind::ZeroMinBad
    );
    assert_eq!(pace(&gate), "14.4");
    let slower = Gate::builder().pace(factor("0.1"), DAY);
    gate.reconfigure(slower).unwrap();
    assert_eq!(pace(&gate.clone()), "3.0");
}

#[test]
fn what_no_longer_fits_the_budget_gives_a_warning() {
    let budget = at("99.9%").build("api").unwrap();
    let gate = Gate::builder().limits([Limit::new(HOUR, factor("500"))]);
    let gate = gate.build(budget.clone()).unwrap();
    let alerts = Alerts::new(budget.clone());
    assert!(gate.warnings().is_empty() && alerts.warnings().is_empty());
    budget.reconfigure(at("90%")).unwrap();
    let expected = Warning::BudgetChanged(InvalidConfigKind::NeverFires);
    assert_eq!(gate.warnings(), [expected]);
    assert!(alerts.warnings().contains(&expected));
    assert!(expected.to_string().contains("lower the factor"));
    record(&budget, 0, 10);
    assert!(gate.deploy().is_allowed(), "no burn rate is that high");
    assert_eq!(
        gate.reconfigure(Gate::builder().limits([Limit::new(HOUR, factor("500"))]))
            .unwrap_err()
            .kind(),
        InvalidConfigKind::NeverFires
    );
    gate.reconfigure(Gate::builder()).unwrap();
    assert!(gate.warnings().is_empty() && !gate.deploy().is_allowed());
    budget.reconfigure(at("99.9%")).unwrap();
    assert!(alerts.warnings().is_empty());
}

// === alerts ===

fn rule(severity: Severity, budget: &str, long: Duration) -> AlertRule {
    AlertRule::new(severity, Page::new(factor(budget), long, long / 12))
}

fn states(alerts: &Alerts) -> Vec<AlertState> {
    alerts.snapshot().iter().map(Alert::state).collect()
}

#[tokio::test(start_paused = true)]
async fn alerts_follow_the_objective_and_the_period() {
    let budget = at("90%").build("api").unwrap();
    let alerts = Alerts::builder().rules([rule(Severity::Page, "0.01", HOUR)]);
    let alerts = alerts.build(budget.clone()).unwrap();
    record(&budget, 900, 100);
    assert_eq!(alerts.evaluate().active().count(), 0);
    // The same events at 99.9 % are a burn rate of 100.
    budget.reconfigure(at("99.9%")).unwrap();
    assert_eq!(alerts.evaluate().active().count(), 1);
    budget.reconfigure(at("99.9%").period(15 * DAY)).unwrap();
    let factors: Vec<_> = alerts.evaluate().iter().map(Alert::factor).collect();
    assert_eq!(factors, [factor("3.6")]);
}

#[tokio::test(start_paused = true)]
async fn an_alert_keeps_its_state_under_a_rule_like_its_own() {
    let budget = at("99.9%").build("api").unwrap();
    let (page, ticket) = (
        rule(Severity::Page, "0.02", HOUR),
        rule(Severity::Ticket, "0.1", DAY),
    );
    let pending = rule(Severity::Ticket, "0.1", 3 * DAY).pending_for(HOUR);
    let alerts = Alerts::builder()
        .rules([page, ticket, pending])
        .inhibition(false);
    let alerts = alerts.build(budget.clone()).unwrap();
    record(&budget, 0, 100);
    alerts.evaluate();
    assert_eq!(states(&alerts), [Firing, Firing, Pending]);
    advance(MINUTE).await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&told);
    let listener = alerts.on_event(move |event| {
        let count = event.all().iter().count();
        into.lock()
            .push((event.index(), event.alert().state(), count));
    });
    // The page is now the second rule, and has another factor.
    let slower = rule(Severity::Page, "0.05", HOUR);
    let other = rule(Severity::Ticket, "0.2", 6 * HOUR);
    let to = Alerts::builder().rules([other, slower]);
    alerts.reconfigure(to).unwrap();
    assert_eq!(states(&alerts), [Inactive, Firing]);
    assert_eq!(*told.lock(), [(1, Resolved, 2), (2, Inactive, 2)]);
    alerts.evaluate();
    assert_eq!(
        told.lock()[2..],
        [(0, Firing, 2)],
        "the page goes on firing"
    );
    let lasted: Vec<_> = alerts.snapshot().iter().map(Alert::lasted).collect();
    assert_eq!(lasted, [Duration::ZERO, MINUTE]);
    drop(listener);
}

#[test]
fn alerts_keep_their_rules_where_others_are_refused() {
    let budget = at("99.9%").build("api").unwrap();
    let alerts = Alerts::new(budget.clone());
    record(&budget, 0, 10);
    let before = states_after(&alerts);
    for (to, error) in [
        (Alerts::builder().evidence(0.0), InvalidConfigKind::Evidence),
        (
            Alerts::builder().rules([rule(Severity::Page, "1", MINUTE)]),
            InvalidConfigKind::WindowTooShort,
        ),
    ] {
        let refused = alerts.reconfigure(to).unwrap_err();
        assert_eq!((refused.name(), refused.kind()), (Some("api"), error));
    }
    assert_eq!(states(&alerts), before);
}

fn states_after(alerts: &Alerts) -> Vec<AlertState> {
    alerts.evaluate();
    states(alerts)
}

// === families ===

#[test]
fn present_and_future_budgets_of_a_family_change() {
    let tenants = at("99.9%").build_family("tenants", 3).unwrap();
    let one = tenants.get(&1);
    record(&one, 0, 1);
    let kept = one.history(DAY).to_bytes();
    tenants.reconfigure(at("95%")).unwrap();
    println!("{}", tenants.restore(&3, &kept, DAY));
    for budget in [&one, &tenants.get(&2), &tenants.get(&3), tenants.overflow()] {
        assert_eq!(budget.objective().to_string(), "95%");
    }
    assert_eq!(one.counts(HOUR), Counts::new(0, 1));
    let refused = tenants.reconfigure(at("50%").meaning("other"));
    assert_eq!(
        refused.unwrap_err().kind(),
        InvalidConfigKind::Fixed("meaning")
    );
    assert_eq!(tenants.get(&1).objective().to_string(), "95%");
}

#[tokio::test(start_paused = true)]
async fn present_and_future_gates_of_a_family_change() {
    let tenants = at("99.9%").build_family("tenants", 2).unwrap();
    let gates = Gate::builder().build_family(tenants.clone()).unwrap();
    let one = gates.get(&1);
    gates
        .reconfigure(Gate::builder().pace(factor("0.1"), DAY))
        .unwrap();
    for gate in [&one, &gates.get(&2), gates.overflow()] {
        assert_eq!(pace(gate), "3.0");
    }
    assert!(gates.reconfigure(Gate::builder().min_bad(0)).is_err());
    assert_eq!(pace(&one), "3.0");
    // Gates whose configuration does not fit the new budgets are built all the same.
    tenants.forget(&2);
    tenants.reconfigure(at("50%").period(2 * DAY)).unwrap();
    assert_eq!(pace(&gates.get(&2)), "1.0");
    assert_eq!(
        gates.get(&2).warnings(),
        [Warning::BudgetChanged(InvalidConfigKind::FiresInBudget)]
    );
}

#[test]
fn gates_built_meanwhile_get_the_latest_configuration() {
    for round in 0..50 {
        let tenants = at("99.9%").build_family("tenants", 64).unwrap();
        let gates = Gate::builder().build_family(tenants.clone()).unwrap();
        let builders = [gates.clone(), gates.clone()];
        thread::scope(|scope| {
            for gates in &builders {
                scope.spawn(move || (0..16).for_each(|key| drop(gates.get(&key))));
            }
            tenants.reconfigure(at("99%")).unwrap();
            gates
                .reconfigure(Gate::builder().pace(factor("0.1"), DAY))
                .unwrap();
        });
        for key in 0..16 {
            let gate = gates.get(&key);
            assert_eq!(pace(&gate), "3.0", "round {round}");
            assert_eq!(gate.budget().objective().to_string(), "99%");
        }
    }
}

#[test]
fn calls_are_counted_while_the_budget_changes() {
    let budget = at("99%").build("api").unwrap();
    let mut service =
        ErrorBudgetLayer::new(budget.clone()).layer(service_fn(async |()| Ok::<_, BoxError>(())));
    thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..1000 {
                let to = if n % 2 == 0 { "95%" } else { "99%" };
                budget.reconfigure(at(to)).unwrap();
            }
        });
        for _ in 0..1000 {
            assert!(assert_ready!(task::spawn(Box::pin(service.call(()))).poll()).is_ok());
        }
    });
    assert_eq!(budget.counts(HOUR), Counts::new(1000, 0));
    assert_eq!(budget.objective().to_string(), "99%");
}
