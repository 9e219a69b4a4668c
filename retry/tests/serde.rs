//! Builders are read from files, and values are serialized.

use std::{sync::mpsc, time::Duration};

use maestro_retry::{
    Backoff, BudgetBuilder, Builder, CostBucket, CostBucketBuilder, Event, GiveUpReason, HalfFull,
    HalfFullBuilder, Hedge, HedgeBuilder, HedgeResult, InFlightShare, InFlightShareBuilder, Jitter,
    Override, RetryBudget, RetryPolicy, RetryReason, SwitchCause,
};
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::json;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn read<T: DeserializeOwned>(json: &str) -> T {
    serde_json::from_str(json).expect(json)
}

fn problem<T: DeserializeOwned>(json: &str) -> String {
    match serde_json::from_str::<T>(json) {
        Ok(_) => panic!("read {json}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn file_sets_fields_and_keeps_defaults() {
    assert_eq!(read::<Builder>("{}"), RetryPolicy::builder());
    assert_eq!(
        read::<Builder>(r#"{ "max_elapsed": null }"#),
        RetryPolicy::builder()
    );
    let whole = r#"{
        "attempts": 5,
        "backoff": { "exponential": { "base": "50ms", "cap": "1m 30s", "jitter": "equal" } },
        "max_elapsed": "5s",
        "max_hint": "1h",
        "short_hints": true,
        "wait_for_ready": false,
        "seed": 7
    }"#;
    let backoff = Backoff::exponential(ms(50), ms(90_000)).jitter(Jitter::Equal);
    let expected = RetryPolicy::builder()
        .attempts(5)
        .backoff(backoff)
        .max_elapsed(ms(5_000))
        .max_hint(ms(3_600_000))
        .short_hints(true)
        .wait_for_ready(false)
        .seed(7);
    assert_eq!(read::<Builder>(whole), expected);
    for (json, backoff) in [
        (r#""none""#, Backoff::none()),
        (
            r#"{ "constant": { "delay": "10ms" } }"#,
            Backoff::constant(ms(10)),
        ),
        (
            r#"{ "linear": { "step": "10ms", "cap": "1s", "jitter": { "plus_minus": 20 } } }"#,
            Backoff::linear(ms(10), ms(1_000)).jitter(Jitter::PlusMinus(20)),
        ),
        (
            r#"{ "exponential": { "base": "10ms", "cap": "1s", "multiplier": 1.6 } }"#,
            Backoff::exponential_by(1.6, ms(10), ms(1_000)),
        ),
    ] {
        assert_eq!(read::<Backoff>(json), backoff);
    }
    assert_eq!(
        read::<BudgetBuilder>(r#"{ "ratio": 1, "ttl": "30s" }"#),
        RetryBudget::builder().ratio(1.0).ttl(ms(30_000))
    );
    assert_eq!(
        read::<HalfFullBuilder>(r#"{ "max_tokens": 20 }"#),
        HalfFull::builder().max_tokens(20)
    );
    assert_eq!(
        read::<CostBucketBuilder>(r#"{ "cost": 7 }"#),
        CostBucket::builder().cost(7)
    );
    assert_eq!(
        read::<HedgeBuilder>(r#"{ "delay": "50ms", "share": 0.05 }"#),
        Hedge::after(ms(50)).share(0.05)
    );
    assert_eq!(
        read::<HedgeBuilder>(
            r#"{ "quantile": 0.95, "delay": "50ms", "min_delay": "5ms", "max_delay": "1s", "burst": 3 }"#
        ),
        Hedge::at_quantile(0.95)
            .delay(ms(50))
            .min_delay(ms(5))
            .max_delay(ms(1_000))
            .burst(3)
    );
    assert_eq!(
        read::<InFlightShareBuilder>(r#"{ "share": 0.5, "minimum": 0 }"#),
        InFlightShare::builder().share(0.5).minimum(0)
    );
}

#[test]
fn absent_table_is_the_builder_of_defaults() {
    #[derive(Debug, Default, PartialEq, serde::Deserialize)]
    #[serde(default)]
    struct Config {
        retry: Builder,
        budget: BudgetBuilder,
        throttle: HalfFullBuilder,
        bucket: CostBucketBuilder,
        share: InFlightShareBuilder,
        hedge: HedgeBuilder,
    }
    let defaults = Config {
        retry: RetryPolicy::builder(),
        budget: RetryBudget::builder(),
        throttle: HalfFull::builder(),
        bucket: CostBucket::builder(),
        share: InFlightShare::builder(),
        hedge: Hedge::after(ms(100)),
    };
    let empty_tables = r#"{
        "retry": {}, "budget": {}, "throttle": {}, "bucket": {}, "share": {}, "hedge": {}
    }"#;
    for json in ["{}", empty_tables] {
        assert_eq!(read::<Config>(json), defaults);
    }
    let config: Config = read(r#"{ "budget": { "ratio": 0.5 } }"#);
    assert_eq!(config.budget, RetryBudget::builder().ratio(0.5));
    assert_eq!(config.retry, RetryPolicy::builder());
}

#[test]
fn file_with_illegal_values_is_refused() {
    for (problem, part) in [
        (
            problem::<Builder>(r#"{ "attempt": 3 }"#),
            "unknown field `attempt`",
        ),
        (
            problem::<Builder>(r#"{ "attempts": 0 }"#),
            "attempts must be at least 1",
        ),
        (
            problem::<Builder>(r#"{ "max_elapsed": "5" }"#),
            "a duration such as \"250ms\"",
        ),
        (
            problem::<Builder>(r#"{ "max_elapsed": 5 }"#),
            "a duration such as",
        ),
        (
            problem::<Builder>(r#"{ "backoff": "exponential" }"#),
            "struct variant",
        ),
        (
            problem::<Backoff>(r#"{ "linear": { "step": "1s", "cap": "9s", "jiter": "none" } }"#),
            "unknown field `jiter`",
        ),
        (
            problem::<Backoff>(
                r#"{ "exponential": { "base": "1s", "cap": "9s", "multiplier": 1 } }"#,
            ),
            "from 1.05 to 12.75, in steps of 0.05: found 1",
        ),
        (
            problem::<Backoff>(r#"{ "linear": { "step": "1s" } }"#),
            "missing field `cap`",
        ),
        (
            problem::<BudgetBuilder>(r#"{ "ratio": 11 }"#),
            "from 0 to 10",
        ),
        (
            problem::<HalfFullBuilder>(r#"{ "max_tokens": 0 }"#),
            "from 1 to 1,000",
        ),
        (
            problem::<CostBucketBuilder>(r#"{ "cost": 501 }"#),
            "from 1 token to all",
        ),
        (
            problem::<InFlightShareBuilder>(r#"{ "share": 1.5 }"#),
            "from 0 to 1",
        ),
        (
            problem::<HedgeBuilder>(r#"{ "quantile": 95 }"#),
            "from 0.5 to 0.999",
        ),
    ] {
        assert!(problem.contains(part), "{problem}");
    }
}

#[test]
fn durations_have_units_up_to_hours() {
    for (text, duration) in [
        ("250ms", ms(250)),
        ("1.5s", ms(1_500)),
        ("1m 30s", ms(90_000)),
        ("2min", ms(120_000)),
        ("3 us", Duration::from_micros(3)),
        ("7ns", Duration::from_nanos(7)),
        ("0s", Duration::ZERO),
        ("unlimited", Duration::MAX),
    ] {
        let builder = read::<Builder>(&format!(r#"{{ "max_hint": "{text}" }}"#));
        assert_eq!(builder, RetryPolicy::builder().max_hint(duration), "{text}");
    }
    for text in ["", "5", "-1s", "1d", "1w", "PT5S", "soon", "1s ago"] {
        let json = format!(r#"{{ "max_hint": "{text}" }}"#);
        assert!(
            problem::<Builder>(&json).contains("a duration such as"),
            "{text}"
        );
    }
}

#[test]
fn errors_name_the_field_by_its_path() {
    let json = r#"{ "backoff": { "constant": { "delay": "soon" } } }"#;
    let mut json = serde_json::Deserializer::from_str(json);
    let error = serde_path_to_error::deserialize::<_, Builder>(&mut json).unwrap_err();
    assert_eq!(error.path().to_string(), "backoff.constant.delay");
}

#[test]
fn custom_backoff_cannot_be_written() {
    let custom = Backoff::custom(|n| ms(n.into()), ms(100));
    let error = serde_json::to_string(&custom).unwrap_err();
    assert!(error.to_string().contains("is a function"), "{error}");
}

/// Any duration up to `i64::MAX` seconds. A longer one is written as `unlimited`.
fn duration() -> impl Strategy<Value = Duration> {
    prop_oneof![
        Just(Duration::MAX),
        (any::<u32>(), any::<u32>())
            .prop_map(|(secs, nanos)| Duration::from_secs(secs.into())
                + Duration::from_nanos(nanos.into())),
        (0..=i64::MAX as u64, 0_u32..1_000_000_000)
            .prop_map(|(secs, nanos)| Duration::new(secs, nanos)),
    ]
}

#[test]
fn list_is_not_read_as_a_builder() {
    assert!(problem::<Builder>("[]").contains("expected a table"));
    assert!(problem::<Builder>("[3]").contains("expected a table"));
    assert!(problem::<BudgetBuilder>("[]").contains("expected a table"));
}

#[test]
fn event_is_printed_with_the_fields_of_a_tracing_event() {
    let by = Override::new("alice", "an outage");
    for (event, printed) in [
        (
            Event::Done { attempts: 1 },
            json!({ "event": "done", "attempts": 1 }),
        ),
        (
            Event::Retry {
                attempt: 1,
                wait: ms(1_500),
                reason: RetryReason::Hint,
            },
            json!({ "event": "retry", "attempt": 1, "wait": "1s 500ms", "cause": "hint" }),
        ),
        (
            Event::GaveUp {
                attempts: 3,
                reason: GiveUpReason::NotRepeatable,
            },
            json!({ "event": "gave_up", "attempts": 3, "cause": "not_repeatable" }),
        ),
        (
            Event::Hedge {
                result: HedgeResult::Won,
            },
            json!({ "event": "hedge", "result": "won" }),
        ),
        (
            Event::Switched {
                cause: SwitchCause::Resumed,
                by: by.clone(),
            },
            json!({ "event": "switched", "cause": "resumed", "actor": "alice", "reason": "an outage" }),
        ),
        (
            Event::Switched {
                cause: SwitchCause::Forced,
                by: by.lasting(ms(60_000)),
            },
            json!({ "event": "switched", "cause": "forced", "actor": "alice", "reason": "an outage" }),
        ),
    ] {
        assert_eq!(serde_json::to_value(event).unwrap(), printed);
    }
    let causes = (RetryReason::Failure, HedgeResult::Lost);
    assert_eq!(
        serde_json::to_value(causes).unwrap(),
        json!(["failure", "lost"])
    );
}

#[tokio::test(start_paused = true)]
async fn event_of_a_budget_is_printed_with_its_name() {
    let numbers = RetryBudget::builder().ratio(0.0).floor_per_second(0);
    let budget = numbers.build("store").unwrap();
    let (sender, printed) = mpsc::channel();
    let _listener = budget.on_event(move |event| {
        sender.send(serde_json::to_value(event).unwrap()).unwrap();
    });
    assert!(budget.try_hold().is_none());
    let refuses = json!({ "name": "store", "key": null, "state": "refusing" });
    assert_eq!(printed.try_iter().collect::<Vec<_>>(), [refuses]);
}

#[cfg(feature = "family")]
#[tokio::test(start_paused = true)]
async fn event_of_a_member_is_printed_with_its_key() {
    let numbers = RetryBudget::builder().ratio(0.0).floor_per_second(0);
    let hosts = numbers.build_family("hosts", 1).unwrap().show_keys();
    let member = hosts.get(&"a.example");
    let (sender, printed) = mpsc::channel();
    let _listener = member.on_event(move |event| {
        sender.send(serde_json::to_value(event).unwrap()).unwrap();
    });
    assert!(member.try_hold().is_none());
    let refuses = json!({ "name": "hosts", "key": "a.example", "state": "refusing" });
    assert_eq!(printed.try_iter().collect::<Vec<_>>(), [refuses]);
}

proptest! {
    #[test]
    fn written_builders_are_read_back(
        attempts in prop_oneof![1_u32..=1_000, 1_u32..],
        (first, cap) in (duration(), duration()),
        shape in 0_u8..5,
        multiplier in 21_u32..=255,
        jitter in prop_oneof![
            Just(Jitter::Full), Just(Jitter::Equal), Just(Jitter::Decorrelated), Just(Jitter::None),
            any::<u8>().prop_map(Jitter::PlusMinus),
        ],
        max_elapsed in prop::option::of(duration()),
        seed in any::<Option<u64>>(),
        floor in 0_u32..1_000_000,
    ) {
        let backoff = match shape {
            // The other order is refused.
            0 => Backoff::exponential(first.min(cap), cap.max(first)),
            1 => Backoff::linear(first.min(cap), cap.max(first)),
            2 => Backoff::constant(first),
            3 => Backoff::exponential_by(f64::from(multiplier) / 20.0, first.min(cap), cap.max(first)),
            _ => Backoff::none(),
        };
        let mut builder = RetryPolicy::builder().attempts(attempts).backoff(backoff.jitter(jitter)).max_hint(cap);
        if shape % 2 == 0 {
            builder = builder.throttle_backoff(backoff);
        }
        // More attempts without a time limit are refused.
        let max_elapsed = max_elapsed.or((attempts > 1_000).then_some(cap));
        builder = max_elapsed.map_or(builder, |max| builder.max_elapsed(max));
        builder = seed.map_or(builder, |seed| builder.seed(seed));
        prop_assert_eq!(read::<Builder>(&serde_json::to_string(&builder).unwrap()), builder);
        let budget = RetryBudget::builder().floor_per_second(floor).ratio(0.25).ttl(ms(2_500));
        prop_assert_eq!(read::<BudgetBuilder>(&serde_json::to_string(&budget).unwrap()), budget);
    }
}
