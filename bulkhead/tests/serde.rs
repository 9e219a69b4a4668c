//! Builders are read from files, and values are serialized.

use std::{sync::mpsc, time::Duration};

use maestro_bulkhead::{Aimd, Builder, Bulkhead, Gradient2, Override, Queue};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

fn there_and_back<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T) {
    let text = serde_json::to_string(value).expect("it can be written");
    assert_eq!(
        &serde_json::from_str::<T>(&text).expect("it can be read"),
        value,
        "{text}"
    );
}

/// The error, after the path of the field that it is about.
fn problem<T: DeserializeOwned + std::fmt::Debug>(json: &str) -> String {
    let mut json = serde_json::Deserializer::from_str(json);
    serde_path_to_error::deserialize::<_, T>(&mut json)
        .expect_err("it is refused")
        .to_string()
}

#[test]
fn absent_fields_have_defaults_and_unknown_ones_fail() {
    let builder: Builder = serde_json::from_str(r#"{"limit": 7}"#).unwrap();
    assert_eq!(builder, Bulkhead::builder().limit(7));
    assert!(problem::<Builder>(r#"{"limits": 7}"#).contains("unknown field `limits`"));
    let law: Gradient2 = serde_json::from_str(r#"{"healthy": "250ms"}"#).unwrap();
    assert_eq!(law, Gradient2::new().healthy(Duration::from_millis(250)));
    assert_eq!(serde_json::from_str::<Aimd>("{}").unwrap(), Aimd::new());
}

#[test]
fn an_absent_table_is_read_as_the_defaults() {
    #[derive(serde::Deserialize)]
    #[serde(default)]
    #[derive(Default)]
    struct Config {
        bulkhead: Builder,
        queue: Queue,
        aimd: Aimd,
        gradient: Gradient2,
    }
    let config: Config = serde_json::from_str("{}").unwrap();
    assert_eq!(config.bulkhead, Bulkhead::builder());
    assert_eq!(config.queue, Queue::of_bulkhead());
    assert_eq!(
        (config.aimd, config.gradient),
        (Aimd::new(), Gradient2::new())
    );
}

#[test]
fn a_queue_has_both_its_bounds_or_those_of_the_bulkhead() {
    let queue: Queue = serde_json::from_str(r#"{"newest_first": true}"#).unwrap();
    assert_eq!(queue, Queue::of_bulkhead().newest_first());
    let text = serde_json::to_string(&queue).unwrap();
    assert_eq!(text, r#"{"reserve":"0s","newest_first":true}"#);
    assert!(problem::<Queue>(r#"{"length": 5}"#).contains("max_wait"));
    let length = problem::<Queue>(r#"{"max_wait": "1s"}"#);
    assert!(length.starts_with("`length` is missing"), "{length}");
    let queue: Queue = serde_json::from_str(r#"{"length": 5, "max_wait": "1m 30s"}"#).unwrap();
    assert_eq!(queue, Queue::new(5, Duration::from_secs(90)));
}

#[test]
fn an_illegal_number_is_refused_and_named() {
    let limit = problem::<Builder>(r#"{"limit": 0}"#);
    assert!(
        limit.starts_with("limit: `limit` of a bulkhead must be at least 1"),
        "{limit}"
    );
    let after = problem::<Builder>(r#"{"retry_after": "0s"}"#);
    assert!(
        after.starts_with("retry_after: `retry_after` of"),
        "{after}"
    );
    let idle = problem::<Builder>(r#"{"body_idle": "0s"}"#);
    assert!(idle.starts_with("body_idle: `body_idle` of"), "{idle}");
    let wait = problem::<Queue>(r#"{"length": 5, "max_wait": "soon"}"#);
    assert!(
        wait.starts_with("max_wait: invalid value: string \"soon\""),
        "{wait}"
    );
    let healthy = problem::<Gradient2>(r#"{"healthy": 5}"#);
    assert!(healthy.contains("250ms"), "{healthy}");
    let step = problem::<Aimd>(r#"{"step": 0}"#);
    assert!(step.starts_with("`step` of"), "{step}");
    let memory = problem::<Gradient2>(r#"{"memory": "1s"}"#);
    assert!(memory.starts_with("`memory` of"), "{memory}");
    // A number of an earlier law.
    let drift = problem::<Gradient2>(r#"{"drift": 2.0}"#);
    assert!(drift.contains("unknown field `drift`"), "{drift}");
}

#[test]
fn a_written_configuration_is_read_again() {
    for wait in [
        Duration::ZERO,
        Duration::MAX,
        Duration::from_nanos(1),
        Duration::from_millis(1_500),
        Duration::new(86_401, 3),
        Duration::new((1 << 53) + 1, 0), // no `f64` holds it
        Duration::new(i64::MAX.unsigned_abs(), 0),
    ] {
        there_and_back(&Queue::new(3, wait).reserve(wait).newest_first());
        there_and_back(&Bulkhead::builder().limit(3).window(wait).metrics_only(true));
        there_and_back(&Queue::of_bulkhead().reserve(wait));
        there_and_back(&Bulkhead::builder().max_wait(wait));
        there_and_back(&Aimd::new().slow_after(wait).step(3).tolerate(0.02));
        there_and_back(&Gradient2::new().healthy(wait).tolerance(2.0));
    }
    there_and_back(&Gradient2::new().memory(Duration::MAX));
    there_and_back(&Gradient2::new().memory(Duration::from_secs(10)));
    // An absent number is read again too.
    there_and_back(&Aimd::new());
    there_and_back(&Gradient2::new());
    // A longer duration is written as unlimited.
    let text = serde_json::to_string(&Queue::new(3, Duration::new(u64::MAX, 0))).unwrap();
    let queue: Queue = serde_json::from_str(&text).unwrap();
    assert_eq!(queue, Queue::new(3, Duration::MAX), "{text}");
}

#[test]
fn durations_are_read_in_human_form() {
    let read = |text: &str| {
        let json = serde_json::json!({"length": 1, "max_wait": text});
        serde_json::from_value::<Queue>(json)
            .map(|queue| queue == Queue::new(1, Duration::from_micros(1_500)))
    };
    for text in [
        "1.5ms",
        " 1500us ",
        "1ms 500µs",
        "1ms500us",
        "0.0015s",
        "1.5 ms",
    ] {
        assert!(read(text).unwrap(), "{text}");
    }
    for text in [
        "",
        "1",
        "ms",
        "-1s",
        "1 week",
        "1d",
        "1e9s",
        "1..5s",
        "99999999999999999999h",
    ] {
        let error = read(text).unwrap_err().to_string();
        assert!(error.contains("250ms"), "{text}: {error}");
    }
}

#[test]
fn a_list_is_not_read_as_a_table() {
    for json in ["[]", "[5]"] {
        for problem in [
            problem::<Builder>(json),
            problem::<Queue>(json),
            problem::<Aimd>(json),
            problem::<Gradient2>(json),
        ] {
            assert!(problem.contains("expected a table"), "{json}: {problem}");
        }
    }
    let builder: Builder = serde_json::from_str("{}").unwrap();
    assert_eq!(builder, Bulkhead::builder());
}

#[test]
fn events_are_printed_with_the_fields_of_tracing() {
    let bulkhead = Bulkhead::builder().limit(1).build("db").unwrap();
    let (sender, printed) = mpsc::channel();
    let _listener = bulkhead.on_event(move |event| {
        sender.send(serde_json::to_value(event).unwrap()).ok();
    });
    let held = bulkhead.try_acquire().unwrap();
    bulkhead.try_acquire().unwrap_err();
    let by = Override::new("maria", "a backlog");
    bulkhead.force_limit(usize::MAX, by).unwrap();
    drop(bulkhead.close());
    drop(held);
    let rejected = json!({
        "event": "rejected", "name": "db", "key": null, "cause": "at_limit", "limit": 1, "in_flight": 1, "queued": 0,
        "waited": "0s", "places": null, "retry_after": "1s",
    });
    let changed = json!({
        "event": "limit_changed", "key": null, "from": 1, "to": null, "cause": "forced", "actor": "maria",
        "reason": "a backlog",
    });
    let [closed, drained] = ["closed", "drained"].map(|event| json!({ "event": event }));
    let all: Vec<_> = printed.try_iter().collect();
    assert_eq!(all, [rejected, changed, closed, drained]);
}

#[cfg(feature = "family")]
#[test]
fn a_rejection_of_a_member_is_printed_with_its_key() {
    let hosts = Bulkhead::builder()
        .limit(1)
        .build_family("hosts", 2)
        .unwrap();
    let example = hosts.show_keys().get(&"a.example");
    drop(example.close());
    let printed = serde_json::to_value(example.try_acquire().unwrap_err()).unwrap();
    let expected = json!({
        "name": "hosts", "key": "a.example", "cause": "closed", "limit": 1, "in_flight": 0, "queued": 0, "waited": "0s",
        "places": null, "retry_after": null,
    });
    assert_eq!(printed, expected);
}
