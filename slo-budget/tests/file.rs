//! Builders from configuration files.

use std::time::Duration;

use maestro_slo_budget::{
    AlertRule, Alerts, AlertsBuilder, Budgeting, Builder, ErrorBudget, Event, Factor, Gate,
    GateBuilder, InvalidConfigKind, Limit, NoData, Objective, Page, Severity, WhenSpent,
    WithoutData,
};
use proptest::{collection::vec, option, prelude::*};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// As the documentation recommends: `serde_path_to_error` names the field.
fn read<T: DeserializeOwned>(file: &Value) -> Result<T, String> {
    serde_path_to_error::deserialize(file).map_err(|error| error.to_string())
}

/// Reads the file, and writes the same.
fn assert_read<T>(file: &Value, built: &T)
where
    T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    assert_eq!(read(file).as_ref(), Ok(built));
    assert_eq!(
        &serde_json::to_value(built).expect("it can be written"),
        file
    );
}

fn problem<T: DeserializeOwned + std::fmt::Debug>(file: &Value) -> String {
    read::<T>(file).expect_err(&file.to_string())
}

fn objective(text: &str) -> Objective {
    text.parse().expect("an objective")
}

fn factor(text: &str) -> Factor {
    text.parse().expect("a factor")
}

#[test]
fn an_empty_file_gives_the_defaults() {
    assert_eq!(read(&json!({})), Ok(ErrorBudget::builder()));
    assert_eq!(read(&json!({})), Ok(Gate::builder()));
    assert_eq!(read(&json!({})), Ok(Alerts::builder()));
}

#[test]
fn an_absent_table_gives_the_defaults() {
    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Config {
        #[serde(default)]
        budget: Builder,
        #[serde(default)]
        gate: GateBuilder,
        #[serde(default)]
        alerts: AlertsBuilder,
    }

    let defaults = Config {
        budget: ErrorBudget::builder(),
        gate: Gate::builder(),
        alerts: Alerts::builder(),
    };
    assert_eq!(read(&json!({})), Ok(defaults));
    let other = json!({ "gate": { "min_bad": 5 } });
    let read: Config = read(&other).unwrap();
    assert_eq!(read.gate, Gate::builder().min_bad(5));
    assert_eq!(read.alerts, Alerts::builder());
}

#[test]
fn a_budget_is_read_from_all_its_fields() {
    let file = json!({
        "objective": "99.5%",
        "period": "28d",
        "resolution": "30s",
        "windows": ["1h 30m", "6h", "1d"],
        "on_cancel": "bad",
        "meaning": "5xx, or slower than 250 ms",
        "budgeting": { "timeslices": { "length": "1m", "target": "95%", "idle": "good" } },
    });
    let slices = Budgeting::timeslices(MINUTE, objective("95%")).idle(Event::Good);
    let built = ErrorBudget::builder()
        .objective(objective("99.5%"))
        .period(28 * DAY)
        .resolution(Duration::from_secs(30))
        .windows([90 * MINUTE, 6 * HOUR, DAY])
        .on_cancel(Event::Bad)
        .meaning("5xx, or slower than 250 ms")
        .budgeting(slices);
    assert_read(&file, &built);
    for (written, budgeting) in [
        (json!("occurrences"), Budgeting::OCCURRENCES),
        (
            json!({ "timeslices": { "length": "1m", "target": "90%" } }),
            Budgeting::timeslices(MINUTE, objective("90%")),
        ),
        (
            json!({ "ratio_timeslices": { "length": "1m" } }),
            Budgeting::ratio_timeslices(MINUTE),
        ),
    ] {
        let file = json!({ "budgeting": written });
        assert_eq!(read(&file), Ok(ErrorBudget::builder().budgeting(budgeting)));
    }
}

