//! The specification of a run. Parsing validates: every `RunSpec` that exists is valid.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::value::MapAccessDeserializer;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};
use thiserror::Error;

/// The largest request body, in bytes. A run is a page of text; a larger body is a mistake or an attack.
pub(crate) const MAX_BODY: usize = 64 * 1024;
/// The largest number of values in a body. A value takes two bytes of text and up to 700 bytes of memory while the body is
/// parsed, so this bounds the memory and the time that a body of [`MAX_BODY`] takes.
const MAX_VALUES: usize = 2_000;
/// The deepest nesting of a body: far more than a plan has, and little enough for every parser downstream.
const MAX_DEPTH: usize = 32;
/// The largest number of steps: more than a plan written by hand has, and a list of 200 runs stays readable.
const MAX_STEPS: usize = 32;
const MAX_LABELS: usize = 16;
/// The longest name or label, in characters: the limit of a DNS label, which most systems downstream share.
const MAX_NAME: usize = 63;
/// The longest timeout of a step, in seconds: a day. A step that takes longer is a service.
const MAX_TIMEOUT: u32 = 24 * 60 * 60;

/// A valid specification, as JSON text without spaces and with sorted keys. Equal specifications are equal texts.
///
/// It is kept as text because a tree of small values takes 80 times the memory, and because nothing but
/// [`parse`](Self::parse) looks inside. Clones share the text.
#[derive(Clone, Debug)]
pub(crate) struct RunSpec(Arc<RawValue>);

/// A run as the client wrote it. `W` is the type of a step's `with`.
#[derive(Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    bound(deserialize = "W: Deserialize<'de> + Default")
)]
struct Document<W> {
    name: String,
    #[serde(default)]
    priority: Priority,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "objects")]
    steps: Vec<Step<W>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Priority {
    Low,
    #[default]
    Normal,
    High,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step<W> {
    name: String,
    uses: String,
    #[serde(default)]
    with: W,
    #[serde(default = "five_minutes")]
    timeout_seconds: u32,
}

/// A `T` written as an object. serde also accepts an array of the fields in order, which is never intended.
struct Object<T>(T);

/// The first error of a document, and its field.
#[derive(Debug, Error, PartialEq)]
#[error("{field}: {reason}")]
pub(crate) struct InvalidRun {
    pub(crate) field: String,
    pub(crate) reason: String,
}

const fn five_minutes() -> u32 {
    300
}

/// The longest field name or reason in an error, in characters. Both may contain input of the client.
const MAX_SAID: usize = 200;

// === impl Object ===

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Map<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }
        deserializer.deserialize_map(Map(PhantomData)).map(Self)
    }
}

fn objects<'de, D, W>(deserializer: D) -> Result<Vec<Step<W>>, D::Error>
where
    D: Deserializer<'de>,
    W: Deserialize<'de> + Default,
{
    let steps = Vec::<Object<Step<W>>>::deserialize(deserializer)?;
    Ok(steps.into_iter().map(|Object(step)| step).collect())
}

// === impl RunSpec ===

impl RunSpec {
    /// Parses a request body.
    ///
    /// # Errors
    /// The first field that is missing, unknown, of the wrong type or out of its range.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, InvalidRun> {
        structure(body)?;
        let mut json = serde_json::Deserializer::from_slice(body);
        let read = serde_path_to_error::deserialize(&mut json);
        let Object(document): Object<Document<Map<String, Value>>> = read.map_err(|error| {
            let path = error.path().to_string();
            InvalidRun::read(&path, &error.into_inner().to_string())
        })?;
        json.end()
            .map_err(|error| InvalidRun::new("body", error.to_string()))?;
        document.check()?;
        let text = to_raw_value(&document).expect("a document is made of what JSON has");
        Ok(Self(text.into()))
    }

    /// Reads the text of a stored specification; `None` if it is none. The limits of `parse` are not applied: a run that
    /// was accepted under other limits is still a run. Builds no tree.
    pub(crate) fn stored(text: &str) -> Option<Self> {
        let _: Object<Document<IgnoredAny>> = serde_json::from_str(text).ok()?;
        let text = RawValue::from_string(text.to_owned()).ok()?;
        Some(Self(text.into()))
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.get()
    }
}

