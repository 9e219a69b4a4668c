//! Builders are read from files, and values are serialized.

use std::{sync::mpsc, time::Duration};

use maestro_circuit_breaker::{
    Builder, CircuitBreaker, OnCancel, Override, Probes, Ramp, Wait, Window,
};
use proptest::{option, prelude::*};
use serde_json::json;

/// As the documentation recommends: `serde_path_to_error` names the field.
fn read(json: &serde_json::Value) -> Result<Builder, String> {
    serde_path_to_error::deserialize(json).map_err(|error| error.to_string())
}

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[test]
fn what_a_file_leaves_out_is_the_default() {
    assert_eq!(read(&json!({})), Ok(CircuitBreaker::builder()));
}

#[test]
fn an_absent_table_is_the_builder_of_defaults() {
    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Service {
        #[serde(default)]
        breaker: Builder,
    }
    let breaker = CircuitBreaker::builder();
    for file in [json!({}), json!({ "breaker": {} })] {
        let service: Service = serde_json::from_value(file).unwrap();
        assert_eq!(service, Service { breaker });
    }
}

#[test]
fn everything_is_read_as_people_write_it() {
    let file = json!({
        "failure_ratio": 0.5,
        "failure_count": 40,
        "slow_ratio": 1,
        "slow_after": "800ms",
        "window": "100 calls",
        "minimum_calls": 10,
        "consecutive_failures": 5,
        "forget_failures_after": "1h",
        "wait_in_open": { "first": "1s", "cap": "1m 30s", "multiplier": 1.5, "jitter": 0.25 },
        "max_retry_after": "10m",
        "probes": { "successes": 2, "of": 3, "in_flight": 1 },
        "probe_deadline": "2.5s",
        "on_cancel": "failure",
        "evaluate_every_call": true,
        "ramp": { "step": "20s", "percent": [5, 50] },
    });
    let built = CircuitBreaker::builder()
        .failure_ratio(0.5)
        .failure_count(40)
        .slow_ratio(1.0)
        .slow_after(Duration::from_millis(800))
        .window(Window::calls(100))
        .minimum_calls(10)
        .consecutive_failures(5)
        .forget_failures_after(seconds(3_600))
        .wait_in_open(Wait::exponential_by(1.5, seconds(1), seconds(90)).jitter(0.25))
        .max_retry_after(seconds(600))
        .probes(Probes::successes(2, 3).in_flight(1))
        .probe_deadline(Duration::from_millis(2_500))
        .on_cancel(OnCancel::Failure)
        .evaluate_every_call()
        .ramp(Ramp::new(seconds(20)).percent(&[5, 50]));
    assert_eq!(read(&file), Ok(built));
    assert_eq!(serde_json::to_value(built).unwrap()["ramp"], file["ramp"]);
    assert_eq!(
        serde_json::to_value(built).unwrap()["evaluate_every_call"],
        json!(true)
    );
}

#[test]
fn the_short_forms_are_read_and_written() {
    for (field, short, built) in [
        (
            "ramp",
            json!("10s"),
            CircuitBreaker::builder().ramp(Ramp::new(seconds(10))),
        ),
        (
            "wait_in_open",
            json!("5m"),
            CircuitBreaker::builder().wait_in_open(Wait::fixed(seconds(300))),
        ),
        (
            "window",
            json!("1 call"),
            CircuitBreaker::builder().window(Window::calls(1)),
        ),
        (
            "window",
            json!("1m"),
            CircuitBreaker::builder().window(Window::time(seconds(60))),
        ),
        (
            "probes",
            json!(7),
            CircuitBreaker::builder().probes(Probes::results(7)),
        ),
        (
            "probes",
            json!({ "results": 7, "in_flight": 2 }),
            CircuitBreaker::builder().probes(Probes::results(7).in_flight(2)),
        ),
        (
            "wait_in_open",
            json!({ "first": "2s", "jitter": 0.5 }),
            CircuitBreaker::builder().wait_in_open(Wait::fixed(seconds(2)).jitter(0.5)),
        ),
        (
            "wait_in_open",
            json!({ "first": "2s", "cap": "8s" }),
            CircuitBreaker::builder().wait_in_open(Wait::exponential(seconds(2), seconds(8))),
        ),
        (
            "wait_in_open",
            json!({ "first": "2s", "cap": "2s", "multiplier": 3.0 }),
            CircuitBreaker::builder().wait_in_open(Wait::exponential_by(
                3.0,
                seconds(2),
                seconds(2),
            )),
        ),
        (
            "failure_count",
            json!(3),
            CircuitBreaker::builder().failure_count(3),
        ),
    ] {
        assert_eq!(read(&json!({ field: short })), Ok(built), "{short}");
        let written = serde_json::to_value(built).unwrap();
        assert_eq!(written[field], short);
    }
    let defaults = serde_json::to_value(CircuitBreaker::builder()).unwrap();
    let expected = json!({
        "window": "10s", "wait_in_open": { "first": "5s", "cap": "30s" }, "max_retry_after": "5m", "probes": 3,
        "probe_deadline": "10s",
    });
    assert_eq!(defaults, expected);
}