#[test]
fn a_gate_is_read_from_all_its_fields() {
    let file = json!({
        "pace": { "budget": "0.05", "time": "6h" },
        "floor": "0.02",
        "grace": "2s",
        "when_spent": "refuse",
        "limits": [{ "window": "1h", "below": "1" }, { "window": "1d", "below": "1/3" }],
        "min_bad": 5,
        "evidence": 0.05,
        "no_data": "block",
    });
    let built = Gate::builder()
        .pace(factor("0.05"), 6 * HOUR)
        .floor(factor("0.02"))
        .grace(Duration::from_secs(2))
        .when_spent(WhenSpent::Refuse)
        .limits([
            Limit::new(HOUR, factor("1")),
            Limit::new(DAY, factor("1/3")),
        ])
        .min_bad(5)
        .evidence(0.05)
        .no_data(NoData::Block);
    assert_read(&file, &built);
    let numbers = json!({ "floor": 0.02, "limits": [{ "window": "1h", "below": 1 }, { "window": "6h", "below": 0.5 }] });
    let limits = [
        Limit::new(HOUR, factor("1")),
        Limit::new(6 * HOUR, factor("0.5")),
    ];
    let built = Gate::builder().floor(factor("0.02")).limits(limits);
    assert_eq!(read(&numbers), Ok(built));
}

#[test]
fn alerts_are_read_from_all_their_fields() {
    let file = json!({
        "rules": [
            { "severity": "page", "budget": "0.02", "long": "1h", "short": "5m", "keep_firing_for": "10m" },
            { "severity": "ticket", "budget": "0.1", "long": "3d", "short": "6h", "pending_for": "1m" },
        ],
        "min_bad": 4,
        "min_bad_to_page": 5,
        "evidence": 0.001,
        "without_data": "breach",
        "inhibition": false,
    });
    let page = Page::new(factor("0.02"), HOUR, 5 * MINUTE);
    let ticket = Page::new(factor("0.1"), 3 * DAY, 6 * HOUR);
    let built = Alerts::builder()
        .rules([
            AlertRule::new(Severity::Page, page).keep_firing_for(10 * MINUTE),
            AlertRule::new(Severity::Ticket, ticket).pending_for(MINUTE),
        ])
        .min_bad(4)
        .min_bad_to_page(5)
        .evidence(0.001)
        .without_data(WithoutData::Breach)
        .inhibition(false);
    assert_read(&file, &built);
}

