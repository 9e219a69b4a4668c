//! The specification of a run. Parsing validates: every `RunSpec` that exists is valid.

mod error;
mod object;
mod structure;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

pub(crate) use self::error::InvalidRun;
use self::object::Object;
use self::structure::structure;

/// The largest request body, in bytes. A run is a page of text; a larger body is a mistake or an attack.
pub(crate) const MAX_BODY: usize = 64 * 1024;
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

const fn five_minutes() -> u32 {
    300
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

#[cfg(test)]
mod tests;
