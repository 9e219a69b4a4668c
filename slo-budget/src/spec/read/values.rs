//! Reads names, lines of text, labels and numbers of bad events.

use super::{
    COUNT, NAME, OBJECTIVE, TEXT,
    fields::{Field, Fields, Notes},
};
use crate::spec::{document::Value, selector::is_label, yaml::breaks_lines};

/// Labels that the rules set on series and alerts.
const OUR_LABELS: [&str; 7] = [
    "service",
    "slo",
    "severity",
    "long_window",
    "short_window",
    "alertname",
    "le",
];

impl Notes<'_> {
    pub(super) fn name(&mut self, fields: &Fields<'_>, name: &str, what: &str) -> Option<String> {
        let field = self.required(fields, name, what)?;
        self.value(&field, NAME, |text| {
            let is_name = text.starts_with(|c: char| c.is_ascii_alphabetic())
                && (text.chars()).all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
            is_name.then(|| text.to_owned())
        })
    }

    pub(super) fn line(&mut self, field: &Field<'_>) -> Option<String> {
        self.value(field, TEXT, |text| {
            let text = text.trim_end();
            let is_line = !text.is_empty() && !text.contains("{{") && !text.contains(breaks_lines);
            is_line.then(|| text.to_owned())
        })
    }

    pub(super) fn labels(&mut self, field: &Field<'_>) -> Vec<(String, String)> {
        let texts = ("label", "`team: orchestration`");
        let mut labels = self.texts(field, texts, &OUR_LABELS);
        labels.sort();
        labels
    }

    pub(super) fn annotations(&mut self, field: &Field<'_>) -> Vec<(String, String)> {
        let texts = ("annotation", "`runbook_url: https://example.com`");
        self.texts(field, texts, &["summary", "description"])
    }

    /// Names with texts, other than `ours`.
    fn texts(
        &mut self,
        field: &Field<'_>,
        (what, example): (&str, &str),
        ours: &[&str],
    ) -> Vec<(String, String)> {
        let Value::Map(entries) = &field.node.value else {
            self.at(field, format!("expected names with values: {example}"));
            return Vec::new();
        };
        let known: Vec<&str> = entries.iter().map(|(key, _)| key.name.as_str()).collect();
        let Some(fields) = self.fields(field, &known) else {
            return Vec::new();
        };
        let mut labels = Vec::new();
        for (key, _) in entries {
            let path = fields.path_of(&key.name);
            if ours.contains(&key.name.as_str()) {
                let what = format!("the rules set this {what}: choose another name");
                self.add(key.at, &path, what);
            } else if !is_label(&key.name) {
                let what = format!(
                    "the name of {} consists of letters, digits and `_`, and does not begin with a digit or `__`",
                    match what {
                        "label" => "a label",
                        _ => "an annotation",
                    }
                );
                self.add(key.at, &path, what);
            } else if let Some(value) = fields.get(&key.name).and_then(|field| self.line(&field)) {
                labels.push((key.name.clone(), value));
            }
        }
        labels
    }

    /// The minimum of bad events for tickets and for pages.
    pub(super) fn min_bad(&mut self, field: &Field<'_>) -> (u64, u64) {
        let Some(fields) = self.fields(field, &["page", "ticket"]) else {
            return (2, 3);
        };
        let mut count = |name, usual| {
            let field = fields.get(name)?;
            let read = |text: &str| text.parse().ok().filter(|count| *count > 0);
            Some(self.value(&field, COUNT, read).unwrap_or(usual))
        };
        (
            count("ticket", 2).unwrap_or(2),
            count("page", 3).unwrap_or(3),
        )
    }
}

/// What an objective has to be, with a hint at the usual mistake.
pub(super) fn objective_for(field: &Field<'_>) -> &'static str {
    match &field.node.value {
        Value::Text(text) if (text.parse()).is_ok_and(|n: f64| n > 1.0 && n < 100.0) => {
            "a share: put `%` after it, or divide it by 100"
        }
        _ => OBJECTIVE,
    }
}