#[cfg(feature = "canary")]
#[test]
fn a_canary_is_read_from_all_its_fields() {
    use maestro_slo_budget::{
        CanaryPolicy,
        canary::{self, AtMost, Overdue},
    };

    let file = json!({
        "alpha": 0.01,
        "guard": "99.5%",
        "margin": 3.0,
        "batch": "2m",
        "failures_in_a_row": 5,
        "times_error_rate": 6.0,
        "times_p95": 2.0,
        "availability": "95%",
        "at_most": [
            { "share": "0.005", "within": "10m" },
            { "share": "0.05", "slower_than": "1s 500ms", "within": "5m" },
        ],
        "without_latency": true,
        "steps": [1, 10, 100],
        "min_wait": "1h",
        "max_wait": { "time": "2d", "then": "roll_back" },
        "measurement_errors": 0,
    });
    let built = CanaryPolicy::builder()
        .alpha(0.01)
        .guard(objective("99.5%"))
        .margin(3.0)
        .batch(2 * MINUTE)
        .failures_in_a_row(5)
        .times_error_rate(6.0)
        .times_p95(2.0)
        .availability(objective("95%"))
        .at_most([
            AtMost::errors("0.005".parse().unwrap()).within(10 * MINUTE),
            AtMost::p95(Duration::from_millis(1500)),
        ])
        .without_latency()
        .steps([1, 10, 100])
        .min_wait(60 * MINUTE)
        .max_wait(2 * DAY, Overdue::RollBack)
        .measurement_errors(0);
    assert_read(&file, &built);
    // An absent time is the usual one.
    let absent = json!({ "at_most": [{ "share": 0.05, "slower_than": "1.5s" }] });
    let limits = [AtMost::p95(Duration::from_millis(1500))];
    assert_eq!(read(&absent), Ok(CanaryPolicy::builder().at_most(limits)));
    assert_eq!(read(&json!({})), Ok(CanaryPolicy::builder()));
    assert_eq!(canary::Builder::default(), CanaryPolicy::builder());
    for (file, part) in [
        (json!({ "alpha": 0.6 }), "α of a canary"),
        (json!({ "guard": "100%" }), "the guard of a canary"),
        (json!({ "margin": 1.0 }), "`margin`"),
        (json!({ "batch": "999ms" }), "`batch` of a canary"),
        (
            json!({ "at_most": [{ "share": 1.5 }] }),
            "a limit of a canary",
        ),
        (json!({ "at_most": [[]] }), "at_most[0]: "),
        (
            json!({ "at_most": [{ "share": 0.1, "slower": "1s" }] }),
            "unknown field `slower`",
        ),
        (
            json!({ "at_most": vec![json!({ "share": 0.1 }); 5] }),
            "at_most: invalid length 5, expected at most 4 values",
        ),
        (json!({ "steps": [10, 5, 100] }), "the steps of a canary"),
        (json!({ "steps": [300] }), "steps[0]: "),
        (json!({ "max_wait": "1d" }), "max_wait: "),
        (
            json!({ "max_wait": { "time": "0s", "then": "hold" } }),
            "`max_wait` of a canary",
        ),
        (
            json!({ "max_wait": { "time": "1d", "then": "wait" } }),
            "`roll_back`, `hold`, `promote`",
        ),
        (
            json!({ "odds_ratios": [2.0] }),
            "unknown field `odds_ratios`",
        ),
        (json!([]), "expected a table"),
    ] {
        assert!(
            problem::<canary::Builder>(&file).contains(part),
            "{file}: {}",
            problem::<canary::Builder>(&file)
        );
    }
}

#[cfg(feature = "calendar")]
#[test]
fn a_calendar_is_read_and_sets_the_period() {
    use maestro_slo_budget::Calendar;

    for (file, calendar) in [
        (
            json!({ "month": "Europe/Berlin" }),
            Calendar::month("Europe/Berlin"),
        ),
        (json!({ "quarter": "UTC" }), Calendar::quarter("UTC")),
        (json!({ "week": "UTC" }), Calendar::week("UTC")),
    ] {
        let built = ErrorBudget::builder().calendar(calendar);
        assert_eq!(read(&json!({ "calendar": file })), Ok(built));
        let written = serde_json::to_value(built).unwrap();
        assert_eq!(
            (written["calendar"].clone(), written.get("period")),
            (file, None)
        );
        assert_eq!(read(&written), Ok(built));
    }
    let quarter: Builder = read(&json!({ "calendar": { "quarter": "UTC" } })).unwrap();
    assert_eq!(quarter.build("api").unwrap().period(), 91 * DAY);
    let unknown = json!({ "calendar": { "month": "Europe/Atlantis" } });
    assert!(problem::<Builder>(&unknown).contains("the time zone is not known here"));
    let other = json!({ "calendar": { "year": "UTC" } });
    assert!(problem::<Builder>(&other).contains("calendar"));
}

#[test]
fn an_objective_is_read_exactly_from_text_or_a_number() {
    for (written, same) in [
        (json!("0.999"), "99.9%"),
        (json!("999/1000"), "99.9%"),
        (json!(0.999), "99.9%"),
        (json!(0.99999), "99.999%"),
        (json!(0.999_999_999_9), "99.99999999%"),
        (json!(0.1), "10%"),
        (json!(1), "100%"),
        (json!(1.0), "100%"),
        (json!(0), "0%"),
    ] {
        let built = ErrorBudget::builder().objective(objective(same));
        assert_eq!(read(&json!({ "objective": written })), Ok(built));
    }
}

