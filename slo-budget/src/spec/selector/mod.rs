//! A metric and the matchers of its labels, parsed, so that nothing else gets into an expression.
//!
//! Regular expressions are not parsed: Prometheus does it when it loads the rules.

mod cursor;

use std::fmt;

use self::cursor::{Cursor, Wrong};
use crate::spec::document::MOST_ENTRIES;

/// A selector: `http_requests_total{job="api", code=~"5.."}`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Selector {
    pub(super) metric: String,
    pub(super) matchers: Vec<Matcher>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Matcher {
    pub(super) label: String,
    /// `=`, `!=`, `=~` or `!~`.
    pub(super) operator: &'static str,
    pub(super) value: String,
}

// === impl Selector ===

impl Selector {
    pub(super) fn parse(text: &str) -> Result<Self, Wrong> {
        let mut from = Cursor { text, at: 0 };
        from.space();
        let start = from.at;
        let metric = from.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':'));
        if metric.is_empty() {
            return Err(from.wrong("a selector begins with the name of a metric"));
        }
        if !is_metric(metric) {
            return Err((
                start,
                format!("`{metric}` is not the name of a metric: it must not begin with a digit"),
            ));
        }
        let metric = metric.to_owned();
        let mut matchers = Vec::new();
        from.space();
        if from.eat("{") {
            loop {
                from.space();
                if from.eat("}") {
                    break;
                }
                if matchers.len() == MOST_ENTRIES {
                    let what = format!("a selector has at most {MOST_ENTRIES} matchers");
                    return Err(from.wrong(&what));
                }
                let start = from.at;
                let matcher = Matcher::parse(&mut from)?;
                let is_first =
                    |other: &Matcher| other.operator == "=" && other.label == matcher.label;
                if matcher.operator == "=" && matchers.iter().any(is_first) {
                    let what = format!("the label `{}` has two values: keep one", matcher.label);
                    return Err((start, what));
                }
                matchers.push(matcher);
                from.space();
                if !from.eat(",") && !from.rest().starts_with('}') {
                    return Err(from.wrong("a matcher ends with `,` or `}`"));
                }
            }
        }
        from.space();
        if !from.rest().is_empty() {
            return Err(
                from.wrong("the rules add sums and rates, so expected a plain selector, `name{label=\"value\"}`")
            );
        }
        Ok(Self { metric, matchers })
    }

    /// Whether it names a value for each label, and so one series.
    pub(super) fn is_series(&self) -> bool {
        (self.matchers.iter()).all(|matcher| matcher.operator == "=")
    }

    /// The selector, if it is a series.
    pub(super) fn as_series(&self) -> Option<Self> {
        self.is_series().then(|| self.clone())
    }

    /// The same matchers of another metric, and one more.
    pub(super) fn with(&self, suffix: &str, more: Option<Matcher>) -> Self {
        let mut matchers = self.matchers.clone();
        matchers.extend(more);
        Self {
            metric: format!("{}{suffix}", self.metric),
            matchers,
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.metric)?;
        for (n, matcher) in self.matchers.iter().enumerate() {
            f.write_str(if n == 0 { "{" } else { ", " })?;
            matcher.fmt(f)?;
        }
        f.write_str(if self.matchers.is_empty() { "" } else { "}" })
    }
}

// === impl Matcher ===

impl Matcher {
    fn parse(from: &mut Cursor<'_>) -> Result<Self, Wrong> {
        let start = from.at;
        let label = from.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
        if label.is_empty() {
            return Err(from.wrong("a matcher begins with the name of a label"));
        }
        if label == "__name__" {
            return Err((start, "write the metric's name before the braces".into()));
        }
        if !is_label(label) {
            return Err((
                start,
                format!(
                    "`{label}` is not the name of a label: it must not begin with a digit or `__`"
                ),
            ));
        }
        let label = label.to_owned();
        from.space();
        let operator = ["=~", "!~", "!=", "="]
            .into_iter()
            .find(|operator| from.eat(operator))
            .ok_or_else(|| {
                from.wrong(&format!(
                    "after the label `{label}` comes `=`, `!=`, `=~` or `!~`"
                ))
            })?;
        from.space();
        let value = from.quoted()?;
        Ok(Self {
            label,
            operator,
            value,
        })
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.label, self.operator, Quoted(&self.value))
    }
}

fn is_metric(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && (text.chars()).all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':'))
}

/// Whether this is the name of a label. Prometheus reserves those that begin with `__`.
pub(super) fn is_label(text: &str) -> bool {
    is_metric(text) && !text.contains(':') && !text.starts_with("__")
}

/// A value in quotes, as Prometheus reads it.
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for c in self.0.chars() {
            match c {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                c => write!(f, "{c}")?,
            }
        }
        f.write_str("\"")
    }
}

#[cfg(test)]
mod tests;
