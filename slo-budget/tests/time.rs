//! Windows, figures and the gate on a paused clock.

use std::time::Duration;

use maestro_slo_budget::{
    Class, Counts, Decision, ErrorBudget, Event, Factor, Gate, InvalidConfigKind, Limit, NoData,
    Objective, Reason, WhenSpent,
};
use tokio::time::{Instant, advance};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

const THREE_NINES: Objective = Objective::new(999, 1000).expect("999 of 1000");

fn record(budget: &ErrorBudget, good: u64, bad: u64) {
    (0..good).for_each(|_| budget.record(Event::Good));
    (0..bad).for_each(|_| budget.record(Event::Bad));
}

#[tokio::test(start_paused = true)]
async fn events_leave_a_window_when_they_are_older() {
    for window in [5 * MINUTE, HOUR, 6 * HOUR, 3 * DAY, 30 * DAY] {
        let budget = ErrorBudget::new("w", THREE_NINES);
        record(&budget, 9, 1);
        let start = Instant::now();
        let seen = budget.counts_at(window, start + window.mul_f64(0.999_999));
        assert_eq!(seen, Counts::new(9, 1), "{window:?}");
        assert_eq!(budget.counts_at(window, start + window), Counts::new(0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_window_is_cut_to_the_kept_history() {
    let budget = ErrorBudget::new("w", THREE_NINES);
    record(&budget, 0, 1);
    advance(40 * DAY).await;
    record(&budget, 1, 0);
    // 41 d is longer than the age of the budget, 39 d is not: both are cut to 30 d.
    for window in [30 * DAY, 39 * DAY, 41 * DAY, Duration::MAX] {
        assert_eq!(budget.counts(window), Counts::new(1, 0), "{window:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_data_is_neither_zero_nor_infinite() {
    let budget = ErrorBudget::new("n", THREE_NINES);
    let report = budget.report();
    assert!(budget.burn_rate(HOUR).is_none());
    assert_eq!(
        (
            report.consumed(),
            report.remaining(),
            report.time_to_exhaustion()
        ),
        (None, None, None)
    );
    assert_eq!(report.to_string(), "`n`, 99.9% over 30d: no data");
    record(&budget, 1, 0);
    assert!(budget.burn_rate(HOUR).unwrap() == "0".parse::<Factor>().unwrap());
    advance(2 * HOUR).await;
    assert!(budget.burn_rate(HOUR).is_none(), "none in the last hour");
}

#[tokio::test(start_paused = true)]
async fn a_report_is_a_sentence_that_shows_overspending() {
    let budget = ErrorBudget::new("api", THREE_NINES);
    record(&budget, 9_990, 10);
    advance(15 * DAY).await;
    record(&budget, 9_985, 15);
    let report = budget.report();
    assert_eq!(report.allowed_bad(), 20);
    assert_eq!(report.consumed(), Some(1.25));
    assert_eq!(report.remaining(), Some(-0.25));
    assert!((report.period().coverage() - 0.5).abs() < 1e-9);
    assert_eq!(report.consumed_of_period(), Some(0.625));
    // 37.5 % left, and 1.5 times too fast: a quarter of the period.
    let left = report.time_to_exhaustion().unwrap();
    assert_eq!(left.as_secs(), 30 * 24 * 3600 / 4);
    assert_eq!(
        report.to_string(),
        "`api`, 99.9% over 30d: 25 bad of 20000 events where 20 may be (observed for 15d), \
         62.5 % of a whole period's budget consumed; burn rate 1.50 over 1h, 1.50 over 6h, 1.50 over 1d; \
         at this rate the budget is spent in 7d 12h"
    );
    // The whole period is observed, and the first half has left it.
    advance(15 * DAY + HOUR).await;
    record(&budget, 9_985, 15);
    let sentence = budget.report().to_string();
    assert!(
        sentence.starts_with(
            "`api`, 99.9% over 30d: 30 bad of 20000 events where 20 may be, 150.0 % of the budget consumed; "
        ) && sentence.ends_with("; the budget is spent"),
        "{sentence}"
    );
}

#[tokio::test(start_paused = true)]
async fn without_a_budget_one_bad_event_is_infinitely_many() {
    let budget = ErrorBudget::new("strict", "100%".parse().unwrap());
    record(&budget, 10, 0);
    assert_eq!(budget.consumed(), Some(0.0));
    record(&budget, 0, 1);
    assert_eq!(budget.consumed(), Some(f64::INFINITY));
    let gate = Gate::new(budget.clone());
    record(&budget, 0, 2);
    advance(SECOND).await;
    assert!(gate.is_open(), "two refuse nothing");
    record(&budget, 0, 1);
    advance(SECOND).await;
    assert!(!gate.is_open());
}

#[tokio::test(start_paused = true)]
async fn time_stands_still_when_the_clock_steps_back() {
    let before = Instant::now();
    advance(DAY).await;
    let budget = ErrorBudget::new("t", THREE_NINES);
    let start = Instant::now();
    budget.record_at(Event::Bad, before);
    budget.record_at(Event::Good, start + HOUR);
    budget.record_at(Event::Bad, start);
    assert_eq!(budget.counts_at(10 * MINUTE, start), Counts::new(1, 1));
    assert_eq!(budget.counts_at(DAY, before), Counts::new(1, 2));
}

#[tokio::test(start_paused = true)]
async fn each_step_back_of_the_clock_counts_once() {
    let budget = ErrorBudget::new("t", THREE_NINES);
    let start = Instant::now();
    let look = |seconds| {
        let report = budget.report_at(start + Duration::from_secs(seconds));
        (report.clock_steps_back(), report.clock_behind().as_secs())
    };
    assert_eq!(look(1000), (0, 0));
    assert_eq!(
        look(990),
        (0, 10),
        "threads overtake each other by as much as a slot"
    );
    assert_eq!(look(989), (1, 11));
    assert_eq!(look(500), (1, 500), "it is still the same step");
    assert_eq!(look(1000), (1, 0));
    assert_eq!(look(999), (1, 1));
    assert_eq!(look(1001), (1, 0));
    assert_eq!(look(0), (2, 1001));
}

#[tokio::test(start_paused = true)]
async fn the_gate_decides_once_a_second_and_admits_an_exact_share() {
    let budget = ErrorBudget::new("g", THREE_NINES);
    let gate = Gate::builder().build(budget.clone()).unwrap();
    let begins = Instant::now() + SECOND;
    record(&budget, 0, 1000);
    assert!(gate.is_open(), "the decision is kept for the second");
    advance(SECOND).await;
    assert!(!gate.is_open());
    let admitted = (0..1280).filter(|_| gate.check(Class::Optional).is_ok());
    assert_eq!(admitted.count(), 640);
    let snapshot = gate.snapshot();
    assert_eq!((snapshot.refused(), snapshot.is_open()), (640, false));
    assert_eq!(snapshot.since(), Some(begins));
    // 640 results are enough to see that it is over.
    record(&budget, 640, 0);
    for _ in 0..3 {
        advance(SECOND).await;
        assert!(gate.snapshot().share() > 0.6);
    }
    assert!(gate.is_open());
}

#[tokio::test(start_paused = true)]
async fn essential_requests_pass_a_gate_that_refuses() {
    let budget = ErrorBudget::new("g", THREE_NINES);
    let gate = Gate::builder().build(budget.clone()).unwrap();
    record(&budget, 0, 1000);
    advance(SECOND).await;
    assert!(!gate.is_open());
    for _ in 0..300 {
        assert!(gate.check(Class::Essential).is_ok());
        assert!(gate.check_at(Class::Essential, Instant::now()).is_ok());
    }
    assert_eq!(gate.snapshot().refused(), 0);
}

fn pace(gate: &Gate) -> String {
    format!("{:.2}", gate.snapshot().pace())
}

#[tokio::test(start_paused = true)]
async fn a_compressed_budget_has_the_pace_of_a_month() {
    let month = ErrorBudget::new("month", THREE_NINES);
    let half_an_hour = ErrorBudget::builder()
        .compressed(Duration::from_secs(1800))
        .build("demo")
        .unwrap();
    for budget in [month, half_an_hour] {
        assert_eq!(pace(&Gate::new(budget)), "14.40");
    }
}

#[tokio::test(start_paused = true)]
async fn the_pace_falls_with_what_is_left_of_the_budget() {
    let budget = ErrorBudget::new("g", THREE_NINES);
    let gate = Gate::builder().build(budget.clone()).unwrap();
    advance(30 * DAY).await;
    record(&budget, 9_995, 5);
    assert_eq!(pace(&gate), "7.20");
    record(&budget, 0, 100);
    assert_eq!(pace(&gate), "1.00");
}

#[tokio::test(start_paused = true)]
async fn a_blip_in_a_young_process_is_forgiven() {
    // Twelve seconds old, and 8 of 19 requests failed in the last five.
    let budget = ErrorBudget::new("g", THREE_NINES);
    let gate = Gate::builder().build(budget.clone()).unwrap();
    for second in 0..30 {
        match second {
            7..12 => record(&budget, 0, 8 / (second - 6).min(2) / 2),
            _ => record(&budget, 2, 0),
        }
        assert!(gate.check(Class::Optional).is_ok());
        advance(SECOND).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_spent_budget_can_refuse_nearly_all() {
    let budget = ErrorBudget::new("g", THREE_NINES);
    let gate = |when| {
        let builder = Gate::builder().when_spent(when);
        builder.build(budget.clone()).unwrap()
    };
    let (strict, default) = (gate(WhenSpent::Refuse), gate(WhenSpent::Shed));
    record(&budget, 900, 100);
    advance(29 * DAY).await;
    assert!(default.is_open(), "it is well now");
    let reasons: Vec<_> = strict.snapshot().reasons().iter().collect();
    assert_eq!(reasons, [Reason::BudgetSpent]);
    let admitted = (0..1280).filter(|_| strict.check(Class::Optional).is_ok());
    assert!((10..=20).contains(&admitted.count()));
    let refused = (0..9).find_map(|_| strict.check(Class::Optional).err());
    let refused = refused.expect("a share of 1 %");
    assert_eq!(refused.retry_after(), HOUR);
    // Good events dilute the bad ones, down to 90 %.
    record(&budget, 99_000, 0);
    advance(SECOND).await;
    assert!(!strict.is_open());
    record(&budget, 12_000, 0);
    advance(SECOND).await;
    assert!(strict.is_open());
}

#[tokio::test(start_paused = true)]
async fn the_deploy_policy_tolerates_one_error_of_5001() {
    let budget = ErrorBudget::new("d", THREE_NINES);
    let gate = Gate::new(budget.clone());
    let careful = Gate::builder()
        .no_data(NoData::Block)
        .build(budget.clone())
        .unwrap();
    assert!(gate.deploy().is_allowed());
    assert!(matches!(careful.deploy(), Decision::Block(r) if r.contains(Reason::NoData)));
    record(&budget, 999, 1);
    let Decision::Block(reasons) = gate.deploy() else {
        panic!("one of 1000 burns 1.0")
    };
    assert_eq!(
        reasons.iter().collect::<Vec<_>>(),
        [0, 1, 2].map(Reason::OverLimit)
    );
    record(&budget, 1, 0);
    assert!(matches!(gate.deploy(), Decision::Block(r) if !r.contains(Reason::OverLimit(0))));
    record(&budget, 3_999, 0);
    assert_eq!(
        gate.deploy().to_string(),
        "block: it burns faster than limit 3",
        "0.2 is not below 0.2"
    );
    record(&budget, 1, 0);
    assert!(gate.deploy().is_allowed() && careful.deploy().is_allowed());
}

// === Configuration ===

#[test]
fn what_cannot_work_is_refused_with_its_reason() {
    use InvalidConfigKind as Bad;
    let builder = ErrorBudget::builder();
    let second = Duration::from_secs(1);
    for (wrong, reason) in [
        (builder.period(Duration::ZERO), Bad::ZeroPeriod),
        (builder.resolution(Duration::ZERO), Bad::ZeroResolution),
        (builder.compressed(Duration::ZERO), Bad::ZeroPeriod),
        (builder.resolution(Duration::MAX), Bad::ResolutionTooLong),
        (builder.period(Duration::MAX), Bad::PeriodTooLong),
        (builder.period(31 * DAY), Bad::PeriodTooLong),
        (builder.resolution(second), Bad::PeriodTooLong),
        (builder.windows([31 * DAY]), Bad::WindowLongerThanPeriod),
        (builder.windows([15 * second]), Bad::WindowTooShort),
        (builder.windows([Duration::ZERO]), Bad::WindowTooShort),
        (builder.windows([HOUR; 5]), Bad::TooMany),
    ] {
        assert_eq!(wrong.build("wrong").unwrap_err().kind(), reason);
    }
    for fine in [
        builder.period(HOUR),
        builder.windows([]),
        builder.windows([20 * second]),
        builder.windows([HOUR; 4]),
        builder.compressed(Duration::from_secs(7)),
        builder.period(28 * DAY),
        builder
            .resolution(Duration::from_secs(70_000))
            .period(500_000 * DAY / 3),
        // The longest possible.
        builder
            .resolution(Duration::from_nanos(u64::MAX / 259_200))
            .windows([DAY * 7]),
    ] {
        fine.build("fine").unwrap();
    }
}

#[test]
fn a_gate_that_cannot_work_is_refused_with_its_reason() {
    use InvalidConfigKind as Bad;
    let gate = Gate::builder();
    let percent = |n| Factor::new(n, 100).unwrap();
    for (wrong, reason) in [
        (gate.floor(percent(0)), Bad::Floor),
        (gate.floor(percent(101)), Bad::Floor),
        (gate.floor(Factor::new(1, 1_000_001).unwrap()), Bad::Floor),
        (gate.evidence(0.0), Bad::Evidence),
        (gate.evidence(f64::NAN), Bad::Evidence),
        (gate.evidence(0.51), Bad::Evidence),
        (gate.min_bad(0), Bad::ZeroMinBad),
        (gate.pace(percent(2), Duration::ZERO), Bad::PageFactor),
        (gate.pace(percent(10), 3 * DAY), Bad::FiresInBudget),
        (gate.pace(percent(0), HOUR), Bad::FiresInBudget),
        (gate.limits([Limit::new(HOUR, percent(1)); 5]), Bad::TooMany),
        (gate.limits([Limit::new(HOUR, percent(0))]), Bad::ZeroLimit),
        (
            gate.limits([Limit::new(HOUR, "1000.1".parse().unwrap())]),
            Bad::NeverFires,
        ),
        (
            gate.limits([Limit::new(31 * DAY, percent(100))]),
            Bad::WindowLongerThanPeriod,
        ),
    ] {
        let budget = ErrorBudget::new("g", THREE_NINES);
        assert_eq!(wrong.build(budget).unwrap_err().kind(), reason);
    }
    // A total outage burns 1000, which is not below 1000.
    gate.limits([Limit::new(HOUR, "1000".parse().unwrap())])
        .build(ErrorBudget::new("g", THREE_NINES))
        .unwrap();
    gate.limits([])
        .grace(Duration::MAX)
        .floor(percent(100))
        .pace(Factor::new(u32::MAX, 1).unwrap(), Duration::from_nanos(1))
        .build(ErrorBudget::new("g", THREE_NINES))
        .unwrap();
}

#[test]
fn a_gate_with_the_defaults_fits_every_budget() {
    for objective in [
        "0%",
        "50%",
        "93.05%",
        "99.9%",
        "99.9999999999999999%",
        "100%",
    ] {
        for period in [MINUTE, HOUR, 30 * DAY] {
            let builder = ErrorBudget::builder().period(period);
            let budget = builder.objective(objective.parse().unwrap()).windows([]);
            let gate = Gate::new(budget.build("g").unwrap());
            assert!(gate.is_open() && gate.snapshot().pace() >= 1.0);
        }
    }
}

/// The second after which a new gate refuses, if `bad` events of each second fail and all others go well.
async fn refuses_after(objective: &str, seconds: u64, good: u64, bad: u64) -> Option<u64> {
    let budget = ErrorBudget::new("new", objective.parse().expect("an objective"));
    let gate = Gate::new(budget.clone());
    for second in 1..=120 {
        if second <= seconds {
            (0..good).for_each(|_| budget.record(Event::Good));
            (0..bad).for_each(|_| budget.record(Event::Bad));
        }
        advance(SECOND).await;
        if !gate.is_open() {
            return Some(second);
        }
    }
    None
}

#[tokio::test(start_paused = true)]
async fn a_new_gate_refuses_by_the_formula_of_the_guide() {
    // 3 / (14.4 × 0.001) requests are 209: fewer at once refuse nothing.
    assert_eq!(refuses_after("99.9%", 1, 0, 208).await, None);
    assert_eq!(refuses_after("99.9%", 1, 0, 209).await, Some(1));
    // 10 s × 14.4 × 0.001, divided by the share that fails, is a second from 14.4 % on. Good requests count.
    assert_eq!(refuses_after("99.9%", 1, 178, 31).await, Some(1));
    assert_eq!(refuses_after("99.9%", 1, 180, 29).await, None);
    // 600 s × 14.4 × 0.001 are 8.64 s with fewer requests.
    for bad in [1, 5, 20, 25, 26] {
        assert_eq!(refuses_after("99.9%", 120, 0, bad).await, Some(9), "{bad}");
        assert_eq!(refuses_after("99.9%", 8, 0, bad).await, None, "{bad}");
    }
    // 209 requests come in 8 s, so the shortest window decides.
    assert_eq!(refuses_after("99.9%", 120, 0, 27).await, Some(8));
    // At 99 % these are 21 requests; 1.44 s, 8.64 s and 86.4 s.
    assert_eq!(refuses_after("99%", 1, 0, 1000).await, None);
    assert_eq!(refuses_after("99%", 2, 0, 21).await, Some(2));
    assert_eq!(refuses_after("99%", 120, 0, 1).await, Some(21));
}
