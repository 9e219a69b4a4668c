//! Figures at the edges: objectives of 0 %, 100 % and eight nines, and the largest counts.

use std::{
    cmp::Ordering::{Equal, Greater, Less},
    time::Duration,
};

use maestro_slo_budget::{Counts, ErrorBudget, Event, Factor, Objective};
use proptest::prelude::*;
use tokio::time::advance;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn record(budget: &ErrorBudget, good: u64, bad: u64) {
    (0..good).for_each(|_| budget.record(Event::Good));
    (0..bad).for_each(|_| budget.record(Event::Bad));
}

#[tokio::test(start_paused = true)]
async fn an_objective_of_100_percent_allows_nothing() {
    let budget = ErrorBudget::new("strict", "100%".parse().unwrap());
    record(&budget, 5, 0);
    advance(HOUR / 2).await;
    let report = budget.report();
    assert_eq!(
        (report.consumed(), report.is_spent()),
        (Some(0.0), Some(false))
    );
    assert_eq!(
        (report.allowed_bad(), report.time_to_exhaustion()),
        (0, None)
    );
    record(&budget, 0, 1);
    let report = budget.report();
    assert_eq!(report.remaining(), Some(f64::NEG_INFINITY));
    assert_eq!(report.consumed_of_period(), Some(f64::INFINITY));
    assert_eq!(
        (report.is_spent(), report.time_to_exhaustion()),
        (Some(true), Some(Duration::ZERO))
    );
    assert_eq!(
        report.to_string(),
        "`strict`, 100% over 30d: 1 bad of 6 events where 0 may be (observed for 30m), and there is no budget to consume; \
         burn rate infinite over 1h, infinite over 6h, infinite over 1d; the budget is spent"
    );
}

#[tokio::test(start_paused = true)]
async fn an_objective_of_0_percent_is_spent_when_all_are_bad() {
    let budget = ErrorBudget::new("lax", "0%".parse().unwrap());
    record(&budget, 1, 9);
    advance(29 * DAY).await;
    let report = budget.report();
    assert_eq!((report.allowed_bad(), report.consumed()), (10, Some(0.9)));
    assert_eq!(report.is_spent(), Some(false));
    let budget = ErrorBudget::new("lax", "0%".parse().unwrap());
    advance(30 * DAY).await;
    record(&budget, 0, 9);
    let report = budget.report();
    assert_eq!(
        (report.consumed(), report.remaining()),
        (Some(1.0), Some(0.0))
    );
    assert_eq!(report.is_spent(), Some(true));
}

#[tokio::test(start_paused = true)]
async fn one_error_at_eight_nines_burns_in_millions() {
    let budget = ErrorBudget::new("core", "99.999999%".parse().unwrap());
    record(&budget, 9, 1);
    advance(HOUR).await;
    let burn = budget.burn_rate(2 * HOUR).unwrap();
    assert!(burn == "10000000".parse::<Factor>().unwrap());
    let report = budget.report();
    assert_eq!(report.allowed_bad(), 0);
    assert_eq!(report.time_to_exhaustion(), Some(Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn the_first_moment_never_divides_by_zero() {
    let budget = ErrorBudget::new("new", "99%".parse().unwrap());
    record(&budget, 0, 1);
    let report = budget.report();
    assert_eq!(
        (report.is_spent(), report.consumed_of_period()),
        (Some(false), Some(0.0))
    );
    assert_eq!(report.period().coverage().to_bits(), 0.0_f64.to_bits());
    assert!(
        report
            .time_to_exhaustion()
            .is_some_and(|left| left > Duration::ZERO)
    );
}

proptest! {
    /// Exact for any numbers: one more event is more, one less is less.
    #[test]
    fn a_window_with_exactly_the_budget_burns_at_one(
        scale in prop_oneof![1_u64..1000, Just(1 << 40), Just(9_223_372_036_854)],
        good in 0_u64..=1_000_000,
        of in 1_u64..=1_000_000,
    ) {
        let good = good.min(of);
        let objective = Objective::new(good, of).unwrap();
        let one: Factor = "1".parse().unwrap();
        let just = Counts::new(good * scale, (of - good) * scale);
        let burn = objective.burn_rate(just).unwrap();
        prop_assert_eq!(burn.partial_cmp(&one), Some(if good == of { Less } else { Equal }));
        // At 0 % all events may be bad, so there cannot be more.
        let compared = |counts| Some(objective.burn_rate(counts)?.partial_cmp(&one).expect("exact"));
        let more = compared(Counts::new(good * scale, (of - good) * scale + 1));
        prop_assert_eq!(more, Some(if good == 0 { Equal } else { Greater }));
        if good < of {
            let less = compared(Counts::new(good * scale, (of - good) * scale - 1));
            let expected = if good == 0 { Equal } else { Less };
            prop_assert!(less.is_none_or(|less| less == expected));
        }
    }
}
