//! Periods of the calendar: exact to the event, in any time zone, with daylight saving time and months of any length.

use std::time::Duration;

use jiff::{Timestamp, ToSpan, Zoned, civil::date, tz::TimeZone};
use maestro_slo_budget::{
    Alerts, Budgeting, Calendar, Class, Counts, ErrorBudget, Event, Gate, History,
    InvalidConfigKind, Objective, Reason, Restored, WhenSpent,
};
use proptest::prelude::*;
use tokio::{
    runtime::Builder as Runtime,
    time::{Instant, advance},
};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Whole hours, halves and quarters; clocks that change at midnight, by half an hour, over midnight, in Ramadan, or not at all.
const ZONES: [&str; 14] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Pacific/Apia",
    "America/Sao_Paulo",
    "America/Havana",
    "Asia/Beirut",
    "Africa/Casablanca",
    "America/Asuncion",
    "Antarctica/Troll",
];

/// `2026-01-31T23:59:50[Europe/Berlin]` since the Unix epoch.
fn at(text: &str) -> Duration {
    let at: Zoned = text.parse().expect("a moment in a zone");
    Duration::from_nanos(
        at.timestamp()
            .as_nanosecond()
            .try_into()
            .expect("after 1970"),
    )
}

fn begin(calendar: Calendar, wall: Duration) -> ErrorBudget {
    let builder = ErrorBudget::builder().calendar(calendar);
    builder
        .restore("c", &[], wall)
        .expect("a valid configuration")
        .0
}

fn period(budget: &ErrorBudget, now: Instant) -> (Counts, Duration) {
    let report = budget.report_at(now);
    (report.period().counts(), report.period().window())
}

#[tokio::test(start_paused = true)]
async fn a_budget_is_full_again_at_midnight_exactly() {
    let budget = begin(
        Calendar::month("Asia/Kathmandu"),
        at("2026-02-28T23:59:59[Asia/Kathmandu]"),
    );
    let start = Instant::now();
    let last = start + SECOND - Duration::from_nanos(1);
    budget.record_at(Event::Bad, start);
    budget.record_at(Event::Bad, last);
    assert_eq!(period(&budget, last), (Counts::new(0, 2), 28 * DAY));
    assert_eq!(budget.report_at(last).remaining(), Some(-999.0));
    budget.record_at(Event::Good, start + SECOND);
    assert_eq!(
        period(&budget, start + SECOND),
        (Counts::new(1, 0), 31 * DAY)
    );
    assert_eq!(budget.report_at(start + SECOND).remaining(), Some(1.0));
    // The windows slide as before.
    assert_eq!(budget.counts_at(HOUR, start + SECOND), Counts::new(1, 2));
}

