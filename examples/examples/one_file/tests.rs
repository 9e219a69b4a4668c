use std::{fs, time::Duration};

use maestro_circuit_breaker::State;
use tower::{Service, ServiceExt, service_fn};

use super::{Config, Handles, StoreError, shipped};

fn file() -> String {
    fs::read_to_string(shipped()).expect("the file beside the program")
}

fn parse(text: &str) -> Config {
    toml::from_str(text).expect("a valid file")
}

#[tokio::test(start_paused = true)]
async fn a_running_stack_follows_the_file() {
    let handles = Handles::build(&parse(&file())).expect("valid numbers");
    let mut store = handles.stack(service_fn(async |_: u32| Err(StoreError::Lost)));
    let changed = file()
        .replace("attempts = 3", "attempts = 1")
        .replace("failure_ratio = 0.5", "consecutive_failures = 2")
        .replace("limit = 16", "limit = 4")
        .replace("\"800ms\"", "\"400ms\"")
        .replace("\"99.9%\"", "\"99%\"");
    handles.reload(&parse(&changed)).expect("valid numbers");
    assert_eq!(handles.bulkhead.limit(), 4);
    assert_eq!(handles.deadline.limit(), Duration::from_millis(400));
    assert_eq!(handles.budget.report().objective().to_string(), "99%");

    for calls in 1..=2 {
        assert_eq!(
            handles.breaker.state(),
            State::Closed,
            "before call {calls}"
        );
        let failed = store.ready().await.expect("ready").call(1).await;
        assert!(matches!(failed, Err(StoreError::Lost)), "{failed:?}");
    }
    assert_eq!(handles.breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_refused_changes_nothing() {
    let handles = Handles::build(&parse(&file())).expect("valid numbers");
    let before = (handles.deadline.limit(), handles.bulkhead.limit());
    // Each number is valid alone. The limit of an attempt is above that of the whole call.
    let refused = file()
        .replace("limit = 16", "limit = 8")
        .replace("\"800ms\"", "\"900ms\"")
        .replace("\"250ms\"", "\"2s\"");
    let refused = handles.reload(&parse(&refused));
    let error = refused.expect_err("an attempt of 2 s").to_string();
    assert!(error.contains("2s") && error.contains("900ms"), "{error}");
    assert_eq!((handles.deadline.limit(), handles.bulkhead.limit()), before);
}

#[tokio::test(start_paused = true)]
async fn a_resolution_that_cannot_change_is_refused_first() {
    let handles = Handles::build(&parse(&file())).expect("valid numbers");
    let before = handles.bulkhead.limit();
    let refused = file().replace("limit = 16", "limit = 8").replace(
        "objective = \"99.9%\"",
        "objective = \"99%\"\nresolution = \"20s\"",
    );
    let error = handles.reload(&parse(&refused)).expect_err("a resolution");
    assert!(error.to_string().contains("resolution"), "{error}");
    assert_eq!(handles.bulkhead.limit(), before);
    assert_eq!(handles.budget.report().objective().to_string(), "99.9%");
}

#[test]
fn a_misspelt_field_is_named_with_its_line() {
    let misspelt = file().replace("attempts = 3", "atempts = 3");
    let error = toml::from_str::<Config>(&misspelt).expect_err("an unknown field");
    let text = error.to_string();
    assert!(text.contains("atempts") && text.contains("line"), "{text}");
}
