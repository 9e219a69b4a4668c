//! Whether a builder would build, without building.

use std::time::Duration;

use maestro_slo_budget::{
    Alerts, ErrorBudget, Factor, Gate, InvalidConfig, InvalidConfigKind, Limit, Objective,
};

const HOUR: Duration = Duration::from_secs(3600);

fn kind<T>(result: Result<T, InvalidConfig>) -> Option<InvalidConfigKind> {
    result.err().map(|error| error.kind())
}

#[test]
fn a_budget_is_checked_as_it_is_built() {
    let builder = ErrorBudget::builder();
    let refused = builder.windows([31 * 24 * HOUR]);
    assert_eq!(builder.check(), Ok(()));
    assert_eq!(
        kind(refused.check()),
        Some(InvalidConfigKind::WindowLongerThanPeriod)
    );
    for builder in [builder, refused] {
        assert_eq!(kind(builder.check()), kind(builder.build("b")));
    }
}

#[test]
fn a_gate_is_checked_against_the_builder_of_its_budget() {
    let gate = Gate::builder().limits([Limit::new(HOUR, Factor::new(12, 1).unwrap())]);
    let strict = ErrorBudget::builder();
    let lax = strict.objective("90%".parse().unwrap());
    assert_eq!(gate.check(&strict), Ok(()));
    assert_eq!(kind(gate.check(&lax)), Some(InvalidConfigKind::NeverFires));
    for budget in [strict, lax] {
        let built = gate.build(budget.build("b").unwrap());
        assert_eq!(kind(gate.check(&budget)), kind(built));
    }
    let none = strict.period(Duration::ZERO);
    assert_eq!(kind(gate.check(&none)), Some(InvalidConfigKind::ZeroPeriod));
}

#[test]
fn alerts_are_checked_against_the_builder_of_their_budget() {
    let alerts = Alerts::builder();
    let strict = ErrorBudget::builder();
    let short = strict.period(24 * HOUR);
    assert_eq!(alerts.check(&strict), Ok(()));
    assert_eq!(
        kind(alerts.check(&short)),
        Some(InvalidConfigKind::WindowLongerThanPeriod)
    );
    for budget in [strict, short] {
        let built = alerts.build(budget.build("b").unwrap());
        assert_eq!(kind(alerts.check(&budget)), kind(built));
    }
    let none = strict.resolution(Duration::ZERO);
    assert_eq!(
        kind(alerts.check(&none)),
        Some(InvalidConfigKind::ZeroResolution)
    );
}

#[cfg(feature = "canary")]
#[test]
fn a_canary_is_checked_as_it_is_built() {
    use maestro_slo_budget::CanaryPolicy;

    let builder = CanaryPolicy::builder();
    assert_eq!(builder.check(), Ok(()));
    let refused = builder.alpha(0.6);
    assert_eq!(kind(refused.check()), Some(InvalidConfigKind::CanaryAlpha));
    assert_eq!(refused.check().err(), refused.build().err());
}

#[test]
fn an_error_names_what_was_to_be_built_or_changed() {
    let budget = ErrorBudget::builder();
    let none = budget.period(Duration::ZERO);
    let gate = Gate::builder().min_bad(0);
    let alerts = Alerts::builder().min_bad(0);
    let api = budget.build(String::from("api")).unwrap();
    let (open, none_active) = (Gate::new(api.clone()), Alerts::new(api.clone()));
    let restored = none.restore("api", b"", Duration::ZERO);
    for (error, object) in [
        (none.build("api").unwrap_err(), "error budget `api`: "),
        (restored.map(drop).unwrap_err(), "error budget `api`: "),
        (api.reconfigure(none).unwrap_err(), "error budget `api`: "),
        (gate.build(api.clone()).unwrap_err(), "gate of `api`: "),
        (open.reconfigure(gate).unwrap_err(), "gate of `api`: "),
        (alerts.build(api).unwrap_err(), "alerts of `api`: "),
        (
            none_active.reconfigure(alerts).unwrap_err(),
            "alerts of `api`: ",
        ),
    ] {
        assert_eq!(error.name(), Some("api"));
        assert_eq!(error.to_string(), format!("{object}{}", error.kind()));
    }
    for unnamed in [
        none.check().unwrap_err(),
        none.build("").unwrap_err(),
        "99.9".parse::<Objective>().unwrap_err(),
    ] {
        assert_eq!(unnamed.name(), None);
        assert_eq!(unnamed.to_string(), unnamed.kind().to_string());
    }
    assert!(size_of::<InvalidConfig>() <= 48);
}
