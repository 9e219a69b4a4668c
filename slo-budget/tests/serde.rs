//! Figures as JSON: every name and every edge.

use std::time::Duration;

use maestro_slo_budget::{
    Alerts, Class, Counts, ErrorBudget, Event, Gate, Objective, Override, Reason, Transition,
};
use serde::{
    Deserialize,
    de::{IntoDeserializer, value::F32Deserializer},
};
use serde_json::{Value, json};
use tokio::time::advance;

const DAY: Duration = Duration::from_secs(24 * 3600);

fn record(budget: &ErrorBudget, good: u64, bad: u64) {
    (0..good).for_each(|_| budget.record(Event::Good));
    (0..bad).for_each(|_| budget.record(Event::Bad));
}

fn json_of(budget: &ErrorBudget) -> Value {
    serde_json::to_value(budget.report()).expect("a report can be written as JSON")
}

#[tokio::test(start_paused = true)]
async fn a_report_is_written_with_all_figures() {
    let builder = ErrorBudget::builder().windows([Duration::from_secs(3600)]);
    let budget = builder.build("api").unwrap();
    record(&budget, 9_990, 10);
    advance(15 * DAY).await;
    record(&budget, 9_985, 15);
    let window =
        json!({ "seconds": 3600.0, "good": 9985, "bad": 15, "burn_rate": 1.5, "coverage": 1.0 });
    let period = json!({
        "seconds": 2_592_000.0, "good": 19_975, "bad": 25, "burn_rate": 1.25, "coverage": 0.5,
    });
    assert_eq!(
        json_of(&budget),
        json!({
            "name": "api",
            "key": null,
            "objective": "99.9%",
            "summary": budget.report().to_string(),
            "period": period,
            "windows": [window],
            "allowed_bad": 20,
            "consumed": 1.25,
            "remaining": -0.25,
            "consumed_of_period": 0.625,
            "seconds_to_exhaustion": 648_000.0,
            "clock_steps_back": 0,
            "clock_behind_seconds": 0.0,
            "slept_seconds": 0.0,
            "is_spent": false,
            "unit": "events",
        })
    );
}

#[cfg(feature = "family")]
#[test]
fn a_report_is_written_with_a_key_that_is_shown() {
    let tenants = ErrorBudget::builder().build_family("tenants", 1).unwrap();
    assert_eq!(json_of(tenants.overflow())["key"], Value::Null);
    assert_eq!(json_of(&tenants.show_keys().get(&7))["key"], "7");
}

#[tokio::test(start_paused = true)]
async fn no_data_is_null_and_infinity_a_word() {
    let strict = ErrorBudget::new("strict", "100%".parse().unwrap());
    let empty = json_of(&strict);
    assert_eq!(empty["consumed"], Value::Null);
    assert_eq!(empty["windows"][0]["burn_rate"], Value::Null);
    assert_eq!(empty["seconds_to_exhaustion"], Value::Null);
    record(&strict, 1, 1);
    let broken = json_of(&strict);
    assert_eq!(broken["consumed"], "infinite");
    assert_eq!(broken["remaining"], "-infinite");
    assert_eq!(broken["windows"][0]["burn_rate"], "infinite");
    assert_eq!(broken["seconds_to_exhaustion"], 0.0);
}

#[test]
fn an_objective_is_read_from_text_or_a_number() {
    let read = |json: &str| serde_json::from_str::<Objective>(json);
    assert_eq!(
        read("\"99.9%\"").unwrap(),
        Objective::new(999, 1000).unwrap()
    );
    for objective in ["99.999999%", "2/3", "0%"] {
        let json = json!(objective).to_string();
        assert_eq!(serde_json::to_string(&read(&json).unwrap()).unwrap(), json);
    }
    let error = read("\"99.9\"").unwrap_err().to_string();
    assert!(
        error.contains("write `99.9%`, `0.999` or `999/1000`"),
        "{error}"
    );
    assert_eq!(read("0.999").unwrap(), read("\"99.9%\"").unwrap());
    let short: F32Deserializer<serde_json::Error> = 0.999_f32.into_deserializer();
    assert_eq!(
        Objective::deserialize(short).unwrap(),
        read("0.999").unwrap()
    );
    assert_eq!(
        json!(Counts::new(u64::MAX, 1)),
        json!({ "good": u64::MAX, "bad": 1 })
    );
}