#[test]
fn a_number_is_read_as_a_window_of_calls() {
    let built = CircuitBreaker::builder().window(100);
    assert_eq!(read(&json!({ "window": 100 })), Ok(built));
    let written = serde_json::to_value(built).unwrap();
    assert_eq!(written["window"], "100 calls");
}

fn assert_refused(file: &serde_json::Value, field: &str, allowed: &str) {
    let problem = read(file).expect_err(&file.to_string());
    assert!(problem.contains(field), "{file}: {problem}");
    assert!(problem.contains(allowed), "{file}: {problem}");
}

#[test]
fn a_refused_number_is_named_with_what_is_allowed() {
    for (file, field, allowed) in [
        (
            json!({ "failure_ration": 0.5 }),
            "failure_ration",
            "expected one of `failure_ratio`",
        ),
        (json!({ "failure_ratio": "half" }), "failure_ratio", "f64"),
        (
            json!({ "failure_ratio": 1.5 }),
            "failure ratio",
            "from 0.000000001 to 1.0",
        ),
        (json!({ "slow_after": 5 }), "slow_after", "\"250ms\""),
        (
            json!({ "slow_ratio": 0.5 }),
            "`slow_after`",
            "longer than zero",
        ),
        (json!({ "window": "10 parsecs" }), "window", "\"100 calls\""),
        (json!({ "window": "many calls" }), "window", "\"100 calls\""),
        (
            json!({ "window": true }),
            "window",
            "\"10s\", or calls such as \"100 calls\" or 100",
        ),
        (json!({ "window": -1 }), "window", "\"100 calls\" or 100"),
        (json!({ "window": 0 }), "window", "from 1 to 1,024 calls"),
        (
            json!({ "window": "2000 calls" }),
            "window",
            "from 1 to 1,024 calls",
        ),
        (json!({ "minimum_calls": -1 }), "minimum_calls", "u32"),
        (
            json!({ "minimum_calls": 0 }),
            "minimum of calls",
            "from 1 to 500,000",
        ),
        (
            json!({ "consecutive_failures": 0.5 }),
            "consecutive_failures",
            "u32",
        ),
        (
            json!({ "failure_count": 4, "window": "3 calls" }),
            "failures in the window",
            "no more than the window can hold",
        ),
        (
            json!({ "forget_failures_after": "1h" }),
            "`forget_failures_after`",
            "`consecutive_failures`",
        ),
        (
            json!({ "ramp": { "step": "10s", "percent": [] } }),
            "ramp",
            "rising",
        ),
    ] {
        assert_refused(&file, field, allowed);
    }
}

#[test]
fn a_refused_wait_or_probe_is_named_with_what_is_allowed() {
    let wait = "`first`, `cap`, `multiplier` and `jitter`";
    let probes = "`successes` and `of`";
    for (file, field, allowed) in [
        (
            json!({ "wait_in_open": 5 }),
            "wait_in_open",
            "such as \"5s\"",
        ),
        (
            json!({ "wait_in_open": "0s" }),
            "wait in open",
            "longer than zero",
        ),
        (
            json!({ "wait_in_open": { "cap": "5s" } }),
            "wait_in_open",
            wait,
        ),
        (
            json!({ "wait_in_open": { "first": 5 } }),
            "wait_in_open",
            wait,
        ),
        (
            json!({ "wait_in_open": { "first": "5s", "jitter": 2 } }),
            "wait in open",
            "jitter a share",
        ),
        (
            json!({ "wait_in_open": { "first": "5s", "cap": "9s", "multiplier": 1 } }),
            "wait in open",
            "multiplier above 1.0",
        ),
        (
            json!({ "wait_in_open": { "first": "5s", "multiplier": 1.5 } }),
            "wait_in_open",
            "needs a `cap`",
        ),
        (
            json!({ "wait_in_open": { "first": "5s", "max": "6s" } }),
            "wait_in_open",
            wait,
        ),
        (
            json!({ "probes": "three" }),
            "probes",
            "a number of results",
        ),
        (json!({ "probes": { "successes": 2 } }), "probes", probes),
        (
            json!({ "probes": { "results": 2, "of": 3 } }),
            "probes",
            probes,
        ),
        (json!({ "probes": { "results": "2" } }), "probes", probes),
        (json!({ "probes": 0 }), "probes", "from 1 to 4,095"),
        (
            json!({ "probe_deadline": "0s" }),
            "deadline of a probe",
            "longer than zero",
        ),
        (
            json!({ "on_cancel": "panic" }),
            "on_cancel",
            "`failure_if_slow`",
        ),
        (
            json!({ "on_cancel": "failure_if_slow" }),
            "`slow_after`",
            "`OnCancel::FailureIfSlow`",
        ),
    ] {
        assert_refused(&file, field, allowed);
    }
}

