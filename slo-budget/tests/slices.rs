//! Timeslices through the public interface: slices, reports, gates, alerts and restarts.

use std::time::Duration;

use maestro_slo_budget::{
    AlertState, Alerts, Budgeting, Builder, Counts, ErrorBudget, Event, Gate, InvalidConfigKind,
    Objective, Restored, Unusable,
};
use tokio::time::advance;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
const WALL: Duration = Duration::from_secs(1_700_000_000);
/// The count of one slice whose ratio is counted.
const SLICE: u64 = 1_000_000_000;

fn percent(n: u64) -> Objective {
    Objective::new(n, 100).expect("a percentage")
}

/// 99 % of slices of a minute with at least 95 % good events.
fn minutes() -> Builder {
    ErrorBudget::builder()
        .objective(percent(99))
        .budgeting(Budgeting::timeslices(MINUTE, percent(95)))
}

fn ratios() -> Builder {
    minutes().budgeting(Budgeting::ratio_timeslices(MINUTE))
}

fn record(budget: &ErrorBudget, good: u64, bad: u64) {
    (0..good).for_each(|_| budget.record(Event::Good));
    (0..bad).for_each(|_| budget.record(Event::Bad));
}

#[tokio::test(start_paused = true)]
async fn a_slice_is_counted_when_it_ends() {
    let budget = minutes().build("s").unwrap();
    record(&budget, 95, 5);
    assert_eq!(budget.counts(HOUR), Counts::new(0, 0), "it has not ended");
    advance(MINUTE).await;
    assert_eq!(budget.counts(HOUR), Counts::new(1, 0), "95 % is 95 %");
    record(&budget, 94, 5);
    advance(MINUTE).await;
    assert_eq!(budget.counts(HOUR), Counts::new(1, 1));
    // In the window that contains its end.
    advance(58 * MINUTE).await;
    assert_eq!(budget.counts(HOUR), Counts::new(1, 1));
    advance(Duration::from_secs(60)).await;
    assert_eq!(budget.counts(HOUR), Counts::new(0, 1));
    advance(MINUTE).await;
    assert_eq!(budget.counts(HOUR), Counts::default());
}

#[tokio::test(start_paused = true)]
async fn a_ratio_weighs_all_slices_equally() {
    let budget = ratios().build("r").unwrap();
    record(&budget, 999_999, 1);
    advance(MINUTE).await;
    record(&budget, 0, 1);
    advance(MINUTE).await;
    record(&budget, 2, 1);
    advance(MINUTE).await;
    let counts = budget.counts(HOUR);
    // 0.000001 + 1 + 1/3, the third rounded up.
    assert_eq!(counts.bad(), 1_000 + SLICE + 333_333_334);
    assert_eq!(counts.total(), 3 * u128::from(SLICE));
    // 44.4 % where 1 % may be.
    let burn = budget.burn_rate(HOUR).unwrap().as_f64();
    assert!((burn - 44.4445).abs() < 1e-3, "{burn}");
    assert_eq!(
        budget.report().to_string(),
        "`r`, 99% over 30d: 1.33 bad of 3 slices of 1m where 0.03 may be (observed for 3m), \
         0.3 % of a whole period's budget consumed; burn rate 44.44 over 1h, 44.44 over 6h, 44.44 over 1d; \
         at this rate the budget is spent in 16h 8m"
    );
}

#[tokio::test(start_paused = true)]
async fn a_slice_without_events_counts_as_configured() {
    for (idle, expected) in [
        (Event::Excluded, Counts::new(1, 0)),
        (Event::Good, Counts::new(60, 0)),
        (Event::Bad, Counts::new(1, 59)),
    ] {
        for (budgeting, scale) in [
            (Budgeting::timeslices(MINUTE, percent(95)), 1),
            (Budgeting::ratio_timeslices(MINUTE), SLICE),
        ] {
            let builder = minutes().budgeting(budgeting.idle(idle));
            let budget = builder.build("s").unwrap();
            record(&budget, 1, 0);
            advance(HOUR).await;
            let scaled = Counts::new(expected.good() * scale, expected.bad() * scale);
            assert_eq!(budget.counts(HOUR + MINUTE), scaled, "{idle:?}");
            assert_eq!(budget.counts(10 * MINUTE).bad() > 0, idle == Event::Bad);
        }
    }
    assert_eq!(
        Budgeting::OCCURRENCES.idle(Event::Bad),
        Budgeting::OCCURRENCES
    );
}

