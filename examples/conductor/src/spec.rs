//! The specification of a run. Parsing validates: every `RunSpec` that exists is valid.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

/// The largest request body, in bytes. A run is a page of text; a larger body is a mistake or an attack.
pub(crate) const MAX_BODY: usize = 64 * 1024;
/// The largest number of steps: more than a plan written by hand has, and a list of 200 runs stays readable.
const MAX_STEPS: usize = 32;
const MAX_LABELS: usize = 16;
/// The longest name or label, in characters: the limit of a DNS label, which most systems downstream share.
const MAX_NAME: usize = 63;
/// The longest timeout of a step, in seconds: a day. A step that takes longer is a service.
const MAX_TIMEOUT: u32 = 24 * 60 * 60;

/// A run as the client wrote it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunSpec {
    name: String,
    #[serde(default)]
    priority: Priority,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "objects")]
    steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Priority {
    Low,
    #[default]
    Normal,
    High,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    name: String,
    uses: String,
    #[serde(default)]
    with: Map<String, Value>,
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

fn objects<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Step>, D::Error> {
    let steps = Vec::<Object<Step>>::deserialize(deserializer)?;
    Ok(steps.into_iter().map(|Object(step)| step).collect())
}

// === impl RunSpec ===

impl RunSpec {
    /// Parses a request body.
    ///
    /// # Errors
    /// The first field that is missing, unknown, of the wrong type or out of its range.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, InvalidRun> {
        let mut json = serde_json::Deserializer::from_slice(body);
        let read = serde_path_to_error::deserialize(&mut json);
        let Object(spec): Object<Self> = read.map_err(|error| {
            let path = error.path().to_string();
            InvalidRun::read(&path, &error.into_inner().to_string())
        })?;
        json.end()
            .map_err(|error| InvalidRun::new("body", error.to_string()))?;
        spec.check()?;
        Ok(spec)
    }

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

impl Step {
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
            (spec.priority, spec.steps[0].timeout_seconds),
            (Priority::Normal, 300)
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
        let kept = serde_json::to_string(&spec).unwrap();
        assert_eq!(serde_json::from_str::<RunSpec>(&kept).unwrap(), spec);
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
