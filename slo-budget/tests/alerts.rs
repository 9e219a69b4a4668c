//! Alerts on a paused clock: when they fire, what they inhibit, and what listeners get.

use std::{sync::Arc, time::Duration};

use maestro_slo_budget::{
    Alert, AlertEvent, AlertRule, AlertState, Alerts, AlertsSnapshot, ErrorBudget, Event, Factor,
    InvalidConfigKind, Listener, Objective, Page, Severity, WithoutData,
};
use parking_lot::Mutex;
use static_assertions::assert_impl_all;
use tokio::time::{Instant, advance};

const SLOT: Duration = Duration::from_secs(10);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

assert_impl_all!(Alerts: Clone, Send, Sync, Unpin, std::fmt::Debug);
assert_impl_all!(AlertEvent: Copy, Send, Sync, std::fmt::Display);
assert_impl_all!(AlertsSnapshot: Copy, Send, Sync);

fn budget() -> ErrorBudget {
    ErrorBudget::new("api", Objective::new(999, 1000).expect("999 of 1000"))
}

fn page(percent: u32, long: Duration) -> Page {
    let budget = Factor::new(percent, 100).expect("a percentage");
    Page::new(budget, long, long / 12)
}

fn record(budget: &ErrorBudget, good: u64, bad: u64) {
    (0..good).for_each(|_| budget.record(Event::Good));
    (0..bad).for_each(|_| budget.record(Event::Bad));
}

/// Records ten equal events in each slot.
async fn serve(budget: &ErrorBudget, time: Duration, event: Event) {
    for _ in 0..time.as_secs() / 10 {
        (0..10).for_each(|_| budget.record(event));
        advance(SLOT).await;
    }
}

fn states(alerts: &AlertsSnapshot) -> Vec<(AlertState, bool)> {
    let state = |alert: &Alert| (alert.state(), alert.is_inhibited());
    alerts.iter().map(state).collect()
}

fn log(alerts: &Alerts) -> (Arc<Mutex<Vec<String>>>, Listener) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&lines);
    let listener = alerts.on_event(move |event| {
        into.lock().push(format!("{} {event}", event.index()));
    });
    (lines, listener)
}

