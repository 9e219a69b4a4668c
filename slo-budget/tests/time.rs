//! Windows, figures and the gate on a paused clock.

use std::time::Duration;

use maestro_slo_budget::{
    Admission, Class, Counts, Decision, ErrorBudget, Event, Factor, Gate, InvalidConfig, Limit,
    NoData, Objective, Page, Reason,
};
use tokio::time::{Instant, advance};

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
    assert!(gate.is_open(), "one closes nothing");
    record(&budget, 0, 2);
    advance(MINUTE).await;
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
async fn the_gate_decides_once_a_slot_and_probes_are_spread_evenly() {
    let budget = ErrorBudget::new("g", THREE_NINES);
    let gate = Gate::builder()
        .one_probe_in(20)
        .build(budget.clone())
        .unwrap();
    assert!(gate.is_open());
    record(&budget, 0, 100);
    assert!(gate.is_open(), "the decision is kept for the slot");
    advance(Duration::from_secs(10)).await;
    assert!(!gate.is_open());
    let admitted: Vec<_> = (1..=100)
        .filter(|_| gate.check(Class::Optional).is_ok())
        .collect();
    assert_eq!(admitted, [20, 40, 60, 80, 100]);
    assert!(gate.check(Class::Essential).is_ok());
    let snapshot = gate.snapshot();
    assert_eq!(
        (snapshot.refused(), snapshot.probes(), snapshot.is_open()),
        (95, 5, false)
    );
    // One a minute in any case.
    advance(MINUTE).await;
    assert!(gate.check(Class::Optional).is_ok());
    assert!(gate.check(Class::Optional).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_due_probe_lapses_when_the_gate_opens() {
    let budget = ErrorBudget::new("g", THREE_NINES);
    let gate = Gate::builder()
        .one_probe_in(1000)
        .build(budget.clone())
        .unwrap();
    for _ in 0..2 {
        record(&budget, 5000, 100);
        advance(MINUTE).await;
        assert!(
            gate.check(Class::Optional).is_err(),
            "closed, and none is due yet"
        );
        advance(2 * MINUTE).await;
        assert!(!gate.is_open(), "one is due");
        advance(7 * HOUR).await;
        assert!(gate.is_open());
    }
}

#[tokio::test(start_paused = true)]
async fn essential_requests_pass_a_closed_gate() {
    let budget = ErrorBudget::new("g", THREE_NINES);
    let gate = Gate::builder()
        .one_probe_in(3)
        .build(budget.clone())
        .unwrap();
    record(&budget, 0, 100);
    advance(MINUTE).await;
    for _ in 0..10 {
        assert!(gate.check_at(Class::Essential, Instant::now()).is_ok());
    }
    let snapshot = gate.snapshot();
    assert_eq!((snapshot.probes(), snapshot.refused()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_compressed_budget_recovers_in_its_own_time() {
    let budget = ErrorBudget::builder()
        .compressed(Duration::from_secs(1800))
        .build("demo")
        .unwrap();
    let gate = Gate::builder().build(budget.clone()).unwrap();
    let settle = Duration::from_millis(10);
    for _ in 0..100 {
        record(&budget, 100, 0);
        advance(settle).await;
    }
    assert!(gate.is_open());
    for _ in 0..10 {
        record(&budget, 0, 100);
        advance(settle).await;
    }
    assert!(!gate.is_open());
    let healed = Instant::now();
    while !gate.is_open() {
        record(&budget, 2, 0);
        advance(settle).await;
    }
    // 30 m of a month is 1.25 s of half an hour.
    assert!(
        healed.elapsed() <= Duration::from_millis(1300),
        "{:?}",
        healed.elapsed()
    );
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

#[tokio::test(start_paused = true)]
async fn the_deploy_policy_can_admit_and_is_slow_to_open() {
    let budget = ErrorBudget::new("d", THREE_NINES);
    let gate = Gate::builder()
        .admission(Admission::Deploy)
        .build(budget.clone())
        .unwrap();
    record(&budget, 2_999, 1);
    assert!(!gate.is_open(), "one of 3000 burns 0.33 in 24 h");
    record(&budget, 2_002, 0);
    advance(MINUTE).await;
    assert!(!gate.is_open(), "below 0.2, not below 90 % of it");
    record(&budget, 554, 0);
    advance(MINUTE).await;
    assert!(gate.is_open());
}

// === Configuration ===

#[test]
fn what_cannot_work_is_refused_with_its_reason() {
    use InvalidConfig as Bad;
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
        assert_eq!(wrong.build("wrong").unwrap_err(), reason);
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
    use InvalidConfig as Bad;
    let gate = Gate::builder();
    let percent = |n| Factor::new(n, 100).unwrap();
    for (wrong, reason) in [
        (gate.one_probe_in(0), Bad::NoProbes),
        (gate.evidence(0.0), Bad::Evidence),
        (gate.evidence(f64::NAN), Bad::Evidence),
        (gate.evidence(0.51), Bad::Evidence),
        (gate.reopen_percent(0), Bad::Reopen),
        (gate.reopen_percent(101), Bad::Reopen),
        (gate.min_bad(0), Bad::ZeroMinBad),
        (gate.min_bad_to_page(0), Bad::ZeroMinBad),
        (
            gate.pages([Page::new(percent(2), HOUR, HOUR)]),
            Bad::ShortNotShorter,
        ),
        (
            gate.pages([Page::new(percent(2), 40 * DAY, HOUR)]),
            Bad::WindowLongerThanPeriod,
        ),
        (
            gate.pages([Page::new(percent(10), 3 * DAY, HOUR)]),
            Bad::FiresInBudget,
        ),
        (
            gate.pages([Page::new(percent(0), HOUR, MINUTE)]),
            Bad::FiresInBudget,
        ),
        (
            gate.pages([Page::new(percent(200), HOUR, MINUTE)]),
            Bad::NeverFires,
        ),
        (
            gate.pages([Page::new(percent(2), HOUR, MINUTE); 5]),
            Bad::TooMany,
        ),
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
        assert_eq!(wrong.build(budget).unwrap_err(), reason);
    }
    // A total outage burns 1000, which is not below 1000.
    gate.pages([])
        .limits([Limit::new(HOUR, "1000".parse().unwrap())])
        .build(ErrorBudget::new("g", THREE_NINES))
        .unwrap();
    gate.pages([])
        .limits([])
        .build(ErrorBudget::new("g", THREE_NINES))
        .unwrap();
}

#[test]
fn a_page_that_can_never_fire_is_refused() {
    // 14.4 is possible strictly above 93.0555… %.
    for (objective, fires) in [
        ("93.05%", false),
        ("67/72", false),
        ("93.06%", true),
        ("100%", true),
    ] {
        let budget = ErrorBudget::new("o", objective.parse().unwrap());
        let built = Gate::builder().build(budget.clone());
        assert_eq!(built.is_ok(), fires, "{objective}");
        assert!(Gate::new(budget).is_open());
    }
    let hour = ErrorBudget::builder().period(HOUR).build("short").unwrap();
    assert_eq!(
        Gate::builder().build(hour.clone()).unwrap_err(),
        InvalidConfig::FiresInBudget
    );
    assert!(Gate::new(hour).is_open());
}