impl PartialEq for RunSpec {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Serialize for RunSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// Checks the number of values and the depth of a JSON text, before anything is built from it. In a text that is not
/// JSON the numbers mean nothing, but they bound what a parser builds until it notices. An empty list or object counts
/// as two values.
fn structure(text: &[u8]) -> Result<(), InvalidRun> {
    let (mut values, mut depth) = (1_usize, 0_usize);
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => {
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'"' => break,
                        b'\\' => {
                            bytes.next();
                        }
                        _ => {}
                    }
                }
            }
            b'{' | b'[' => {
                values += 1;
                depth += 1;
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' => values += 1,
            _ => {}
        }
        if values > MAX_VALUES {
            let reason = format!("may hold at most {MAX_VALUES} values");
            return Err(InvalidRun::new("body", reason));
        }
        if depth > MAX_DEPTH {
            let reason = format!("may be nested at most {MAX_DEPTH} deep");
            return Err(InvalidRun::new("body", reason));
        }
    }
    Ok(())
}

// === impl Document ===

impl<W> Document<W> {
    fn check(&self) -> Result<(), InvalidRun> {
        name("name", &self.name)?;
        if self.labels.len() > MAX_LABELS {
            return Err(InvalidRun::new(
                "labels",
                format!("at most {MAX_LABELS} are allowed"),
            ));
        }
        for (key, value) in &self.labels {
            name("labels", key)?;
            name(&format!("labels.{key}"), value)?;
        }
        if self.steps.is_empty() || self.steps.len() > MAX_STEPS {
            let found = self.steps.len();
            let reason = format!("must hold 1 to {MAX_STEPS} steps, holds {found}");
            return Err(InvalidRun::new("steps", reason));
        }
        let mut seen = HashSet::new();
        for (at, step) in self.steps.iter().enumerate() {
            step.check(at)?;
            if !seen.insert(&step.name) {
                let reason = "is the name of an earlier step";
                return Err(InvalidRun::new(format!("steps[{at}].name"), reason));
            }
        }
        Ok(())
    }
}

// === impl Step ===

impl<W> Step<W> {
    fn check(&self, at: usize) -> Result<(), InvalidRun> {
        name(&format!("steps[{at}].name"), &self.name)?;
        name(&format!("steps[{at}].uses"), &self.uses)?;
        if (1..=MAX_TIMEOUT).contains(&self.timeout_seconds) {
            return Ok(());
        }
        let reason = format!("must be 1 to {MAX_TIMEOUT}, is {}", self.timeout_seconds);
        Err(InvalidRun::new(
            format!("steps[{at}].timeout_seconds"),
            reason,
        ))
    }
}

/// Checks a name. Names are used in log lines, label values and file names, so no character needs quoting.
fn name(field: &str, text: &str) -> Result<(), InvalidRun> {
    let found = text.chars().count();
    if !(1..=MAX_NAME).contains(&found) {
        let reason = format!("must be 1 to {MAX_NAME} characters, is {found}");
        return Err(InvalidRun::new(field, reason));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '@');
    if text.chars().all(allowed) {
        return Ok(());
    }
    Err(InvalidRun::new(
        field,
        "may hold letters, digits and - _ . / @ only",
    ))
}

// === impl InvalidRun ===

impl InvalidRun {
    fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            reason: reason.into(),
        }
    }

    /// The error at the position where serde stopped. For a missing field, that is its parent.
    fn read(path: &str, reason: &str) -> Self {
        let missing = reason
            .strip_prefix("missing field `")
            .and_then(|rest| rest.split('`').next());
        // A `?` stands for a part of the path that the document does not contain.
        let path = path.trim_end_matches('?').trim_end_matches('.');
        let field = match (path, missing) {
            ("", None) => "body".to_owned(),
            ("", Some(name)) => name.to_owned(),
            (path, None) => path.to_owned(),
            (path, Some(name)) => format!("{path}.{name}"),
        };
        Self::new(brief(&field), brief(reason))
    }
}

/// Shortens a text to one line. Keeps its end, where serde puts the position.
fn brief(text: &str) -> String {
    let found = text.chars().count();
    if found <= MAX_SAID {
        return text.to_owned();
    }
    let half = MAX_SAID / 2;
    let (begin, end) = (text.chars().take(half), text.chars().skip(found - half));
    begin.chain(['…']).chain(end).collect()
}

#[cfg(test)]
mod tests {
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
            let body =
                format!(r#"{{"name":"a","steps":[{{"name":"b","uses":"c","with":{with}}}]}}"#);
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
}