#[tokio::test(start_paused = true)]
async fn periods_have_the_lengths_of_their_calendar() {
    for (calendar, wall, length) in [
        (Calendar::month("UTC"), "2024-02-10T12[UTC]", 29 * DAY),
        (Calendar::month("UTC"), "2100-02-10T12[UTC]", 28 * DAY),
        (
            Calendar::month("Europe/Berlin"),
            "2026-03-10T12[Europe/Berlin]",
            (31 * 24 - 1) * HOUR,
        ),
        (
            Calendar::month("Europe/Berlin"),
            "2026-10-10T12[Europe/Berlin]",
            31 * DAY + HOUR,
        ),
        (
            Calendar::week("Europe/Berlin"),
            "2026-03-29T23:59[Europe/Berlin]",
            (7 * 24 - 1) * HOUR,
        ),
        (
            Calendar::week("Europe/Berlin"),
            "2026-03-30T00[Europe/Berlin]",
            7 * DAY,
        ),
        (
            Calendar::week("Australia/Lord_Howe"),
            "2026-04-01T12[Australia/Lord_Howe]",
            7 * DAY + HOUR / 2,
        ),
        (
            Calendar::quarter("Europe/Berlin"),
            "2024-03-31T23[Europe/Berlin]",
            (91 * 24 - 1) * HOUR,
        ),
        (Calendar::quarter("UTC"), "2026-12-31T23:59[UTC]", 92 * DAY),
        // The day that Samoa skipped.
        (
            Calendar::month("Pacific/Apia"),
            "2011-12-10T12[Pacific/Apia]",
            30 * DAY,
        ),
        // Midnight does not exist on that first of the month: the day begins at one.
        (
            Calendar::week("America/Sao_Paulo"),
            "2017-10-15T12[America/Sao_Paulo]",
            (7 * 24 - 1) * HOUR,
        ),
    ] {
        let budget = begin(calendar, at(wall));
        assert_eq!(
            period(&budget, Instant::now()).1,
            length,
            "{calendar} {wall}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_period_survives_clocks_that_go_back_over_midnight() {
    // In St. John's it was 00:01 on the first of November 2009, and then 23:01 on the last of October.
    let zone = "America/St_Johns";
    let budget = begin(
        Calendar::month(zone),
        at("2009-10-31T23:59:50-02:30[America/St_Johns]"),
    );
    let start = Instant::now();
    budget.record_at(Event::Bad, start);
    for seconds in [10, 69, 71, 1800, 3670, 3672] {
        let now = start + Duration::from_secs(seconds);
        budget.record_at(Event::Good, now);
        let (counts, _) = period(&budget, now);
        assert_eq!(counts.bad(), 0, "after {seconds} s it is November");
    }
    // A budget that starts there is in November.
    let late = begin(
        Calendar::month(zone),
        at("2009-10-31T23:30-03:30[America/St_Johns]"),
    );
    assert_eq!(period(&late, Instant::now()).1, 30 * DAY + HOUR);
}

#[derive(Clone, Copy, Debug)]
enum Unit {
    Week,
    Month,
    Quarter,
}

impl Unit {
    fn calendar(self, zone: &'static str) -> Calendar {
        match self {
            Self::Week => Calendar::week(zone),
            Self::Month => Calendar::month(zone),
            Self::Quarter => Calendar::quarter(zone),
        }
    }

    /// What two moments of the same period have in common, by the local clock.
    fn name(self, wall: Duration, zone: &TimeZone) -> (i16, i8) {
        let nanos = i128::try_from(wall.as_nanos()).expect("not that late");
        let there = Timestamp::from_nanosecond(nanos)
            .expect("not that late")
            .to_zoned(zone.clone());
        match self {
            Self::Week => {
                let week = there.date().iso_week_date();
                (week.year(), week.week())
            }
            Self::Month => (there.year(), there.month()),
            Self::Quarter => (there.year(), (there.month() - 1) / 3),
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Record(bool),
    Forward(u64),
    /// Close to where the clocks change, or where a month begins.
    Near(i64),
    Restart(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => any::<bool>().prop_map(Step::Record),
        4 => prop_oneof![0_u64..20, 0_u64..100_000, 0_u64..3_000_000, 0_u64..20_000_000].prop_map(Step::Forward),
        5 => (-4000_i64..4000).prop_map(Step::Near),
        2 => prop_oneof![0_u64..20, 0_u64..3_000_000].prop_map(Step::Restart),
    ]
}

proptest! {
    #[test]
    fn a_period_counts_what_its_calendar_contains(
        // From 2010 to 2036.
        begin_at in 1_262_304_000_u64..2_082_758_400,
        zone in prop::sample::select(&ZONES[..]),
        unit in prop_oneof![Just(Unit::Week), Just(Unit::Month), Just(Unit::Quarter)],
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let runtime = Runtime::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let _paused = runtime.enter();
        let there = TimeZone::get(zone).unwrap();
        let builder = ErrorBudget::builder().calendar(unit.calendar(zone));
        let mut wall = Duration::from_secs(begin_at);
        let (mut budget, _) = builder.restore("c", &[], wall).unwrap();
        let mut now = Instant::now();
        let mut events: Vec<(Duration, bool)> = Vec::new();
        for step in steps {
            let mut forward = Duration::ZERO;
            match step {
                Step::Record(bad) => {
                    budget.record_at(if bad { Event::Bad } else { Event::Good }, now);
                    events.push((wall, bad));
                }
                Step::Forward(seconds) => forward = Duration::from_secs(seconds),
                Step::Near(seconds) => {
                    // The next first of the month there.
                    let today = Timestamp::from_second(wall.as_secs().try_into().unwrap()).unwrap().to_zoned(there.clone());
                    let next = today.date().first_of_month().checked_add(1.month()).unwrap();
                    let next = next.to_zoned(there.clone()).unwrap().timestamp().as_second() + seconds;
                    forward = Duration::from_secs(next.try_into().unwrap()).saturating_sub(wall);
                }
                Step::Restart(seconds) => {
                    // `history` reads tokio's clock, which is paused here: a query moves the budget to this moment.
                    let _ = budget.report_at(now);
                    let bytes = budget.history(wall).to_bytes();
                    wall += Duration::from_secs(seconds);
                    let counted = History::from_bytes(&bytes).unwrap().period_counts(wall).unwrap();
                    let name = unit.name(wall, &there);
                    let same = events.iter().filter(|(at, _)| unit.name(*at, &there) == name).count();
                    prop_assert_eq!(counted.total(), same as u128);
                    budget = builder.restore("c", &bytes, wall).unwrap().0;
                    now = Instant::now();
                }
            }
            wall += forward;
            now += forward;
            let name = unit.name(wall, &there);
            let of = |bad| events.iter().filter(|(at, is_bad)| *is_bad == bad && unit.name(*at, &there) == name).count() as u64;
            let report = budget.report_at(now);
            prop_assert_eq!(report.period().counts(), Counts::new(of(false), of(true)), "{:?}", wall);
            let length = report.period().window();
            let nominal = match unit { Unit::Week => 7, Unit::Month => 30, Unit::Quarter => 91 };
            let apart = length.abs_diff(nominal * DAY);
            prop_assert!(apart <= 2 * DAY + HOUR, "{:?}", length);
            prop_assert!((0.0..=1.0).contains(&report.period().coverage()));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_report_names_its_period_and_stops_at_its_end() {
    let budget = begin(
        Calendar::month("Europe/Berlin"),
        at("2026-06-01T00[Europe/Berlin]"),
    );
    (0..9990).for_each(|_| budget.record(Event::Good));
    (0..5).for_each(|_| budget.record(Event::Bad));
    advance(20 * DAY).await;
    (0..9990).for_each(|_| budget.record(Event::Good));
    (0..11).for_each(|_| budget.record(Event::Bad));
    let report = budget.report();
    assert_eq!(
        report.to_string(),
        "`c`, 99.9% over the month in Europe/Berlin: 16 bad of 19996 events where 19 may be (observed for 20d), \
         53.3 % of a whole period's budget consumed; burn rate 1.10 over 1h, 1.10 over 6h, 1.10 over 1d"
    );
    // 46.7 % at a rate of 1.1 would last for 12.7 days, and the month lasts for 10.
    assert_eq!(report.time_to_exhaustion(), None);
    (0..90).for_each(|_| budget.record(Event::Bad));
    assert_eq!(budget.report().time_to_exhaustion(), Some(Duration::ZERO));
}

fn refusing(budget: &ErrorBudget) -> Gate {
    let gate = Gate::builder().when_spent(WhenSpent::Refuse);
    gate.build(budget.clone()).expect("a valid configuration")
}

#[tokio::test(start_paused = true)]
async fn a_gate_opens_with_the_next_month() {
    let budget = begin(Calendar::month("UTC"), at("2026-06-01T00[UTC]"));
    let gate = refusing(&budget);
    advance(20 * DAY).await;
    (0..9000).for_each(|_| budget.record(Event::Good));
    (0..100).for_each(|_| budget.record(Event::Bad));
    advance(10 * SECOND).await;
    assert!(gate.snapshot().reasons().contains(Reason::BudgetSpent));
    advance(9 * DAY + 23 * HOUR).await;
    assert!(!gate.is_open());
    advance(HOUR).await;
    assert!(gate.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_gate_opens_the_moment_the_next_month_starts() {
    // Slots of ten seconds from then on, so that the month ends within one.
    let budget = begin(Calendar::month("UTC"), at("2026-06-01T00:00:03[UTC]"));
    let gate = refusing(&budget);
    advance(20 * DAY).await;
    (0..9000).for_each(|_| budget.record(Event::Good));
    (0..100).for_each(|_| budget.record(Event::Bad));
    advance(10 * SECOND).await;
    let left = Duration::from_secs(10 * 24 * 3600 - 13);
    let refused = gate.check(Class::Optional).unwrap_err();
    assert_eq!(refused.retry_after(), left);
    advance(left.saturating_sub(Duration::from_nanos(1))).await;
    assert!(!gate.is_open());
    advance(Duration::from_nanos(1)).await;
    assert!(gate.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_restart_keeps_the_counts_of_the_period() {
    let utc = ErrorBudget::builder().calendar(Calendar::quarter("UTC"));
    let wall = at("2026-01-10T00[UTC]");
    let (budget, _) = utc.restore("c", &[], wall).unwrap();
    budget.record(Event::Bad);
    advance(60 * DAY).await;
    budget.record(Event::Bad);
    let wall = wall + 60 * DAY;
    let bytes = budget.history(wall).to_bytes();
    // A quarter is longer than the rings reach back.
    let (after, restored) = utc.restore("c", &bytes, wall + HOUR).unwrap();
    assert!(matches!(restored, Restored::History { .. }));
    assert_eq!(after.report().period().counts(), Counts::new(0, 2));
    let observed = after.report().period().coverage() * 90.0 * 24.0;
    assert!(
        (observed - (60.0 * 24.0 + 1.0)).abs() < 1e-6,
        "{observed} h"
    );
    // Another zone, or no calendar before: the rings know thirty days, and the report says so.
    let kolkata = ErrorBudget::builder().calendar(Calendar::quarter("Asia/Kolkata"));
    let plain = ErrorBudget::builder().restore("c", &bytes, wall).unwrap().0;
    for bytes in [bytes, plain.history(wall).to_bytes()] {
        let (after, _) = kolkata.restore("c", &bytes, wall).unwrap();
        assert_eq!(after.report().period().counts(), Counts::new(0, 1));
        let observed = after.report().period().coverage() * 90.0;
        assert!((29.9..=30.0).contains(&observed), "{observed} d");
        // The period ended during the downtime.
        let (later, _) = kolkata.restore("c", &bytes, wall + 60 * DAY).unwrap();
        assert_eq!(later.report().period().counts(), Counts::default());
    }
    assert_eq!(plain.history(wall).period_counts(wall), None);
}

#[tokio::test(start_paused = true)]
async fn a_period_contains_the_slices_that_end_in_it() {
    let minute = Budgeting::timeslices(60 * SECOND, Objective::new(1, 2).unwrap());
    let builder = ErrorBudget::builder()
        .budgeting(minute)
        .calendar(Calendar::month("UTC"));
    // Slices start with the budget, half a minute before midnight.
    let (budget, _) = builder
        .restore("c", &[], at("2026-06-30T23:59:30[UTC]"))
        .unwrap();
    let start = Instant::now();
    budget.record_at(Event::Bad, start);
    assert_eq!(period(&budget, start + 45 * SECOND).0, Counts::default());
    assert_eq!(period(&budget, start + 60 * SECOND).0, Counts::new(0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_calendar_is_checked_and_sets_its_factors() {
    let unknown = ErrorBudget::builder().calendar(Calendar::month("Europe/Atlantis"));
    assert_eq!(
        unknown.build("c").unwrap_err().kind(),
        InvalidConfigKind::TimeZone
    );
    let refused = unknown.build_family::<u8>("c", 1).unwrap_err();
    assert_eq!(refused.kind(), InvalidConfigKind::TimeZone);
    let quarter = ErrorBudget::builder().calendar(Calendar::quarter("UTC"));
    let long = quarter.windows([40 * DAY]).build("c").unwrap_err();
    assert_eq!(long.kind(), InvalidConfigKind::WindowTooLong);
    let budget = quarter.build("c").unwrap();
    assert_eq!(budget.period(), 91 * DAY);
    // 2 % of 91 days in an hour.
    let alerts = Alerts::builder().build(budget).unwrap();
    let factor = alerts
        .snapshot()
        .iter()
        .next()
        .map(maestro_slo_budget::Alert::factor);
    assert_eq!(factor, Some("43.68".parse().unwrap()));
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    assert!(today > date(2026, 1, 1));
}