#[tokio::test(start_paused = true)]
async fn a_gate_is_written_with_its_state_and_reasons() {
    let gate = Gate::new(ErrorBudget::new("api", "99.9%".parse().unwrap()));
    let open = serde_json::to_value(gate.snapshot()).unwrap();
    assert_eq!(
        open,
        json!({
            "name": "api",
            "key": null,
            "is_open": true,
            "share": 1.0,
            "pace": 14.4,
            "reasons": [],
            "decided": [],
            "is_forced": false,
            "refused": 0,
            "burning_for_seconds": null,
        })
    );
    assert_eq!(
        json!(gate.deploy()),
        json!({ "decision": "allow", "reasons": [] })
    );
    record(gate.budget(), 750, 250);
    advance(Duration::from_secs(1)).await;
    let refuses = gate.snapshot();
    advance(Duration::from_secs(2)).await;
    let written = serde_json::to_value(refuses).unwrap();
    let reason = refuses.reasons().iter().next().expect("a reason");
    let Reason::Burning { pace, burn, share } = reason else {
        panic!("{reason:?}");
    };
    let expected = json!({
        "reason": "burning",
        "summary": reason.to_string(),
        "pace": pace,
        "burn": burn,
        "share": share,
    });
    assert_eq!(written["reasons"], json!([expected]));
    assert_eq!(written["decided"], written["reasons"]);
    assert_eq!(written["burning_for_seconds"], 2.0);
    let blocked = serde_json::to_value(gate.deploy()).unwrap();
    assert_eq!(blocked["decision"], "block");
    let over = json!({ "reason": "over_limit", "summary": "it burns faster than limit 1" });
    assert_eq!(blocked["reasons"][0], over);
}

#[test]
fn a_refusal_is_written_with_its_reasons() {
    let gate = Gate::new(ErrorBudget::new("api", "99.9%".parse().unwrap()));
    gate.force_closed(Override::new("alice", "abuse"));
    let spent = gate.check(Class::Optional).expect_err("it is closed");
    assert_eq!(
        json!(spent),
        json!({
            "name": "api",
            "key": null,
            "retry_after_seconds": 3600.0,
            "reasons": [{ "reason": "forced", "summary": Reason::Forced.to_string() }],
        })
    );
}

#[tokio::test(start_paused = true)]
async fn a_transition_is_written_with_its_operator() {
    let gate = Gate::new(ErrorBudget::new("api", "99.9%".parse().unwrap()));
    let (heard, changes) = std::sync::mpsc::channel();
    let tell = move |transition: &Transition| {
        let written = serde_json::to_value(transition).expect("it can be written");
        heard
            .send((written, transition.to_string()))
            .expect("a listener");
    };
    let listener = gate.on_transition(tell);
    gate.force_closed(Override::new("alice", "a migration"));
    gate.resume(Override::new("bob", "it is done"));
    record(gate.budget(), 0, 1000);
    advance(Duration::from_secs(1)).await;
    assert!(!gate.is_open());
    let [(forced, summary), (resumed, _), (refusing, _)] =
        <[_; 3]>::try_from(changes.try_iter().collect::<Vec<_>>()).expect("three");
    assert_eq!(
        forced,
        json!({
            "name": "api",
            "key": null,
            "cause": "forced",
            "is_open": false,
            "summary": summary,
            "reasons": [],
            "actor": "alice",
            "reason": "a migration",
        })
    );
    assert_eq!(
        (&resumed["cause"], &resumed["actor"]),
        (&json!("resumed"), &json!("bob"))
    );
    assert_eq!(
        (&refusing["cause"], &refusing["actor"]),
        (&json!("refusing"), &Value::Null)
    );
    assert_eq!(refusing["reasons"][0]["reason"], "burning");
    drop(listener);
}

