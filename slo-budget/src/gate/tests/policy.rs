//! The rule of a spent budget, and deployments.

use std::time::Duration;

use super::{HOUR, PERIOD, SECOND, policy, settings};
use crate::{
    gate::{
        GateBuilder, NoData, Reason, Reasons, WhenSpent,
        policy::{Policy, step},
    },
    record::ledger::Whole,
    types::{Counts, Factor},
};

const OPEN: Reasons = Reasons::NONE;

fn factor(text: &str) -> Factor {
    text.parse().expect("a factor")
}

/// The strict rule at 99.9 %.
fn refusing(set: impl Fn(GateBuilder) -> GateBuilder) -> Policy {
    policy("99.9%", |gate| set(gate.when_spent(WhenSpent::Refuse)))
}

/// A hundred thousand events, `bad` of them bad.
fn of_100_000(bad: u64) -> Counts {
    Counts::new(100_000 - bad, bad)
}

/// Whether the budget is spent at `tick` with these counts in the period.
fn spent(policy: &Policy, was: Reasons, counts: Counts, tick: u64) -> bool {
    let whole = Whole {
        counts,
        length: PERIOD,
        observed: PERIOD.min(tick),
        left: None,
    };
    policy.strict(was, &whole) == Reasons::NONE.with(Reason::BudgetSpent)
}

#[test]
fn a_budget_is_spent_exactly_at_its_end() {
    // An evidence limit of one half holds from the mean on, so that the line alone decides.
    let policy = refusing(|gate| gate.evidence(0.5));
    assert!(
        !spent(&policy, OPEN, of_100_000(100), PERIOD),
        "no more than the mean"
    );
    assert!(spent(&policy, OPEN, of_100_000(101), PERIOD));
    // After half of the period 200 of 100,000 are the budget of the whole period.
    assert!(!spent(&policy, OPEN, of_100_000(199), PERIOD / 2));
    assert!(spent(&policy, OPEN, of_100_000(200), PERIOD / 2));
}

#[test]
fn a_spent_budget_refuses_down_to_90_percent_if_configured() {
    let was = OPEN.with(Reason::BudgetSpent);
    let policy = refusing(|gate| gate);
    assert!(spent(&policy, was, of_100_000(91), PERIOD));
    assert!(!spent(&policy, was, of_100_000(90), PERIOD));
    assert!(!spent(&policy, was, Counts::default(), PERIOD));
    // A budget that is older than its period is compared with one period.
    assert!(!spent(&policy, was, of_100_000(90), 3 * PERIOD));
    let default = super::policy("99.9%", |gate| gate);
    assert!(!spent(&default, was, of_100_000(100_000), PERIOD));
}

#[test]
fn the_strict_rule_has_its_minimum_of_bad_events() {
    for least in [1, 2, 3, 7] {
        let policy = refusing(|gate| gate.min_bad(least));
        // All events are bad, which is no chance, however few there are.
        for bad in 1..9 {
            assert_eq!(
                spent(&policy, OPEN, Counts::new(0, bad), PERIOD),
                bad >= least
            );
        }
    }
}

#[test]
fn no_data_blocks_a_deployment_if_configured() {
    for (no_data, blocks) in [(NoData::Allow, false), (NoData::Block, true)] {
        let policy = policy("99.9%", |gate| gate.no_data(no_data));
        assert_eq!(!policy.deployment(|_| Counts::default()).is_empty(), blocks);
        assert!(policy.deployment(|_| Counts::new(1, 0)).is_empty());
    }
}

#[test]
fn a_policy_follows_the_objective_and_the_period() {
    let mut policy = policy("99.9%", |gate| {
        gate.pace(factor("0.02"), Duration::from_secs(3600))
    });
    assert_eq!(policy.rules.fastest, 14_400);
    let mut settings = settings("99%");
    settings.period = PERIOD / 2;
    policy.follow(&settings);
    assert_eq!(policy.rules.fastest, 7_200);
    assert_eq!(policy.rules.objective, settings.objective);
    // Nothing is too slow or too long for it: the slowest pace is 1, the fastest half of an outage.
    for (period, fastest) in [(HOUR, 1000), (u64::MAX, 50_000)] {
        settings.period = period;
        policy.follow(&settings);
        assert_eq!(policy.rules.fastest, fastest);
    }
}

#[test]
fn a_spent_budget_is_tried_again_with_the_next_step() {
    // The window of a sliding period moves by 360 slots.
    assert_eq!(step(10 * SECOND, None), HOUR);
    assert_eq!(step(SECOND, None), HOUR / 10);
    for resolution in [SECOND, 10 * SECOND] {
        assert_eq!(step(resolution, Some(7 * HOUR)), 7 * HOUR);
    }
}