#[test]
fn a_refused_value_of_a_budget_is_named() {
    for (file, part) in [
        (
            json!({ "objectiv": "99%" }),
            "unknown field `objectiv`, expected one of `objective`",
        ),
        (
            json!({ "objective": true }),
            "objective: invalid type: boolean `true`, expected an objective such as \"99.9%\", or the number 0.999",
        ),
        (
            json!({ "objective": 99.9 }),
            "objective: invalid value: floating point `99.9`, expected an objective such as \"99.9%\"",
        ),
        (
            json!({ "objective": 99 }),
            "integer `99`, expected an objective",
        ),
        (
            json!({ "objective": -1 }),
            "integer `-1`, expected an objective",
        ),
        (
            json!({ "objective": "99.9" }),
            "write `99.9%`, `0.999` or `999/1000`",
        ),
        (json!({ "period": 30 }), "period: "),
        (json!({ "period": "a month" }), "\"30d\""),
        (
            json!({ "period": "0s" }),
            "the period of a budget must be longer than zero",
        ),
        (json!({ "period": "31d" }), "choose a coarser `resolution`"),
        (
            json!({ "resolution": "0s" }),
            "the resolution must be longer than zero",
        ),
        (json!({ "windows": "1h" }), "windows: "),
        (json!({ "windows": ["1h", "soon"] }), "windows[1]: "),
        (
            json!({ "windows": ["1h", "2h", "3h", "4h", "5h"] }),
            "windows: invalid length 5, expected at most 4 values",
        ),
        (
            json!({ "windows": ["15s"] }),
            "a window is shorter than two slots",
        ),
        (
            json!({ "on_cancel": "ignored" }),
            "`good`, `bad`, `excluded`",
        ),
        (json!({ "meaning": 5 }), "meaning: "),
        (
            json!({ "budgeting": "slices" }),
            "`occurrences`, `timeslices`, `ratio_timeslices`",
        ),
        (
            json!({ "budgeting": { "timeslices": { "length": "1m" } } }),
            "missing field `target`",
        ),
        (
            json!({ "budgeting": { "ratio_timeslices": { "length": "15s" } } }),
            "a whole number of slots",
        ),
        (
            json!({ "budgeting": { "ratio_timeslices": ["1m"] } }),
            "expected a table",
        ),
        (json!([]), "expected a table"),
        (json!(["99%"]), "expected a table"),
    ] {
        let problem = problem::<Builder>(&file);
        assert!(problem.contains(part), "{file}: {problem}");
    }
}

#[test]
fn a_refused_value_of_a_gate_is_named() {
    for (file, part) in [
        (json!({ "speed": 1 }), "unknown field `speed`"),
        (json!({ "pace": "0.02" }), "pace: "),
        (
            json!({ "pace": { "budget": "0.02" } }),
            "missing field `time`",
        ),
        (
            json!({ "pace": { "budget": "2 %", "time": "1h" } }),
            "pace.budget: a factor is",
        ),
        (json!({ "floor": 0 }), "the lowest share of a gate"),
        (json!({ "floor": -1 }), "floor: "),
        (json!({ "floor": 1e-10 }), "floor: "),
        (json!({ "grace": 1 }), "grace: "),
        (json!({ "when_spent": "close" }), "`shed` or `refuse`"),
        (
            json!({ "limits": [{ "window": "1h", "above": 1 }] }),
            "limits[0]",
        ),
        (json!({ "limits": [["1h", 1]] }), "limits[0]: "),
        (json!({ "min_bad": 0 }), "`min_bad` must be at least 1"),
        (json!({ "min_bad": -3 }), "min_bad: "),
        (
            json!({ "evidence": 0.6 }),
            "the evidence limit is a probability",
        ),
        (json!({ "no_data": "hold" }), "`allow` or `block`"),
        (json!([]), "expected a table"),
    ] {
        let problem = problem::<GateBuilder>(&file);
        assert!(problem.contains(part), "{file}: {problem}");
    }
}

