use thiserror::Error;

/// The first error of a document, and its field.
#[derive(Debug, Error, PartialEq)]
#[error("{field}: {reason}")]
pub(crate) struct InvalidRun {
    pub(crate) field: String,
    pub(crate) reason: String,
}

/// The longest field name or reason in an error, in characters. Both may contain input of the client.
const MAX_SAID: usize = 200;

// === impl InvalidRun ===

impl InvalidRun {
    pub(super) fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            reason: reason.into(),
        }
    }

    /// The error at the position where serde stopped. For a missing field, that is its parent.
    pub(super) fn read(path: &str, reason: &str) -> Self {
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
