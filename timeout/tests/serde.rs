//! Configuration from files.

use std::time::Duration;

use maestro_timeout::{BodyTimeout, Builder, DeadlineFilter, DeadlineFilterBuilder, Timeout};
use maestro_timeout::{BodyTimeoutBuilder, InvalidConfig};
use proptest::prelude::*;
use serde::{Serialize, de::DeserializeOwned};

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn limit(text: &str) -> Result<Duration, String> {
    let json = serde_json::json!({ "limit": text });
    let builder: Builder = serde_json::from_value(json).map_err(|error| error.to_string())?;
    Ok(builder.build("x").limit())
}

fn problem<T: DeserializeOwned>(json: &str) -> String {
    match serde_json::from_str::<T>(json) {
        Ok(_) => panic!("read {json}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn durations_are_read_as_people_write_them() {
    for (text, duration) in [
        ("250ms", ms(250)),
        ("1s", ms(1_000)),
        ("1.5s", ms(1_500)),
        ("1m 30s", ms(90_000)),
        ("1m30s", ms(90_000)),
        (" 2 min ", ms(120_000)),
        ("1h", ms(3_600_000)),
        ("1d", ms(86_400_000)),
        ("10us", Duration::from_micros(10)),
        ("10µs", Duration::from_micros(10)),
        ("10ns", Duration::from_nanos(10)),
        ("0.1s", ms(100)),
        ("0s", Duration::ZERO),
        ("unlimited", Duration::MAX),
    ] {
        assert_eq!(limit(text), Ok(duration), "{text}");
    }
}

#[test]
fn what_is_no_duration_is_refused_with_the_fields_name() {
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
        "1,5s",
        "never",
        "999999999999999999999999999d",
        "1.00000000000000000000000000000000000000001s",
    ] {
        let error = limit(text).unwrap_err();
        assert!(
            error.contains("`limit`") && error.contains("250ms"),
            "{text}: {error}"
        );
    }
    assert!(problem::<Builder>(r#"{"limit": 250}"#).contains("in `limit` a duration such as"));
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
            "`count_readiness`",
        ),
        (
            problem::<DeadlineFilterBuilder>(r#"{"max_share": "a fifth"}"#),
            "`max_share`",
        ),
        (
            problem::<DeadlineFilterBuilder>(r#"{"max_share": 20}"#),
            "`max_share`",
        ),
        (
            problem::<DeadlineFilterBuilder>(r#"{"max_share": -1}"#),
            "`max_share`",
        ),
        (
            problem::<DeadlineFilterBuilder>(r#"{"max_share": 99999999999}"#),
            "`max_share`",
        ),
        (
            problem::<DeadlineFilterBuilder>(r#"{"period": "1us"}"#),
            "`period`",
        ),
        (problem::<DeadlineFilterBuilder>(r#"{"dark": 1}"#), "`dark`"),
        (
            problem::<DeadlineFilterBuilder>(r#"{"max_shares": 0.2}"#),
            "`max_shares`",
        ),
        (
            problem::<BodyTimeoutBuilder>(r#"{"idle": "soon"}"#),
            "`idle`",
        ),
        (problem::<BodyTimeoutBuilder>(r#"{"body": "1s"}"#), "`body`"),
    ] {
        assert!(error.contains(names), "{names}: {error}");
    }
}

#[test]
fn what_is_left_out_has_its_default() {
    let timeout: Builder = serde_json::from_str(r#"{"limit": "1s"}"#).unwrap();
    assert_eq!(timeout, Timeout::builder().limit(ms(1_000)));
    let filter: DeadlineFilterBuilder =
        serde_json::from_str(r#"{"dark": true, "max_share": 1}"#).unwrap();
    assert_eq!(filter, DeadlineFilter::builder().max_share(1.0).dark(true));
    let body: BodyTimeoutBuilder = serde_json::from_str(r#"{"idle": "5s"}"#).unwrap();
    assert_eq!(body, BodyTimeout::builder().idle(ms(5_000)));
}

#[test]
fn what_is_written_reads_well() {
    let written =
        |limit| serde_json::to_value(Timeout::builder().limit(limit)).unwrap()["limit"].clone();
    for (limit, text) in [
        (ms(250), "250ms"),
        (ms(90_000), "90s"),
        (ms(7_200_000), "2h"),
        (Duration::from_nanos(1_500), "1500ns"),
        (Duration::ZERO, "0s"),
        (Duration::MAX, "unlimited"),
    ] {
        assert_eq!(written(limit), text);
    }
}

fn comes_back<T: Serialize + DeserializeOwned + PartialEq>(value: &T) -> bool {
    let text = serde_json::to_string(value).expect("it can be written");
    serde_json::from_str::<T>(&text).is_ok_and(|read| read == *value)
}

fn duration() -> impl Strategy<Value = Duration> {
    prop_oneof![
        (any::<u64>(), 0..1_000_000_000_u32)
            .prop_map(|(seconds, nanos)| Duration::new(seconds, nanos)),
        (0_u64..100_000).prop_map(ms),
        Just(Duration::MAX),
    ]
}

proptest! {
    #[test]
    fn any_numbers_come_back_as_they_were_written(
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
fn what_serde_refuses_is_what_build_refuses() {
    let error = DeadlineFilter::builder()
        .max_share(20.0)
        .build("x")
        .unwrap_err();
    assert_eq!(error, InvalidConfig::MaxShare);
    assert!(problem::<DeadlineFilterBuilder>(r#"{"max_share": 20}"#).contains(&error.to_string()));
}
