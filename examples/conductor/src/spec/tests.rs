use super::structure::{MAX_DEPTH, MAX_VALUES};
use super::*;

fn complaint(body: &str) -> String {
    RunSpec::parse(body.as_bytes())
        .expect_err("should be refused")
        .to_string()
}

#[test]
fn the_smallest_run_takes_the_defaults() {
    let spec = RunSpec::parse(br#"{"name":"a","steps":[{"name":"b","uses":"c"}]}"#).unwrap();
    assert_eq!(
        spec.as_str(),
        r#"{"name":"a","priority":"normal","labels":{},"steps":[{"name":"b","uses":"c","with":{},"timeout_seconds":300}]}"#
    );
}

#[test]
fn an_error_for_a_long_input_is_short() {
    let long = "k".repeat(60_000);
    for body in [
        format!(r#"{{"name":"a","steps":[],"{long}":1}}"#),
        format!(r#"{{"name":"a","priority":"{long}","steps":[]}}"#),
        format!(r#"{{"name":"a","labels":{{"{long}":1}},"steps":[]}}"#),
    ] {
        assert!(complaint(&body).chars().count() < 500);
    }
}

#[test]
fn numbers_are_kept_to_the_last_bit() {
    // A parser that rounds returns a slightly different first number.
    let body = br#"{"name":"a","steps":[{"name":"b","uses":"c","with":
        {"x":[1.0715660391465826e-75, 51.24817837550540, 123456.7890123456789]}}]}"#;
    let spec = RunSpec::parse(body).unwrap();
    let numbers = "[1.0715660391465826e-75,51.2481783755054,123456.78901234567]";
    assert!(spec.as_str().contains(numbers), "{}", spec.as_str());
    assert_eq!(RunSpec::stored(spec.as_str()), Some(spec));
}

#[test]
fn equal_runs_have_equal_texts() {
    let parse = |body: &str| RunSpec::parse(body.as_bytes()).unwrap();
    let one = r#"{"name":"a","steps":[{"name":"b","uses":"c","with":{"x":1,"y":"\u0041"}}]}"#;
    let same = r#" {"steps":[{"with":{"y":"A", "x":1},"uses":"c","name":"b"}],"name":"a"} "#;
    let other = r#"{"name":"a","steps":[{"name":"b","uses":"c","with":{"x":1,"y":"a"}}]}"#;
    assert_eq!(parse(one), parse(same));
    assert_ne!(parse(one), parse(other));
}

#[test]
fn values_and_depth_are_bounded() {
    let with = |with: &str| {
        let body = format!(r#"{{"name":"a","steps":[{{"name":"b","uses":"c","with":{with}}}]}}"#);
        RunSpec::parse(body.as_bytes()).map(drop)
    };
    let list = |values: usize| format!(r#"{{"x":[{}0]}}"#, "0,".repeat(values - 1));
    let nest = |depth: usize| format!(r#"{{"x":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    // Brackets and commas in a text are no structure.
    let text = format!(r#"{{"x":"{}"}}"#, r#"{[,\""#.repeat(MAX_VALUES));
    assert_eq!(with(&text), Ok(()));
    assert_eq!(with(&list(MAX_VALUES - 20)), Ok(()));
    assert_eq!(with(&nest(MAX_DEPTH - 4)), Ok(()));
    for (large, says) in [(list(MAX_VALUES), "values"), (nest(MAX_DEPTH - 3), "deep")] {
        let said = with(&large).unwrap_err();
        assert_eq!(said.field, "body");
        assert!(said.reason.contains(says), "{said}");
    }
}

#[test]
fn a_stored_text_is_a_run_of_any_size_or_none() {
    let run = |with: &str| {
        RunSpec::stored(&format!(
            r#"{{"name":"a","steps":[{{"name":"b","uses":"c","with":{with}}}]}}"#
        ))
    };
    assert!(run(&format!("[{}0]", "{},".repeat(9_000))).is_some());
    for with in ["", "[", "[1,]", "{}}"] {
        assert!(run(with).is_none(), "{with}");
    }
    for text in ["", "{}", "[]", "null", r#"{"name":"a"}"#] {
        assert!(RunSpec::stored(text).is_none(), "{text}");
    }
}

#[test]
fn every_error_names_the_field() {
    for (body, begins) in [
        ("", "body: EOF"),
        ("{", "body: EOF"),
        (r#"{"name":"a","steps":[{"#, "steps[0]: EOF"),
        ("[]", "body: invalid type: sequence, expected an object"),
        (r#"["a","low",{},[]]"#, "body: invalid type: sequence"),
        (
            r#"{"name":"a","steps":[["b","c"]]}"#,
            "steps[0]: invalid type: sequence",
        ),
        ("{}", "name: missing field `name`"),
        (r#"{"name":"a","steps":[],"x":1}"#, "x: unknown field"),
        (r#"{"name":7,"steps":[]}"#, "name: invalid type"),
        (r#"{"name":"","steps":[]}"#, "name: must be 1 to 63"),
        (r#"{"name":"a b","steps":[]}"#, "name: may hold letters"),
        (r#"{"name":"a","steps":[]}"#, "steps: must hold 1 to 32"),
        (
            r#"{"name":"a","priority":"urgent","steps":[]}"#,
            "priority: unknown variant",
        ),
        (
            r#"{"name":"a","labels":{"k":"v w"},"steps":[]}"#,
            "labels.k: may hold",
        ),
        (
            r#"{"name":"a","steps":[{"name":"b"}]}"#,
            "steps[0].uses: missing field `uses`",
        ),
        (
            r#"{"name":"a","steps":[{"name":"b","uses":"c","timeout_seconds":0}]}"#,
            "steps[0].timeout_seconds: must be 1 to 86400, is 0",
        ),
        (
            r#"{"name":"a","steps":[{"name":"b","uses":"c"},{"name":"b","uses":"c"}]}"#,
            "steps[1].name: is the name of an earlier step",
        ),
        (
            r#"{"name":"a","steps":[{"name":"b","uses":"c"}]} x"#,
            "body: trailing",
        ),
    ] {
        let said = complaint(body);
        assert!(
            said.starts_with(begins),
            "{body}\n  said    {said}\n  expected {begins}"
        );
    }
}
