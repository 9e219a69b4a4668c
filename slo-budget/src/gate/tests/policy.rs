//! The admission policy at its lines: which counts close a gate, and which open it again.

use crate::{
    burn::{Limit, Page},
    gate::{Admission, GateBuilder, NoData, Reason, Reasons, policy::Policy},
    record::{Settings, ledger::Whole},
    types::{Counts, Event, Factor, Objective},
};
use std::time::Duration;

const SECOND: u64 = 1_000_000_000;
const HOUR: u64 = 3600 * SECOND;
const SHORT: u64 = HOUR / 12;
const PERIOD: u64 = 30 * 24 * HOUR;
const OPEN: Reasons = Reasons::NONE;

/// One page, of factor 14.4, at 99.9 %.
fn policy(set: impl Fn(GateBuilder) -> GateBuilder) -> Policy {
    let page = Page::new(
        Factor::new(2, 100).expect("2 %"),
        Duration::from_nanos(HOUR),
        Duration::from_nanos(SHORT),
    );
    let settings = Settings {
        objective: Objective::new(999, 1000).expect("999 of 1000"),
        period: PERIOD,
        resolution: 10 * SECOND,
        slices: None,
        windows: [None; 4],
        on_cancel: Event::Excluded,
        meaning: 0,
        calendar: None,
    };
    set(GateBuilder::new().pages([page]))
        .policy(&settings)
        .expect("a valid configuration")
}

/// A hundred thousand events, `bad` of them bad.
fn of_100_000(bad: u64) -> Counts {
    Counts::new(100_000 - bad, bad)
}

/// Whether the page fires with these counts in its two windows and none elsewhere.
fn page(policy: &Policy, was: Reasons, long: Counts, short: Counts) -> bool {
    let window = |window| match window {
        HOUR => long,
        SHORT => short,
        _ => Counts::default(),
    };
    let nothing = whole(Counts::default(), PERIOD);
    policy.admission(was, &nothing, window) == Reasons::NONE.with(Reason::Burning(0))
}

/// Whether the budget is spent at `tick` with these counts in the period.
fn spent(policy: &Policy, was: Reasons, counts: Counts, tick: u64) -> bool {
    let nothing = |_| Counts::default();
    policy.admission(was, &whole(counts, tick), nothing) == Reasons::NONE.with(Reason::BudgetSpent)
}

/// The sliding period at `tick`.
fn whole(counts: Counts, tick: u64) -> Whole {
    Whole {
        counts,
        length: PERIOD,
        observed: PERIOD.min(tick),
        left: None,
    }
}

#[test]
fn a_page_fires_strictly_above_its_factor() {
    let policy = policy(|gate| gate);
    let fires = |long, short| page(&policy, OPEN, of_100_000(long), of_100_000(short));
    assert!(fires(1441, 1441));
    assert!(!fires(1440, 1441), "14.4 is not above 14.4");
    assert!(!fires(1441, 1440));
    let none = Counts::default();
    assert!(!page(&policy, OPEN, of_100_000(1441), none));
    assert!(!page(&policy, OPEN, none, of_100_000(1441)));
}

#[test]
fn a_page_holds_down_to_its_reopening_line() {
    let was = Reasons::NONE.with(Reason::Burning(0));
    // 14.4 × 1.44 % at 100, 90 and 50 per cent.
    for (percent, line) in [(100, 1440), (90, 1296), (50, 720), (1, 14)] {
        let policy = policy(|gate| gate.reopen_percent(percent));
        let on = |long, short| page(&policy, was, of_100_000(long), of_100_000(short));
        assert!(on(line + 1, line + 1), "{percent} %");
        let at_the_line = line - u64::from(percent == 1); // there are no 14.4 bad events
        assert!(!on(line + 1, at_the_line), "{percent} %");
        assert!(!on(at_the_line, line + 1), "{percent} %");
    }
}

