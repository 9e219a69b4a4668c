//! Builders are read from files, and values are serialized.

use std::{sync::mpsc::channel, time::Duration};

use maestro_timeout::{
    BodyTimeout, BodyTimeoutBuilder, Builder, Deadline, DeadlineFilter, DeadlineFilterBuilder,
    Event, InvalidConfigKind, Override, Timeout,
};
use proptest::prelude::*;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn limit(text: &str) -> Result<Duration, String> {
    let json = serde_json::json!({ "limit": text });
    let builder: Builder =
        serde_path_to_error::deserialize(json).map_err(|error| error.to_string())?;
    Ok(builder.build("x").limit())
}

fn problem<T: DeserializeOwned>(json: &str) -> String {
    match serde_path_to_error::deserialize::<_, T>(&mut serde_json::Deserializer::from_str(json)) {
        Ok(_) => panic!("read {json}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn durations_are_read_in_friendly_form() {
    for (text, duration) in [
        ("250ms", ms(250)),
        ("1s", ms(1_000)),
        ("1.5s", ms(1_500)),
        ("1m 30s", ms(90_000)),
        ("1m30s", ms(90_000)),
        (" 2 min ", ms(120_000)),
        ("1h", ms(3_600_000)),
        ("10us", Duration::from_micros(10)),
        ("10µs", Duration::from_micros(10)),
        ("10ns", Duration::from_nanos(10)),
        ("0.1s", ms(100)),
        ("1,5s", ms(1_500)),
        ("0s", Duration::ZERO),
        ("unlimited", Duration::MAX),
    ] {
        assert_eq!(limit(text), Ok(duration), "{text}");
    }
}

#[test]
fn invalid_durations_are_refused_with_the_field_name() {
    for text in [
        "",
        "250",
        "ms",
        "1 parsec",
        "-1s",
        "+1s",
        "1e3s",
        "1..5s",
        ".5s",
        "1.s",
        "1s 2",
        "never",
        "1d",
        "999999999999999999999999999h",
        "1.00000000000000000000000000000000000000001s",
    ] {
        let error = limit(text).unwrap_err();
        assert!(
            error.starts_with("limit: ") && error.contains("250ms"),
            "{text}: {error}"
        );
    }
    let number = problem::<Builder>(r#"{"limit": 250}"#);
    assert!(number.starts_with("limit: ") && number.contains("a duration such as"));
}

#[test]
fn each_error_names_its_field() {
    for (error, names) in [
        (problem::<Builder>("{}"), "`limit`"),
        (
            problem::<Builder>(r#"{"limit": "1s", "retries": 3}"#),
            "`retries`",
        ),
        (
            problem::<Builder>(r#"{"limit": "1s", "count_readiness": "yes"}"#),
            "count_readiness: ",
        ),
        (
            problem::<DeadlineFilterBuilder>(r#"{"max_share": "a fifth"}"#),
            "max_share: ",
        ),
        (
            problem::<DeadlineFilterBuilder>(r#"{"max_share": 20}"#),
            "max_share: ",
        ),
        (
            problem::<DeadlineFilterBuilder>(r#"{"max_share": -1}"#),
            "max_share: ",
        ),
        (
            problem::<DeadlineFilterBuilder>(r#"{"max_share": 99999999999}"#),
            "max_share: ",
        ),
        (
            problem::<DeadlineFilterBuilder>(r#"{"period": "1us"}"#),
            "period: ",
        ),
        (problem::<DeadlineFilterBuilder>(r#"{"dark": 1}"#), "dark: "),
        (
            problem::<DeadlineFilterBuilder>(r#"{"max_shares": 0.2}"#),
            "`max_shares`",
        ),
        (
            problem::<BodyTimeoutBuilder>(r#"{"idle": "soon"}"#),
            "idle: ",
        ),
        (problem::<BodyTimeoutBuilder>(r#"{"body": "1s"}"#), "`body`"),
    ] {
        assert!(error.contains(names), "{names}: {error}");
    }
}

#[test]
fn omitted_fields_have_their_defaults() {
    let timeout: Builder = serde_json::from_str(r#"{"limit": "1s"}"#).unwrap();
    assert_eq!(timeout, Timeout::builder().limit(ms(1_000)));
    let filter: DeadlineFilterBuilder =
        serde_json::from_str(r#"{"dark": true, "max_share": 1}"#).unwrap();
    assert_eq!(filter, DeadlineFilter::builder().max_share(1.0).dark(true));
    let body: BodyTimeoutBuilder = serde_json::from_str(r#"{"idle": "5s"}"#).unwrap();
    assert_eq!(body, BodyTimeout::builder().idle(ms(5_000)));
}

#[test]
fn a_text_is_read_as_the_limit() {
    #[derive(serde::Deserialize)]
    struct Config {
        timeout: Builder,
    }
    for (short, limit) in [("2s", ms(2_000)), ("unlimited", Duration::MAX)] {
        let json = serde_json::json!({ "timeout": short });
        let config: Config = serde_json::from_value(json).unwrap();
        assert_eq!(config.timeout, Timeout::builder().limit(limit));
    }
    let written = serde_json::to_value(Timeout::builder().limit(ms(2_000))).unwrap();
    assert_eq!(written["limit"], "2s");
    let soon = problem::<Config>(r#"{"timeout": "soon"}"#);
    assert!(soon.starts_with("timeout: ") && soon.contains("a duration such as"));
    for json in ["2", "true", "null", r#"["2s"]"#] {
        let wrong = problem::<Config>(&format!(r#"{{"timeout": {json}}}"#));
        let both = "expected a table with a `limit`, or that limit alone, such as \"250ms\"";
        assert!(
            wrong.starts_with("timeout: ") && wrong.contains(both),
            "{wrong}"
        );
    }
    let inside = problem::<Config>(r#"{"timeout": {"limit": 2}}"#);
    assert!(inside.starts_with("timeout.limit: "), "{inside}");
}

#[test]
fn an_absent_table_is_the_builder_of_defaults() {
    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Server {
        #[serde(default)]
        body: BodyTimeoutBuilder,
        #[serde(default)]
        filter: DeadlineFilterBuilder,
    }
    let defaults = Server {
        body: BodyTimeout::builder(),
        filter: DeadlineFilter::builder(),
    };
    for file in ["{}", r#"{"body": {}, "filter": {}}"#] {
        assert_eq!(serde_json::from_str::<Server>(file).unwrap(), defaults);
    }
}

#[test]
fn durations_are_written_in_compact_form() {
    let written =
        |limit| serde_json::to_value(Timeout::builder().limit(limit)).unwrap()["limit"].clone();
    for (limit, text) in [
        (ms(250), "250ms"),
        (ms(90_000), "1m 30s"),
        (ms(7_200_000), "2h"),
        (Duration::from_nanos(1_500), "1µs 500ns"),
        (Duration::ZERO, "0s"),
        (Duration::MAX, "unlimited"),
        (Duration::from_secs(1 << 63), "unlimited"),
    ] {
        assert_eq!(written(limit), text);
    }
}

#[tokio::test(start_paused = true)]
async fn events_are_printed_with_the_fields_of_tracing() {
    let (sender, printed) = channel();
    let print = move |event: &Event| {
        let event = serde_json::to_value(event).expect("it can be written");
        sender.send(event).expect("the test receives");
    };
    let timeout = Timeout::new(ms(250)).named("store");
    let filter = DeadlineFilter::builder().max_share(1.0);
    let filter = filter.build("orders").unwrap();
    timeout.on_event(print.clone()).detach();
    filter.on_event(print).detach();
    timeout.force_limit(Duration::MAX, Override::new("alice", "drill"));
    timeout.set_limit(ms(1));
    let _resumed = timeout.resume(Override::new("bob", "done"));
    let late = Deadline::after(Duration::ZERO);
    tokio::time::advance(ms(1)).await;
    assert!(filter.check(late).is_err());
    filter.force_dark(Override::new("carol", "look first"));
    let change = |from, to, cause, actor, reason| {
        json!({
            "event": "limit_changed", "key": null, "from": from, "to": to, "cause": cause, "actor": actor,
            "reason": reason,
        })
    };
    let expected = [
        change("250ms", "unlimited", "forced", "alice", "drill"),
        change("unlimited", "1ms", "resumed", "bob", "done"),
        json!({
            "event": "elapsed", "name": "orders", "key": null, "phase": "before", "after": "0s", "limit": "0s",
        }),
        json!({
            "event": "dark_changed", "cause": "forced", "actor": "carol", "reason": "look first",
        }),
    ];
    assert_eq!(printed.try_iter().collect::<Vec<_>>(), expected);
}

fn comes_back<T: Serialize + DeserializeOwned + PartialEq>(value: &T) -> bool {
    let text = serde_json::to_string(value).expect("it can be written");
    serde_json::from_str::<T>(&text).is_ok_and(|read| read == *value)
}

fn duration() -> impl Strategy<Value = Duration> {
    prop_oneof![
        // Longer durations are written as `unlimited`.
        (0..=i64::MAX.unsigned_abs(), 0..1_000_000_000_u32)
            .prop_map(|(seconds, nanos)| Duration::new(seconds, nanos)),
        (0_u64..100_000).prop_map(ms),
        Just(Duration::MAX),
    ]
}

proptest! {
    #[test]
    fn settings_round_trip(
        [a, b, c] in [duration(), duration(), duration()],
        parts in 0_u16..=10_000,
        flag: bool,
    ) {
        prop_assert!(comes_back(&Timeout::builder().limit(a).count_readiness(flag)));
        prop_assert!(comes_back(&BodyTimeout::builder().headers(a).idle(b).whole(c)));
        let filter = DeadlineFilter::builder().max_share(f64::from(parts) / 10_000.0).dark(flag);
        prop_assert!(comes_back(&filter.period(a.max(ms(1)))));
    }

    #[test]
    fn any_text_is_read_or_refused_and_never_panics(text in "\\PC{0,24}", digits in "[0-9.]{0,40}[a-zµ]{0,3}") {
        let _ = (limit(&text), limit(&digits));
    }
}

#[test]
fn serde_and_build_refuse_the_same_settings() {
    let error = DeadlineFilter::builder()
        .max_share(20.0)
        .build("x")
        .unwrap_err();
    assert_eq!(error.kind(), InvalidConfigKind::MaxShare(20.0));
    let read = problem::<DeadlineFilterBuilder>(r#"{"max_share": 20}"#);
    assert!(read.contains(&error.kind().to_string()), "{read}");
}

#[test]
fn a_list_is_not_read_as_a_builder() {
    for json in ["[]", r#"["250ms"]"#] {
        for problem in [
            problem::<Builder>(json),
            problem::<DeadlineFilterBuilder>(json),
            problem::<BodyTimeoutBuilder>(json),
        ] {
            assert!(problem.contains("expected a table"), "{json}: {problem}");
        }
    }
    let filter: DeadlineFilterBuilder = serde_json::from_str("{}").unwrap();
    assert_eq!(filter, DeadlineFilter::builder());
    let body: BodyTimeoutBuilder = serde_json::from_str("{}").unwrap();
    assert_eq!(body, BodyTimeout::builder());
}