#[test]
fn what_cannot_work_is_refused_again_when_it_is_read() {
    let never = Ramp::new(seconds(1)).percent(&[50, 40]);
    for broken in [
        CircuitBreaker::builder().ramp(never),
        CircuitBreaker::builder().wait_in_open(Wait::fixed(seconds(1)).jitter(1.5)),
        CircuitBreaker::builder().wait_in_open(Wait::exponential_by(0.5, seconds(1), seconds(9))),
    ] {
        let file = serde_json::to_value(broken).unwrap();
        assert!(read(&file).is_err(), "{file}");
    }
}

fn durations() -> impl Strategy<Value = Duration> {
    prop_oneof![
        (1..100_000_u64).prop_map(Duration::from_nanos),
        (1..100_000_u64).prop_map(Duration::from_millis),
        (1..100_000_u64).prop_map(Duration::from_secs),
        Just(Duration::MAX),
    ]
}

fn shares() -> impl Strategy<Value = f64> {
    (1..=1_000_u32).prop_map(|n| f64::from(n) / 1_000.0)
}

fn waits() -> impl Strategy<Value = Wait> {
    let multiplier = option::of((1_001..=1_000_000_u32).prop_map(|n| f64::from(n) / 1_000.0));
    let wait = (durations(), durations(), multiplier).prop_map(|(a, b, multiplier)| {
        let (first, cap) = (a.min(b), a.max(b));
        match multiplier {
            Some(multiplier) => Wait::exponential_by(multiplier, first, cap),
            None => Wait::exponential(first, cap),
        }
    });
    (wait, option::of(shares())).prop_map(|(wait, jitter)| match jitter {
        Some(share) => wait.jitter(share),
        None => wait,
    })
}

fn probes() -> impl Strategy<Value = Probes> {
    let rule = prop_oneof![
        (1..=4_095_u32).prop_map(Probes::results),
        (1..=40_u32, 0..=40_u32).prop_map(|(n, more)| Probes::successes(n, n + more)),
    ];
    (rule, option::of(1..=16_u32)).prop_map(|(rule, limit)| match limit {
        Some(limit) => rule.in_flight(limit),
        None => rule,
    })
}

fn windows() -> impl Strategy<Value = Window> {
    prop_oneof![
        (20..=1_024_u32).prop_map(Window::calls),
        durations().prop_map(Window::time)
    ]
}