#[test]
fn a_refused_value_of_alerts_is_named() {
    let rule = |severity: &str, budget: Value| json!({ "rules": [{ "severity": severity, "budget": budget, "long": "1h", "short": "5m" }] });
    for (file, part) in [
        (json!({ "pages": [] }), "unknown field `pages`"),
        (rule("phone", json!("0.02")), "rules[0].severity: "),
        (rule("page", json!("much")), "rules[0].budget: "),
        (
            json!({ "rules": [{ "severity": "page" }] }),
            "missing field `budget`",
        ),
        (
            json!({ "rules": [["page", "0.02", "1h", "5m"]] }),
            "rules[0]: ",
        ),
        (
            json!({ "min_bad_to_page": 0 }),
            "`min_bad` must be at least 1",
        ),
        (
            json!({ "evidence": 0 }),
            "the evidence limit is a probability",
        ),
        (
            json!({ "without_data": "block" }),
            "`hold`, `healthy`, `breach`",
        ),
        (json!({ "inhibition": "yes" }), "inhibition: "),
        (json!([]), "expected a table"),
    ] {
        let problem = problem::<AlertsBuilder>(&file);
        assert!(problem.contains(part), "{file}: {problem}");
    }
}

/// Whether a value is right depends on the budget, so `build` refuses it.
#[test]
fn what_does_not_fit_the_budget_is_refused_by_build() {
    let budget = ErrorBudget::builder().build("api").unwrap();
    let slow = json!({ "pace": { "budget": "0.001", "time": "1h" } });
    let gate: GateBuilder = read(&slow).unwrap();
    let error = gate.build(budget.clone()).unwrap_err();
    assert_eq!(error.kind(), InvalidConfigKind::FiresInBudget);
    assert!(error.to_string().contains("a gate with a pace"));
    let never = json!({ "limits": [{ "window": "1h", "below": 2000 }] });
    let gate: GateBuilder = read(&never).unwrap();
    assert_eq!(
        gate.build(budget.clone()).unwrap_err().kind(),
        InvalidConfigKind::NeverFires
    );
    let long =
        json!({ "rules": [{ "severity": "page", "budget": "0.5", "long": "40d", "short": "1d" }] });
    let alerts: AlertsBuilder = read(&long).unwrap();
    let error = alerts.build(budget).unwrap_err();
    assert_eq!(error.kind(), InvalidConfigKind::WindowLongerThanPeriod);
}

#[test]
fn what_cannot_be_built_is_not_written_or_is_refused_again() {
    let many = ErrorBudget::builder().windows([HOUR; 5]);
    let error = serde_json::to_string(&many).unwrap_err().to_string();
    assert!(error.contains("at most 4 values"), "{error}");
    let file = serde_json::to_value(ErrorBudget::builder().period(Duration::MAX)).unwrap();
    assert_eq!(file["period"], "unlimited");
    assert!(problem::<Builder>(&file).contains("the period"));
}

#[test]
fn durations_have_days_and_weeks_beside_the_shared_units() {
    for (text, time, written) in [
        ("30d", 30 * DAY, "30d"),
        ("4w", 28 * DAY, "28d"),
        ("1d 6h", 30 * HOUR, "30h"),
        ("720h", 30 * DAY, "30d"),
        ("1.5h", 90 * MINUTE, "1h 30m"),
        ("90 min", 90 * MINUTE, "1h 30m"),
    ] {
        let built = ErrorBudget::builder().period(time);
        assert_eq!(read(&json!({ "period": text })), Ok(built), "{text}");
        assert_eq!(serde_json::to_value(built).unwrap()["period"], written);
    }
    for text in ["", "30", "-1d", "1.5d", "6h 1d", "PT5S", "1mo"] {
        let problem = problem::<Builder>(&json!({ "period": text }));
        assert!(problem.starts_with("period: "), "{text}: {problem}");
    }
}