#[tokio::test(start_paused = true)]
async fn gates_and_alerts_count_slices() {
    for builder in [minutes(), ratios()] {
        let budget = builder.build("s").unwrap();
        let (gate, alerts) = (Gate::new(budget.clone()), Alerts::new(budget.clone()));
        // Two of 1440 minutes are bad, each with one bad request in ten: two bad slices, or a fifth of one slice.
        for minute in 0..1440 {
            let bad = u64::from(minute == 700 || minute == 1400) * 100;
            record(&budget, 1000 - bad, bad);
            advance(MINUTE).await;
            assert!(gate.is_open() && alerts.evaluate().active().count() == 0);
        }
        // An outage of twenty minutes.
        for _ in 0..20 {
            record(&budget, 0, 10);
            advance(MINUTE).await;
            let _ = gate.is_open();
        }
        let snapshot = gate.snapshot();
        assert!(snapshot.reasons().is_burning() && snapshot.share() < 0.05);
        let fires = alerts.evaluate();
        assert_eq!(
            fires.iter().next().map(maestro_slo_budget::Alert::state),
            Some(AlertState::Firing)
        );
        assert!(!gate.deploy().is_allowed());
    }
}

#[tokio::test(start_paused = true)]
async fn slices_survive_a_restart() {
    let builder = minutes().budgeting(Budgeting::timeslices(MINUTE, percent(95)).idle(Event::Good));
    let before = builder.build("s").unwrap();
    record(&before, 1, 1);
    advance(MINUTE).await;
    record(&before, 1, 1);
    advance(MINUTE / 2).await;
    let bytes = before.history(WALL).to_bytes();
    let (after, restored) = builder.restore("s", &bytes, WALL + MINUTE / 4).unwrap();
    assert!(matches!(restored, Restored::History { .. }));
    record(&after, 100, 0);
    assert_eq!(after.counts(HOUR), Counts::new(0, 1));
    advance(MINUTE).await;
    assert_eq!(after.counts(HOUR), Counts::new(1, 1), "101 of 102");
    // Every slice of the downtime is idle; a history knows that too.
    let (after, _) = builder.restore("s", &bytes, WALL + HOUR).unwrap();
    assert_eq!(after.counts(DAY), Counts::new(59, 2));
    let history = maestro_slo_budget::History::from_bytes(&bytes).unwrap();
    assert_eq!(history.counts(DAY, WALL + HOUR), Counts::new(59, 2));
    for other in [
        ErrorBudget::builder(),
        ratios(),
        minutes(),
        builder.budgeting(Budgeting::timeslices(2 * MINUTE, percent(95)).idle(Event::Good)),
        builder.budgeting(Budgeting::timeslices(MINUTE, percent(96)).idle(Event::Good)),
    ] {
        let (budget, restored) = other.restore("s", &bytes, WALL).unwrap();
        assert_eq!(restored, Restored::Empty(Unusable::OtherBudgeting));
        assert_eq!(budget.counts(DAY), Counts::default());
    }
}

#[test]
fn impossible_slices_are_refused() {
    use InvalidConfigKind as Bad;
    let of = |length| minutes().budgeting(Budgeting::timeslices(length, percent(95)));
    for (wrong, reason) in [
        (of(Duration::ZERO), Bad::SliceLength),
        (of(Duration::from_secs(5)), Bad::SliceLength),
        (of(Duration::from_secs(15)), Bad::SliceLength),
        (of(Duration::MAX), Bad::SliceLength),
        (of(15 * DAY + 10 * MINUTE), Bad::SliceTooLong),
        (minutes().windows([MINUTE]), Bad::WindowTooShort),
    ] {
        assert_eq!(wrong.build("wrong").unwrap_err().kind(), reason);
    }
    for fine in [
        of(Duration::from_secs(10)),
        of(15 * DAY),
        minutes().windows([2 * MINUTE]),
    ] {
        fine.build("fine").unwrap();
    }
    // Alerts over less than two slices are refused, and left out of the defaults.
    let hours = of(HOUR).build("hours").unwrap();
    let refused = Alerts::builder().build(hours.clone()).unwrap_err();
    assert_eq!(refused.kind(), Bad::WindowTooShort);
    assert_eq!(Alerts::new(hours).snapshot().iter().count(), 2);
}