#[tokio::test(start_paused = true)]
async fn alerts_are_written_with_their_windows() {
    let budget = ErrorBudget::new("api", "99.9%".parse().unwrap());
    let alerts = Alerts::new(budget.clone());
    let quiet = serde_json::to_value(alerts.evaluate()).unwrap();
    assert_eq!(quiet.as_array().map(Vec::len), Some(4));
    assert_eq!(
        quiet[0]["short"],
        json!({ "seconds": 300.0, "burn_rate": null })
    );
    let (heard, events) = std::sync::mpsc::channel();
    let listener = alerts.on_event(move |event| {
        heard
            .send((json!(event), event.to_string()))
            .expect("a listener");
    });
    record(&budget, 950, 50);
    let now = alerts.evaluate();
    let page = now.iter().next().expect("a page");
    let written = json!(now);
    assert_eq!(
        written[0],
        json!({
            "severity": "page",
            "state": "firing",
            "is_active": true,
            "is_inhibited": false,
            "lasted_seconds": 0.0,
            "factor": 14.4,
            "long": { "seconds": 3600.0, "burn_rate": 50.0 },
            "short": { "seconds": 300.0, "burn_rate": 50.0 },
            "summary": page.to_string(),
        })
    );
    let (event, summary) = events.try_iter().next().expect("an event");
    assert_eq!(
        event,
        json!({ "name": "api", "key": null, "index": 0, "alert": written[0], "summary": summary })
    );
    drop(listener);
}

#[cfg(feature = "family")]
#[test]
fn a_gate_is_written_with_a_key_that_is_shown() {
    let tenants = ErrorBudget::builder().build_family("tenants", 1).unwrap();
    let gates = Gate::builder().build_family(tenants.show_keys()).unwrap();
    let seven = gates.get(&7).snapshot();
    assert_eq!(
        (seven.name(), seven.key().as_deref()),
        ("tenants", Some("7"))
    );
    assert_eq!(json!(seven)["key"], "7");
    assert_eq!(gates.overflow().snapshot().key(), None);
}

#[cfg(feature = "canary")]
#[test]
fn a_verdict_is_written_with_all_figures() {
    use maestro_slo_budget::{CanaryPolicy, canary::Arm};
    use tokio::time::Instant;

    let minute = Duration::from_secs(60);
    let policy = CanaryPolicy::builder().without_latency().build().unwrap();
    let mut now = Instant::now();
    let mut canary = policy.start_at(now);
    let mut after = |good, bad| {
        now += minute;
        let arm = Arm::new(good, bad);
        canary
            .observe_at(Arm::new(9 * good, 9 * good / 1000), arm, now)
            .unwrap();
        let verdict = canary.verdict(now);
        (serde_json::to_value(&verdict).unwrap(), verdict.to_string())
    };
    let (hold, summary) = after(900, 0);
    assert_eq!(
        (&hold["verdict"], &hold["to"]),
        (&json!("hold"), &Value::Null)
    );
    assert_eq!(hold["summary"], summary);
    assert_eq!(hold["if_none_fails"], 62);
    assert_eq!(hold["reasons"][0]["reason"], "too_early");
    assert_eq!(hold["reasons"][1]["reason"], "errors_undecided");
    let evidence = &hold["evidence"];
    assert_eq!(evidence["canary"], json!({ "good": 900, "bad": 0 }));
    assert_eq!(evidence["canary_error_rate"][0], 0.0);
    assert_eq!(evidence["slower"], Value::Null);
    let needed = evidence["worse"]["log10_needed"].as_f64().unwrap();
    assert!((needed + 0.03_f64.log10()).abs() < 1e-12, "{evidence}");
    let promote = (1..=4).map(|n| after(900 + 100 * n, 0).0).last().unwrap();
    assert_eq!(
        (&promote["verdict"], &promote["to"]),
        (&json!("promote"), &json!(25))
    );
    assert_eq!(promote["if_none_fails"], Value::Null);
    let (roll_back, _) = after(1_300, 400);
    assert_eq!(roll_back["verdict"], "roll_back");
    assert_eq!(roll_back["reasons"][0]["reason"], "failures_in_a_row");
}