fn times() -> impl Strategy<Value = Duration> {
    prop_oneof![
        (1..100_000_u64).prop_map(Duration::from_nanos),
        (1..100_000_u64).prop_map(Duration::from_millis),
        (1..10_000_u32).prop_map(|n| n * MINUTE),
        (1..1_000_u32).prop_map(|n| n * DAY),
    ]
}

fn objectives() -> impl Strategy<Value = Objective> {
    let share = (1..=1_000_000_000_u64).prop_flat_map(|of| (1..of.max(2), Just(of)));
    share.prop_filter_map("a share", |(good, of)| Objective::new(good, of))
}

fn factors() -> impl Strategy<Value = Factor> {
    let computed = (any::<u32>(), 1_u32.., times(), times())
        .prop_filter_map("fits", |(a, b, c, d)| {
            Factor::of_budget(Factor::new(a, b)?, c, d)
        });
    prop_oneof![
        (any::<u32>(), 1_u32..).prop_filter_map("a ratio", |(a, b)| Factor::new(a, b)),
        (0..10_000_u32).prop_filter_map("a decimal", |n| Factor::new(n, 1000)),
        computed,
    ]
}

fn events() -> impl Strategy<Value = Event> {
    prop_oneof![Just(Event::Good), Just(Event::Bad), Just(Event::Excluded)]
}

prop_compose! {
    fn budgets()(
        objective in objectives(),
        (resolution, slots) in (1..1_000_u64, 10..=259_200_u64),
        windows in option::of([2..=10_u64, 2..=10]),
        on_cancel in events(),
        meaning in "\\PC{0,20}",
        slices in option::of((1..=5_u64, option::of(objectives()), events())),
    ) -> Builder {
        let time = |slots: u64| Duration::from_millis(resolution * slots);
        let mut builder = ErrorBudget::builder()
            .objective(objective)
            .resolution(time(1))
            .period(time(slots))
            .on_cancel(on_cancel)
            .meaning(meaning.leak());
        if let Some((length, target, idle)) = slices {
            let length = time(length);
            let method = match target {
                Some(target) => Budgeting::timeslices(length, target),
                None => Budgeting::ratio_timeslices(length),
            };
            builder = builder.budgeting(method.idle(idle)).windows([time(10)]);
        } else if let Some(slots) = windows {
            builder = builder.windows(slots.map(time));
        }
        builder
    }
}

prop_compose! {
    fn gates()(
        pace in option::of((factors(), times())),
        floor in 1..=1_000_000_u32,
        grace in times(),
        limits in option::of([(times(), factors()), (times(), factors())]),
        min_bad in 1_u64..,
        evidence in 1..=500_u32,
        flags in any::<[bool; 2]>(),
    ) -> GateBuilder {
        let mut builder = Gate::builder()
            .floor(Factor::new(floor, 1_000_000).expect("a share"))
            .grace(grace)
            .min_bad(min_bad)
            .evidence(f64::from(evidence) / 1000.0);
        if let Some((budget, time)) = pace {
            builder = builder.pace(budget, time);
        }
        if let Some(limits) = limits {
            builder = builder.limits(limits.map(|(window, below)| Limit::new(window, below)));
        }
        if flags[0] {
            builder = builder.when_spent(WhenSpent::Refuse);
        }
        if flags[1] {
            builder = builder.no_data(NoData::Block);
        }
        builder
    }
}

