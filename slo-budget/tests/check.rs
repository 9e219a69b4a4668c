//! Whether a builder would build, without building.

use std::time::Duration;

use maestro_slo_budget::{Alerts, ErrorBudget, Factor, Gate, InvalidConfig, Limit};

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn a_budget_is_checked_as_it_is_built() {
    let builder = ErrorBudget::builder();
    let refused = builder.windows([31 * 24 * HOUR]);
    assert_eq!(builder.check(), Ok(()));
    assert_eq!(refused.check(), Err(InvalidConfig::WindowLongerThanPeriod));
    for builder in [builder, refused] {
        assert_eq!(builder.check().err(), builder.build("b").err());
    }
}

#[test]
fn a_gate_is_checked_against_the_builder_of_its_budget() {
    let gate = Gate::builder().limits([Limit::new(HOUR, Factor::new(12, 1).unwrap())]);
    let strict = ErrorBudget::builder();
    let lax = strict.objective("90%".parse().unwrap());
    assert_eq!(gate.check(&strict), Ok(()));
    assert_eq!(gate.check(&lax), Err(InvalidConfig::NeverFires));
    for budget in [strict, lax] {
        let built = gate.build(budget.build("b").unwrap());
        assert_eq!(gate.check(&budget).err(), built.err());
    }
    let none = strict.period(Duration::ZERO);
    assert_eq!(gate.check(&none), Err(InvalidConfig::ZeroPeriod));
}

#[test]
fn alerts_are_checked_against_the_builder_of_their_budget() {
    let alerts = Alerts::builder();
    let strict = ErrorBudget::builder();
    let short = strict.period(24 * HOUR);
    assert_eq!(alerts.check(&strict), Ok(()));
    assert_eq!(
        alerts.check(&short),
        Err(InvalidConfig::WindowLongerThanPeriod)
    );
    for budget in [strict, short] {
        let built = alerts.build(budget.build("b").unwrap());
        assert_eq!(alerts.check(&budget).err(), built.err());
    }
    let none = strict.resolution(Duration::ZERO);
    assert_eq!(alerts.check(&none), Err(InvalidConfig::ZeroResolution));
}

#[cfg(feature = "canary")]
#[test]
fn a_canary_is_checked_as_it_is_built() {
    use maestro_slo_budget::CanaryPolicy;

    let builder = CanaryPolicy::builder();
    assert_eq!(builder.check(), Ok(()));
    let refused = builder.alpha(0.6);
    assert_eq!(refused.check(), Err(InvalidConfig::CanaryAlpha));
    assert_eq!(refused.check().err(), refused.build().err());
}