#[test]
fn a_page_holds_without_data_in_its_short_window() {
    let policy = policy(|gate| gate);
    let was = Reasons::NONE.with(Reason::Burning(0));
    let none = Counts::default();
    assert!(page(&policy, was, of_100_000(1441), none));
    assert!(!page(&policy, was, none, of_100_000(1441)));
    assert!(!page(&policy, was, none, none));
}

#[test]
fn each_guard_has_its_own_minimum_of_bad_events() {
    for least in [1, 2, 3, 7] {
        let page_minimum = policy(|gate| gate.min_bad_to_page(least).min_bad(1000));
        let spent_minimum = policy(|gate| gate.min_bad(least).min_bad_to_page(1000));
        // All events are bad, which is no chance, however few there are.
        for bad in 1..9 {
            let counts = Counts::new(0, bad);
            assert_eq!(page(&page_minimum, OPEN, counts, counts), bad >= least);
            assert_eq!(spent(&spent_minimum, OPEN, counts, PERIOD), bad >= least);
        }
    }
}

#[test]
fn a_budget_is_spent_exactly_at_its_end() {
    // An evidence limit of one half holds from the mean on, so that the line alone decides.
    let policy = policy(|gate| gate.evidence(0.5));
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
fn a_spent_budget_holds_down_to_its_reopening_line() {
    let was = Reasons::NONE.with(Reason::BudgetSpent);
    for (percent, line) in [(100, 100), (90, 90), (50, 50), (1, 1)] {
        let policy = policy(|gate| gate.reopen_percent(percent));
        assert!(
            spent(&policy, was, of_100_000(line + 1), PERIOD),
            "{percent} %"
        );
        assert!(
            !spent(&policy, was, of_100_000(line), PERIOD),
            "{percent} %"
        );
        assert!(!spent(&policy, was, Counts::default(), PERIOD));
        // A budget that is older than its period is compared with one period.
        assert!(!spent(&policy, was, of_100_000(line), 3 * PERIOD));
    }
}

#[test]
fn a_limit_closes_and_opens_at_its_lines() {
    let limit = Limit::new(Duration::from_nanos(HOUR), Factor::new(1, 1).unwrap());
    let was = Reasons::NONE.with(Reason::OverLimit(0));
    for (percent, line) in [(100, 100), (90, 90), (50, 50), (1, 1)] {
        let policy = policy(|gate| {
            gate.admission(Admission::Deploy)
                .limits([limit])
                .reopen_percent(percent)
        });
        let over = |was, bad| {
            !policy
                .admission(was, &whole(of_100_000(bad), PERIOD), |_| of_100_000(bad))
                .is_empty()
        };
        assert!(over(OPEN, 100) && !over(OPEN, 99), "{percent} %");
        assert!(over(was, line + 1) && !over(was, line), "{percent} %");
    }
}

#[test]
fn no_data_blocks_a_deployment_if_configured() {
    for (no_data, blocks) in [(NoData::Allow, false), (NoData::Block, true)] {
        let policy = policy(|gate| gate.no_data(no_data));
        assert_eq!(!policy.deployment(|_| Counts::default()).is_empty(), blocks);
        assert!(policy.deployment(|_| Counts::new(1, 0)).is_empty());
    }
}

#[test]
fn retry_after_is_that_of_the_slowest_reason() {
    let policy = policy(|gate| gate);
    let reasons = Reasons::NONE.with(Reason::Burning(0));
    assert_eq!(policy.retry_after(reasons, None), SHORT);
    // The rest of a calendar period does not concern a page.
    assert_eq!(policy.retry_after(reasons, Some(1)), SHORT);
    let spent = reasons.with(Reason::BudgetSpent);
    assert_eq!(policy.retry_after(spent, None), HOUR);
    assert_eq!(policy.retry_after(spent, Some(7 * HOUR)), 7 * HOUR);
    assert_eq!(policy.retry_after(spent, Some(1)), SHORT);
    assert_eq!(policy.retry_after(Reasons::NONE, Some(HOUR)), 0);
}