prop_compose! {
    fn alerts()(
        rules in option::of(vec((any::<bool>(), factors(), times(), times(), times(), times()), 3)),
        (min_bad, min_bad_to_page) in (1_u64.., 1_u64..),
        evidence in 1..=500_u32,
        inhibition: bool,
        without_data in prop_oneof![Just(WithoutData::Hold), Just(WithoutData::Healthy), Just(WithoutData::Breach)],
    ) -> AlertsBuilder {
        let mut builder = Alerts::builder()
            .min_bad(min_bad)
            .min_bad_to_page(min_bad_to_page)
            .evidence(f64::from(evidence) / 1000.0)
            .inhibition(inhibition)
            .without_data(without_data);
        if let Some(rules) = rules {
            let rule = |n: usize| {
                let (pages, budget, long, short, pending, keep) = rules[n];
                let severity = if pages { Severity::Page } else { Severity::Ticket };
                AlertRule::new(severity, Page::new(budget, long, short)).pending_for(pending).keep_firing_for(keep)
            };
            builder = builder.rules([rule(0), rule(1), rule(2)]);
        }
        builder
    }
}

fn comes_back<T: Serialize + DeserializeOwned + PartialEq>(builder: &T) -> bool {
    let text = serde_json::to_string(builder).expect("it can be written");
    serde_json::from_str::<T>(&text).is_ok_and(|read| read == *builder)
}

proptest! {
    #[test]
    fn builders_that_are_written_are_read_again(budget in budgets(), gate in gates(), alerts in alerts()) {
        prop_assert_eq!(budget.build("api").map(|_| ()), Ok(()));
        prop_assert!(comes_back(&budget), "{:?}", budget);
        prop_assert!(comes_back(&gate), "{:?}", gate);
        prop_assert!(comes_back(&alerts), "{:?}", alerts);
    }

    #[test]
    fn any_text_is_read_or_refused_and_never_panics(text in "\\PC{0,24}", digits in "[0-9./]{0,40}[a-z%]{0,3}") {
        for text in [text, digits] {
            let _ = read::<Builder>(&json!({ "period": text, "objective": text }));
            let _ = read::<GateBuilder>(&json!({ "floor": text }));
        }
    }
}

/// Tables with one field a line, whose values are those of JSON but for `=`, as JSON.
fn json_of_toml(toml: &str) -> Value {
    let (mut file, mut name) = (serde_json::Map::new(), "");
    for line in toml.lines().filter(|line| !line.is_empty()) {
        if let Some(table) = line.strip_prefix('[') {
            name = table.split(']').next().expect("the name of a table");
            file.insert(name.to_owned(), json!({}));
            continue;
        }
        let (field, rest) = line.split_once(" = ").expect("one field a line");
        let value = rest.split(" #").next().unwrap_or_default();
        let quoted = value.split(' ').map(|word| match word {
            "=" => ":".to_owned(),
            word if word.starts_with(|c: char| c.is_ascii_lowercase())
                && !matches!(word, "true" | "false") =>
            {
                format!("\"{word}\"")
            }
            word => word.to_owned(),
        });
        let value = quoted.collect::<Vec<_>>().join(" ");
        file[name][field] = serde_json::from_str(&value).expect(&value);
    }
    file.into()
}

#[test]
fn the_file_of_the_guide_is_read() {
    let guide = include_str!("../src/guide.md");
    let block = (guide.split("```toml\n").nth(1)).and_then(|rest| rest.split("```").next());
    let file = json_of_toml(block.expect("the guide shows a file"));
    let budget: Builder = read(&file["budget"]).unwrap();
    let budget = budget.build("api").unwrap();
    assert_eq!(budget.objective(), objective("99.9%"));
    let gate: GateBuilder = read(&file["gate"]).unwrap();
    gate.build(budget.clone()).unwrap();
    let alerts: AlertsBuilder = read(&file["alerts"]).unwrap();
    let alerts = alerts.build(budget).unwrap();
    assert_eq!(alerts.snapshot().iter().count(), 2);
    #[cfg(feature = "canary")]
    {
        let canary: maestro_slo_budget::canary::Builder = read(&file["canary"]).unwrap();
        assert_eq!(canary, maestro_slo_budget::CanaryPolicy::builder());
    }
}
