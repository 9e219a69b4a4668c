//! What a client asks for, read strictly: a document that parses is a document that is right.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

/// Bytes of a request body. A run is a page of text; what is larger is a mistake or an attack.
pub(crate) const MAX_BODY: usize = 64 * 1024;
/// More steps than any plan drawn by hand, and few enough that a list of 200 runs stays readable.
const MAX_STEPS: usize = 32;
const MAX_LABELS: usize = 16;
/// Characters of a name or a label: the limit of a DNS label, as most systems downstream have it.
const MAX_NAME: usize = 63;
/// A day. A step that takes longer is a service.
const MAX_TIMEOUT: u32 = 24 * 60 * 60;

/// A run as its client wrote it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunSpec {
    name: String,
    #[serde(default)]
    priority: Priority,
    #[serde(default)]
    labels: BTreeMap<String, String>,
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

/// The first thing that is wrong with a document, and where.
#[derive(Debug, Error, PartialEq)]
#[error("{field}: {reason}")]
pub(crate) struct InvalidRun {
    pub(crate) field: String,
    pub(crate) reason: String,
}

const fn five_minutes() -> u32 {
    300
}

// === impl RunSpec ===

impl RunSpec {
    /// Reads a request body.
    ///
    /// # Errors
    /// The first field that is missing, unknown, of the wrong type or out of its range.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, InvalidRun> {
        let mut json = serde_json::Deserializer::from_slice(body);
        let spec: Self = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let path = error.path().to_string();
            InvalidRun::read(&path, error.into_inner().to_string())
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

/// Names end up in log lines, label values and file names: nothing in them needs quoting.
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

    /// From where serde stopped, which for a field that is missing is where it should have been.
    fn read(path: &str, reason: String) -> Self {
        let missing = reason
            .strip_prefix("missing field `")
            .and_then(|rest| rest.split('`').next());
        // A `?` is where a document ended before it said what it was about.
        let path = path.trim_end_matches('?').trim_end_matches('.');
        let field = match (path, missing) {
            ("", None) => "body".to_owned(),
            ("", Some(name)) => name.to_owned(),
            (path, None) => path.to_owned(),
            (path, Some(name)) => format!("{path}.{name}"),
        };
        Self { field, reason }
    }
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
    fn every_complaint_names_the_field() {
        for (body, begins) in [
            ("", "body: EOF"),
            ("{", "body: EOF"),
            (r#"{"name":"a","steps":[{"#, "steps[0]: EOF"),
            ("[]", "body: invalid"),
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