#[test]
fn the_factors_follow_from_the_period() {
    for (days, factors) in [
        (30, [(144, 10), (6, 1), (3, 1), (1, 1)]),
        // A ticket asks for a burn rate of 1 at least: below it nothing shows that the objective is missed.
        (28, [(1344, 100), (56, 10), (28, 10), (1, 1)]),
        (7, [(336, 100), (14, 10), (1, 1), (1, 1)]),
    ] {
        let budget = ErrorBudget::builder()
            .period(days * DAY)
            .build("p")
            .unwrap();
        let alerts = Alerts::builder().build(budget).unwrap().snapshot();
        let seen: Vec<_> = alerts.iter().map(Alert::factor).collect();
        assert_eq!(seen, factors.map(|(n, of)| Factor::new(n, of).unwrap()));
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_detected_after_the_computed_time() {
    for (percent, hours, tenths) in [(2, 1, 518), (5, 6, 1296), (10, 24, 2592), (10, 72, 2592)] {
        let budget = budget();
        let rule = AlertRule::new(Severity::Page, page(percent, hours * HOUR));
        // At a factor of 1 the evidence would need about 40 s more.
        let builder = Alerts::builder().rules([rule]).evidence(0.5);
        let alerts = builder.build(budget.clone()).unwrap();
        serve(&budget, hours * HOUR, Event::Good).await;
        let start = Instant::now();
        while alerts.evaluate().active().next().is_none() {
            serve(&budget, SLOT, Event::Bad).await;
        }
        let after = start.elapsed();
        let expected = Duration::from_millis(tenths * 100);
        // Up to the next slot, plus what the long window falls short by.
        assert!(
            expected <= after && after <= expected + 2 * SLOT,
            "{hours} h: {after:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_rule_fires_strictly_above_its_factor() {
    let budget = budget();
    let rule = AlertRule::new(Severity::Page, page(2, HOUR));
    let alerts = Alerts::builder()
        .rules([rule])
        .build(budget.clone())
        .unwrap();
    record(&budget, 98_560, 1_440);
    assert_eq!(
        alerts.evaluate().active().count(),
        0,
        "14.4 is not above 14.4"
    );
    record(&budget, 0, 1);
    assert_eq!(alerts.evaluate().active().count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_few_errors_in_low_traffic_fire_no_alert() {
    let budget = budget();
    let alerts = Alerts::new(budget.clone());
    record(&budget, 0, 1);
    assert_eq!(alerts.evaluate().active().count(), 0, "one of one");
    record(&budget, 68, 1);
    // Two of seventy burn 28.6 and are no chance: enough for a ticket, and not for a page.
    let severities: Vec<_> = alerts.evaluate().active().map(Alert::severity).collect();
    assert_eq!(severities, [Severity::Ticket; 2]);
    // Two of a thousand are chance.
    record(&budget, 930, 0);
    assert_eq!(alerts.evaluate().active().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_firing_page_inhibits_the_tickets_until_it_is_resolved() {
    use AlertState::{Firing, Inactive, Resolved};
    let budget = budget();
    let alerts = Alerts::new(budget.clone());
    let (lines, _listener) = log(&alerts);
    let watched = alerts.watch();
    assert_eq!(states(&alerts.evaluate()), [(Inactive, false); 4]);
    record(&budget, 9900, 100);
    let fired = [(Firing, false), (Firing, true)];
    // 1 % burns 10: below 14.4, above 6, 3 and 1.
    let expected = [(Inactive, false), fired[0], fired[1], fired[1]];
    assert_eq!(states(&alerts.evaluate()), expected);
    assert_eq!(alerts.snapshot().active().count(), 1);
    assert!(watched.has_changed().unwrap());
    assert_eq!(states(&watched.borrow()), expected);
    // After 31 m the short window of the page is empty of errors; those of the tickets are not.
    serve(&budget, 31 * MINUTE, Event::Good).await;
    let now = alerts.evaluate();
    assert_eq!(
        states(&now),
        [(Inactive, false), (Resolved, false), fired[0], fired[0]]
    );
    assert_eq!(now.active().count(), 2);
    // Only a firing ticket can be inhibited.
    let three = AlertRule::new(Severity::Page, page(2, 3 * HOUR));
    let ticket = AlertRule::new(Severity::Ticket, page(4, HOUR));
    let other = Alerts::builder()
        .rules([three, ticket])
        .build(self::budget())
        .unwrap();
    record(other.budget(), 990, 10);
    assert_eq!(
        states(&other.evaluate()),
        [(Firing, false), (Inactive, false)]
    );
    let ten = "burn rate 10.00 over";
    assert_eq!(
        *lines.lock(),
        [
            &format!("1 `api`: page firing: {ten} 6h, {ten} 30m, the line is 6.00"),
            &format!("2 `api`: ticket firing (inhibited): {ten} 1d, {ten} 2h, the line is 3.00"),
            &format!("3 `api`: ticket firing (inhibited): {ten} 3d, {ten} 6h, the line is 1.00"),
            "1 `api`: page resolved: burn rate 8.43 over 6h, burn rate 0.00 over 30m, the line is 6.00",
            "2 `api`: ticket firing: burn rate 8.43 over 1d, burn rate 8.43 over 2h, the line is 3.00",
            "3 `api`: ticket firing: burn rate 8.43 over 3d, burn rate 8.43 over 6h, the line is 1.00",
        ]
    );
    let alone = Alerts::builder().inhibition(false).build(budget).unwrap();
    assert!(alone.evaluate().iter().all(|alert| !alert.is_inhibited()));
}

#[tokio::test(start_paused = true)]
async fn an_alert_is_pending_and_keeps_firing_as_configured() {
    use AlertState::{Firing, Pending, Resolved};
    let budget = budget();
    let rule = AlertRule::new(Severity::Page, page(2, HOUR))
        .pending_for(MINUTE)
        .keep_firing_for(10 * MINUTE);
    let alerts = Alerts::builder()
        .rules([rule])
        .build(budget.clone())
        .unwrap();
    let (mut seen, mut was) = (Vec::new(), AlertState::Inactive);
    let start = Instant::now();
    record(&budget, 0, 100);
    while start.elapsed() < 20 * MINUTE {
        let state = alerts.evaluate().iter().next().unwrap().state();
        if state != was {
            seen.push((state, start.elapsed().as_secs()));
            was = state;
        }
        serve(&budget, SLOT, Event::Good).await;
    }
    // The current state began at the last of these.
    let resolved = *alerts.evaluate().iter().next().unwrap();
    assert_eq!(resolved.lasted().as_secs(), 20 * 60 - (300 + 600));
    // Its windows last burned at 290 s, so the evaluation at 300 s is the first that finds them quiet.
    assert_eq!(seen, [(Pending, 0), (Firing, 60), (Resolved, 300 + 600)]);
}

#[tokio::test(start_paused = true)]
async fn a_rarely_evaluated_alert_keeps_firing() {
    use AlertState::{Firing, Resolved};
    let budget = budget();
    let rule = AlertRule::new(Severity::Page, page(2, HOUR)).keep_firing_for(10 * MINUTE);
    let builder = Alerts::builder().rules([rule]);
    let alerts = builder.build(budget.clone()).unwrap();
    record(&budget, 0, 100);
    // Evaluated as seldom as it keeps firing; quiet from the second time on.
    for state in [Firing, Firing, Resolved] {
        assert_eq!(alerts.evaluate().iter().next().unwrap().state(), state);
        serve(&budget, 10 * MINUTE, Event::Good).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_alert_without_data_does_as_configured() {
    use AlertState::{Firing, Inactive, Resolved};
    for (without_data, at_first, later) in [
        (WithoutData::Hold, Inactive, Firing),
        (WithoutData::Healthy, Inactive, Resolved),
        (WithoutData::Breach, Firing, Firing),
    ] {
        let budget = budget();
        let rule = AlertRule::new(Severity::Page, page(2, HOUR));
        let builder = Alerts::builder().rules([rule]).without_data(without_data);
        let alerts = builder.build(budget.clone()).unwrap();
        let state = || alerts.evaluate().iter().next().unwrap().state();
        assert_eq!(state(), at_first, "{without_data:?}");
        record(&budget, 0, 100);
        assert_eq!(state(), Firing);
        // The short window is empty, then both are.
        for _ in 0..2 {
            advance(30 * MINUTE).await;
            assert_eq!(state(), later, "{without_data:?}");
        }
        record(&budget, 1, 0);
        assert_eq!(state(), Resolved, "one good event is data");
    }
}

#[tokio::test(start_paused = true)]
async fn no_watcher_wakes_while_nothing_changes() {
    let budget = budget();
    let alerts = Alerts::new(budget.clone());
    let mut watched = alerts.watch();
    for _ in 0..100 {
        serve(&budget, SLOT, Event::Good).await;
        alerts.evaluate();
    }
    assert!(!watched.has_changed().unwrap());
    record(&budget, 0, 1000);
    alerts.evaluate();
    watched.changed().await.unwrap();
    alerts.evaluate();
    assert!(!watched.has_changed().unwrap());
    drop((alerts, budget));
    assert!(
        watched.changed().await.is_err(),
        "and when they are gone, it says so"
    );
}

#[tokio::test(start_paused = true)]
async fn run_evaluates_once_a_slot() {
    let budget = budget();
    let alerts = Alerts::new(budget.clone());
    let fired = Arc::new(Mutex::new(None));
    let (into, asked) = (Arc::clone(&fired), alerts.clone());
    let listener = alerts.on_event(move |event| {
        assert_eq!(states(&asked.evaluate()), states(event.all()));
        into.lock().get_or_insert(event.at());
    });
    let start = Instant::now();
    let serving = async {
        tokio::time::sleep(25 * SLOT / 10).await;
        record(&budget, 0, 1000);
        tokio::time::sleep(2 * SLOT).await;
    };
    tokio::select! {
        never = alerts.run() => match never {},
        () = serving => {}
    }
    assert_eq!(*fired.lock(), Some(start + 3 * SLOT));
    drop(listener);
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
        let rule = AlertRule::new(Severity::Page, page(2, HOUR));
        let built = Alerts::builder().rules([rule]).build(budget);
        assert_eq!(built.is_ok(), fires, "{objective}");
    }
}

#[test]
fn what_cannot_work_is_refused_with_its_reason() {
    use InvalidConfigKind as Bad;
    let rule = |percent, long| AlertRule::new(Severity::Ticket, page(percent, long));
    let hour = Page::new(Factor::new(2, 100).unwrap(), HOUR, HOUR);
    // 100 % of the budget in a thousandth of the period burns 1000, which an outage does not exceed.
    let thousandth = 30 * DAY / 1000;
    let exactly_an_outage = AlertRule::new(Severity::Page, page(100, thousandth));
    let builder = Alerts::builder();
    for (wrong, reason) in [
        (builder.rules([rule(2, HOUR); 5]), Bad::TooMany),
        (builder.rules([rule(0, HOUR)]), Bad::PageFactor),
        (builder.rules([rule(200, HOUR)]), Bad::NeverFires),
        (builder.rules([exactly_an_outage]), Bad::NeverFires),
        (
            builder.rules([rule(2, 31 * DAY)]),
            Bad::WindowLongerThanPeriod,
        ),
        (builder.rules([rule(2, MINUTE)]), Bad::WindowTooShort),
        (
            builder.rules([AlertRule::new(Severity::Page, hour)]),
            Bad::ShortNotShorter,
        ),
        (builder.min_bad(0), Bad::ZeroMinBad),
        (builder.min_bad_to_page(0), Bad::ZeroMinBad),
        (builder.evidence(f64::NAN), Bad::Evidence),
        (builder.evidence(0.6), Bad::Evidence),
    ] {
        assert_eq!(wrong.build(budget()).unwrap_err().kind(), reason);
    }
    // Below 1, which a gate's page may not be, is a slow ticket.
    builder.rules([rule(1, 3 * DAY)]).build(budget()).unwrap();
    // Defaults that do not fit a budget are left out.
    let hour = ErrorBudget::builder().period(HOUR).build("h").unwrap();
    assert_eq!(Alerts::new(hour).snapshot().iter().count(), 1);
}