prop_compose! {
    fn builders()(
        failed in option::of(shares()),
        slow in option::of((shares(), durations())),
        window in windows(),
        minimum in option::of(1..=20_u32),
        count in option::of(1..=20_u32),
        in_a_row in option::of((1..1_000_u32, option::of(durations()))),
        wait in waits(),
        probes in probes(),
        deadline in durations(),
        on_cancel in option::of(prop_oneof![Just(OnCancel::Ignored), Just(OnCancel::Failure)]),
    ) -> Builder {
        let mut builder = CircuitBreaker::builder()
            .window(window)
            .wait_in_open(wait)
            .probes(probes)
            .probe_deadline(deadline);
        if let Some(share) = failed {
            builder = builder.failure_ratio(share);
        }
        if let Some((share, after)) = slow {
            builder = builder.slow_ratio(share).slow_after(after);
        }
        if let Some(calls) = minimum {
            builder = builder.minimum_calls(calls);
        }
        if let Some(failures) = count {
            builder = builder.failure_count(failures);
        }
        if let Some((failures, forgotten)) = in_a_row {
            builder = builder.consecutive_failures(failures);
            if let Some(time) = forgotten {
                builder = builder.forget_failures_after(time);
            }
        }
        if let Some(on_cancel) = on_cancel {
            builder = builder.on_cancel(on_cancel);
        }
        builder
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(builder in builders()) {
        let text = serde_json::to_string(&builder).unwrap();
        let again: Builder = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(again, builder, "{}", text);
    }
}

#[test]
fn the_file_of_the_guide_is_read() {
    // Its YAML, as what a YAML reader makes of it.
    let guide = include_str!("../src/guide.md");
    let block = guide
        .split("```yaml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    let fields: serde_json::Map<_, _> = block
        .expect("the guide shows a file")
        .lines()
        .map(|line| {
            let (name, value) = line.split_once(": ").expect("one field a line");
            let value = value.split(" #").next().unwrap_or_default().trim();
            let value = serde_json::from_str(value).unwrap_or_else(|_| json!(value));
            (name.to_owned(), value)
        })
        .collect();
    let builder = read(&fields.into()).expect("the file of the guide");
    assert!(builder.build("guide").is_ok());
}

#[test]
fn a_list_is_not_read_as_a_builder() {
    for file in [json!([]), json!([0.5])] {
        assert_refused(&file, "sequence", "expected a table");
    }
    for file in [
        json!({ "wait_in_open": ["1s", "1m"] }),
        json!({ "probes": [3] }),
        json!({ "probes": [2, 3] }),
        json!({ "ramp": ["10s", [10, 50]] }),
    ] {
        assert_refused(&file, "", "expected a");
    }
    assert_eq!(read(&json!({})).unwrap(), CircuitBreaker::builder());
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_is_printed_with_its_accessors_as_fields() {
    let builder = CircuitBreaker::builder().failure_ratio(0.5);
    let breaker = builder.minimum_calls(1).build("store").unwrap();
    breaker.try_acquire().unwrap().failure();
    tokio::time::advance(Duration::from_millis(1_500)).await;
    let printed = |breaker: &CircuitBreaker| serde_json::to_value(breaker.snapshot()).unwrap();
    let mut expected = json!({
        "name": "store", "key": null, "state": "open", "generation": 1, "calls": 0, "failures": 0, "slow_calls": 0,
        "percent_admitted": 0, "consecutive_failures": 0, "probes_in_flight": 0, "probes_settled": 0,
        "retry_after": "3s 500ms", "last_override": null, "would_have_opened": 0, "kept_closed": 0,
        "cause": "failure_ratio", "detail": "1 of 1 call failed",
    });
    assert_eq!(printed(&breaker), expected);
    for (lasts, text) in [(None, json!(null)), (Some(seconds(60)), json!("1m"))] {
        let by = Override::new("alice", "old rows");
        breaker.disable(lasts.map_or(by.clone(), |time| by.lasting(time)));
        expected["last_override"] =
            json!({ "actor": "alice", "reason": "old rows", "lasts": text });
        assert_eq!(
            printed(&breaker)["last_override"],
            expected["last_override"]
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_rejection_is_printed_with_its_accessors_as_fields() {
    let builder = CircuitBreaker::builder().consecutive_failures(1);
    let breaker = builder.build("store").unwrap();
    breaker.try_acquire().unwrap().failure();
    let printed = |breaker: &CircuitBreaker| {
        let open = breaker.try_acquire().expect_err("a rejection");
        serde_json::to_value(open).expect("it can be written")
    };
    assert_eq!(
        printed(&breaker),
        json!({
            "name": "store", "key": null, "state": "open", "cause": "consecutive_failures", "detail": "a call failed",
            "retry_after": "5s", "is_unready": false, "actor": null, "reason": null,
        })
    );
    breaker.force_open(Override::new("alice", "old rows"));
    let forced = printed(&breaker);
    assert_eq!(
        (&forced["actor"], &forced["reason"]),
        (&json!("alice"), &json!("old rows"))
    );
}

#[test]
fn a_transition_is_printed_with_the_fields_of_an_event() {
    let builder = CircuitBreaker::builder().consecutive_failures(1);
    let breaker = builder.build("store").unwrap();
    let (sender, printed) = mpsc::channel();
    let _listener = breaker.on_transition(move |transition| {
        sender.send(serde_json::to_value(transition).unwrap()).ok();
    });
    breaker.try_acquire().unwrap().failure();
    breaker.reset(Override::new("alice", "it is back"));
    let opens = json!({
        "name": "store", "key": null, "from": "closed", "to": "open", "cause": "consecutive_failures",
        "detail": "a call failed", "actor": null, "reason": null, "generation": 1,
    });
    let reset = json!({
        "name": "store", "key": null, "from": "open", "to": "closed", "cause": "reset", "detail": null,
        "actor": "alice", "reason": "it is back", "generation": 2,
    });
    assert_eq!(printed.try_iter().collect::<Vec<_>>(), [opens, reset]);
}

#[cfg(feature = "family")]
#[test]
fn a_snapshot_of_a_member_is_printed_with_its_key() {
    let hosts = CircuitBreaker::builder().build_family("hosts", 2).unwrap();
    let hosts = hosts.show_keys();
    let printed = serde_json::to_value(hosts.get(&"a.example").snapshot()).unwrap();
    assert_eq!(printed["key"], "a.example");
}
